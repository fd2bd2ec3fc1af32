#include "rules/order_statistics.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace rondo::rules {
namespace {

constexpr int kBucketBits = 16;
constexpr size_t kBuckets = size_t{1} << kBucketBits;

// Values by their distance from the smallest, in equal steps.
struct Buckets {
  uint64_t smallest = 0;
  int shift = 0;
  size_t Of(uint64_t value) const { return static_cast<size_t>((value - smallest) >> shift); }
};

Buckets BucketsOf(std::span<const std::vector<uint64_t>> tables, const ForAll& for_all) {
  struct Range {
    uint64_t smallest = std::numeric_limits<uint64_t>::max();
    uint64_t largest = 0;
  };
  std::vector<Range> ranges(tables.size());
  for_all(tables.size(), [&](size_t t) {
    Range range;
    for (const uint64_t value : tables[t]) {
      range.smallest = std::min(range.smallest, value);
      range.largest = std::max(range.largest, value);
    }
    ranges[t] = range;
  });
  Range all;
  for (const Range& range : ranges) {
    all.smallest = std::min(all.smallest, range.smallest);
    all.largest = std::max(all.largest, range.largest);
  }
  const int bits = static_cast<int>(std::bit_width(all.largest - all.smallest));
  return {.smallest = all.smallest, .shift = std::max(0, bits - kBucketBits)};
}

// How many values each bucket holds.
std::vector<size_t> CountBuckets(std::span<const std::vector<uint64_t>> tables,
                                 const Buckets& buckets, const ForAll& for_all) {
  std::vector<std::vector<uint32_t>> counts(tables.size());
  for_all(tables.size(), [&](size_t t) {
    counts[t].resize(kBuckets);
    for (const uint64_t value : tables[t]) ++counts[t][buckets.Of(value)];
  });
  std::vector<size_t> all(kBuckets);
  for (const auto& table : counts) {
    for (size_t b = 0; b < kBuckets; ++b) all[b] += table[b];
  }
  return all;
}

// A bucket that holds a place.
struct Wanted {
  size_t bucket = 0;
  size_t before = 0;  // Values in smaller buckets.
  std::vector<uint64_t> values;
};

}  // namespace

std::vector<Ordered> ValuesAt(std::span<const std::vector<uint64_t>> tables,
                              std::span<const size_t> places, const ForAll& for_all) {
  if (places.empty()) return {};
  const Buckets buckets = BucketsOf(tables, for_all);
  const std::vector<size_t> counts = CountBuckets(tables, buckets, for_all);
  std::vector<Wanted> wanted;
  std::vector<size_t> wanted_of;  // By place.
  constexpr uint16_t kNotWanted = 0;
  std::vector<uint16_t> number(kBuckets, kNotWanted);  // 1 + index in `wanted`.
  size_t bucket = 0;
  size_t before = 0;
  for (const size_t place : places) {
    while (before + counts[bucket] <= place) before += counts[bucket++];
    if (wanted.empty() || wanted.back().bucket != bucket) {
      wanted.push_back({.bucket = bucket, .before = before, .values = {}});
      number[bucket] = static_cast<uint16_t>(wanted.size());
    }
    wanted_of.push_back(wanted.size() - 1);
  }
  std::vector<std::vector<std::vector<uint64_t>>> found(tables.size());
  for_all(tables.size(), [&](size_t t) {
    found[t].resize(wanted.size());
    for (const uint64_t value : tables[t]) {
      const uint16_t at = number[buckets.Of(value)];
      if (at != kNotWanted) found[t][at - 1U].push_back(value);
    }
  });
  for_all(wanted.size(), [&](size_t w) {
    std::vector<uint64_t>& values = wanted[w].values;
    values.reserve(counts[wanted[w].bucket]);
    for (const auto& table : found) values.insert(values.end(), table[w].begin(), table[w].end());
    const auto [least, most] = std::ranges::minmax_element(values);
    if (*least != *most) std::ranges::sort(values);
  });
  std::vector<Ordered> ordered;
  for (size_t i = 0; i < places.size(); ++i) {
    const Wanted& in = wanted[wanted_of[i]];
    const uint64_t key = in.values[places[i] - in.before];
    const auto first = std::ranges::lower_bound(in.values, key);
    ordered.push_back({key, in.before + static_cast<size_t>(first - in.values.begin())});
  }
  return ordered;
}

}  // namespace rondo::rules
