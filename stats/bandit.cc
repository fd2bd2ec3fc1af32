#include "stats/bandit.h"

#include <cmath>
#include <optional>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "stats/draws.h"

namespace rondo::stats {
namespace {

constexpr int kMaxDraws = 100000;

// A candidate, ready for many draws of what it earns.
class Drawn {
 public:
  explicit Drawn(const Candidate& candidate)
      : posterior_(candidate.posterior), value_(candidate.value), offset_(candidate.offset) {
    if (const auto* beta = std::get_if<BetaPosterior>(&candidate.posterior)) {
      beta_.emplace(beta->alpha, beta->beta);
    }
  }
  double Draw(Rng& rng) const {
    if (beta_.has_value()) return beta_->Draw(rng) * value_ + offset_;
    const auto& gaussian = std::get<GaussianPosterior>(posterior_);
    return (gaussian.mean + gaussian.standard_deviation * DrawNormal(rng)) * value_ + offset_;
  }

 private:
  Posterior posterior_;
  double value_;
  double offset_;
  std::optional<Beta> beta_;
};

std::vector<Drawn> ReadyToDraw(std::span<const Candidate> candidates) {
  return {candidates.begin(), candidates.end()};
}

bool IsValid(const Posterior& posterior) {
  if (const auto* beta = std::get_if<BetaPosterior>(&posterior)) {
    return beta->alpha > 0.0 && beta->beta > 0.0 && std::isfinite(beta->alpha + beta->beta);
  }
  const auto& gaussian = std::get<GaussianPosterior>(posterior);
  return std::isfinite(gaussian.mean) && std::isfinite(gaussian.standard_deviation) &&
         gaussian.standard_deviation >= 0.0;
}

absl::Status CheckCandidates(std::span<const Candidate> candidates) {
  if (candidates.empty()) return FieldError("candidates", "expected at least one");
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (!IsValid(candidate.posterior) || !std::isfinite(candidate.value + candidate.offset)) {
      return FieldError(absl::StrFormat("candidates[%d]", i),
                        "expected alpha, beta > 0 or deviation >= 0, and finite numbers");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(int draws, double epsilon) {
  if (draws < 1 || draws > kMaxDraws) {
    return FieldError("draws", absl::StrFormat("expected from 1 to %d", kMaxDraws));
  }
  if (!(epsilon >= 0.0 && epsilon <= 1.0)) return FieldError("epsilon", "expected from 0 to 1");
  return absl::OkStatus();
}

size_t BestOfOneDraw(std::span<const Drawn> candidates, Rng& rng) {
  size_t best = 0;
  double highest = candidates[0].Draw(rng);
  for (size_t i = 1; i < candidates.size(); ++i) {
    const double drawn = candidates[i].Draw(rng);
    if (drawn > highest) {
      best = i;
      highest = drawn;
    }
  }
  return best;
}

// Mixes the uniform choice into `probabilities`, and makes the choice: `greedy` unless exploring.
Choice Mix(std::vector<double> probabilities, size_t greedy, double epsilon, Rng& rng) {
  const double count = static_cast<double>(probabilities.size());
  for (double& p : probabilities) p = (1.0 - epsilon) * p + epsilon / count;
  const size_t index = rng.Chance(epsilon) ? rng.Below(probabilities.size()) : greedy;
  return {.index = index, .probabilities = std::move(probabilities)};
}

}  // namespace

double ExpectedValue(const Candidate& candidate) {
  const auto* beta = std::get_if<BetaPosterior>(&candidate.posterior);
  const double mean =
      beta != nullptr ? beta->Mean() : std::get<GaussianPosterior>(candidate.posterior).mean;
  return mean * candidate.value + candidate.offset;
}

absl::StatusOr<std::vector<double>> ProbabilitiesOfBest(std::span<const Candidate> candidates,
                                                        int draws, Rng& rng) {
  RONDO_RETURN_IF_ERROR(CheckCandidates(candidates));
  RONDO_RETURN_IF_ERROR(CheckOptions(draws, 0.0));
  const std::vector<Drawn> drawn = ReadyToDraw(candidates);
  std::vector<double> probabilities(candidates.size(), 0.0);
  for (int i = 0; i < draws; ++i) probabilities[BestOfOneDraw(drawn, rng)] += 1.0;
  for (double& p : probabilities) p /= draws;
  return probabilities;
}

absl::StatusOr<Choice> ChooseByThompson(std::span<const Candidate> candidates, Rng& rng,
                                        const ThompsonOptions& options) {
  RONDO_RETURN_IF_ERROR(CheckCandidates(candidates));
  RONDO_RETURN_IF_ERROR(CheckOptions(options.draws, options.epsilon));
  const int picked = static_cast<int>(rng.Below(static_cast<uint64_t>(options.draws)));
  const std::vector<Drawn> drawn = ReadyToDraw(candidates);
  std::vector<double> probabilities(candidates.size(), 0.0);
  size_t greedy = 0;
  for (int i = 0; i < options.draws; ++i) {
    const size_t best = BestOfOneDraw(drawn, rng);
    probabilities[best] += 1.0;
    if (i == picked) greedy = best;
  }
  for (double& p : probabilities) p /= options.draws;
  return Mix(std::move(probabilities), greedy, options.epsilon, rng);
}

absl::StatusOr<Choice> ChooseByEpsilonGreedy(std::span<const Candidate> candidates, double epsilon,
                                             Rng& rng) {
  RONDO_RETURN_IF_ERROR(CheckCandidates(candidates));
  RONDO_RETURN_IF_ERROR(CheckOptions(1, epsilon));
  size_t best = 0;
  for (size_t i = 1; i < candidates.size(); ++i) {
    if (ExpectedValue(candidates[i]) > ExpectedValue(candidates[best])) best = i;
  }
  std::vector<double> probabilities(candidates.size(), 0.0);
  probabilities[best] = 1.0;
  return Mix(std::move(probabilities), best, epsilon, rng);
}

BetaPosterior Observe(const BetaPosterior& posterior, bool success) {
  return {.alpha = posterior.alpha + (success ? 1.0 : 0.0),
          .beta = posterior.beta + (success ? 0.0 : 1.0)};
}

BetaPosterior Decay(const BetaPosterior& posterior, const BetaPosterior& prior, double retain) {
  return {.alpha = prior.alpha + retain * (posterior.alpha - prior.alpha),
          .beta = prior.beta + retain * (posterior.beta - prior.beta)};
}

double RetainedAfter(double age, double half_life) {
  if (half_life <= 0.0 || age <= 0.0) return 1.0;
  return std::exp2(-age / half_life);
}

}  // namespace rondo::stats
