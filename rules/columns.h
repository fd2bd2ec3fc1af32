// What a rule reads of all customers at once: columns over dense ordinals, given as spans without
// copies. services/targeting implements the interface over its snapshot.
//
// Ordinals are cut into blocks of kBlockRows. Columns are asked for a block at a time, so an
// implementation may hold a column in one piece or in chunks of a multiple of kBlockRows, and
// blocks may be evaluated by several threads at once: implementations are thread-safe for reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "rules/row.h"
#include "rules/value.h"

namespace rondo::rules {

inline constexpr size_t kBlockRows = size_t{1} << 16;

enum class ColumnKind : uint8_t {
  kNone,       // Not held as a column: the rows are asked instead.
  kAbsent,     // Every value is null.
  kCode,       // Codes of `dictionary`, `width_bytes` 1, 2 or 4.
  kInt,        // Signed, `width_bytes` 1, 2, 4 or 8.
  kDouble,     // IEEE 754, `width_bytes` 4 or 8.
  kBool,       // One bit a row, in 64-bit words.
  kTimestamp,  // Microseconds since the epoch, int64.
  kGeoPoint,   // int64: latitude in the upper, longitude in the lower half, as int32 of 1e-7
               // degrees.
};

// A point as kGeoPoint columns hold it, to 1e-7 degrees (a centimetre), and back.
int64_t PackGeoPoint(double latitude, double longitude);
Value UnpackGeoPoint(int64_t packed);

// The strings behind a column's codes. A code may stand for one string only. Thread-safe.
class Dictionary {
 public:
  virtual ~Dictionary() = default;
  // Codes are in [0, size()).
  virtual size_t size() const = 0;
  virtual std::string_view At(size_t code) const = 0;
  // The code of `text`, or -1.
  virtual int64_t Find(std::string_view text) const = 0;
};

// A column's values of the rows of one block. Row i of the block is at index i; bit i % 64 of word
// i / 64. Spans stay valid while the Columns object does.
struct ColumnView {
  ColumnKind kind = ColumnKind::kNone;
  uint8_t width_bytes = 0;
  const void* data = nullptr;          // Aligned to the width.
  const uint64_t* validity = nullptr;  // Set bit: there is a value. Null pointer: all have one.
  const Dictionary* dictionary = nullptr;
};

// Some events of one type, as parallel columns. Blocks of a type come in an order such that each
// customer's events, taken over all blocks, are oldest first.
struct EventBlock {
  size_t size = 0;
  const uint32_t* ordinals = nullptr;  // The party that each event belongs to.
  const int64_t* times_micros = nullptr;
  bool sorted_by_time = true;  // Then a window is found by binary search.
  // By the event type's field order; rows beyond the vector's end, and kNone, are asked of rows.
  std::vector<ColumnView> fields;
};

class Columns {
 public:
  virtual ~Columns() = default;
  // Ordinals are in [0, size()).
  virtual size_t size() const = 0;
  // The views of rows [block * kBlockRows, ...). kNone when the attribute is not columnar.
  virtual ColumnView Attribute(const Symbol& attribute, size_t block) const = 0;
  virtual ColumnView Signal(const Symbol& signal, size_t block) const = 0;
  // All events of a type; an empty vector when there are none.
  virtual std::vector<EventBlock> Events(const Symbol& event_type) const = 0;
  // Words of the members' bitmap in the block; null pointer: nobody there.
  virtual const uint64_t* Segment(const Symbol& segment, size_t block) const = 0;
  // The customer's id: equal ranks are told apart by it, the same way in every table.
  virtual uint64_t IdOf(size_t ordinal) const = 0;
  // Which ordinals exist in the block (erased and merged ones do not); null pointer: all.
  virtual const uint64_t* Alive(size_t block) const = 0;
  // One customer as a row, for what columns cannot answer: equal to what the columns say, to the
  // last null. The object belongs to the caller; one thread uses it at a time.
  virtual std::unique_ptr<Row> NewRow() const = 0;
  virtual void MoveTo(size_t ordinal, Row& row) const = 0;
};

// Who was selected.
struct Selection {
  std::vector<uint64_t> words;  // Bit i % 64 of word i / 64 is ordinal i.
  size_t selected = 0;
  size_t no_value = 0;      // Not selected because a null left the rule undecided.
  size_t errors = 0;        // Not selected because the rule failed for them.
  std::string first_error;  // What failed, of the first of them; empty when none did.
  size_t rows_by_row = 0;   // How many single-customer evaluations it took.

  bool Contains(size_t ordinal) const {
    return ordinal / 64 < words.size() && (words[ordinal / 64] >> (ordinal % 64) & 1) != 0;
  }
};

}  // namespace rondo::rules
