// `rondo import customers|events|campaign-history FILE --mapping MAP.yaml`.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddImportCommands(CLI::App& root, Shell& shell);

}  // namespace rondo
