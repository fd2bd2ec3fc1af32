// Ordered key-value storage with atomic batches: what every log and every projection stands on.
//
// Two drivers pass one contract suite (store_contract_test.cc): RocksDB (rocksdb_store.h), the only
// code of the house that includes RocksDB, and an ordered map in memory (memory_store.h), the
// simulator's, which can fail before and after each commit. Keys and values are arbitrary bytes;
// keys are ordered as unsigned bytes.
#pragma once

#include <functional>
#include <memory>
#include <memory_resource>
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

// Writes that are applied together or not at all. Movable; views live as long as the batch.
class Batch {
 public:
  struct Write {
    std::string_view key;
    std::optional<std::string_view> value;  // nullopt deletes.
  };
  using Bytes = std::pmr::monotonic_buffer_resource;

  Batch() = default;
  // Takes over writes whose keys and values lie in `bytes`.
  Batch(std::unique_ptr<Bytes> bytes, std::vector<Write> writes)
      : bytes_(std::move(bytes)), writes_(std::move(writes)) {}

  void Put(std::string_view key, std::string_view value) {
    writes_.push_back({Keep(key), Keep(value)});
  }
  void Delete(std::string_view key) { writes_.push_back({Keep(key), std::nullopt}); }
  bool empty() const { return writes_.empty(); }
  size_t size() const { return writes_.size(); }
  void Clear() {
    writes_.clear();
    bytes_.reset();
  }
  const std::vector<Write>& writes() const { return writes_; }

 private:
  std::string_view Keep(std::string_view bytes);

  std::unique_ptr<Bytes> bytes_;  // Made with the first write.
  std::vector<Write> writes_;
};

// A copy of `bytes` that stays where it is as long as `kept_in` does.
std::string_view KeepBytes(std::string_view bytes, Batch::Bytes& kept_in);

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

// Hash of all keys and values of `range` in order: equal states have equal hashes, so a rebuilt
// state is compared by it.
absl::StatusOr<uint64_t> HashOf(const Reader& reader, const KeyRange& range);

}  // namespace rondo::storage
