// A tree as text: canonical spacing, brackets only where the grammar needs them.
#pragma once

#include <string>

#include "rules/ast.h"

namespace rondo::rules {

// Parsing the result gives an equal tree.
std::string Unparse(const Expr& expr);

}  // namespace rondo::rules
