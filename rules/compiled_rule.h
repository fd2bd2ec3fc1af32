// What a Program holds: the tree, its nodes, and what it reads.
#pragma once

#include <memory>
#include <string>

#include "rules/ast.h"
#include "rules/checker.h"
#include "rules/environment.h"
#include "rules/node.h"
#include "rules/program.h"

namespace rondo::rules {

class VectorPlan;

namespace internal {

class CompiledRule {
 public:
  std::string text;
  Limits limits;
  Arena constants{Arena::kDefaultLimitBytes};
  ExprPtr tree;
  Checked checked;
  NodePtr root;
  References references;
  std::shared_ptr<const VectorPlan> plan;  // Null for rules that are not boolean.
};

// Parses, checks and builds; `errors` says why when it returns null.
std::shared_ptr<CompiledRule> CompileRule(std::string_view text, const Environment& environment,
                                          CheckMode mode, bool macros,
                                          std::vector<Diagnostic>* errors);

// One evaluation of `root`, a node of the rule or of a part of it.
Value Run(const Node& root, const Limits& limits, int local_slots, const Input& input,
          Arena& arena);

}  // namespace internal
}  // namespace rondo::rules
