// Values at given places in the order of all values of several tables, without sorting them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rules/program.h"

namespace rondo::rules {

// A value at a place.
struct Ordered {
  uint64_t key = 0;
  size_t smaller = 0;  // How many values are smaller than it.
};

// The values at `places` (ascending, each below the number of values) in ascending order of the
// values of all tables. Two passes over the values, a table at a time on `for_all`'s threads, as
// long as few values share a bucket with a place.
std::vector<Ordered> ValuesAt(std::span<const std::vector<uint64_t>> tables,
                              std::span<const size_t> places, const ForAll& for_all);

}  // namespace rondo::rules
