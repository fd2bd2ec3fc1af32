// Choosing one of several candidates while still learning: Thompson sampling and epsilon-greedy.
//
// The chance with which a candidate was chosen (its assignment probability) is part of the answer,
// so that another policy can be judged later on the same log. Thompson sampling alone has no closed
// form for it; so a choice makes `draws` posterior draws of all candidates, and picks one of those
// draws at random: given the draws, a candidate's probability is exactly the share of draws that it
// won. A uniform part `epsilon` is mixed in, which keeps every candidate's probability above
// epsilon / candidates: without it inverse-probability estimates have no support.
#pragma once

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/rng.h"

namespace rondo::stats {

// Posterior of a rate. Beta(1, 1) knows nothing.
struct BetaPosterior {
  double alpha = 1.0;  // > 0: prior successes plus observed ones.
  double beta = 1.0;   // > 0: prior failures plus observed ones.
  double Mean() const { return alpha / (alpha + beta); }
};

// Posterior of a mean whose standard error is known well enough.
struct GaussianPosterior {
  double mean = 0.0;
  double standard_deviation = 1.0;  // >= 0; of the mean, not of single values.
};

using Posterior = std::variant<BetaPosterior, GaussianPosterior>;

// What one candidate earns is posterior * value + offset: a response's value times its chance, less
// the cost of proposing it.
struct Candidate {
  Posterior posterior;
  double value = 1.0;
  double offset = 0.0;
};

// Posterior expectation of what the candidate earns.
double ExpectedValue(const Candidate& candidate);

struct ThompsonOptions {
  int draws = 128;        // In [1, 100000].
  double epsilon = 0.02;  // In [0, 1]: the part of choices made uniformly.
};

struct Choice {
  size_t index = 0;                   // Of the chosen candidate.
  std::vector<double> probabilities;  // Per candidate, sum 1: the chance with which it was chosen.
};

// INVALID_ARGUMENT for no candidates, a posterior outside its range or an option outside its.
absl::StatusOr<Choice> ChooseByThompson(std::span<const Candidate> candidates, Rng& rng,
                                        const ThompsonOptions& options = {});

// The candidate of highest expected value with chance 1 - epsilon, else any, uniformly. The first
// of equals is the best. Probabilities are exact.
absl::StatusOr<Choice> ChooseByEpsilonGreedy(std::span<const Candidate> candidates, double epsilon,
                                             Rng& rng);

// Chance that each candidate earns the most, by `draws` posterior draws; ties go to the first.
// Standard error at most 0.5 / sqrt(draws).
absl::StatusOr<std::vector<double>> ProbabilitiesOfBest(std::span<const Candidate> candidates,
                                                        int draws, Rng& rng);

// The posterior after one more observation.
BetaPosterior Observe(const BetaPosterior& posterior, bool success);

// Forgets: keeps `retain`, in [0, 1], of what was observed beyond `prior`, for rates that drift.
BetaPosterior Decay(const BetaPosterior& posterior, const BetaPosterior& prior, double retain);

// What is retained after `age` at a given half-life, both in the same unit; 1 for no half-life (0).
double RetainedAfter(double age, double half_life);

}  // namespace rondo::stats
