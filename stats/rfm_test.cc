#include "stats/rfm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace rondo::stats {
namespace {

std::vector<PurchaseSummary> AnyCustomers() {
  const auto rows = *rc::gen::container<std::vector<std::tuple<int8_t, uint8_t, int16_t>>>(
      rc::gen::arbitrary<std::tuple<int8_t, uint8_t, int16_t>>());
  std::vector<PurchaseSummary> customers;
  for (const auto& [day, orders, amount] : rows) {
    customers.push_back({.customer = (customers.size() * 7919) % 100003,
                         .last_day = day,
                         .orders = orders,
                         .amount = amount});
  }
  return customers;
}

// As SQL says it: the rows are dealt into `bins` groups of equal size, the first ones one larger.
TEST(NtileTest, AgreesWithDealingOutTheRows) {
  for (int64_t count = 1; count < 40; ++count) {
    for (int bins = 1; bins < 9; ++bins) {
      std::vector<int> expected;
      for (int bin = 1; bin <= bins; ++bin) {
        const int64_t size = count / bins + (bin <= count % bins ? 1 : 0);
        expected.insert(expected.end(), static_cast<size_t>(size), bin);
      }
      for (int64_t rank = 0; rank < count; ++rank) {
        ASSERT_EQ(Ntile(rank, count, bins), expected[static_cast<size_t>(rank)]);
      }
    }
  }
}

TEST(ScoreRfmTest, TheMostRecentFrequentAndGenerousGetTheHighestScores) {
  std::vector<PurchaseSummary> customers;
  for (uint64_t i = 1; i <= 5; ++i) {
    const auto n = static_cast<int64_t>(i);
    customers.push_back({.customer = i, .last_day = n, .orders = 10 * n, .amount = 100 * n});
  }
  const auto scores = ScoreRfm(customers);
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(scores->front(), (RfmScore{1, 1, 1}));
  EXPECT_EQ(scores->back(), (RfmScore{5, 5, 5}));
}

TEST(ScoreRfmTest, TiesGoByCustomerId) {
  const std::vector<PurchaseSummary> customers = {
      {.customer = 9, .last_day = 1, .orders = 1, .amount = 1},
      {.customer = 2, .last_day = 1, .orders = 1, .amount = 1}};
  const auto scores = ScoreRfm(customers, 2);
  ASSERT_TRUE(scores.ok());
  // Customer 2 ranks first: NTILE 1, which is the best recency and the lowest frequency.
  EXPECT_EQ((*scores)[1], (RfmScore{2, 1, 1}));
  EXPECT_EQ((*scores)[0], (RfmScore{1, 2, 2}));
}

TEST(ScoreRfmTest, RefusesRepeatedCustomersAndNoBins) {
  const std::vector<PurchaseSummary> twice(2, PurchaseSummary{.customer = 4});
  EXPECT_TRUE(absl::IsInvalidArgument(ScoreRfm(twice).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ScoreRfm({}, 0).status()));
  const auto none = ScoreRfm({});
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

// Brute force: a customer's bin is NTILE of the number of customers that rank before.
TEST(ScoreRfmTest, AgreesWithCountingWhoRanksBefore) {
  EXPECT_TRUE(rc::check("score == NTILE of the count of predecessors", [] {
    const std::vector<PurchaseSummary> customers = AnyCustomers();
    const auto scores = ScoreRfm(customers);
    RC_ASSERT(scores.ok());
    const auto count = static_cast<int64_t>(customers.size());
    const auto before = [&](const PurchaseSummary& self, auto key) {
      return std::count_if(customers.begin(), customers.end(), [&](const PurchaseSummary& other) {
        return key(other) < key(self) ||
               (key(other) == key(self) && other.customer < self.customer);
      });
    };
    for (size_t i = 0; i < customers.size(); ++i) {
      const PurchaseSummary& c = customers[i];
      const auto age = [](const PurchaseSummary& p) { return -p.last_day; };
      const auto orders = [](const PurchaseSummary& p) { return p.orders; };
      const auto amount = [](const PurchaseSummary& p) { return p.amount; };
      RC_ASSERT((*scores)[i].recency == 6 - Ntile(before(c, age), count, 5));
      RC_ASSERT((*scores)[i].frequency == Ntile(before(c, orders), count, 5));
      RC_ASSERT((*scores)[i].monetary == Ntile(before(c, amount), count, 5));
    }
  }));
}

}  // namespace
}  // namespace rondo::stats
