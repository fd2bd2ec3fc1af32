#include "services/campaign/domain/assignment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "platform/core/rng.h"

namespace rondo::campaign {
namespace {

constexpr int kPeople = 20'000;

InstanceKey KeyOf(uint64_t seed) {
  Rng rng(seed);
  InstanceKey key;
  for (unsigned char& byte : key) byte = static_cast<unsigned char>(rng.Below(256));
  return key;
}

CustomerId Person(int i) { return CustomerId(static_cast<uint64_t>(i) + 1); }

// |observed - n p| in standard deviations of a binomial; 5 is a chance of one in two million.
double Deviations(int64_t observed, int64_t n, double p) {
  const double expected = static_cast<double>(n) * p;
  const double deviation = std::sqrt(expected * (1 - p));
  return std::abs(static_cast<double>(observed) - expected) / std::max(deviation, 1e-9);
}

RC_GTEST_PROP(CellSplitProperty, SharesAreHitWithinBinomialBounds, (uint64_t seed)) {
  std::vector<double> shares;
  double left = 1.0;
  for (int cells = *rc::gen::inRange(1, 6); cells > 1; --cells) {
    shares.push_back(left * *rc::gen::inRange(1, 100) / 100.0);
    left -= shares.back();
  }
  shares.push_back(left);
  const CellSplit split(KeyOf(seed), "campaigns/c", 1, shares);
  std::vector<int64_t> counts(shares.size());
  for (int i = 0; i < kPeople; ++i) ++counts.at(split.CellOf(Person(i)));
  for (size_t cell = 0; cell < shares.size(); ++cell) {
    RC_ASSERT(Deviations(counts[cell], kPeople, shares[cell]) < 5.5);
  }
}

TEST(CellSplitTest, IsReproducible) {
  const std::vector<double> shares = {0.3, 0.7};
  const CellSplit a(KeyOf(1), "campaigns/c", 1, shares);
  const CellSplit b(KeyOf(1), "campaigns/c", 1, shares);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(a.CellOf(Person(i)), b.CellOf(Person(i)));
}

TEST(CellSplitTest, IsIndependentBetweenCampaignsAndBetweenCycles) {
  const std::vector<double> shares = {0.5, 0.5};
  const CellSplit first(KeyOf(1), "campaigns/a", 1, shares);
  const CellSplit other(KeyOf(1), "campaigns/b", 1, shares);
  const CellSplit next(KeyOf(1), "campaigns/a", 2, shares);
  int64_t both_other = 0;
  int64_t both_next = 0;
  for (int i = 0; i < kPeople; ++i) {
    both_other += first.CellOf(Person(i)) == 0 && other.CellOf(Person(i)) == 0;
    both_next += first.CellOf(Person(i)) == 0 && next.CellOf(Person(i)) == 0;
  }
  EXPECT_LT(Deviations(both_other, kPeople, 0.25), 5);
  EXPECT_LT(Deviations(both_next, kPeople, 0.25), 5);
}

TEST(CellSplitTest, NobodyGetsIntoACellWithoutAShare) {
  // Three tenths ten times over do not add up to exactly 1 in floating point.
  const std::vector<double> shares = {0.0, 0.1, 0.2, 0.3, 0.4 - 1e-12, 0.0};
  const CellSplit split(KeyOf(3), "campaigns/c", 1, shares);
  for (int i = 0; i < kPeople; ++i) {
    const size_t cell = split.CellOf(Person(i));
    ASSERT_GE(cell, 1u);
    ASSERT_LE(cell, 4u);
  }
}

TEST(HoldoutTest, GrowsAroundThoseWhoAreInItAndIsIndependentOfCells) {
  const InstanceKey key = KeyOf(5);
  const std::vector<double> shares = {0.5, 0.5};
  const CellSplit split(key, "campaigns/a", 1, shares);
  int64_t small = 0;
  int64_t held_out_in_first_cell = 0;
  for (int i = 0; i < kPeople; ++i) {
    const bool in_small = IsHeldOut(key, "retail-kr", 0.05, Person(i));
    const bool in_large = IsHeldOut(key, "retail-kr", 0.2, Person(i));
    EXPECT_TRUE(!in_small || in_large);
    small += in_small;
    held_out_in_first_cell += in_large && split.CellOf(Person(i)) == 0;
  }
  EXPECT_LT(Deviations(small, kPeople, 0.05), 5);
  EXPECT_LT(Deviations(held_out_in_first_cell, kPeople, 0.1), 5);
}

TEST(HoldoutTest, OfNothingHoldsNobodyOut) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(IsHeldOut(KeyOf(1), "", 0.0, Person(i)));
}

}  // namespace
}  // namespace rondo::campaign
