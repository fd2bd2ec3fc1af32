// Predicates over coded columns as 64-bit masks, on two threads.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace rondo::bench {

// Rows of one block: 1,024 words of 64 rows, 8 KB a mask.
inline constexpr size_t kMaskWords = 1'024;

// Some words of the rows' bitmap.
struct Mask {
  size_t first_word = 0;
  size_t words = 0;
  uint64_t bits[kMaskWords];
};

// Eight bytes, each 0 or 1, as eight bits.
inline uint64_t PackBytes(const uint8_t* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word * 0x0102040810204080u >> 56;
}

// 64 bytes, each 0 or 1, as 64 bits.
inline uint64_t PackWord(const uint8_t* bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < 8; ++i) word |= PackBytes(bytes + i * 8) << i * 8;
  return word;
}

// Keeps the rows whose value `holds`. The column is padded to whole words.
template <typename T, typename Holds>
void Keep(const std::vector<T>& column, Mask& mask, const Holds& holds) {
  for (size_t w = 0; w < mask.words; ++w) {
    if (mask.bits[w] == 0) continue;
    const T* values = column.data() + (mask.first_word + w) * 64;
    uint8_t bytes[64];
    for (size_t i = 0; i < 64; ++i) bytes[i] = holds(values[i]) ? 1 : 0;
    mask.bits[w] &= PackWord(bytes);
  }
}

// Keeps the rows whose bit is set; an empty bitmap has them all.
inline void KeepBits(const std::vector<uint64_t>& bitmap, Mask& mask) {
  if (bitmap.empty()) return;
  const uint64_t* words = bitmap.data() + mask.first_word;
  for (size_t w = 0; w < mask.words; ++w) mask.bits[w] &= words[w];
}

inline void DropBits(const std::vector<uint64_t>& bitmap, Mask& mask) {
  const uint64_t* words = bitmap.data() + mask.first_word;
  for (size_t w = 0; w < mask.words; ++w) mask.bits[w] &= ~words[w];
}

// Calls `visit(row)` for each bit of the mask, and keeps those for which it is true.
template <typename Visit>
void KeepEach(Mask& mask, const Visit& visit) {
  for (size_t w = 0; w < mask.words; ++w) {
    for (uint64_t rest = mask.bits[w]; rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<size_t>(std::countr_zero(rest));
      if (!visit((mask.first_word + w) * 64 + bit)) mask.bits[w] &= ~(uint64_t{1} << bit);
    }
  }
}

// Calls `work(0)` and `work(1)` at once.
template <typename Work>
void OnTwoThreads(const Work& work) {
  std::thread other([&] { work(1); });
  work(0);
  other.join();
}

// [begin, end) of `size` things that fall to `thread`.
struct Half {
  Half(size_t size, int thread)
      : begin(thread == 0 ? 0 : size / 2), end(thread == 0 ? size / 2 : size) {}
  size_t begin;
  size_t end;
};

// All blocks of `rows` rows that fall to `thread`; rows beyond the last are not in the mask.
template <typename Visit>
void ForEachMask(size_t rows, int thread, const Visit& visit) {
  const size_t words = (rows + 63) / 64;
  const Half blocks((words + kMaskWords - 1) / kMaskWords, thread);
  Mask mask;
  for (size_t block = blocks.begin; block < blocks.end; ++block) {
    const size_t w = block * kMaskWords;
    mask.first_word = w;
    mask.words = std::min(kMaskWords, words - w);
    std::fill_n(mask.bits, mask.words, ~uint64_t{0});
    const size_t last = w + mask.words;
    if (last * 64 > rows) mask.bits[mask.words - 1] >>= last * 64 - rows;
    visit(mask);
  }
}

}  // namespace rondo::bench
