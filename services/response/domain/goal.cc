#include "services/response/domain/goal.h"

#include <cmath>

#include "platform/core/clock.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"

namespace rondo::response {
namespace {

constexpr double kMinorUnitsLimit = 9e15;  // Doubles are exact below.
constexpr GoalValue kNoValue = {.minor_units = 0, .is_known = false};

GoalValue Rounded(double minor_units) {
  if (!(std::abs(minor_units) < kMinorUnitsLimit)) return kNoValue;  // Also if it is not a number.
  return {.minor_units = std::llround(minor_units)};
}

}  // namespace

absl::StatusOr<CompiledGoal> CompiledGoal::Compile(const GoalDefinition& goal,
                                                   const std::vector<rules::Field>& fields,
                                                   const CodeLists& code_lists) {
  rules::Environment environment;
  environment.AddEventType(goal.event, fields).BindEvent("e", goal.event);
  for (const auto& [name, codes] : code_lists) environment.AddCodeList(name, codes);
  CompiledGoal compiled;
  if (!goal.where.empty()) {
    RONDO_ASSIGN_OR_RETURN(compiled.where_,
                           rules::Compile(goal.where, environment, rules::Type::Bool()));
  }
  if (!goal.value.empty()) {
    RONDO_ASSIGN_OR_RETURN(compiled.value_,
                           rules::Compile(goal.value, environment, rules::Type::Dyn()));
    RONDO_ASSIGN_OR_RETURN(const int digits, MinorUnitDigits(goal.currency));
    compiled.currency_ = goal.currency;
    compiled.minor_units_per_major_ = std::pow(10.0, digits);
  }
  return compiled;
}

std::optional<GoalValue> CompiledGoal::ValueIfMet(const EventFacts& event) const {
  rules::MemoryEvents events;
  events.Add(event.time_micros, event.fields);
  rules::Input input;
  input.event = rules::Value::Event(&events, 0);
  input.now = FromMicros(event.time_micros);
  // An error while it is evaluated (a division by zero) is an event that does not meet the goal.
  if (where_.has_value() && !where_->Matches(input).value_or(false)) return std::nullopt;
  return value_.has_value() ? ValueOf(input) : GoalValue();
}

GoalValue CompiledGoal::ValueOf(const rules::Input& input) const {
  rules::Arena arena;  // Small: a goal reads one event.
  const rules::Value value = value_->Evaluate(input, arena);
  switch (value.kind()) {
    case rules::Kind::kInt:
      return Rounded(static_cast<double>(value.integer()) * minor_units_per_major_);
    case rules::Kind::kUint:
      return Rounded(static_cast<double>(value.natural()) * minor_units_per_major_);
    case rules::Kind::kDouble:
      return Rounded(value.real() * minor_units_per_major_);
    case rules::Kind::kMoney:
      if (value.currency() != currency_) return kNoValue;
      return Rounded(static_cast<double>(value.integer()));
    default:
      return kNoValue;
  }
}

}  // namespace rondo::response
