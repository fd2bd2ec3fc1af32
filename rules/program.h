// The door of rules/: compile a rule once, evaluate it for one customer or select among all.
//
//   rules::Environment env;
//   env.AddAttribute("tier", rules::Type::String()).AddEventType("purchase", {{"amount", ...}});
//   RONDO_ASSIGN_OR_RETURN(const rules::Program rule, rules::Compile(text, env, Type::Bool()));
//   RONDO_ASSIGN_OR_RETURN(const bool in, rule.Matches({.row = &row, .now = clock.Now()}));
//
// Null semantics: a missing attribute, signal or field is null. `==`, `!=`, `in` and has() take
// null as a value; every other operator answers "no value", which `&&` and `||` treat as SQL treats
// unknown. `.where(e, ...)` drops events whose condition has no value; .sum, .min and .max skip
// null.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rules/columns.h"
#include "rules/environment.h"
#include "rules/row.h"
#include "rules/type.h"
#include "rules/value.h"

namespace rondo::rules {

// What a rule reads, each name once, sorted: what the catalogue keeps as references.
struct References {
  std::vector<std::string> attributes;
  std::vector<std::string> signals;
  std::vector<std::string> event_types;
  std::vector<std::string> event_fields;  // `purchase.amount`.
  std::vector<std::string> segments;
  bool reads_now = false;  // Membership may change by time alone.
  bool ranks = false;      // Membership may change by what others do.
};

// What one evaluation is given.
struct Input {
  const Row* row = nullptr;  // May be absent when the rule reads no customer (goals).
  Value event;               // The bound event, when the environment binds one.
  absl::Time now = absl::UnixEpoch();
};

// Calls `work` once for each number below `count`, perhaps on several threads at once; returns when
// all calls have. Tables are worked on so.
using ForAll = std::function<void(size_t count, const std::function<void(size_t)>& work)>;
void InTurn(size_t count, const std::function<void(size_t)>& work);

namespace internal {
class CompiledRule;
}

// A compiled rule: immutable, cheap to copy, thread-safe.
class Program {
 public:
  // The result, which borrows from `arena`, the program and the row; errors are values.
  Value Evaluate(const Input& input, Arena& arena) const;

  // For boolean rules: "no value" is false; any other failure INVALID_ARGUMENT with its position.
  absl::StatusOr<bool> Matches(const Input& input) const;
  // For numeric rules (int, uint, double): as a double; null and "no value" as 0.
  absl::StatusOr<double> Number(const Input& input) const;

  // For boolean rules: who matches, as of `now`. INVALID_ARGUMENT for other rules. Errors of single
  // customers leave them out and are counted. Row and column evaluation agree on every customer.
  absl::StatusOr<Selection> Select(const Columns& columns, absl::Time now) const;
  // The same over several tables of customers as if they were one, table by table: ranks compare
  // all of them. No customer may be in two.
  absl::StatusOr<std::vector<Selection>> Select(std::span<const Columns* const> tables,
                                                absl::Time now,
                                                const ForAll& for_all = InTurn) const;

  // What `Select` does, a step a line: which predicates run on columns, which by rows.
  std::string Explain() const;

  const References& references() const;
  const Type& result_type() const;
  const std::string& text() const;
  // The rule as `rondo rules fmt` writes it.
  std::string Formatted() const;
  // INVALID_ARGUMENT with the position for an error value of Evaluate.
  absl::Status ErrorStatus(const Value& error) const;

 private:
  friend absl::StatusOr<Program> Compile(std::string_view, const Environment&, const Type&);
  explicit Program(std::shared_ptr<const internal::CompiledRule> rule) : rule_(std::move(rule)) {}
  std::shared_ptr<const internal::CompiledRule> rule_;
};

// Parses, checks and compiles. `expected` is the type that the rule must have (Type::Bool() for
// segments; Type::Dyn() for any; Type::Double() also takes int and uint rules). INVALID_ARGUMENT
// with line, column, caret and suggestion; see diagnostic.h for what the status carries.
absl::StatusOr<Program> Compile(std::string_view text, const Environment& environment,
                                const Type& expected);

// The rule in canonical spacing and brackets. INVALID_ARGUMENT when it does not parse.
absl::StatusOr<std::string> Format(std::string_view text);

}  // namespace rondo::rules
