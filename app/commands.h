// All commands of `rondo`.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddCommands(CLI::App& root, Shell& shell);

}  // namespace rondo
