#include "stats/allocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace rondo::stats {
namespace {

// `buyers` of `customers` spent `amount` each.
MeanArm Spent(int64_t customers, int64_t buyers, int64_t amount) {
  return {.customers = customers,
          .sum = static_cast<Int128>(buyers) * amount,
          .sum_of_squares = static_cast<Int128>(buyers) * amount * amount};
}

std::vector<CellEvidence> Cells(const MeanArm& control, const MeanArm& mail, const MeanArm& sms) {
  return {{.name = "control", .role = CellRole::kControl, .share = 0.2, .cycles = {control}},
          {.name = "mail", .share = 0.4, .cost_per_customer = 12, .cycles = {mail}},
          {.name = "sms", .share = 0.4, .cost_per_customer = 20, .cycles = {sms}}};
}

std::vector<CellAllocation> Allocate(const std::vector<CellEvidence>& cells,
                                     const AllocationRules& rules = {}) {
  Rng rng(42);
  auto result = AllocateShares(cells, rules, rng);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : std::vector<CellAllocation>();
}

double ShareSum(const std::vector<CellAllocation>& cells) {
  return std::accumulate(cells.begin(), cells.end(), 0.0,
                         [](double sum, const CellAllocation& cell) { return sum + cell.share; });
}

TEST(AllocateSharesTest, TheClearWinnerTakesAllButTheFloors) {
  const auto cells =
      Allocate(Cells(Spent(2000, 100, 10000), Spent(4000, 400, 10000), Spent(4000, 240, 10000)));
  ASSERT_EQ(cells.size(), 3u);
  EXPECT_DOUBLE_EQ(cells[0].share, 0.1);
  EXPECT_NEAR(cells[1].share, 0.8, 0.001);
  EXPECT_NEAR(cells[2].share, 0.1, 0.001);
  EXPECT_NEAR(ShareSum(cells), 1.0, 1e-12);
}

TEST(AllocateSharesTest, NamesTheFiguresThatMovedAShare) {
  const auto cells =
      Allocate(Cells(Spent(2000, 100, 10000), Spent(4000, 400, 10000), Spent(4000, 240, 10000)));
  const CellAllocation& mail = cells[1];
  EXPECT_EQ(mail.customers, 4000);
  EXPECT_DOUBLE_EQ(mail.share_before, 0.4);
  // 1000 a customer against control's 500, less 12 for the contact.
  EXPECT_NEAR(mail.incremental_value, 500.0, 1.0);
  EXPECT_NEAR(mail.net_value, 488.0, 1.0);
  // se = sqrt(3000^2 / 4000 + 2179^2 / 2000) = 68: the posterior agrees with it for many customers.
  EXPECT_NEAR(mail.net_low, 488.0 - 1.96 * 68.0, 5.0);
  EXPECT_NEAR(mail.net_high, 488.0 + 1.96 * 68.0, 5.0);
  EXPECT_GT(mail.probability_best, 0.999);
}

TEST(AllocateSharesTest, CustomersMoveToControlWhenNoTreatmentPays) {
  const auto cells =
      Allocate(Cells(Spent(20000, 1000, 100), Spent(40000, 2000, 100), Spent(40000, 2000, 100)));
  EXPECT_NEAR(cells[0].share, 0.8, 0.001);
}

TEST(AllocateSharesTest, EqualCellsShareWithinTheSimulationsError) {
  auto cells = Cells(Spent(2000, 100, 10000), Spent(4000, 300, 10000), Spent(4000, 300, 10000));
  cells[2].cost_per_customer = 12;
  const auto result = Allocate(cells);
  EXPECT_NEAR(result[1].probability_best, result[2].probability_best, 0.02);
}

TEST(AllocateSharesTest, ACellWithoutBuyersYetIsUncertainNotWorthless) {
  const auto cells =
      Allocate(Cells(Spent(2000, 10, 10000), Spent(4000, 22, 10000), Spent(2, 0, 10000)));
  EXPECT_GT(cells[2].probability_best, 0.01);
}

TEST(AllocateSharesTest, RefusesContradictoryRules) {
  Rng rng(1);
  const auto cells = Cells(Spent(20, 1, 100), Spent(20, 1, 100), Spent(20, 1, 100));
  EXPECT_TRUE(absl::IsInvalidArgument(
      AllocateShares(cells, {.control_floor = 0.4, .cell_floor = 0.4}, rng).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(AllocateShares(cells, {.control_floor = -0.1}, rng).status()));
  auto no_control = cells;
  no_control[0].role = CellRole::kTreated;
  EXPECT_TRUE(absl::IsInvalidArgument(AllocateShares(no_control, {}, rng).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(AllocateShares(std::span(cells).first(1), {}, rng).status()));
}

TEST(AllocateSharesTest, SaysNotEnoughDataInsteadOfGuessing) {
  Rng rng(1);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AllocateShares(Cells(Spent(20, 0, 0), Spent(20, 0, 0), Spent(20, 0, 0)), {}, rng).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AllocateShares(Cells(Spent(20, 1, 5), Spent(1, 1, 5), Spent(20, 1, 5)), {}, rng).status()));
}

TEST(AllocateSharesTest, TheSameSeedGivesTheSameShares) {
  const auto cells = Cells(Spent(200, 10, 10000), Spent(400, 24, 10000), Spent(400, 25, 10000));
  const auto first = Allocate(cells);
  const auto second = Allocate(cells);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].share, second[i].share);
}

