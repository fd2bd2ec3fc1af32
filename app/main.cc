// The command line: `rondo NOUN VERB`. Results on standard output, messages on standard error.
// Exit status: 0 done, 1 failed, 2 usage, 3 input refused, 4 not found or wrong state, 130
// interrupted.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "app/commands.h"
#include "app/shell.h"

namespace {

// Nothing is left half done: what was sent to the server is done or not, as after any crash.
// `rondo serve` waits for the signal instead.
void EndOnInterrupt(int) { _exit(static_cast<int>(rondo::ExitCode::kInterrupted)); }

}  // namespace

int main(int argc, char** argv) {
  signal(SIGINT, EndOnInterrupt);
  CLI::App app("rondo: campaigns whose results come back");
  app.set_version_flag("--version", "rondo " RONDO_VERSION);
  app.require_subcommand(0, 1);
  app.footer("Examples:\n  rondo serve\n  rondo apply -f examples/winback --dry-run");
  rondo::Shell shell(app);
  rondo::AddCommands(app, shell);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(rondo::ExitCode::kUsage);
  } catch (const std::exception& error) {
    // The last resort: a library's exception belongs caught at its call.
    std::cerr << "rondo: " << error.what() << "\n";
    return static_cast<int>(rondo::ExitCode::kFailed);
  }
  if (app.get_subcommands().empty()) std::cout << app.help();
  return shell.exit_code();
}
