// Parts of a vectorised query, evaluated a chunk of rows at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rules/ast.h"
#include "rules/columns.h"
#include "rules/frame.h"
#include "rules/node.h"

namespace rondo::rules {

inline constexpr size_t kChunkWords = 64;
inline constexpr size_t kChunkRows = kChunkWords * 64;
static_assert(kBlockRows % kChunkRows == 0);

using Words = std::array<uint64_t, kChunkWords>;

// What a condition gives for each row; a row is in one at most, and in none when it is false.
struct Masks {
  Words is_true, no_value, failed;
};

// A column that a part reads.
enum class LeafKind : uint8_t { kAttribute, kSignal, kField, kEventTime };
struct Leaf {
  LeafKind kind = LeafKind::kAttribute;
  Symbol symbol;
  friend bool operator==(const Leaf& a, const Leaf& b) {
    return a.kind == b.kind && a.symbol.index == b.symbol.index;
  }
};

// An aggregation over events, or a comparison with all customers, by ordinal: numbers of one type,
// or bits. In masks bit i % 64 of word i / 64 is ordinal i; those that are not there are empty.
struct Aggregate {
  std::vector<int64_t> integers;
  std::vector<double> doubles;
  std::vector<uint64_t> bits;
  std::vector<uint64_t> null, failed;
};

// What percentile_rank, ntile or top gives to each customer of one table: doubles, integers, bits.
struct RankColumn {
  TypeKind type = TypeKind::kDouble;
  std::shared_ptr<const Aggregate> values;
  bool compared = false;  // The bits say how the rank compares; the rank itself is not known.
};
using RankColumns = std::vector<RankColumn>;  // By the number of the call.

// Rows [first, first + rows) of a block of customers or of events. One thread's.
struct Chunk {
  const Columns* columns = nullptr;
  const EventBlock* events = nullptr;  // Null for customers.
  size_t block = 0;                    // Of customers.
  size_t first = 0;                    // Row in the block; a multiple of 64.
  size_t rows = 0;                     // At most kChunkRows.
  size_t words() const { return (rows + 63) / 64; }
  size_t ordinal(size_t row) const { return block * kBlockRows + first + row; }

  Arena* arena = nullptr;
  Row* row = nullptr;  // Of Columns::NewRow.
  Value now;
  const Limits* limits = nullptr;
  Value* locals = nullptr;
  size_t* rows_by_row = nullptr;
  const RankColumns* ranks = nullptr;  // Null while they are computed.

  ColumnView View(const Leaf& leaf) const;
};

// The value at `i` of the view.
Value ValueAt(const ColumnView& view, size_t i);
inline bool BitAt(const uint64_t* words, size_t i) { return (words[i / 64] >> (i % 64) & 1) != 0; }
// Word `word` of the validity, counted from the chunk's first row.
inline uint64_t ValidWord(const ColumnView& view, size_t first, size_t word) {
  if (view.kind == ColumnKind::kAbsent) return 0;
  return view.validity == nullptr ? ~uint64_t{0} : view.validity[first / 64 + word];
}

class Condition {
 public:
  virtual ~Condition() = default;
  // Fills words() words of `out` for the rows of `want`; other rows may hold anything.
  virtual void Eval(Chunk& chunk, const Words& want, Masks* out) const = 0;
  // Nanoseconds a row, roughly.
  virtual double cost() const = 0;
  virtual std::string Describe(int indent) const = 0;
};
using ConditionPtr = std::unique_ptr<const Condition>;

// Numbers of a chunk. Timestamps and durations are microseconds. A row is in one mask at most;
// where it is in one, its number may be anything.
enum class NumberType : uint8_t { kInt, kDouble, kTimestamp, kDuration };
struct Numbers {
  std::array<int64_t, kChunkRows> integers;
  std::array<double, kChunkRows> doubles;
  Words null, no_value, failed;
};

enum RowState : uint8_t { kHasValue, kHasNoValue, kHasFailed };

class Number {
 public:
  virtual ~Number() = default;
  virtual void Eval(Chunk& chunk, Numbers* out) const = 0;
  // The leaf when the number is a plain column; else null pointer.
  virtual const Leaf* leaf() const { return nullptr; }
  // Whether it is the same for all rows; then `constant_value` is it.
  virtual bool is_constant() const { return false; }
  virtual std::string Describe() const = 0;
  NumberType type = NumberType::kInt;
  int64_t constant_integer = 0;
  double constant_double = 0;
};
using NumberPtr = std::unique_ptr<const Number>;

// What a condition's value is for its row: null counts as no value.
RowState StateOf(const Value& value);
void Clear(Masks* out, size_t words);
void Clear(Numbers* out, size_t words);  // Its masks.
// A line of Describe.
std::string Line(int indent, std::string_view text, double cost);

ConditionPtr MakeLogic(bool decisive, std::vector<ConditionPtr> parts);
ConditionPtr MakeNot(ConditionPtr part);
ConditionPtr MakeConstant(const Value& value);
ConditionPtr MakeSegment(Symbol symbol);
// Answers by code of a dictionary column, or of a bool column (codes 0 and 1); `for_null` for null.
ConditionPtr MakeByCode(Leaf leaf, const std::vector<Value>& by_code, const Value& for_null,
                        std::string text);
// `op` is an ordering, kEqual or kNotEqual.
ConditionPtr MakeCompare(Op op, NumberPtr a, NumberPtr b, std::string text);
struct GeoRadius {
  double metres = 0;
  bool inclusive = false;  // Also those exactly that far away.
};
// The leaf's points within the radius of `centre`.
ConditionPtr MakeGeoWithin(Leaf leaf, const Value& centre, GeoRadius radius, std::string text);
// Events of each customer, by ordinal; 255 stands for as many or more.
struct EventCounts {
  std::vector<uint8_t> counters;
  std::vector<uint64_t> failed;
};
// `constant` is below 255.
ConditionPtr MakeCountCompare(Op op, std::shared_ptr<const EventCounts> counts, uint8_t constant,
                              std::string text);
// Of an aggregate's bits; who is in its `null` has no value, or is just not in.
enum class MissingRank : uint8_t { kNoValue, kFalse };
ConditionPtr MakeFlags(std::shared_ptr<const Aggregate> flags, MissingRank missing,
                       std::string text);
// By the row evaluator over the columns, or over Columns::MoveTo.
enum class RowsFrom : uint8_t { kColumns, kMoveTo };
ConditionPtr MakeByRow(NodePtr node, RowsFrom from, std::string text);

NumberPtr MakeColumnNumber(Leaf leaf, NumberType type);
NumberPtr MakeConstantNumber(NumberType type, int64_t integer, double real);
NumberPtr MakeArithmetic(Op op, NumberType type, NumberPtr a, NumberPtr b);
// The value, or `otherwise` where it is null or zero.
NumberPtr MakeNonZeroOr(NumberPtr value, NumberPtr otherwise);
// Null in every row.
NumberPtr MakeNullNumber(NumberType type);
// `then` where the condition is true, `otherwise` where it is false; both of one type.
NumberPtr MakeConditionalNumber(ConditionPtr condition, NumberPtr then, NumberPtr otherwise);
NumberPtr MakeNumberByRow(NodePtr node, RowsFrom from, NumberType type, std::string text);
NumberPtr MakeAggregateNumber(std::shared_ptr<const Aggregate> aggregate, NumberType type,
                              std::string text);

}  // namespace rondo::rules
