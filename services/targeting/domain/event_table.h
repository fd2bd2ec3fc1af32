// The events of one type as parallel columns in time order.
//
// New events wait in an unsorted tail until a reader asks for a view; then they are merged into
// sorted chunks, which are immutable and shared. Events that arrive in order of time cost one merge
// of the last, small chunks; late ones rewrite the chunks from their time on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "rules/columns.h"
#include "rules/row.h"
#include "services/targeting/domain/column.h"

namespace rondo::targeting {

struct NamedCell {
  std::string_view name;
  Cell cell;
};

// Parallel columns of events; those of a view are immutable, at most rules::kBlockRows long and
// sorted by time.
struct EventChunk {
  std::vector<int64_t> times_micros;
  std::vector<uint32_t> ordinals;
  std::vector<Column> fields;  // By the table's field numbers; may be shorter.
  size_t size() const { return times_micros.size(); }
};

// What a reader sees of one type. Immutable but for an index that the first row-wise reader builds;
// thread-safe.
class EventTableView {
 public:
  EventTableView(std::vector<std::shared_ptr<const EventChunk>> chunks,
                 absl::flat_hash_map<std::string, size_t> field_numbers)
      : chunks_(std::move(chunks)), field_numbers_(std::move(field_numbers)) {}

  const std::vector<std::shared_ptr<const EventChunk>>& chunks() const { return chunks_; }
  size_t size() const;
  // -1 if no event ever had the field.
  int FieldNumber(std::string_view name) const;

  // Where the events of one customer are, oldest first: chunk << 16 | row. Built for all
  // customers at the first call.
  std::span<const uint32_t> EventsOf(uint32_t ordinal) const;

 private:
  std::vector<std::shared_ptr<const EventChunk>> chunks_;
  absl::flat_hash_map<std::string, size_t> field_numbers_;
  mutable std::once_flag indexed_;
  mutable std::vector<uint32_t> starts_;  // By ordinal, one more than the last.
  mutable std::vector<uint32_t> places_;
};

// Not thread-safe.
class EventTable {
 public:
  // Fixes the field's type; a field that is not declared takes that of its first value.
  void DeclareField(std::string_view name, CellType type);
  void Add(uint32_t ordinal, int64_t time_micros, std::span<const NamedCell> fields);
  // Forgets the events for which `drop(ordinal)` is true.
  void Remove(const std::function<bool(uint32_t)>& drop);
  // All events added so far. The same object while nothing changes.
  std::shared_ptr<const EventTableView> View();
  size_t memory_bytes() const;

 private:
  size_t FieldNumber(std::string_view name, CellType type);
  void MergeTail();
  void Rewrite(size_t first_chunk, const std::function<bool(uint32_t)>& drop);

  std::vector<Column> prototypes_;  // By field number: types and dictionaries.
  absl::flat_hash_map<std::string, size_t> field_numbers_;
  std::vector<std::shared_ptr<const EventChunk>> chunks_;
  EventChunk tail_;
  std::shared_ptr<const EventTableView> view_;
};

}  // namespace rondo::targeting
