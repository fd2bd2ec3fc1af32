// Writes on top of a reader: Apply reads what it wrote in the same batch.
//
// Keys and values are copied once, into memory that moves on into the batch. Changes are kept in
// the order made, so that a roll-back cuts off the last ones; a hash table finds the newest of each
// key. Keys are put in order for a scan, and for the batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "platform/storage/store.h"

namespace rondo::storage {

// A view of `base` with writes of its own on top. Not thread-safe. `base` must outlive it, and must
// not change what is read here between one TakeBatch and the next but by that batch. A cursor that
// was opened before a write may or may not show it.
class Transaction final : public Reader {
 public:
  explicit Transaction(const Reader& base) : base_(base) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<Cursor> Scan(const KeyRange& range) const override;
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);

  // Marks the present; RollBack forgets what was written after the last mark.
  void Mark() { mark_ = changes_.size(); }
  void RollBack();

  // What was written, in key order, one write a key. Leaves the transaction empty; no cursor of it
  // may be used any more.
  Batch TakeBatch();
  bool empty() const { return newest_.empty(); }

 private:
  class MergedCursor;
  struct Change {
    std::string_view key;
    std::optional<std::string_view> value;  // nullopt deletes.
    size_t before = 0;                      // The key's change before this; kNone if there is none.
    bool is_newest = true;                  // Of its key.
  };

  void Add(std::string_view key, std::optional<std::string_view> value);
  // Enters the keys that were written since the last scan into ordered_.
  void Order() const;

  absl::StatusOr<std::optional<std::string>> Remembered(absl::string_view key, size_t hash) const;

  const Reader& base_;
  std::unique_ptr<Batch::Bytes> bytes_;  // Made with the first write.
  std::vector<Change> changes_;
  // The newest change of each key. Keys lie in bytes_.
  absl::flat_hash_map<absl::string_view, size_t> newest_;
  size_t mark_ = 0;

  // Keys of the first ordered_to_ changes, for scans: few batches make one.
  mutable absl::btree_set<std::string_view> ordered_;
  mutable size_t ordered_to_ = 0;
  mutable uint64_t shape_ = 0;  // Counts what makes iterators of ordered_ invalid.

  // What was read of `base` last, by the key's hash: a batch asks for some keys again and again
  // (the longest window, a cycle's sums). Forgotten with the batch.
  struct Read {
    std::string key;
    std::optional<std::string> value;
    uint64_t batch = 0;  // Of which batch; others are forgotten.
  };
  mutable std::vector<Read> reads_;
  uint64_t batch_ = 1;
};

}  // namespace rondo::storage
