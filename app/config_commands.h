// `rondo config`: what can be configured, and whether a file is right.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddConfigCommands(CLI::App& root, Shell& shell);

}  // namespace rondo
