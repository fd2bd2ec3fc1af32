#include "tests/bench/segments/quintiles.h"

#include "tests/bench/segments/masks.h"

namespace rondo::bench {
namespace {

constexpr int kBinBits = 16;
constexpr size_t kBins = size_t{1} << kBinBits;
constexpr size_t kBlockRows = 65'536;

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

// Counts of keys by key >> shift. Neighbours count apart: equal ones would wait for each other.
Histogram CountAll(const std::vector<uint32_t>& keys, size_t rows, int shift) {
  Histogram bins[4];
  OnTwoThreads([&](int thread) {
    Histogram& even = bins[thread * 2];
    Histogram& odd = bins[thread * 2 + 1];
    even.assign(kBins, 0);
    odd.assign(kBins, 0);
    const Half half(rows, thread);
    size_t i = half.begin;
    for (; i + 1 < half.end; i += 2) {
      ++even[keys[i] >> shift];
      ++odd[keys[i + 1] >> shift];
    }
    if (i < half.end) ++even[keys[i] >> shift];
  });
  for (size_t i = 1; i < 4; ++i) AddTo(bins[0], bins[i]);
  return std::move(bins[0]);
}

}  // namespace

Quintiles::Quintiles(const std::vector<uint32_t>& keys, size_t rows, Zeros zeros) : rows_(rows) {
  FindValues(keys, zeros == Zeros::kCount);
  FindCuts(keys);
}

void Quintiles::FindValues(const std::vector<uint32_t>& keys, bool with_zeros) {
  // Beyond all keys.
  values_.fill(UINT32_MAX - 1);
  uint32_t largest = 0;
  for (size_t i = 0; i < rows_; ++i) largest = std::max(largest, keys[i]);
  const int shift = std::max(0, static_cast<int>(std::bit_width(largest)) - kBinBits);
  const Histogram high = CountAll(keys, rows_, shift);
  uint64_t zeros = 0;
  if (!with_zeros)
    zeros = static_cast<uint64_t>(
        std::count(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(rows_), 0u));
  const uint64_t ranked = rows_ - zeros;
  // The four boundaries' positions, then in which bins of `high` their values lie.
  uint64_t at[4];
  size_t bin[4];
  std::vector<uint8_t> place_of_bin(kBins, 4);
  for (uint8_t i = 0; i < 4; ++i) {
    const uint64_t fifths = i + uint64_t{1};
    at[i] = fifths * (ranked / 5) + std::min(fifths, ranked % 5);
    if (at[i] >= ranked) return;
    // Zeros that are left out stand first, where they move all others by their number.
    at[i] += zeros;
    bin[i] = BinOf(high.data(), at[i]);
    place_of_bin[bin[i]] = i;
  }
  const size_t low_bins = size_t{1} << shift;
  Histogram low[2];
  OnTwoThreads([&](int thread) {
    low[thread].assign(4 * low_bins, 0);
    if (shift == 0) return;
    const Half half(rows_, thread);
    for (size_t i = half.begin; i < half.end; ++i) {
      const uint8_t place = place_of_bin[keys[i] >> shift];
      if (place < 4) ++low[thread][place * low_bins + (keys[i] & (low_bins - 1))];
    }
  });
  AddTo(low[0], low[1]);
  for (size_t i = 0; i < 4; ++i) {
    const uint32_t* bins = low[0].data() + place_of_bin[bin[i]] * low_bins;
    const size_t within = shift == 0 ? 0 : BinOf(bins, at[i]);
    values_[i] = static_cast<uint32_t>(bin[i] << shift | within);
    lower_[i] = at[i];
  }
}

void Quintiles::FindCuts(const std::vector<uint32_t>& keys) {
  const size_t blocks = (rows_ + kBlockRows - 1) / kBlockRows;
  std::vector<std::array<uint32_t, 4>> equal(blocks);
  OnTwoThreads([&](int thread) {
    const Half half(blocks, thread);
    for (size_t block = half.begin; block < half.end; ++block) {
      const size_t end = std::min(rows_, (block + 1) * kBlockRows);
      for (size_t b = 0; b < 4; ++b) {
        uint32_t count = 0;
        for (size_t i = block * kBlockRows; i < end; ++i) count += keys[i] == values_[b] ? 1 : 0;
        equal[block][b] = count;
      }
    }
  });
  for (size_t b = 0; b < 4; ++b) {
    uint64_t left = lower_[b];
    size_t block = 0;
    while (block < blocks && left >= equal[block][b]) left -= equal[block++][b];
    size_t row = std::min(rows_, block * kBlockRows);
    while (row < rows_ && (keys[row] != values_[b] || left-- > 0)) ++row;
    cuts_[b] = row;
  }
}

void Quintiles::AddFifths(const std::vector<uint32_t>& keys, size_t row, uint8_t* scores) const {
  uint32_t fifths[64];
  std::fill_n(fifths, 64, 1);
  const uint32_t* values = keys.data() + row;
  for (size_t b = 0; b < 4; ++b) {
    // Equal keys are above from the cut on.
    const size_t equal_from = std::clamp(cuts_[b], row, row + 64) - row;
    if (equal_from == 0 || equal_from == 64) {
      const uint32_t least = values_[b] + (equal_from == 0 ? 0 : 1);
      for (size_t i = 0; i < 64; ++i) fifths[i] += values[i] >= least ? 1 : 0;
    } else {
      for (size_t i = 0; i < 64; ++i) {
        fifths[i] += values[i] >= values_[b] + (i < equal_from ? 1 : 0) ? 1 : 0;
      }
    }
  }
  for (size_t i = 0; i < 64; ++i) scores[i] = static_cast<uint8_t>(scores[i] + fifths[i]);
}

}  // namespace rondo::bench
