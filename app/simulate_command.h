// `rondo simulate`: hands over to `rondo-simulate` beside this program, as git does with its parts.
// The simulator is test code (tests/sim), which product code does not depend on.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddSimulateCommand(CLI::App& root, Shell& shell);

}  // namespace rondo
