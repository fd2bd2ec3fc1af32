#include "app/commands.h"

#include "app/campaign_commands.h"
#include "app/config_commands.h"
#include "app/customer_commands.h"
#include "app/definition_commands.h"
#include "app/import_commands.h"
#include "app/log_commands.h"
#include "app/rules_commands.h"
#include "app/serve_command.h"
#include "app/simulate_command.h"

namespace rondo {

void AddCommands(CLI::App& root, Shell& shell) {
  AddServeCommand(root, shell);
  AddConfigCommands(root, shell);
  AddDefinitionCommands(root, shell);
  AddCampaignCommands(root, shell);
  AddSegmentCommands(root, shell);
  AddCustomerCommands(root, shell);
  AddDeliveryCommands(root, shell);
  AddDecisionCommands(root, shell);
  AddSignalCommands(root, shell);
  AddImportCommands(root, shell);
  AddRulesCommands(root, shell);
  AddSimulateCommand(root, shell);
  AddLogCommands(root, shell);
  AddParkedCommands(root, shell);
}

}  // namespace rondo
