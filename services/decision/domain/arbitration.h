// Choosing among the offers that a customer may have: propensity x value x weight, with enough
// chance left to learn, and the chance logged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "stats/bandit.h"

namespace rondo::decision {

struct Contender {
  stats::BetaPosterior propensity;
  double value = 0.0;   // Minor units, >= 0; 0: not known, then only propensity counts.
  double weight = 1.0;  // > 0.
};

struct Ranked {
  size_t contender = 0;  // Its place in the input.
  double propensity = 0.0;
  double expected_value = 0.0;          // propensity x value x weight, minor units.
  double assignment_probability = 0.0;  // Of being chosen for the first place.
};

struct ArbitrationOptions {
  double epsilon = 0.02;    // Of choices made uniformly: every contender keeps a chance.
  int draws_budget = 1024;  // Posterior draws in one choice, over all contenders.
};

// The first place by Thompson sampling, the others by expected value (equals: in the order given).
// If no contender has a value all count as worth 1; else one without a value earns nothing.
// Empty for no contenders. The same seed gives the same order.
// INVALID_ARGUMENT for a negative or infinite value, or a weight that is not above 0.
absl::StatusOr<std::vector<Ranked>> Arbitrate(std::span<const Contender> contenders, uint64_t seed,
                                              const ArbitrationOptions& options = {});

}  // namespace rondo::decision
