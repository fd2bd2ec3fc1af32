// `rondo log verify` and `repair`: the embedded log's folder, while nobody serves it; `rondo
// parked`: customers whose record a service could not apply.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddLogCommands(CLI::App& root, Shell& shell);
void AddParkedCommands(CLI::App& root, Shell& shell);

}  // namespace rondo
