// The command line: `rondo NOUN VERB`. Results on standard output, messages on standard error.
// Exit status: 0 done, 1 failed, 2 usage, 3 input refused, 4 not found or wrong state, 130
// interrupted.

#include <CLI/CLI.hpp>

#include "app/campaign_commands.h"
#include "app/config_commands.h"
#include "app/customer_commands.h"
#include "app/definition_commands.h"
#include "app/import_commands.h"
#include "app/log_commands.h"
#include "app/rules_commands.h"
#include "app/serve_command.h"
#include "app/shell.h"
#include "app/simulate_command.h"

int main(int argc, char** argv) {
  CLI::App app("rondo: campaigns whose results come back");
  app.set_version_flag("--version", "rondo " RONDO_VERSION);
  app.require_subcommand(0, 1);
  app.footer("Start here:\n  rondo serve\n  rondo apply -f examples/winback --dry-run");
  rondo::Shell shell(app);
  rondo::AddServeCommand(app, shell);
  rondo::AddConfigCommands(app, shell);
  rondo::AddDefinitionCommands(app, shell);
  rondo::AddCampaignCommands(app, shell);
  rondo::AddSegmentCommands(app, shell);
  rondo::AddCustomerCommands(app, shell);
  rondo::AddDeliveryCommands(app, shell);
  rondo::AddDecisionCommands(app, shell);
  rondo::AddSignalCommands(app, shell);
  rondo::AddImportCommands(app, shell);
  rondo::AddRulesCommands(app, shell);
  rondo::AddSimulateCommand(app, shell);
  rondo::AddLogCommands(app, shell);
  rondo::AddParkedCommands(app, shell);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(rondo::ExitCode::kUsage);
  }
  if (app.get_subcommands().empty()) std::cout << app.help();
  return shell.exit_code();
}
