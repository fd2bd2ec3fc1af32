// `rondo serve`: the whole of rondo in one process.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddServeCommand(CLI::App& root, Shell& shell);

}  // namespace rondo
