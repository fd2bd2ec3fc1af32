// RFM: how recently, how often and how much a customer bought, each as a score by quantile.
//
// The tie rule: customers are ranked by value and then by id, and ranks are cut into bins as SQL's
// NTILE does, the larger bins first. So bins are always of equal size (within one), the scores do
// not depend on the order of the input, and two customers with the same value may differ by one.
// Hughes (1994), Strategic Database Marketing, for the idea.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo::stats {

struct PurchaseSummary {
  uint64_t customer = 0;  // Unique in the input; breaks ties.
  int64_t last_day = 0;   // Day of the last purchase, any epoch; larger is more recent.
  int64_t orders = 0;     // Distinct orders (or days with a purchase).
  int64_t amount = 0;     // Sum spent, minor units; may be negative after returns.
};

// Each in [1, bins]; `bins` is best: most recent, most orders, most spent.
struct RfmScore {
  int recency = 0;
  int frequency = 0;
  int monetary = 0;
  friend bool operator==(const RfmScore&, const RfmScore&) = default;
};

// Scores in the order of `customers`. With n customers, the i-th lowest (from 0) gets bin
// NTILE(bins); with fewer customers than bins the upper bins stay empty, as NTILE's do.
// Recency is 1 + bins - NTILE over days since the last purchase ascending.
// INVALID_ARGUMENT unless bins >= 1 and customers' ids are distinct.
absl::StatusOr<std::vector<RfmScore>> ScoreRfm(std::span<const PurchaseSummary> customers,
                                               int bins = 5);

// SQL's NTILE: the bin, in [1, bins], of the `rank`-th (from 0) of `count` rows.
int Ntile(int64_t rank, int64_t count, int bins);

}  // namespace rondo::stats
