#include "stats/bandit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numeric>

#include "stats/draws.h"

namespace rondo::stats {
namespace {

// P(rate B > rate A) for whole alpha_b, by Evan Miller's closed form (2014, "Formulas for Bayesian
// A/B testing").
double ProbabilityBExceedsA(double alpha_a, double beta_a, int alpha_b, double beta_b) {
  const auto log_beta = [](double a, double b) {
    return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  };
  double total = 0.0;
  for (int i = 0; i < alpha_b; ++i) {
    total += std::exp(log_beta(alpha_a + i, beta_a + beta_b) - std::log(beta_b + i) -
                      log_beta(1.0 + i, beta_b) - log_beta(alpha_a, beta_a));
  }
  return total;
}

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
};

template <typename Draw>
Moments MomentsOf(Draw draw) {
  constexpr int kDraws = 200000;
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {.mean = mean, .variance = squares / kDraws - mean * mean};
}

TEST(DrawsTest, HaveTheMomentsOfTheirDistributions) {
  Rng rng(1);
  const Moments normal = MomentsOf([&] { return DrawNormal(rng); });
  EXPECT_NEAR(normal.mean, 0.0, 0.01);
  EXPECT_NEAR(normal.variance, 1.0, 0.015);
  for (const double shape : {0.3, 1.0, 4.5, 200.0}) {
    SCOPED_TRACE(shape);
    const Moments gamma = MomentsOf([&] { return DrawGamma(shape, rng); });
    EXPECT_NEAR(gamma.mean / shape, 1.0, 0.02);
    EXPECT_NEAR(gamma.variance / shape, 1.0, 0.06);
  }
  const Moments beta = MomentsOf([&] { return DrawBeta(2.0, 6.0, rng); });
  EXPECT_NEAR(beta.mean, 0.25, 0.002);
  EXPECT_NEAR(beta.variance, 2.0 * 6.0 / (64.0 * 9.0), 0.0005);
}

// Kolmogorov-Smirnov against Boost's distribution function: the whole shape, not two moments.
template <typename Draw, typename Distribution>
double LargestGap(Draw draw, const Distribution& distribution) {
  constexpr int kDraws = 100000;
  std::vector<double> drawn(kDraws);
  for (double& x : drawn) x = draw();
  std::sort(drawn.begin(), drawn.end());
  double gap = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double below = boost::math::cdf(distribution, drawn[static_cast<size_t>(i)]);
    gap = std::max({gap, below - static_cast<double>(i) / kDraws,
                    static_cast<double>(i + 1) / kDraws - below});
  }
  return gap;
}

TEST(DrawsTest, FollowTheirDistributionFunctions) {
  constexpr double kGapMax = 1.95 / 316.2;  // Exceeded with chance 0.001, at 100,000 draws.
  Rng rng(3);
  EXPECT_LT(LargestGap([&] { return DrawNormal(rng); }, boost::math::normal()), kGapMax);
  for (const double shape : {0.3, 1.0, 4.5, 200.0}) {
    SCOPED_TRACE(shape);
    EXPECT_LT(
        LargestGap([&] { return DrawGamma(shape, rng); }, boost::math::gamma_distribution(shape)),
        kGapMax);
  }
  for (const auto& [a, b] : {std::pair{1.0, 19.0}, {0.5, 0.5}, {40.0, 400.0}}) {
    SCOPED_TRACE(a);
    const Beta beta(a, b);
    EXPECT_LT(LargestGap([&] { return beta.Draw(rng); }, boost::math::beta_distribution(a, b)),
              kGapMax);
  }
}

TEST(DrawsTest, StayInRangeForTinyShapes) {
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    const double x = DrawBeta(1e-300, 1e-300, rng);
    EXPECT_GE(x, 0.0);
    EXPECT_LE(x, 1.0);
  }
}

TEST(BanditTest, ProbabilityOfBestAgreesWithTheClosedForm) {
  Rng rng(2);
  const std::vector<Candidate> arms = {{.posterior = BetaPosterior{21, 181}},
                                       {.posterior = BetaPosterior{31, 171}}};
  const auto probabilities = ProbabilitiesOfBest(arms, 40000, rng);
  ASSERT_TRUE(probabilities.ok());
  EXPECT_NEAR((*probabilities)[1], ProbabilityBExceedsA(21, 181, 31, 171), 0.0075);
}

TEST(BanditTest, GaussianProbabilityOfBestAgreesWithTheClosedForm) {
  Rng rng(2);
  const std::vector<Candidate> arms = {{.posterior = GaussianPosterior{1.0, 3.0}},
                                       {.posterior = GaussianPosterior{2.0, 4.0}}};
  const auto probabilities = ProbabilitiesOfBest(arms, 40000, rng);
  ASSERT_TRUE(probabilities.ok());
  EXPECT_NEAR((*probabilities)[1], 0.5 * std::erfc(-0.2 / std::sqrt(2.0)), 0.0075);
}

TEST(BanditTest, ValueAndCostTurnTheChoice) {
  Rng rng(5);
  // A rarer response worth far more, and one whose proposal costs more than it can earn.
  const std::vector<Candidate> arms = {
      {.posterior = BetaPosterior{200, 800}, .value = 10.0},
      {.posterior = BetaPosterior{100, 900}, .value = 100.0},
      {.posterior = BetaPosterior{900, 100}, .value = 10.0, .offset = -20.0}};
  const auto choice = ChooseByThompson(arms, rng, {.draws = 200, .epsilon = 0.0});
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->index, 1u);
  EXPECT_DOUBLE_EQ(ExpectedValue(arms[2]), -11.0);
}