// Simpson's paradox: the second cycle's people buy far less and mostly got mail. Summed over cycles
// mail would look harmful; within each cycle it helps.
TEST(AllocateSharesTest, ComparesCellsWithinCyclesOnly) {
  auto cells = Cells(Spent(4000, 800, 1000), Spent(1000, 260, 1000), Spent(1000, 200, 1000));
  cells[0].cycles.push_back(Spent(1000, 20, 1000));
  cells[1].cycles.push_back(Spent(8000, 480, 1000));
  cells[2].cycles.push_back(Spent(1000, 20, 1000));
  const auto result = Allocate(cells);
  EXPECT_GT(result[1].net_low, 0.0);
  EXPECT_GT(result[1].probability_best, 0.99);
  EXPECT_EQ(result[1].customers, 9000);
}

TEST(AllocateSharesTest, RefusesCellsWithDifferentNumbersOfCycles) {
  Rng rng(1);
  auto cells = Cells(Spent(20, 1, 100), Spent(20, 1, 100), Spent(20, 1, 100));
  cells[1].cycles.push_back(Spent(20, 1, 100));
  EXPECT_TRUE(absl::IsInvalidArgument(AllocateShares(cells, {}, rng).status()));
}

// Over cycles the loop finds the better cell and earns more, whichever seed.
TEST(AllocateSharesTest, TheLoopMovesTowardsTheBetterCell) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Rng world(seed);
    auto cells = Cells({}, {}, {});
    for (CellEvidence& cell : cells) cell.cycles.clear();
    const std::vector<double> rates = {0.05, 0.06, 0.08};
    for (int cycle = 0; cycle < 5; ++cycle) {
      for (size_t i = 0; i < cells.size(); ++i) {
        const auto n = static_cast<int64_t>(3000.0 * cells[i].share);
        int64_t buyers = 0;
        for (int64_t c = 0; c < n; ++c) buyers += world.Chance(rates[i]) ? 1 : 0;
        cells[i].cycles.push_back(Spent(n, buyers, 5000));
      }
      const auto next = AllocateShares(cells, {}, world);
      ASSERT_TRUE(next.ok());
      for (size_t i = 0; i < cells.size(); ++i) cells[i].share = (*next)[i].share;
    }
    EXPECT_GT(cells[2].share, 0.5) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rondo::stats
