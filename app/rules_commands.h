// `rondo rules eval|fmt|explain`: the rule language from the shell; needs no server.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddRulesCommands(CLI::App& root, Shell& shell);

}  // namespace rondo
