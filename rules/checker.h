// Names resolved and types deduced over a parsed tree, before anything runs.
#pragma once

#include <string_view>
#include <vector>

#include "rules/ast.h"
#include "rules/diagnostic.h"
#include "rules/environment.h"

namespace rondo::rules {

enum class CheckMode : uint8_t {
  kStrict,   // Unknown names and types that do not fit are errors.
  kResolve,  // Names are resolved, types left dyn: what does not fit fails when evaluated.
};

struct Checked {
  Type type;
  int local_slots = 0;
  int ranks = 0;  // How many calls compare a customer with all others.
};

// Annotates `expr`. False with at least one diagnostic in `errors` when the rule is refused; also
// when its estimated cost (a step for each node; ranges of unknown length count as 100) is above
// the environment's limit.
bool Check(std::string_view source, const Environment& environment, CheckMode mode, Expr* expr,
           Checked* checked, std::vector<Diagnostic>* errors);

}  // namespace rondo::rules
