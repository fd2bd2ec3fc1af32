// A campaign's goal, compiled: whether an event meets it, and what the event is worth.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rules/program.h"

namespace rondo::response {

struct GoalDefinition {
  std::string name;
  std::string event;  // The type of event that meets it.
  std::string where;  // CEL over the event `e`; empty: any event of the type.
  std::string value;  // CEL over `e`, in major units of `currency`; empty: 0.
  std::string currency;
};

// An event as goals read it. `fields` follow the declared fields of its type; null where it has
// none.
struct EventFacts {
  int64_t time_micros = 0;
  std::vector<rules::Value> fields;
};

// What an event that meets a goal is worth.
struct GoalValue {
  int64_t minor_units = 0;
  // False where the rule gave none: a field is missing, the result is not a number, in another
  // currency or beyond 9e15. Then minor_units is 0.
  bool is_known = true;
  friend bool operator==(const GoalValue&, const GoalValue&) = default;
};

// Codes by the name of their list.
using CodeLists = std::map<std::string, std::vector<rules::Code>>;

// Immutable, thread-safe.
class CompiledGoal {
 public:
  // `fields` are those that events of the goal's type are declared to have; `code_lists` those that
  // the fields' types name. INVALID_ARGUMENT, with the position, for rules that do not compile.
  static absl::StatusOr<CompiledGoal> Compile(const GoalDefinition& goal,
                                              const std::vector<rules::Field>& fields,
                                              const CodeLists& code_lists = {});

  // nullopt if the event does not meet the goal; else its value in minor units, rounded to the
  // nearest. Where the rule gives no value the goal is met all the same.
  std::optional<GoalValue> ValueIfMet(const EventFacts& event) const;

 private:
  CompiledGoal() = default;
  GoalValue ValueOf(const rules::Input& input) const;

  std::optional<rules::Program> where_;
  std::optional<rules::Program> value_;
  std::string currency_;
  double minor_units_per_major_ = 1.0;
};

}  // namespace rondo::response