// The logged probability is the chance of being chosen: over many choices each candidate is chosen
// as often as its probabilities add up to.
TEST(BanditTest, LoggedProbabilitiesAreTheFrequenciesOfChoice) {
  Rng rng(8);
  const std::vector<Candidate> arms = {{.posterior = BetaPosterior{3, 20}},
                                       {.posterior = BetaPosterior{4, 20}},
                                       {.posterior = BetaPosterior{1, 20}}};
  constexpr int kChoices = 20000;
  std::vector<double> expected(arms.size(), 0.0);
  std::vector<double> chosen(arms.size(), 0.0);
  for (int i = 0; i < kChoices; ++i) {
    const auto choice = ChooseByThompson(arms, rng, {.draws = 32, .epsilon = 0.1});
    ASSERT_TRUE(choice.ok());
    const auto& p = choice->probabilities;
    ASSERT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-12);
    for (size_t arm = 0; arm < arms.size(); ++arm) {
      ASSERT_GE(p[arm], 0.1 / 3.0 - 1e-12);
      expected[arm] += p[arm] / kChoices;
    }
    chosen[choice->index] += 1.0 / kChoices;
  }
  for (size_t arm = 0; arm < arms.size(); ++arm) EXPECT_NEAR(chosen[arm], expected[arm], 0.011);
}

// Inverse-probability weighting with the logged probabilities gives back each arm's true rate.
TEST(BanditTest, LoggedProbabilitiesMakeOtherPoliciesEstimable) {
  Rng rng(9);
  const std::vector<double> truth = {0.1, 0.2};
  std::vector<BetaPosterior> posteriors(2);
  constexpr int kRounds = 20000;
  std::vector<double> estimate(2, 0.0);
  for (int i = 0; i < kRounds; ++i) {
    const std::vector<Candidate> arms = {{.posterior = posteriors[0]},
                                         {.posterior = posteriors[1]}};
    const auto choice = ChooseByThompson(arms, rng, {.draws = 16, .epsilon = 0.2});
    ASSERT_TRUE(choice.ok());
    const bool success = rng.Chance(truth[choice->index]);
    posteriors[choice->index] = Observe(posteriors[choice->index], success);
    if (success) estimate[choice->index] += 1.0 / choice->probabilities[choice->index] / kRounds;
  }
  EXPECT_NEAR(estimate[0], 0.1, 0.03);
  EXPECT_NEAR(estimate[1], 0.2, 0.012);
  // And it learned: most rounds went to the better arm.
  EXPECT_GT(posteriors[1].alpha + posteriors[1].beta, 0.8 * kRounds);
}

TEST(BanditTest, EpsilonGreedyTakesTheBestAndExploresTheRest) {
  Rng rng(4);
  const std::vector<Candidate> arms = {{.posterior = GaussianPosterior{1.0, 0.0}},
                                       {.posterior = GaussianPosterior{2.0, 0.0}}};
  const auto choice = ChooseByEpsilonGreedy(arms, 0.1, rng);
  ASSERT_TRUE(choice.ok());
  EXPECT_THAT(choice->probabilities, testing::ElementsAre(testing::DoubleNear(0.05, 1e-12),
                                                          testing::DoubleNear(0.95, 1e-12)));
}

TEST(BanditTest, TheSameSeedMakesTheSameChoice) {
  const std::vector<Candidate> arms(5, Candidate{});
  Rng a(77);
  Rng b(77);
  const auto first = ChooseByThompson(arms, a);
  const auto second = ChooseByThompson(arms, b);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->index, second->index);
  EXPECT_EQ(first->probabilities, second->probabilities);
}

TEST(BanditTest, RefusesWhatHasNoAnswer) {
  Rng rng(1);
  const std::vector<Candidate> none;
  const std::vector<Candidate> bad_beta = {{.posterior = BetaPosterior{0.0, 1.0}}};
  const std::vector<Candidate> bad_mean = {{.posterior = GaussianPosterior{NAN, 1.0}}};
  const std::vector<Candidate> good = {{}};
  EXPECT_TRUE(absl::IsInvalidArgument(ChooseByThompson(none, rng).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ChooseByThompson(bad_beta, rng).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ChooseByThompson(bad_mean, rng).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ChooseByThompson(good, rng, {.draws = 0}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ChooseByThompson(good, rng, {.epsilon = 1.5}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ChooseByEpsilonGreedy(none, 0.1, rng).status()));
}

TEST(DecayTest, ForgetsTowardsThePrior) {
  const BetaPosterior prior = {1.0, 9.0};
  const BetaPosterior learned = {101.0, 109.0};
  const BetaPosterior half = Decay(learned, prior, RetainedAfter(30.0, 30.0));
  EXPECT_DOUBLE_EQ(half.alpha, 51.0);
  EXPECT_DOUBLE_EQ(half.beta, 59.0);
  EXPECT_DOUBLE_EQ(RetainedAfter(10.0, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(Decay(learned, prior, 0.0).Mean(), prior.Mean());
}

}  // namespace
}  // namespace rondo::stats
