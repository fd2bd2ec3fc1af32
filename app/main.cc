// The command line: `rondo NOUN VERB`. Results on standard output, messages on standard error.
// Exit status: 0 done, 1 failed, 2 usage, 3 input refused, 4 not found or wrong state, 130
// interrupted.

#include <CLI/CLI.hpp>

namespace {
constexpr int kExitUsage = 2;
}  // namespace

int main(int argc, char** argv) {
  CLI::App app("rondo: campaigns whose results come back");
  app.set_version_flag("--version", "rondo " RONDO_VERSION);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return app.exit(CLI::CallForHelp());
}
