// The benchmark's eight questions as a competent engineer writes them by hand in an hour, on the
// plain coded columns: what no engine for arbitrary rules can beat by much, and so the yardstick.
//
// Two threads, each half of the rows. A predicate at a time becomes 64-bit masks, which are
// combined word by word in blocks that stay in the cache; numbers of customers are written out at
// the end. Purchases are held in two orders: by time as they came, and clustered by customer.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/bench/segments/masks.h"
#include "tests/bench/segments/population.h"

namespace rondo::bench {

class Loops {
 public:
  // The population must outlive it.
  explicit Loops(const Population& population);

  // Numbers of the customers that query `name` ("a" to "h", as queries.json states them) selects,
  // ascending. Memory is kept from one call to the next. Not thread-safe.
  std::vector<uint32_t> Run(std::string_view name);

 private:
  using Numbers = std::vector<uint32_t>;

  Numbers GoldInGermany();
  Numbers SixPredicates();
  Numbers FrequentBuyers();
  Numbers Lapsing();
  Numbers TopOfTier();
  Numbers Nearby();
  Numbers ThreeSegments();
  Numbers BestByRfm();
  void SumUp();

  template <typename MaskOf>
  Numbers Select(const MaskOf& mask_of) const;
  size_t PurchasesBefore(uint32_t seconds) const;
  template <typename Hold>
  void KeepCounted(Mask& mask, const Hold& hold) const;

  const Population& all_;
  // Purchases of customer n are [starts_[n], starts_[n + 1]), oldest first.
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> seconds_;
  std::vector<uint32_t> cents_;
  // The stored segments of (g), as bitmaps.
  std::vector<uint64_t> reachable_;
  std::vector<uint64_t> active_;
  std::vector<uint64_t> basic_;
  // Scratch.
  std::vector<uint8_t> counters_[2];
  std::vector<double> ranked_;
  std::vector<uint32_t> recency_, frequency_, monetary_;
};

}  // namespace rondo::bench
