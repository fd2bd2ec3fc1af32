// Compiled once for each generation of vector instructions; see hwy/foreach_target.h.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rules/masks.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <cstring>

#include "rules/masks.h"

HWY_BEFORE_NAMESPACE();
namespace rondo::rules {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename D, typename Mask>
HWY_INLINE uint64_t BitsOf(D d, Mask mask) {
  // Of at most 64 lanes; StoreMaskBits writes whole bytes.
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

// Fills whole words by `test(row)`, which gives a mask of Lanes(d) rows, and the last one by
// `one(row)`.
template <typename D, typename Test, typename One>
HWY_INLINE void FillWords(D d, size_t rows, uint64_t* out, const Test& test, const One& one) {
  const size_t lanes = hn::Lanes(d);
  size_t row = 0;
  for (; row + 64 <= rows; row += 64) {
    uint64_t word = 0;
    for (size_t i = 0; i < 64; i += lanes) word |= BitsOf(d, test(row + i)) << i;
    out[row / 64] = word;
  }
  if (row == rows) return;
  uint64_t word = 0;
  for (size_t i = row; i < rows; ++i) word |= uint64_t{one(i) ? 1U : 0U} << (i - row);
  out[row / 64] = word;
}

// With `a` and `b` as functions that give the operands of a vector of rows, or of one.
template <typename D, typename A, typename B, typename A1, typename B1>
HWY_INLINE void Compare(Op op, D d, size_t rows, uint64_t* out, const A& a, const B& b,
                        const A1& one_a, const B1& one_b) {
  // By < and == alone: Highway 1.0 has no more for whole numbers, and its != is false for NaN.
  switch (op) {
    case Op::kLess:
      return FillWords(
          d, rows, out, [&](size_t i) { return hn::Lt(a(i), b(i)); },
          [&](size_t i) { return one_a(i) < one_b(i); });
    case Op::kLessEqual:
      return FillWords(
          d, rows, out, [&](size_t i) { return hn::Or(hn::Lt(a(i), b(i)), hn::Eq(a(i), b(i))); },
          [&](size_t i) { return one_a(i) <= one_b(i); });
    case Op::kGreater:
      return FillWords(
          d, rows, out, [&](size_t i) { return hn::Lt(b(i), a(i)); },
          [&](size_t i) { return one_a(i) > one_b(i); });
    case Op::kGreaterEqual:
      return FillWords(
          d, rows, out, [&](size_t i) { return hn::Or(hn::Lt(b(i), a(i)), hn::Eq(a(i), b(i))); },
          [&](size_t i) { return one_a(i) >= one_b(i); });
    case Op::kEqual:
      return FillWords(
          d, rows, out, [&](size_t i) { return hn::Eq(a(i), b(i)); },
          [&](size_t i) { return one_a(i) == one_b(i); });
    default:
      return FillWords(
          d, rows, out, [&](size_t i) { return hn::Not(hn::Eq(a(i), b(i))); },
          [&](size_t i) { return one_a(i) != one_b(i); });
  }
}

template <typename T>
HWY_INLINE void ToConstant(Op op, const T* values, size_t rows, T constant, uint64_t* out) {
  const hn::CappedTag<T, 64> d;
  const auto repeated = hn::Set(d, constant);
  Compare(
      op, d, rows, out, [&](size_t i) { return hn::LoadU(d, values + i); },
      [&](size_t) { return repeated; }, [&](size_t i) { return values[i]; },
      [&](size_t) { return constant; });
}

template <typename T>
HWY_INLINE void Each(Op op, const T* a, const T* b, size_t rows, uint64_t* out) {
  const hn::CappedTag<T, 64> d;
  Compare(
      op, d, rows, out, [&](size_t i) { return hn::LoadU(d, a + i); },
      [&](size_t i) { return hn::LoadU(d, b + i); }, [&](size_t i) { return a[i]; },
      [&](size_t i) { return b[i]; });
}

void ConstantI8(Op op, const int8_t* values, size_t rows, int8_t constant, uint64_t* out) {
  ToConstant(op, values, rows, constant, out);
}
void ConstantU8(Op op, const uint8_t* values, size_t rows, uint8_t constant, uint64_t* out) {
  ToConstant(op, values, rows, constant, out);
}
void ConstantI16(Op op, const int16_t* values, size_t rows, int16_t constant, uint64_t* out) {
  ToConstant(op, values, rows, constant, out);
}
void ConstantI32(Op op, const int32_t* values, size_t rows, int32_t constant, uint64_t* out) {
  ToConstant(op, values, rows, constant, out);
}
void ConstantI64(Op op, const int64_t* values, size_t rows, int64_t constant, uint64_t* out) {
  ToConstant(op, values, rows, constant, out);
}
void ConstantF64(Op op, const double* values, size_t rows, double constant, uint64_t* out) {
  ToConstant(op, values, rows, constant, out);
}
void EachI64(Op op, const int64_t* a, const int64_t* b, size_t rows, uint64_t* out) {
  Each(op, a, b, rows, out);
}
void EachF64(Op op, const double* a, const double* b, size_t rows, uint64_t* out) {
  Each(op, a, b, rows, out);
}

// Both halves of each point at once.
void Box(const GeoBox& box, const int64_t* points, size_t rows, uint64_t* out) {
  const auto latitude = [&](size_t i) { return static_cast<int32_t>(points[i] >> 32); };
  const auto longitude = [&](size_t i) { return static_cast<int32_t>(points[i]); };
  const auto one = [&](size_t i) {
    return latitude(i) >= box.south && latitude(i) <= box.north && longitude(i) >= box.west &&
           longitude(i) <= box.east;
  };
  const hn::CappedTag<int64_t, 64> d;
#if HWY_TARGET == HWY_SCALAR
  FillWords(
      d, rows, out, [&](size_t i) { return hn::MaskFromVec(hn::Set(d, one(i) ? -1 : 0)); }, one);
#else
  const hn::Repartition<int32_t, decltype(d)> halves;
  const auto both = [&](int32_t high, int32_t low) {
    const auto packed =
        static_cast<uint64_t>(static_cast<uint32_t>(high)) << 32 | static_cast<uint32_t>(low);
    return hn::BitCast(halves, hn::Set(d, static_cast<int64_t>(packed)));
  };
  const auto least = both(box.south, box.west);
  const auto most = both(box.north, box.east);
  const auto zero = hn::Zero(d);
  FillWords(
      d, rows, out,
      [&](size_t i) {
        const auto point = hn::BitCast(halves, hn::LoadU(d, points + i));
        const auto outside = hn::Or(hn::VecFromMask(halves, hn::Lt(point, least)),
                                    hn::VecFromMask(halves, hn::Lt(most, point)));
        return hn::Eq(hn::BitCast(d, outside), zero);
      },
      one);
#endif
}

#if HWY_TARGET == HWY_SCALAR
void Codes(const CodeSet& set, const uint8_t* codes, size_t rows, uint64_t* out) {
  const hn::ScalableTag<uint8_t> d;
  const auto one = [&](size_t i) { return set.Contains(codes[i]); };
  FillWords(
      d, rows, out, [&](size_t i) { return hn::MaskFromVec(hn::Set(d, one(i) ? 255 : 0)); }, one);
}
#else
// Each code's low four bits choose a byte of a table, its high four bits a bit of that byte.
void Codes(const CodeSet& set, const uint8_t* codes, size_t rows, uint64_t* out) {
  const hn::CappedTag<uint8_t, 64> d;
  const hn::Repartition<uint16_t, decltype(d)> d16;
  HWY_ALIGN static constexpr uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                  1, 2, 4, 8, 16, 32, 64, 128};
  HWY_ALIGN uint8_t tables[2][16];
  std::memcpy(tables[0], set.low().data(), 16);
  std::memcpy(tables[1], set.high().data(), 16);
  const auto bits = hn::LoadDup128(d, kBits);
  const auto low_table = hn::LoadDup128(d, tables[0]);
  const auto high_table = hn::LoadDup128(d, tables[1]);
  const auto nibble = hn::Set(d, uint8_t{15});
  const auto high_codes = hn::Set(d, uint8_t{128});
  FillWords(
      d, rows, out,
      [&](size_t i) {
        const auto code = hn::LoadU(d, codes + i);
        const auto low = hn::And(code, nibble);
        const auto high =
            hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, code))), nibble);
        const auto row =
            hn::IfThenElse(hn::Lt(code, high_codes), hn::TableLookupBytes(low_table, low),
                           hn::TableLookupBytes(high_table, low));
        const auto bit = hn::TableLookupBytes(bits, high);
        return hn::Eq(hn::And(row, bit), bit);
      },
      [&](size_t i) { return set.Contains(codes[i]); });
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace rondo::rules
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rondo::rules {

HWY_EXPORT(ConstantI8);
HWY_EXPORT(ConstantU8);
HWY_EXPORT(ConstantI16);
HWY_EXPORT(ConstantI32);
HWY_EXPORT(ConstantI64);
HWY_EXPORT(ConstantF64);
HWY_EXPORT(EachI64);
HWY_EXPORT(EachF64);
HWY_EXPORT(Box);
HWY_EXPORT(Codes);

void CompareToConstant(Op op, const int8_t* values, size_t rows, int8_t constant, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(ConstantI8)(op, values, rows, constant, out);
}
void CompareToConstant(Op op, const uint8_t* values, size_t rows, uint8_t constant, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(ConstantU8)(op, values, rows, constant, out);
}
void CompareToConstant(Op op, const int16_t* values, size_t rows, int16_t constant, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(ConstantI16)(op, values, rows, constant, out);
}
void CompareToConstant(Op op, const int32_t* values, size_t rows, int32_t constant, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(ConstantI32)(op, values, rows, constant, out);
}
void CompareToConstant(Op op, const int64_t* values, size_t rows, int64_t constant, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(ConstantI64)(op, values, rows, constant, out);
}
void CompareToConstant(Op op, const double* values, size_t rows, double constant, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(ConstantF64)(op, values, rows, constant, out);
}
void CompareEach(Op op, const int64_t* a, const int64_t* b, size_t rows, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(EachI64)(op, a, b, rows, out);
}
void CompareEach(Op op, const double* a, const double* b, size_t rows, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(EachF64)(op, a, b, rows, out);
}
void PointsInBox(const GeoBox& box, const int64_t* points, size_t rows, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(Box)(box, points, rows, out);
}
void MatchCodes(const CodeSet& set, const uint8_t* codes, size_t rows, uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(Codes)(set, codes, rows, out);
}

}  // namespace rondo::rules
#endif
