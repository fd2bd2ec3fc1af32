// Tokens to a tree, as the specification's grammar says, with macros recognised.
#pragma once

#include <string_view>
#include <vector>

#include "rules/ast.h"
#include "rules/diagnostic.h"
#include "rules/environment.h"

namespace rondo::rules {

enum class Macros : uint8_t { kExpand, kDisable };

// The tree, or null with at least one diagnostic in `errors`. `limits` bounds size, nesting, depth
// of the tree and number of nodes, so recursion over the result is safe.
ExprPtr Parse(std::string_view source, const Limits& limits, Macros macros,
              std::vector<Diagnostic>* errors);

}  // namespace rondo::rules
