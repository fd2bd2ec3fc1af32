// Masks against one comparison at a time.
#include "rules/masks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace rondo::rules {
namespace {

constexpr Op kOps[] = {Op::kLess,         Op::kLessEqual, Op::kGreater,
                       Op::kGreaterEqual, Op::kEqual,     Op::kNotEqual};

template <typename T>
bool Holds(Op op, T a, T b) {
  switch (op) {
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    case Op::kGreaterEqual:
      return a >= b;
    case Op::kEqual:
      return a == b;
    default:
      return a != b;
  }
}

// Values close to one another, with both ends of the type and, of doubles, NaN among them.
template <typename T>
std::vector<T> Draw(std::mt19937_64& random, size_t count) {
  std::vector<T> values(count);
  for (T& value : values) {
    value = static_cast<T>(random() % 5);
    if (random() % 20 == 0) value = std::numeric_limits<T>::lowest();
    if (random() % 20 == 0) value = std::numeric_limits<T>::max();
    if constexpr (std::is_floating_point_v<T>) {
      if (random() % 20 == 0) value = std::numeric_limits<T>::quiet_NaN();
    }
  }
  return values;
}

template <typename Test>
void ExpectBits(const std::vector<uint64_t>& words, size_t rows, const Test& test) {
  for (size_t i = 0; i < words.size() * 64; ++i) {
    ASSERT_EQ((words[i / 64] >> (i % 64) & 1) != 0, i < rows && test(i)) << i << " of " << rows;
  }
}

template <typename T>
void ExpectComparisons(uint64_t seed) {
  std::mt19937_64 random(seed);
  for (size_t rows = 0; rows < 300; rows += 1 + random() % 7) {
    const std::vector<T> values = Draw<T>(random, rows);
    const T constant = Draw<T>(random, 1)[0];
    for (const Op op : kOps) {
      std::vector<uint64_t> words((rows + 63) / 64, ~uint64_t{0});
      CompareToConstant(op, values.data(), rows, constant, words.data());
      ExpectBits(words, rows, [&](size_t i) { return Holds(op, values[i], constant); });
    }
  }
}

TEST(MasksTest, CompareAllWidthsToAConstant) {
  ExpectComparisons<int8_t>(1);
  ExpectComparisons<uint8_t>(2);
  ExpectComparisons<int16_t>(3);
  ExpectComparisons<int32_t>(4);
  ExpectComparisons<int64_t>(5);
  ExpectComparisons<double>(6);
}

template <typename T>
void ExpectPairs(uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const size_t rows : {1U, 64U, 65U, 200U, 4096U}) {
    const std::vector<T> a = Draw<T>(random, rows);
    const std::vector<T> b = Draw<T>(random, rows);
    for (const Op op : kOps) {
      std::vector<uint64_t> words((rows + 63) / 64, ~uint64_t{0});
      CompareEach(op, a.data(), b.data(), rows, words.data());
      ExpectBits(words, rows, [&](size_t i) { return Holds(op, a[i], b[i]); });
    }
  }
}

TEST(MasksTest, CompareRowByRow) {
  ExpectPairs<int64_t>(7);
  ExpectPairs<double>(8);
}

TEST(MasksTest, MatchEveryCodeOfASetAndNoOther) {
  std::mt19937_64 random(9);
  for (const unsigned codes_below : {4U, 128U, 256U}) {
    for (int round = 0; round < 50; ++round) {
      CodeSet set;
      std::vector<bool> in(256);
      for (uint64_t i = random() % 20; i > 0; --i) {
        const auto code = static_cast<uint8_t>(random() % codes_below);
        set.Add(code);
        in[code] = true;
      }
      std::vector<uint8_t> codes(1 + random() % 700);
      for (uint8_t& code : codes) code = static_cast<uint8_t>(random());
      std::vector<uint64_t> words((codes.size() + 63) / 64, ~uint64_t{0});
      MatchCodes(set, codes.data(), codes.size(), words.data());
      ExpectBits(words, codes.size(), [&](size_t i) { return in[codes[i]]; });
    }
  }
}

}  // namespace
}  // namespace rondo::rules
