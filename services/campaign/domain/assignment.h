// Who is held out, and who gets into which cell: reproducible, and independent between campaigns.
//
// A keyed hash of salt and customer is a number in [0, 1), uniform and unpredictable from outside.
// Salts: a cell's holds campaign and cycle, so that each cycle draws anew; the holdout's holds the
// business unit alone, so that the same people stay out of everything, and growing the holdout
// keeps those who are in it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/core/hash.h"
#include "platform/core/id.h"

namespace rondo::campaign {

// In [0, 1), 53 bits.
double Draw(const InstanceKey& key, std::string_view salt, CustomerId customer);

std::string CellSalt(std::string_view campaign, int cycle);

// Whether `customer` is in the business unit's holdout of `share`, in [0, 1).
bool IsHeldOut(const InstanceKey& key, std::string_view business_unit, double share,
               CustomerId customer);

// Splits customers over cells by their shares.
class CellSplit {
 public:
  // `shares` in [0, 1] that add up to 1 (rounding apart): cumulated, the last threshold is 1, so
  // that every customer is in exactly one cell of a positive share.
  CellSplit(const InstanceKey& key, std::string_view campaign, int cycle,
            std::span<const double> shares);
  // The index of the customer's cell.
  size_t CellOf(CustomerId customer) const;

 private:
  InstanceKey key_;
  std::string salt_;
  std::vector<double> thresholds_;  // Upper ends, ascending.
};

}  // namespace rondo::campaign
