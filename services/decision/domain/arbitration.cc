#include "services/decision/domain/arbitration.h"

#include <algorithm>
#include <cmath>

#include "platform/core/field_error.h"
#include "platform/core/rng.h"
#include "platform/core/status_macros.h"

namespace rondo::decision {
namespace {

constexpr int kDrawsMin = 16;
constexpr int kDrawsMax = 128;

}  // namespace

absl::StatusOr<std::vector<Ranked>> Arbitrate(std::span<const Contender> contenders, uint64_t seed,
                                              const ArbitrationOptions& options) {
  if (contenders.empty()) return std::vector<Ranked>();
  const bool any_value = std::any_of(contenders.begin(), contenders.end(),
                                     [](const Contender& c) { return c.value > 0.0; });
  std::vector<stats::Candidate> candidates;
  for (const Contender& contender : contenders) {
    if (!(contender.value >= 0.0) || !std::isfinite(contender.value)) {
      return FieldError("value", "expected a finite amount that is not negative");
    }
    if (!(contender.weight > 0.0) || !std::isfinite(contender.weight)) {
      return FieldError("weight", "expected a finite number above 0");
    }
    candidates.push_back({.posterior = contender.propensity,
                          .value = (any_value ? contender.value : 1.0) * contender.weight});
  }
  Rng rng(seed);
  const int draws =
      std::clamp(options.draws_budget / static_cast<int>(contenders.size()), kDrawsMin, kDrawsMax);
  RONDO_ASSIGN_OR_RETURN(
      const stats::Choice choice,
      stats::ChooseByThompson(candidates, rng, {.draws = draws, .epsilon = options.epsilon}));
  std::vector<Ranked> ranked;
  for (size_t i = 0; i < contenders.size(); ++i) {
    const double propensity = contenders[i].propensity.Mean();
    ranked.push_back({.contender = i,
                      .propensity = propensity,
                      .expected_value = propensity * contenders[i].value * contenders[i].weight,
                      .assignment_probability = choice.probabilities[i]});
  }
  const auto before = [&](const Ranked& a, const Ranked& b) {
    const bool a_first = a.contender == choice.index;
    const bool b_first = b.contender == choice.index;
    if (a_first != b_first) return a_first;
    return stats::ExpectedValue(candidates[a.contender]) >
           stats::ExpectedValue(candidates[b.contender]);
  };
  std::stable_sort(ranked.begin(), ranked.end(), before);
  return ranked;
}

}  // namespace rondo::decision
