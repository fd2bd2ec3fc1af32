// Which calls are macros, and how their arguments lie in the tree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/ast.h"

namespace rondo::rules {

struct MacroError {
  int32_t offset = 0;
  std::string message;  // Empty: no error.
};

// Turns `call` into a macro node if it is one; else leaves it.
void ExpandMacro(Expr* call, MacroError* error);

// As it is written: `exists_one`, `cel.bind`.
std::string_view NameOf(Macro macro);

}  // namespace rondo::rules
