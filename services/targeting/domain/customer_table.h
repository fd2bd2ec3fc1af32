// The customers of one partition as columns: what segments are evaluated on.
//
// Customers are dense ordinals in the order in which the log first names them; an ordinal is never
// given twice. Attributes are folded by the time at which they became true (the later record wins a
// tie), signals and definitions in log order. Events are dropped when their message id is known for
// their customer. A view is the table at one moment: later writes do not change it, and writers
// never wait for readers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "platform/core/id.h"
#include "services/targeting/domain/column.h"
#include "services/targeting/domain/event_table.h"

namespace rondo::targeting {

// Which views live, so that a writer knows what is shared. Thread-safe.
class LiveViews {
 public:
  void Add(uint64_t epoch);
  void Remove(uint64_t epoch);
  // 0 if there is none.
  uint64_t Newest() const;

 private:
  mutable std::mutex mutex_;
  std::multiset<uint64_t> epochs_;
};

// Immutable; thread-safe.
class CustomerView {
 public:
  CustomerView(uint64_t epoch, std::shared_ptr<LiveViews> live);
  ~CustomerView();
  CustomerView(const CustomerView&) = delete;
  CustomerView& operator=(const CustomerView&) = delete;

  // Ordinals, those without a living customer included.
  size_t size() const { return size_; }
  // Customers.
  size_t alive_count() const { return alive_count_; }
  bool IsAlive(size_t ordinal) const;
  // Bits of a block; null pointer if nobody lives there.
  const uint64_t* AliveWords(size_t block) const;
  CustomerId IdOf(size_t ordinal) const;

  // Null pointers for names without a column.
  const Column* Attribute(std::string_view name) const;
  const Column* Signal(std::string_view name) const;
  const EventTableView* Events(std::string_view type) const;

  // Hash of all that rules can read, with the ids, in order: equal for equal contents.
  uint64_t Fingerprint() const;

 private:
  friend class CustomerTable;

  uint64_t epoch_;
  std::shared_ptr<LiveViews> live_;
  size_t size_ = 0;
  size_t alive_count_ = 0;
  Chunks ids_;
  Chunks alive_;
  std::map<std::string, Column, std::less<>> attributes_;
  std::map<std::string, Column, std::less<>> signals_;
  std::map<std::string, std::shared_ptr<const EventTableView>, std::less<>> events_;
};

// Not thread-safe, but views may be read and dropped on any thread meanwhile.
class CustomerTable {
 public:
  CustomerTable();

  // Call before a run of writes: finds out what readers still hold.
  void BeginWrites();

  // The ordinal of `id`, a new one if it has none. The customer lives once MarkAlive was called.
  uint32_t OrdinalOf(CustomerId id);
  void MarkAlive(uint32_t ordinal);
  // Clears every value and all events; the id never lives again.
  void Erase(uint32_t ordinal);

  // Fixes the type of an attribute. One whose type changed, or that is no column any more (PII),
  // loses its values.
  void DeclareAttribute(std::string_view name, CellType type);
  void ForbidAttribute(std::string_view name);
  void DeclareEventField(std::string_view event_type, std::string_view field, CellType type);

  // Without effect if a value with a later effective time is known, or the attribute is forbidden.
  void SetAttribute(uint32_t ordinal, std::string_view name, const Cell& cell,
                    int64_t effective_micros);
  void SetSignal(uint32_t ordinal, std::string_view name, const Cell& cell);
  // Without effect if the customer already has an event with this message id (empty: never known).
  void AddEvent(uint32_t ordinal, std::string_view type, std::string_view message_id,
                int64_t time_micros, std::span<const NamedCell> fields);

  // The same object while nothing changes.
  std::shared_ptr<const CustomerView> View();

  // Names and types of the signals seen, by name.
  std::vector<std::pair<std::string, CellType>> SignalTypes() const;
  size_t memory_bytes() const;

 private:
  struct Attribute {
    explicit Attribute(CellType type) : column(type) {}
    Column column;
    Chunks effective_times;
  };

  void DropEventsOfErased();

  std::shared_ptr<LiveViews> live_ = std::make_shared<LiveViews>();
  WriteEpoch epoch_;
  std::weak_ptr<const CustomerView> last_view_;
  absl::flat_hash_map<uint64_t, uint32_t> ordinals_;
  size_t alive_count_ = 0;
  Chunks ids_;
  Chunks alive_;
  absl::flat_hash_set<uint32_t> erased_;
  bool events_to_drop_ = false;
  std::map<std::string, Attribute, std::less<>> attributes_;
  std::set<std::string, std::less<>> forbidden_;
  std::map<std::string, Column, std::less<>> signals_;
  std::map<std::string, EventTable, std::less<>> events_;
  absl::flat_hash_set<uint64_t> message_hashes_;
};

}  // namespace rondo::targeting
