#include "tests/bench/segments/quintiles.h"

#include "tests/bench/segments/masks.h"

namespace rondo::bench {
namespace {

constexpr size_t kBins = size_t{1} << 16;
constexpr size_t kBlockRows = kMaskWords * 64;

using Histogram = std::vector<uint32_t>;

void AddTo(Histogram& sum, const Histogram& other) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
}

// The bin in which position `at` of all lies; takes what is in smaller bins from `at`.
size_t BinOf(const uint32_t* bins, uint64_t& at) {
  size_t bin = 0;
  while (at >= bins[bin]) at -= bins[bin++];
  return bin;
}

}  // namespace

Quintiles::Quintiles(const std::vector<uint32_t>& keys, Zeros zeros) {
  FindBoundaries(keys, zeros == Zeros::kCount);
  CountEquals(keys);
}

void Quintiles::FindBoundaries(const std::vector<uint32_t>& keys, bool with_zeros) {
  values_.fill(UINT32_MAX);
  lower_.fill(UINT32_MAX);
  Histogram high[2];
  uint64_t zeros[2] = {};
  OnTwoThreads([&](int thread) {
    Histogram& bins = high[thread];
    bins.assign(kBins, 0);
    const Half half(keys.size(), thread);
    uint64_t left_out = 0;
    for (size_t i = half.begin; i < half.end; ++i) {
      ++bins[keys[i] >> 16];
      left_out += keys[i] == 0 ? 1 : 0;
    }
    zeros[thread] = left_out;
  });
  AddTo(high[0], high[1]);
  const uint64_t left_out = with_zeros ? 0 : zeros[0] + zeros[1];
  const uint64_t ranked = keys.size() - left_out;
  // The four boundaries' positions, then within which high half their values lie.
  uint64_t at[4];
  size_t bucket[4];
  for (uint64_t i = 0; i < 4; ++i) {
    at[i] = (i + 1) * (ranked / 5) + std::min(i + 1, ranked % 5);
    if (at[i] >= ranked) return;
    // Zeros that are left out stand first, where they move all others by their number.
    at[i] += left_out;
    bucket[i] = BinOf(high[0].data(), at[i]);
  }
  Histogram low[2];
  OnTwoThreads([&](int thread) {
    Histogram& bins = low[thread];
    bins.assign(4 * kBins, 0);
    const Half half(keys.size(), thread);
    for (size_t i = half.begin; i < half.end; ++i) {
      const size_t key = keys[i];
      for (size_t b = 0; b < 4; ++b) {
        // Of equal buckets the first one counts.
        if (key >> 16 != bucket[b]) continue;
        ++bins[b * kBins + key % kBins];
        break;
      }
    }
  });
  AddTo(low[0], low[1]);
  for (size_t i = 0; i < 4; ++i) {
    const auto same = static_cast<size_t>(std::find(bucket, bucket + 4, bucket[i]) - bucket);
    const size_t bin = BinOf(low[0].data() + same * kBins, at[i]);
    values_[i] = static_cast<uint32_t>(bucket[i] << 16 | bin);
    lower_[i] = static_cast<uint32_t>(at[i]);
  }
}

void Quintiles::CountEquals(const std::vector<uint32_t>& keys) {
  const size_t blocks = (keys.size() + kBlockRows - 1) / kBlockRows;
  equals_before_.assign(blocks + 1, {});
  OnTwoThreads([&](int thread) {
    const Half half(blocks, thread);
    for (size_t block = half.begin; block < half.end; ++block) {
      const size_t end = std::min(keys.size(), (block + 1) * kBlockRows);
      for (size_t b = 0; b < 4; ++b) {
        uint32_t count = 0;
        for (size_t i = block * kBlockRows; i < end; ++i) count += keys[i] == values_[b] ? 1 : 0;
        equals_before_[block + 1][b] = count;
      }
    }
  });
  for (size_t block = 0; block < blocks; ++block) {
    for (size_t b = 0; b < 4; ++b) equals_before_[block + 1][b] += equals_before_[block][b];
  }
}

Quintiles::Walk::Walk(const Quintiles& quintiles, size_t row)
    : values_(quintiles.values_),
      lower_(quintiles.lower_),
      equals_(quintiles.equals_before_[row / kBlockRows]) {}

}  // namespace rondo::bench
