// `rondo apply`, `export`, `rollback`, and `list` and `show` of every kind of definition.
#pragma once

#include <CLI/CLI.hpp>

#include "app/shell.h"

namespace rondo {

void AddDefinitionCommands(CLI::App& root, Shell& shell);

// Adds `list` and `show NAME` for `collection` under the noun's command.
void AddListAndShow(CLI::App& noun, Shell& shell, std::string_view collection);

// `spring` or `campaigns/spring` -> `campaigns/spring`.
std::string InCollection(std::string_view collection, const std::string& name);

}  // namespace rondo
