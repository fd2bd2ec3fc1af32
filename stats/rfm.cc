#include "stats/rfm.h"

#include <algorithm>
#include <numeric>

#include "platform/core/field_error.h"

namespace rondo::stats {
namespace {

// Indices of `customers` in ascending order of `key`, then of id.
template <typename Key>
std::vector<size_t> Ranked(std::span<const PurchaseSummary> customers, Key key) {
  std::vector<size_t> order(customers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto key_a = key(customers[a]);
    const auto key_b = key(customers[b]);
    return key_a != key_b ? key_a < key_b : customers[a].customer < customers[b].customer;
  });
  return order;
}

}  // namespace

int Ntile(int64_t rank, int64_t count, int bins) {
  const int64_t small_size = count / bins;
  const int64_t large_bins = count % bins;
  const int64_t in_large_bins = large_bins * (small_size + 1);
  if (rank < in_large_bins) return static_cast<int>(rank / (small_size + 1)) + 1;
  return static_cast<int>(large_bins + (rank - in_large_bins) / small_size) + 1;
}

absl::StatusOr<std::vector<RfmScore>> ScoreRfm(std::span<const PurchaseSummary> customers,
                                               int bins) {
  if (bins < 1) return FieldError("bins", "expected at least 1");
  const std::vector<size_t> by_id = Ranked(customers, [](const PurchaseSummary&) { return 0; });
  for (size_t i = 1; i < by_id.size(); ++i) {
    if (customers[by_id[i - 1]].customer == customers[by_id[i]].customer) {
      return FieldError("customer", "expected each customer once");
    }
  }
  std::vector<RfmScore> scores(customers.size());
  const auto assign = [&](const std::vector<size_t>& order, auto set) {
    const int64_t count = static_cast<int64_t>(order.size());
    for (int64_t rank = 0; rank < count; ++rank) {
      set(scores[order[static_cast<size_t>(rank)]], Ntile(rank, count, bins));
    }
  };
  // Days since ascending is last day descending; one's complement reverses without overflow.
  assign(Ranked(customers, [](const PurchaseSummary& c) { return ~c.last_day; }),
         [bins](RfmScore& score, int tile) { score.recency = 1 + bins - tile; });
  assign(Ranked(customers, [](const PurchaseSummary& c) { return c.orders; }),
         [](RfmScore& score, int tile) { score.frequency = tile; });
  assign(Ranked(customers, [](const PurchaseSummary& c) { return c.amount; }),
         [](RfmScore& score, int tile) { score.monetary = tile; });
  return scores;
}

}  // namespace rondo::stats
