// A boolean rule over columns: predicate by predicate into 64-bit masks.
//
// For each block of rows every part of the rule gives three masks: true, "no value", failed; what
// is in none is false. && and || combine the masks as LogicNode combines values, and ask each part
// only for the rows that are still open, cheap parts first. A part that reads one dictionary-coded
// column is evaluated once per code, by the row evaluator. What fits nothing here is evaluated row
// by row. So both evaluators agree on every row.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "rules/ast.h"
#include "rules/columns.h"
#include "rules/environment.h"
#include "rules/program.h"

namespace rondo::rules {

// Immutable and thread-safe. The tree must outlive it.
class VectorPlan {
 public:
  static std::shared_ptr<const VectorPlan> Build(const Expr& tree, const Environment& environment,
                                                 int local_slots);
  // By table; see Program::Select.
  std::vector<Selection> Select(std::span<const Columns* const> tables, absl::Time now,
                                const ForAll& for_all) const;
  // The parts in the order of their cost when every column is there.
  std::string Explain() const;

 private:
  VectorPlan(const Expr& tree, const Environment& environment, int local_slots)
      : tree_(tree), environment_(environment), local_slots_(local_slots) {}
  const Expr& tree_;
  const Environment environment_;
  int local_slots_;
};

}  // namespace rondo::rules
