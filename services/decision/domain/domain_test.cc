#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "platform/core/rng.h"
#include "services/decision/domain/arbitration.h"
#include "services/decision/domain/propensity.h"

namespace rondo::decision {
namespace {

constexpr int64_t kMicrosPerDay = int64_t{24} * 3600 * 1'000'000;

TEST(WeekOfTest, RoundsDownAlsoBeforeTheEpoch) {
  EXPECT_EQ(WeekOf(0), 0);
  EXPECT_EQ(WeekOf(7 * kMicrosPerDay - 1), 0);
  EXPECT_EQ(WeekOf(7 * kMicrosPerDay), 1);
  EXPECT_EQ(WeekOf(-1), -1);
  EXPECT_EQ(WeekOf(-7 * kMicrosPerDay), -1);
}

TEST(PosteriorTest, AnUnseenOfferHasThePrior) {
  const auto posterior = PosteriorOf({}, 100, {});
  EXPECT_DOUBLE_EQ(posterior.Mean(), 0.05);
}

TEST(PosteriorTest, OldWeeksCountHalfEachHalfLife) {
  const CountsByWeek counts = {{92, {.shown = 100, .good = 40}}, {100, {.shown = 10, .good = 2}}};
  const auto posterior = PosteriorOf(counts, 100, {});
  EXPECT_DOUBLE_EQ(posterior.alpha, 1.0 + 20.0 + 2.0);
  EXPECT_DOUBLE_EQ(posterior.beta, 19.0 + 30.0 + 8.0);
}

Contender Known(double rate, double value, double weight = 1.0) {
  return {.propensity = {.alpha = 10000 * rate, .beta = 10000 * (1 - rate)},
          .value = value,
          .weight = weight};
}

TEST(PosteriorTest, CampaignsTeachInTheirShareAndAtMostSoMuch) {
  const auto few = WithCampaigns({{100, {.shown = 10, .good = 2}}}, 100, {}).prior;
  EXPECT_DOUBLE_EQ(few.alpha, 1.0 + 2.0);
  EXPECT_DOUBLE_EQ(few.beta, 19.0 + 8.0);
  const auto many = WithCampaigns({{100, {.shown = 1000, .good = 500}}}, 100, {}).prior;
  EXPECT_DOUBLE_EQ(many.alpha, 1.0 + 10.0);
  EXPECT_DOUBLE_EQ(many.beta, 19.0 + 10.0);
  const auto old = WithCampaigns({{92, {.shown = 10, .good = 2}}}, 100, {}).prior;
  EXPECT_DOUBLE_EQ(old.alpha, 1.0 + 1.0);
  EXPECT_DOUBLE_EQ(WithCampaigns({}, 100, {}).prior.beta, 19.0);
}

TEST(ArbitrateTest, TheHighestExpectedValueComesFirst) {
  const std::vector<Contender> contenders = {Known(0.10, 100), Known(0.02, 900), Known(0.30, 20),
                                             Known(0.10, 100, 3.0)};
  const auto ranked = Arbitrate(contenders, 1, {.epsilon = 0.0});
  ASSERT_TRUE(ranked.ok());
  std::vector<size_t> order;
  for (const Ranked& r : *ranked) order.push_back(r.contender);
  EXPECT_THAT(order, testing::ElementsAre(3, 1, 0, 2));
  EXPECT_DOUBLE_EQ((*ranked)[0].expected_value, 30.0);
  EXPECT_DOUBLE_EQ((*ranked)[0].assignment_probability, 1.0);
}

TEST(ArbitrateTest, WithoutValuesPropensityDecides) {
  const auto ranked = Arbitrate(std::vector<Contender>{Known(0.1, 0), Known(0.3, 0)}, 1);
  ASSERT_TRUE(ranked.ok());
  EXPECT_EQ(ranked->front().contender, 1u);
  EXPECT_DOUBLE_EQ(ranked->front().expected_value, 0.0);
}

TEST(ArbitrateTest, EveryContenderKeepsAChanceAndProbabilitiesAddUp) {
  std::vector<Contender> contenders(20, Known(0.01, 1));
  contenders[7] = Known(0.5, 1000);
  const auto ranked = Arbitrate(contenders, 5, {.epsilon = 0.1});
  ASSERT_TRUE(ranked.ok());
  double total = 0.0;
  for (const Ranked& r : *ranked) {
    EXPECT_GE(r.assignment_probability, 0.1 / 20 - 1e-12);
    total += r.assignment_probability;
  }
  EXPECT_NEAR(total, 1.0, 1e-12);
}

TEST(ArbitrateTest, TheSameSeedGivesTheSameOrder) {
  const std::vector<Contender> contenders(10, Contender{});
  const auto first = Arbitrate(contenders, 99);
  const auto second = Arbitrate(contenders, 99);
  ASSERT_TRUE(first.ok() && second.ok());
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ((*first)[i].contender, (*second)[i].contender);
}

TEST(ArbitrateTest, NoContenderIsNoOfferAndBadOnesAreRefused) {
  const auto none = Arbitrate({}, 1);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  EXPECT_TRUE(
      absl::IsInvalidArgument(Arbitrate(std::vector<Contender>{Known(0.1, -1)}, 1).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(Arbitrate(std::vector<Contender>{Known(0.1, 1, 0.0)}, 1).status()));
}

// The whole loop: people respond by rates that nobody knows; after some thousand propositions most
// go to the offer that earns the most.
TEST(ArbitrateTest, LearnsWhichOfferEarnsTheMost) {
  Rng world(17);
  const std::vector<double> rates = {0.10, 0.04, 0.06};
  const std::vector<double> values = {100, 400, 150};  // 10, 16, 9 a proposition.
  std::vector<CountsByWeek> counts(3);
  std::vector<int> chosen(3, 0);
  for (int i = 0; i < 6000; ++i) {
    std::vector<Contender> contenders;
    for (size_t offer = 0; offer < 3; ++offer) {
      contenders.push_back(
          {.propensity = PosteriorOf(counts[offer], 0, {}), .value = values[offer]});
    }
    const auto ranked = Arbitrate(contenders, world.Next());
    ASSERT_TRUE(ranked.ok());
    const size_t first = ranked->front().contender;
    WeekCounts& week = counts[first][0];
    ++week.shown;
    if (world.Chance(rates[first])) ++week.good;
    if (i >= 3000) ++chosen[first];
  }
  EXPECT_GT(chosen[1], 2000);
}

}  // namespace
}  // namespace rondo::decision
