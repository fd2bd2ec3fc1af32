// The store of the simulator and of states that live in memory only: an ordered map with
// snapshots in constant time, whose commits can be made to fail or to crash.
//
// A MemoryDisk holds what outlives a process: a MemoryStore opens from it and is lost, with all
// that was neither flushed nor synced, when it is destroyed. A crash is modelled exactly: at the
// chosen commit the disk keeps what it held, and the store answers UNAVAILABLE to everything from
// then on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "platform/storage/store.h"

namespace rondo::storage {

// A persistent ordered map (a treap whose priorities are hashes of its keys): copies share their
// nodes and cost O(1); a change costs O(log n). Equal contents have equal shape, however they
// arose.
class OrderedMap {
 public:
  struct Node;
  using NodePtr = std::shared_ptr<const Node>;

  // nullptr if absent; lives until the next change.
  const std::string* Find(std::string_view key) const;
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);
  // The contents as of now. Nodes that a copy holds are never changed in place.
  OrderedMap Copy();
  std::unique_ptr<Cursor> Scan(const KeyRange& range) const;

 private:
  NodePtr root_;
  // Nodes made since the last copy carry this stamp: no one else can see them.
  uint64_t stamp_ = 1;
};

// Thread-safe.
class MemoryDisk {
 public:
  // The machine lost power: forgets what was written and not synced. Stores open on it must be
  // crashed or destroyed.
  void LosePower();

 private:
  friend class MemoryStore;
  std::mutex mutex_;
  OrderedMap written_;  // What the next process finds.
  OrderedMap synced_;   // What remains when power is lost.
};

enum class CommitPoint { kBefore, kAfter };
enum class Fault {
  kNone,
  kFail,   // UNAVAILABLE for this commit: not applied if before, applied if after.
  kCrash,  // The store is dead from here on.
};
// Asked before and after each Write and Flush. Called under the store's lock: it must not use it.
using FaultHook = std::function<Fault(CommitPoint)>;

struct MemoryStoreOptions {
  // Whether what was written without sync survives a crash of the process.
  bool write_ahead_log = false;
  FaultHook fault;
};

// Thread-safe.
class MemoryStore final : public Store {
 public:
  // On a disk of its own: nothing survives.
  MemoryStore() : MemoryStore(std::make_shared<MemoryDisk>(), {}) {}
  // With what is on `disk`.
  explicit MemoryStore(std::shared_ptr<MemoryDisk> disk, MemoryStoreOptions options = {});

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<Cursor> Scan(const KeyRange& range) const override;
  absl::Status Write(const Batch& batch, Sync sync) override;
  std::unique_ptr<Reader> Snapshot() const override;
  absl::Status Flush() override;
  // UNIMPLEMENTED: there is no folder to copy from; CheckpointTo copies to another disk.
  absl::Status Checkpoint(const std::string& folder) const override;
  std::shared_ptr<MemoryDisk> CheckpointTo() const;

  // As a crash at the next call: from here on everything is UNAVAILABLE.
  void Crash();

 private:
  absl::Status Meet(CommitPoint point);
  void Persist(Sync sync);

  mutable std::mutex mutex_;
  std::shared_ptr<MemoryDisk> disk_;
  MemoryStoreOptions options_;
  mutable OrderedMap map_;
  bool crashed_ = false;
};

}  // namespace rondo::storage
