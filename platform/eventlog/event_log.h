// The append-only log: everything that happens is a record in one of its partitions.
//
// A partition is one totally ordered log. Offsets count records from 0 without gaps. Three drivers
// pass one contract suite (event_log_contract_test.cc): memory (the simulator's), embedded on
// RocksDB (the default), Apache Kafka.
#pragma once

#include <google/protobuf/arena.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "platform/core/id.h"
#include "rondo/log/v1/record.pb.h"

namespace rondo::eventlog {

using LogRecord = ::rondo::log::v1::Record;

struct Position {
  int partition = 0;
  int64_t offset = 0;  // Of a record; the first is 0.
  friend auto operator<=>(const Position&, const Position&) = default;
};

enum class Durability {
  kWritten,  // Survives kill -9.
  kSynced,   // Survives loss of power, and so does all that was appended before, in any partition:
             // else a note that a record was handed over could outlive the record.
};

// Decoded records of one partition, at offsets first, first + 1, ... Records live on `arena` and
// are shared by all services of the process: decoded once.
struct RecordBlock {
  int64_t first = 0;
  std::shared_ptr<google::protobuf::Arena> arena;
  std::vector<const LogRecord*> records;
  int64_t end() const { return first + static_cast<int64_t>(records.size()); }
};

// Limits of one append; larger ones are refused with INVALID_ARGUMENT.
inline constexpr size_t kMaxRecordBytes = 1 << 20;
inline constexpr size_t kMaxAppendRecords = 10'000;
inline constexpr size_t kMaxAppendBytes = 64 << 20;

// Thread-safe.
class EventLog {
 public:
  virtual ~EventLog() = default;

  virtual int partition_count() const = 0;

  // Appends all of `records` in order, together or not at all, and returns the offset of the first.
  // Sets each record's append time to the clock's, never below the partition's last. Gives a record
  // without an id one. RESOURCE_EXHAUSTED when the disk is full (nothing was written; retry when
  // there is space); UNAVAILABLE on other I/O errors (it is unknown whether it was written).
  virtual absl::StatusOr<int64_t> Append(int partition, absl::Span<LogRecord> records,
                                         Durability durability) = 0;

  // The block that holds `offset`, from `offset` on: at least one record, unless `offset` is the
  // end (then empty). OUT_OF_RANGE beyond the end: the log is shorter than the reader's state.
  // DATA_LOSS, with file or partition and offset, for damaged bytes.
  virtual absl::StatusOr<RecordBlock> Read(int partition, int64_t offset) const = 0;

  // The offset that the next record gets.
  virtual absl::StatusOr<int64_t> End(int partition) const = 0;

  // Makes all that was appended so far survive loss of power.
  virtual absl::Status Sync() = 0;

  // `on_append(partition)` is called after each append, on any thread; it must be quick. One
  // listener a log; null removes it.
  virtual void SetListener(std::function<void(int partition)> on_append) = 0;
};

// Where records about a party, a key's hash or a resource's name live.
inline int PartitionOfHash(uint64_t hash, int partition_count) {
  return PartitionOf(CustomerId(hash), partition_count);
}
int PartitionOfName(std::string_view resource_name, int partition_count);

// For drivers. INVALID_ARGUMENT unless `records` may be appended to `partition`.
absl::Status CheckAppend(int partition, int partition_count, absl::Span<const LogRecord> records);

// For drivers. Sets append times, and ids where there are none: append time, partition and offset,
// so that the same run gives the same ids. `first` is the first record's offset, below 2^48.
void Stamp(int partition, int64_t first, int64_t append_time_micros, absl::Span<LogRecord> records);

}  // namespace rondo::eventlog
