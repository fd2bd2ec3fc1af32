#include "stats/lift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <cmath>

#include "platform/core/rng.h"
#include "stats/draws.h"

namespace rondo::stats {
namespace {

MeanArm ArmOf(const std::vector<int64_t>& values) {
  MeanArm arm;
  for (const int64_t value : values) {
    ++arm.customers;
    arm.sum += value;
    arm.sum_of_squares += static_cast<Int128>(value) * value;
  }
  return arm;
}

// Newcombe (1998), Statistics in Medicine 17:873-890, table II: eight contrasts and their 95%
// intervals by method 10, as printed there to four decimals.
TEST(NewcombeIntervalTest, AgreesWithThePublishedExamples) {
  struct Case {
    ProportionArm a;
    ProportionArm b;
    double low;
    double high;
  };
  constexpr std::array<Case, 8> kCases = {{{{70, 56}, {80, 48}, 0.0524, 0.3339},
                                           {{10, 9}, {10, 3}, 0.1705, 0.8090},
                                           {{7, 6}, {7, 2}, 0.0582, 0.8062},
                                           {{56, 5}, {29, 0}, -0.0381, 0.1926},
                                           {{10, 0}, {20, 0}, -0.1611, 0.2775},
                                           {{10, 0}, {10, 0}, -0.2775, 0.2775},
                                           {{10, 10}, {20, 0}, 0.6791, 1.0000},
                                           {{10, 10}, {10, 0}, 0.6075, 1.0000}}};
  for (const Case& c : kCases) {
    const auto interval = NewcombeInterval(c.a, c.b);
    ASSERT_TRUE(interval.ok());
    EXPECT_NEAR(interval->low, c.low, 5e-5);
    EXPECT_NEAR(interval->high, c.high, 5e-5);
  }
}

// The same table, method 1.
TEST(ProportionLiftTest, WaldIntervalAgreesWithThePublishedExample) {
  const auto lift = AbsoluteLift(ProportionArm{70, 56}, ProportionArm{80, 48});
  ASSERT_TRUE(lift.ok());
  EXPECT_NEAR(lift->interval.low, 0.0575, 5e-5);
  EXPECT_NEAR(lift->interval.high, 0.3425, 5e-5);
}

// Wilson's interval of 81/263 and 15/148, Newcombe (1998), Statistics in Medicine 17:857-872, table
// I.
TEST(WilsonIntervalTest, AgreesWithThePublishedExamples) {
  const auto common = WilsonInterval({263, 81});
  ASSERT_TRUE(common.ok());
  EXPECT_NEAR(common->low, 0.2553, 5e-5);
  EXPECT_NEAR(common->high, 0.3662, 5e-5);
  const auto rare = WilsonInterval({148, 15});
  ASSERT_TRUE(rare.ok());
  EXPECT_NEAR(rare->low, 0.0624, 5e-5);
  EXPECT_NEAR(rare->high, 0.1605, 5e-5);
}

TEST(ProportionLiftTest, NewcombeIsAChoiceAndKeepsThePValue) {
  const auto wald = AbsoluteLift(ProportionArm{70, 56}, ProportionArm{80, 48});
  const auto score = AbsoluteLift(ProportionArm{70, 56}, ProportionArm{80, 48},
                                  {.interval = ProportionInterval::kNewcombe});
  ASSERT_TRUE(wald.ok() && score.ok());
  EXPECT_NEAR(score->interval.low, 0.0524, 5e-5);
  EXPECT_EQ(score->p_value, wald->p_value);
}

TEST(ProportionLiftTest, RefusesImpossibleArms) {
  const ProportionArm good = {10, 5};
  for (const ProportionArm& bad :
       {ProportionArm{0, 0}, ProportionArm{10, 11}, ProportionArm{10, -1}, ProportionArm{-1, 0}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(AbsoluteLift(bad, good).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(AbsoluteLift(good, bad).status()));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(AbsoluteLift(good, good, {.confidence = 1.0}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(AbsoluteLift(good, good, {.confidence = NAN}).status()));
}

TEST(ProportionLiftTest, SaysNotEnoughDataWhenNothingVaries) {
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AbsoluteLift(ProportionArm{10, 0}, ProportionArm{10, 0}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AbsoluteLift(ProportionArm{10, 10}, ProportionArm{10, 0}).status()));
}

TEST(ProportionLiftTest, RelativeLiftIsAbsentWhenControlMayBeZero) {
  const auto lift = AbsoluteLift(ProportionArm{100, 10}, ProportionArm{100, 1});
  ASSERT_TRUE(lift.ok());
  EXPECT_FALSE(lift->relative.has_value());
  EXPECT_FALSE(lift->relative_interval.has_value());
}

// Swapping the arms turns the sign and keeps the p-value.
TEST(ProportionLiftTest, IsAntisymmetric) {
  EXPECT_TRUE(rc::check("AbsoluteLift(a, b) == -AbsoluteLift(b, a)", [] {
    const auto n = *rc::gen::inRange<int64_t>(2, 100000);
    const auto m = *rc::gen::inRange<int64_t>(2, 100000);
    const ProportionArm a = {n, *rc::gen::inRange<int64_t>(1, n)};
    const ProportionArm b = {m, *rc::gen::inRange<int64_t>(1, m)};
    const auto forth = AbsoluteLift(a, b);
    const auto back = AbsoluteLift(b, a);
    RC_ASSERT(forth.ok() && back.ok());
    RC_ASSERT(std::abs(forth->difference + back->difference) < 1e-12);
    RC_ASSERT(std::abs(forth->interval.low + back->interval.high) < 1e-12);
    RC_ASSERT(std::abs(forth->p_value - back->p_value) < 1e-9);
    RC_ASSERT(forth->p_value >= 0.0 && forth->p_value <= 1.0);
  }));
}

// Student's sleep data (Biometrika 1908; R's datasets::sleep, in tenths of hours):
// t.test(extra ~ group) prints t = -1.8608, df = 17.776, p-value = 0.07939, 95% -3.3654832
// 0.2054832.
TEST(MeanLiftTest, AgreesWithWelchOnStudentsSleepData) {
  const MeanArm one = ArmOf({7, -16, -2, -12, -1, 34, 37, 8, 0, 20});
  const MeanArm two = ArmOf({19, 8, 11, 1, -1, 44, 55, 16, 46, 34});
  const auto lift = AbsoluteLift(one, two);
  ASSERT_TRUE(lift.ok());
  EXPECT_NEAR(lift->difference, -15.8, 1e-9);
  EXPECT_NEAR(lift->interval.low, -33.654832, 1e-5);
  EXPECT_NEAR(lift->interval.high, 2.054832, 1e-5);
  EXPECT_NEAR(lift->p_value, 0.07939, 5e-6);
}

TEST(MeanLiftTest, SaysNotEnoughDataForOneCustomerOrNoVariance) {
  const MeanArm good = ArmOf({1, 2, 3});
  EXPECT_TRUE(absl::IsFailedPrecondition(AbsoluteLift(good, ArmOf({5})).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(AbsoluteLift(good, MeanArm{}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(AbsoluteLift(ArmOf({4, 4}), ArmOf({4, 4})).status()));
}

TEST(MeanLiftTest, RefusesSumsThatNoValuesHave) {
  const MeanArm good = ArmOf({1, 2, 3});
  const MeanArm impossible = {.customers = 3, .sum = 30, .sum_of_squares = 299};
  EXPECT_TRUE(absl::IsInvalidArgument(AbsoluteLift(impossible, good).status()));
}

TEST(SampleVarianceTest, StaysExactForHugeAmounts) {
  constexpr int64_t kHuge = 1'000'000'000'000'000'000;  // 10^18
  const auto variance = SampleVariance(ArmOf({kHuge - 1, kHuge, kHuge + 1}));
  ASSERT_TRUE(variance.ok());
  EXPECT_DOUBLE_EQ(*variance, 1.0);
  const auto negative = SampleVariance(ArmOf({-kHuge - 1, -kHuge, -kHuge + 1}));
  ASSERT_TRUE(negative.ok());
  EXPECT_DOUBLE_EQ(*negative, 1.0);
}

TEST(SampleVarianceTest, AgreesWithTwoPasses) {
  EXPECT_TRUE(rc::check("variance from sums == variance from rows", [] {
    const auto values = *rc::gen::suchThat(
        rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(-1000000, 1000000)),
        [](const std::vector<int64_t>& v) { return v.size() >= 2; });
    long double mean = 0.0L;
    for (const int64_t value : values) mean += static_cast<long double>(value);
    mean /= static_cast<long double>(values.size());
    long double squares = 0.0L;
    for (const int64_t value : values) {
      squares +=
          (static_cast<long double>(value) - mean) * (static_cast<long double>(value) - mean);
    }
    const double expected =
        static_cast<double>(squares / static_cast<long double>(values.size() - 1));
    const auto variance = SampleVariance(ArmOf(values));
    RC_ASSERT(variance.ok());
    RC_ASSERT(std::abs(*variance - expected) <= 1e-9 * (1.0 + expected));
  }));
}

// The relative lift's interval holds the truth as often as it says: treated 10, control 8.
TEST(RelativeLiftTest, FiellerCoversTheTrueRatio) {
  Rng rng(20261122);
  constexpr int kWorlds = 2000;
  int covered = 0;
  for (int world = 0; world < kWorlds; ++world) {
    std::vector<int64_t> treated;
    std::vector<int64_t> control;
    for (int i = 0; i < 60; ++i) {
      treated.push_back(std::llround(1000.0 * (10.0 + 4.0 * DrawNormal(rng))));
      control.push_back(std::llround(1000.0 * (8.0 + 4.0 * DrawNormal(rng))));
    }
    const auto lift = AbsoluteLift(ArmOf(treated), ArmOf(control));
    ASSERT_TRUE(lift.ok() && lift->relative_interval.has_value());
    const Interval& interval = *lift->relative_interval;
    ASSERT_LE(interval.low, *lift->relative);
    ASSERT_GE(interval.high, *lift->relative);
    if (interval.low <= 0.25 && 0.25 <= interval.high) ++covered;
  }
  // Three standard errors of the simulation: 1.5 points.
  EXPECT_NEAR(static_cast<double>(covered) / kWorlds, 0.95, 0.015);
}

TEST(StratifiedLiftTest, OneStratumIsThePlainLift) {
  const ProportionArm treated = {100, 30};
  const ProportionArm control = {120, 20};
  const auto plain = AbsoluteLift(treated, control);
  const ProportionStratum strata[] = {{treated, control}, {{0, 0}, {50, 3}}};
  const auto stratified = StratifiedLift(strata);
  ASSERT_TRUE(plain.ok() && stratified.ok());
  EXPECT_EQ(stratified->difference, plain->difference);
  EXPECT_EQ(stratified->p_value, plain->p_value);
}

// Simpson's paradox: within both strata treatment adds 5 points; the plain sums say it harms.
TEST(StratifiedLiftTest, IsNotFooledByUnevenShares) {
  const ProportionStratum strata[] = {{{1000, 450}, {4000, 1600}}, {{4000, 400}, {1000, 50}}};
  const auto lift = StratifiedLift(strata);
  ASSERT_TRUE(lift.ok());
  EXPECT_NEAR(lift->difference, 0.05, 1e-12);
  EXPECT_GT(lift->interval.low, 0.0);
  // By hand: half of each stratum's variance of the difference, weights squared.
  const double variance =
      0.25 * (0.45 * 0.55 / 1000 + 0.4 * 0.6 / 4000 + 0.1 * 0.9 / 4000 + 0.05 * 0.95 / 1000);
  EXPECT_NEAR(lift->standard_error, std::sqrt(variance), 1e-12);
}

TEST(StratifiedLiftTest, SaysNotEnoughDataWithoutAUsableStratum) {
  const MeanStratum strata[] = {{ArmOf({1}), ArmOf({1, 2, 3})}};
  EXPECT_TRUE(absl::IsFailedPrecondition(StratifiedLift(strata).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(StratifiedLift(std::span<const MeanStratum>()).status()));
}

TEST(StratifiedLiftTest, CoversTheTrueDifferenceOfMeans) {
  Rng rng(13);
  constexpr int kWorlds = 2000;
  int covered = 0;
  const auto draw = [&rng](int n, double mean) {
    std::vector<int64_t> values;
    for (int i = 0; i < n; ++i) values.push_back(std::llround(mean + 300.0 * DrawNormal(rng)));
    return ArmOf(values);
  };
  for (int world = 0; world < kWorlds; ++world) {
    const MeanStratum strata[] = {{draw(40, 1100), draw(160, 1000)},
                                  {draw(160, 600), draw(60, 500)}};
    const auto lift = StratifiedLift(strata);
    ASSERT_TRUE(lift.ok());
    covered += lift->interval.low <= 100.0 && 100.0 <= lift->interval.high ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(covered) / kWorlds, 0.95, 0.015);
}

// Binomial by summing uniforms is slow; a normal approximation would beg the question.
int64_t Binomial(int64_t n, double rate, Rng& rng) {
  int64_t successes = 0;
  for (int64_t i = 0; i < n; ++i) successes += rng.Chance(rate) ? 1 : 0;
  return successes;
}

TEST(ProportionLiftTest, BothIntervalsCoverTheTrueDifference) {
  Rng rng(7);
  constexpr int kWorlds = 2000;
  int wald = 0;
  int newcombe = 0;
  for (int world = 0; world < kWorlds; ++world) {
    const ProportionArm treated = {2000, Binomial(2000, 0.07, rng)};
    const ProportionArm control = {2000, Binomial(2000, 0.05, rng)};
    const auto lift = AbsoluteLift(treated, control);
    const auto score = NewcombeInterval(treated, control);
    ASSERT_TRUE(lift.ok() && score.ok());
    wald += lift->interval.low <= 0.02 && 0.02 <= lift->interval.high ? 1 : 0;
    newcombe += score->low <= 0.02 && 0.02 <= score->high ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(wald) / kWorlds, 0.95, 0.015);
  EXPECT_NEAR(static_cast<double>(newcombe) / kWorlds, 0.95, 0.015);
}

// Rare and heavy-tailed, as revenue is: 5% buy, amounts are log-normal.
TEST(MeanLiftTest, CoversTheTrueDifferenceOfSkewedRevenue) {
  Rng rng(11);
  constexpr int kWorlds = 1000;
  int covered = 0;
  const auto arm = [&rng](double rate) {
    std::vector<int64_t> values(1000, 0);
    for (int64_t& value : values) {
      if (rng.Chance(rate)) value = std::llround(100.0 * std::exp(3.0 + 0.5 * DrawNormal(rng)));
    }
    return ArmOf(values);
  };
  const double truth = (0.08 - 0.05) * 100.0 * std::exp(3.0 + 0.125);
  for (int world = 0; world < kWorlds; ++world) {
    const auto lift = AbsoluteLift(arm(0.08), arm(0.05));
    ASSERT_TRUE(lift.ok());
    covered += lift->interval.low <= truth && truth <= lift->interval.high ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(covered) / kWorlds, 0.95, 0.021);
}

}  // namespace
}  // namespace rondo::stats
