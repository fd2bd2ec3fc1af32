// `rondo customer`, `segment`, `delivery`, `template`, `decide` and `signals`.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddCustomerCommands(CLI::App& root, Shell& shell);
void AddSegmentCommands(CLI::App& root, Shell& shell);
void AddDeliveryCommands(CLI::App& root, Shell& shell);
void AddDecisionCommands(CLI::App& root, Shell& shell);
void AddSignalCommands(CLI::App& root, Shell& shell);

// The resource name of `namespace:value` or `customers/ID`. NOT_FOUND if no customer has that key.
absl::StatusOr<std::string> ResolveCustomer(Shell& shell, const std::string& text);

}  // namespace rondo
