#include "services/insight/domain/outcome.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace rondo::insight {
namespace {

bool Same(const CellSums& a, const CellSums& b) {
  const bool goals_equal = std::equal(a.goals.begin(), a.goals.end(), b.goals.begin(),
                                      b.goals.end(), [](const auto& x, const auto& y) {
                                        return x.first == y.first &&
                                               x.second.customers == y.second.customers &&
                                               x.second.value == y.second.value &&
                                               x.second.value_squares == y.second.value_squares;
                                      });
  return goals_equal && a.suppressed == b.suppressed && a.cost == b.cost &&
         std::equal(std::begin(a.steps), std::end(a.steps), std::begin(b.steps));
}

Outcome AnyOutcome() {
  Outcome outcome;
  outcome.cell = "mail";
  outcome.Set(Step::kAssigned);
  for (int step = 1; step <= 9; ++step) {
    if (*rc::gen::arbitrary<bool>()) outcome.Set(static_cast<Step>(step));
  }
  outcome.suppressed_reason = *rc::gen::element<std::string>("", "", "no_consent", "holdout");
  Charge(outcome, 1, *rc::gen::inRange<int64_t>(0, 100));
  const int reached = *rc::gen::inRange(0, 4);
  for (int i = 0; i < reached; ++i) {
    Reach(outcome, *rc::gen::element<std::string>("bought", "visited"),
          *rc::gen::inRange<int64_t>(-1000, 1000000));
  }
  return outcome;
}

TEST(OutcomeTest, DeliveredIsSentAndNotBounced) {
  Outcome outcome;
  outcome.Set(Step::kSent);
  CellSums sums;
  Include(sums, outcome);
  EXPECT_EQ(sums.Count(Step::kDelivered), 1);
  Exclude(sums, outcome);
  outcome.Set(Step::kBounced);
  Include(sums, outcome);
  EXPECT_EQ(sums.Count(Step::kDelivered), 0);
  EXPECT_EQ(sums.Count(Step::kSent), 1);
}

TEST(OutcomeTest, AMachinesOpenCountsApartUntilAPersonOpens) {
  Outcome outcome;
  outcome.Set(Step::kOpenedByMachine);
  CellSums sums;
  Include(sums, outcome);
  EXPECT_EQ(sums.Count(Step::kOpenedByMachineOnly), 1);
  Exclude(sums, outcome);
  outcome.Set(Step::kOpened);
  Include(sums, outcome);
  EXPECT_EQ(sums.Count(Step::kOpenedByMachineOnly), 0);
  EXPECT_EQ(sums.Count(Step::kOpened), 1);
}

TEST(OutcomeTest, AnAttemptIsChargedOnce) {
  Outcome outcome;
  Charge(outcome, 7, 12);
  Charge(outcome, 7, 12);
  Charge(outcome, 8, 12);
  EXPECT_EQ(outcome.cost, 24);
}

TEST(OutcomeTest, ValuesAreSummedPerCustomerBeforeTheyAreSquared) {
  Outcome outcome;
  outcome.Set(Step::kAssigned);
  Reach(outcome, "bought", 30);
  Reach(outcome, "bought", 12);
  CellSums sums;
  Include(sums, outcome);
  EXPECT_EQ(sums.Conversions("bought").conversions, 1);
  EXPECT_EQ(static_cast<int64_t>(sums.Values("bought").sum), 42);
  EXPECT_EQ(static_cast<int64_t>(sums.Values("bought").sum_of_squares), 42 * 42);
  EXPECT_EQ(sums.Conversions("never").conversions, 0);
}

TEST(OutcomeTest, HugeValuesAreCutNotWrapped) {
  Outcome outcome;
  Reach(outcome, "bought", INT64_MAX);
  Reach(outcome, "bought", INT64_MAX);
  EXPECT_EQ(outcome.goals["bought"].value, kCustomerValueMax);
}

TEST(CellSumsTest, TakingOutUndoesTakingIn) {
  EXPECT_TRUE(rc::check("Exclude undoes Include", [] {
    CellSums sums;
    Include(sums, AnyOutcome());
    const CellSums before = sums;
    const Outcome more = AnyOutcome();
    Include(sums, more);
    Exclude(sums, more);
    RC_ASSERT(Same(sums, before));
  }));
}

TEST(CellSumsTest, MergedPartsEqualTheWhole) {
  EXPECT_TRUE(rc::check("Merge(parts) == whole", [] {
    CellSums whole;
    CellSums parts[3];
    const int count = *rc::gen::inRange(0, 20);
    for (int i = 0; i < count; ++i) {
      const Outcome outcome = AnyOutcome();
      Include(whole, outcome);
      Include(parts[*rc::gen::inRange(0, 3)], outcome);
    }
    CellSums merged;
    for (const CellSums& part : parts) Merge(merged, part);
    RC_ASSERT(Same(merged, whole));
  }));
}

}  // namespace
}  // namespace rondo::insight
