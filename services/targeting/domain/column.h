// A column of customers' values: chunks of rules::kBlockRows rows, shared with readers and copied
// only when a reader still holds one that is to be written.
//
// A chunk starts small and grows in powers of two; codes and integers take 1 byte a row until a
// value needs more. Epochs say who may share: a view made at epoch E may hold every chunk born at E
// or before, so such a chunk is copied before it is written while a view of E or later lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/columns.h"
#include "rules/value.h"
#include "services/targeting/domain/dictionary.h"

namespace rondo::targeting {

enum class CellType : uint8_t {
  kString,  // Also codes and references.
  kInt,
  kDouble,
  kBool,
  kTimestamp,  // Also dates, as their midnight in UTC.
  kMoney,      // Not columnar for rules: asked of rows.
  kGeoPoint,
  kStringList,  // Not columnar for rules.
};

// One value on its way into a column; borrows its text.
struct Cell {
  CellType type = CellType::kString;
  bool present = false;   // False clears.
  int64_t integer = 0;    // Int, bool, microseconds, minor units, or rules::PackGeoPoint.
  double real = 0.0;      // Double.
  std::string_view text;  // String, the money's currency, or PackStrings.
};

std::string PackStrings(const std::vector<std::string_view>& strings);

// `cell` as a cell of `type`: an int becomes a double. A cell that cannot be one is absent.
Cell Convert(const Cell& cell, CellType type);

// When chunks are born, and which of them are shared.
struct WriteEpoch {
  uint64_t now = 1;          // Of chunks made from here on.
  uint64_t newest_view = 0;  // Chunks born up to here may be held by a reader; 0: none is.
};

// At most rules::kBlockRows values of one kind (kCode, kInt, kDouble, kBool, kTimestamp). All rows
// below the capacity can be read; those never set are null.
class ColumnChunk {
 public:
  ColumnChunk(rules::ColumnKind kind, uint64_t born, int64_t base = 0);

  uint64_t born() const { return born_; }
  void set_born(uint64_t epoch) { born_ = epoch; }
  size_t capacity() const { return capacity_; }
  size_t memory_bytes() const;
  // At least `rows` rows, <= rules::kBlockRows.
  void Reserve(size_t rows);

  void SetInteger(size_t row, int64_t value);  // Codes, ints, timestamps and bools.
  void SetReal(size_t row, double value);
  void Clear(size_t row);

  bool Has(size_t row) const {
    return row < capacity_ && (validity_[row / 64] >> (row % 64) & 1) != 0;
  }
  // Of a row that has a value.
  int64_t Integer(size_t row) const;
  double Real(size_t row) const;
  rules::ColumnView View(const rules::Dictionary* dictionary) const;

 private:
  uint8_t WidthFor(int64_t value) const;
  void Widen(uint8_t width);
  void Store(size_t row, int64_t value);

  rules::ColumnKind kind_;
  uint8_t width_;  // Bytes a row; 0 for bools, which are bits.
  uint64_t born_;
  int64_t base_;  // Added to what is stored; only of chunks that rules never see.
  size_t capacity_ = 0;
  std::vector<std::byte> data_;
  std::vector<uint64_t> validity_;
};

// Chunks by block; null pointers where no row of the block has a value.
using Chunks = std::vector<std::shared_ptr<ColumnChunk>>;

// Copyable: a copy shares the chunks, and is what a view holds. Not thread-safe for writing.
class Column {
 public:
  explicit Column(CellType type);
  // Shares the dictionary of `like`: rows can be copied between the two.
  static Column Like(const Column& like);

  CellType type() const { return type_; }
  // Sets or clears the value of `ordinal`.
  void Set(size_t ordinal, const Cell& cell, const WriteEpoch& epoch);
  // Copies a value from a column made by Like, or the one that it was like.
  void CopyFrom(size_t ordinal, const Column& from, size_t from_ordinal, const WriteEpoch& epoch);
  // Makes the last chunk as long as its block needs for `rows` rows in all.
  void CoverRows(size_t rows, const WriteEpoch& epoch);

  bool Has(size_t ordinal) const;
  // Null if there is none. Text is borrowed from the dictionary, lists lie in `arena`.
  rules::Value Get(size_t ordinal, rules::Arena& arena) const;
  // kAbsent for a block without values; kNone for types that rules ask rows for.
  rules::ColumnView View(size_t block) const;
  size_t memory_bytes() const;

 private:
  CellType type_;
  std::shared_ptr<StringDictionary> dictionary_;  // Of texts and currencies.
  Chunks chunks_;
  Chunks currencies_;  // Of money.
};

// The chunk of `ordinal`'s block, made or copied if need be so that it may be written at `row`.
// `base` is that of a new chunk.
ColumnChunk& WritableChunk(Chunks& chunks, rules::ColumnKind kind, size_t ordinal,
                           const WriteEpoch& epoch, int64_t base = 0);

}  // namespace rondo::targeting
