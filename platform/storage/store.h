// Ordered key-value storage with atomic batches: what every log and every projection stands on.
//
// Two drivers pass one contract suite (store_contract_test.cc): RocksDB (rocksdb_store.h), the only
// code of the house that includes RocksDB, and an ordered map in memory (memory_store.h), the
// simulator's, which can fail before and after each commit. Keys and values are arbitrary bytes;
// keys are ordered as unsigned bytes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rondo::storage {

// Half-open: [begin, end). An empty `end` means to the last key.
struct KeyRange {
  std::string begin;
  std::string end;
};

// All keys that start with `prefix`.
KeyRange PrefixRange(std::string_view prefix);

// Walks keys in order. Views live until the next call. Not thread-safe.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual void Next() = 0;
  // Why the walk ended: OK at the end of the range, DATA_LOSS for damaged bytes.
  virtual absl::Status status() const = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // nullopt if absent. DATA_LOSS if the stored bytes are damaged; UNAVAILABLE on I/O errors.
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;
  virtual std::unique_ptr<Cursor> Scan(const KeyRange& range) const = 0;
};

// Writes that are applied together or not at all.
class Batch {
 public:
  virtual ~Batch() = default;
  void Put(std::string_view key, std::string_view value) {
    writes_.push_back({std::string(key), std::string(value)});
  }
  void Delete(std::string_view key) { writes_.push_back({std::string(key), std::nullopt}); }
  bool empty() const { return writes_.empty(); }
  size_t size() const { return writes_.size(); }
  void Clear() { writes_.clear(); }

  struct Write {
    std::string key;
    std::optional<std::string> value;  // nullopt deletes.
  };
  const std::vector<Write>& writes() const { return writes_; }

 private:
  std::vector<Write> writes_;
};

enum class Sync {
  kNo,   // Survives a crash of the process if the store has a write-ahead log, else lost.
  kYes,  // Survives loss of power.
};

// Thread-safe.
class Store : public Reader {
 public:
  // All of `batch` or nothing. RESOURCE_EXHAUSTED when the disk is full: nothing was written, and
  // the same call may succeed once there is space. UNAVAILABLE on other I/O errors.
  virtual absl::Status Write(const Batch& batch, Sync sync) = 0;

  // The state as of now, unaffected by later writes.
  virtual std::unique_ptr<Reader> Snapshot() const = 0;

  // Makes all that was written so far survive loss of power (also without a write-ahead log).
  virtual absl::Status Flush() = 0;

  // Writes a copy that opens as a store of its own into `folder`, which must not exist.
  virtual absl::Status Checkpoint(const std::string& folder) const = 0;
};

// A view of `base` with writes of its own on top: Apply reads what it wrote in the same batch.
// Not thread-safe. `base` must outlive it.
class Transaction final : public Reader {
 public:
  explicit Transaction(const Reader& base) : base_(base) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<Cursor> Scan(const KeyRange& range) const override;
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);

  // Marks the present; RollBack forgets what was written after the last mark.
  void Mark();
  void RollBack();

  // What was written, in key order, one write a key.
  Batch ToBatch() const;
  bool empty() const { return writes_.empty(); }

 private:
  using Writes = std::map<std::string, std::optional<std::string>, std::less<>>;
  struct Undo {
    std::string key;
    std::optional<std::optional<std::string>> before;  // Outer nullopt: the key was not written.
  };
  void Record(std::string_view key);

  const Reader& base_;
  Writes writes_;
  std::vector<Undo> undo_;
};

// Hash of all keys and values of `range` in order: equal states have equal hashes, so a rebuilt
// state is compared by it.
absl::StatusOr<uint64_t> HashOf(const Reader& reader, const KeyRange& range);

}  // namespace rondo::storage
