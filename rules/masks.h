// Comparisons of many values at once, into bit masks: bit i % 64 of word i / 64 is row i.
//
// Vector instructions of the machine at hand, chosen at run time (Highway). Each function writes
// (rows + 63) / 64 words; bits from `rows` on are 0. Nothing beyond `rows` values is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "rules/ast.h"

namespace rondo::rules {

// Rows where `values[i] op constant`; `op` is an ordering, kEqual or kNotEqual. NaN is as in C++.
void CompareToConstant(Op op, const int8_t* values, size_t rows, int8_t constant, uint64_t* out);
void CompareToConstant(Op op, const uint8_t* values, size_t rows, uint8_t constant, uint64_t* out);
void CompareToConstant(Op op, const int16_t* values, size_t rows, int16_t constant, uint64_t* out);
void CompareToConstant(Op op, const int32_t* values, size_t rows, int32_t constant, uint64_t* out);
void CompareToConstant(Op op, const int64_t* values, size_t rows, int64_t constant, uint64_t* out);
void CompareToConstant(Op op, const double* values, size_t rows, double constant, uint64_t* out);

// Rows where `a[i] op b[i]`.
void CompareEach(Op op, const int64_t* a, const int64_t* b, size_t rows, uint64_t* out);
void CompareEach(Op op, const double* a, const double* b, size_t rows, uint64_t* out);

// Bounds that belong to the box, in 1e-7 degrees.
struct GeoBox {
  int32_t south, north, west, east;
};
// Points of kGeoPoint columns (columns.h) in the box.
void PointsInBox(const GeoBox& box, const int64_t* points, size_t rows, uint64_t* out);

// A set of byte codes.
class CodeSet {
 public:
  void Add(uint8_t code) {
    const auto bit = static_cast<uint8_t>(1u << (code / 16 % 8));
    uint8_t& row = (code < 128 ? low_ : high_)[code % 16];
    row = static_cast<uint8_t>(row | bit);
  }
  bool Contains(uint8_t code) const {
    return ((code < 128 ? low_ : high_)[code % 16] >> (code / 16 % 8) & 1) != 0;
  }
  // By the code's low four bits: bit h stands for the high four bits h, from 8 on in high().
  const std::array<uint8_t, 16>& low() const { return low_; }
  const std::array<uint8_t, 16>& high() const { return high_; }

 private:
  std::array<uint8_t, 16> low_{}, high_{};
};

// Rows whose code is in the set.
void MatchCodes(const CodeSet& set, const uint8_t* codes, size_t rows, uint64_t* out);

}  // namespace rondo::rules
