#include "services/insight/domain/outcome.h"

#include <algorithm>
#include <limits>

namespace rondo::insight {
namespace {

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

void Apply(CellSums& sums, const Outcome& outcome, int sign) {
  const uint32_t steps = outcome.AllSteps();
  for (int step = 0; step < kStepCount; ++step) {
    if ((steps >> step & 1u) != 0) sums.steps[step] += sign;
  }
  if (!outcome.suppressed_reason.empty()) {
    int64_t& count = sums.suppressed[outcome.suppressed_reason];
    count += sign;
    if (count == 0) sums.suppressed.erase(outcome.suppressed_reason);
  }
  for (const auto& [name, goal] : outcome.goals) {
    GoalSums& goal_sums = sums.goals[name];
    goal_sums.customers += sign;
    goal_sums.value += sign * static_cast<stats::Int128>(goal.value);
    goal_sums.value_squares += sign * (static_cast<stats::Int128>(goal.value) * goal.value);
    goal_sums.events_without_value += sign * goal.without_value;
    if (goal_sums.customers == 0) sums.goals.erase(name);
  }
  sums.cost = SaturatingAdd(sums.cost, sign * outcome.cost);
}

}  // namespace

uint32_t Outcome::AllSteps() const {
  Outcome all;
  all.steps = steps;
  if (Has(Step::kSent) && !Has(Step::kBounced)) all.Set(Step::kDelivered);
  if (Has(Step::kOpenedByMachine) && !Has(Step::kOpened)) all.Set(Step::kOpenedByMachineOnly);
  if (Has(Step::kClickedByMachine) && !Has(Step::kClicked)) all.Set(Step::kClickedByMachineOnly);
  if (!suppressed_reason.empty()) all.Set(Step::kSuppressed);
  return all.steps;
}

void Doubt(Outcome& outcome, uint64_t attempt) {
  if (outcome.Has(Step::kSent)) return;
  outcome.Set(Step::kInDoubt);
  auto& attempts = outcome.in_doubt;
  if (std::find(attempts.begin(), attempts.end(), attempt) == attempts.end()) {
    attempts.push_back(attempt);
  }
}

void EndDoubt(Outcome& outcome, uint64_t attempt) {
  std::erase(outcome.in_doubt, attempt);
  if (outcome.in_doubt.empty()) EndDoubts(outcome);
}

void EndDoubts(Outcome& outcome) {
  outcome.in_doubt.clear();
  outcome.Clear(Step::kInDoubt);
  outcome.Clear(Step::kUnknown);
}

void Charge(Outcome& outcome, uint64_t attempt, int64_t cost) {
  if (cost == 0) return;
  const bool charged =
      std::find(outcome.charged.begin(), outcome.charged.end(), attempt) != outcome.charged.end();
  if (charged) return;
  outcome.charged.push_back(attempt);
  outcome.cost = SaturatingAdd(outcome.cost, cost);
}

void Reach(Outcome& outcome, const std::string& goal, std::optional<int64_t> value) {
  GoalOutcome& reached = outcome.goals[goal];
  ++reached.count;
  if (!value.has_value()) ++reached.without_value;
  reached.value = std::clamp(SaturatingAdd(reached.value, value.value_or(0)), -kCustomerValueMax,
                             kCustomerValueMax);
}

stats::ProportionArm CellSums::Conversions(const std::string& goal) const {
  const auto it = goals.find(goal);
  return {.customers = customers(), .conversions = it == goals.end() ? 0 : it->second.customers};
}

stats::MeanArm CellSums::Values(const std::string& goal) const {
  const auto it = goals.find(goal);
  if (it == goals.end()) return {.customers = customers()};
  return {.customers = customers(),
          .sum = it->second.value,
          .sum_of_squares = it->second.value_squares};
}

void Include(CellSums& sums, const Outcome& outcome) {
  sums.control = outcome.control;
  Apply(sums, outcome, 1);
}

void Exclude(CellSums& sums, const Outcome& outcome) { Apply(sums, outcome, -1); }

void Merge(CellSums& into, const CellSums& other) {
  into.control = into.control || other.control;
  for (int step = 0; step < kStepCount; ++step) into.steps[step] += other.steps[step];
  for (const auto& [reason, count] : other.suppressed) into.suppressed[reason] += count;
  for (const auto& [name, goal] : other.goals) {
    GoalSums& sums = into.goals[name];
    sums.customers += goal.customers;
    sums.value += goal.value;
    sums.value_squares += goal.value_squares;
    sums.events_without_value += goal.events_without_value;
  }
  into.cost = SaturatingAdd(into.cost, other.cost);
}

}  // namespace rondo::insight
