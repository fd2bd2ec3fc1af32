// A projection: a deterministic function from records to state, emissions and timers.
//
// The runtime (runtime.h) reads a partition in order and calls Apply for each record, one thread at
// a time a partition. What Apply writes, emits and sets is committed with the record's offset in
// one batch, so that each record counts exactly once, whatever crashes when. Apply knows no clock,
// no chance, no network and no other partition: the same records give the same bytes, live and on
// replay.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "platform/eventlog/event_log.h"
#include "platform/storage/store.h"

namespace rondo::eventlog {

// What Apply may use. Keys are the projection's own: the runtime puts each partition's keys under a
// prefix of its own, so that a state is per partition and moves with it.
class ApplyContext {
 public:
  virtual ~ApplyContext() = default;

  virtual int partition() const = 0;
  virtual int partition_count() const = 0;
  // The running maximum of append times.
  virtual absl::Time partition_time() const = 0;
  // The newest owner's epoch as read so far; 0 before the first.
  virtual int64_t epoch() const = 0;
  // Of the record being applied.
  virtual int64_t offset() const = 0;

  // State of this partition, with the writes of this batch.
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;
  virtual std::unique_ptr<storage::Cursor> Scan(const storage::KeyRange& range) const = 0;
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;

  // Appends `record` to the partition of its party (or to the one named; without a party, to this
  // one) once this batch is committed, exactly once. It is read back like any other record. Fill in
  // body and party; the runtime does the rest of the envelope, and source and event time (partition
  // time) if they are not set.
  virtual void Emit(LogRecord record) = 0;
  virtual void EmitTo(int partition, LogRecord record) = 0;

  // Calls OnTimer(key, payload) once partition time reaches `due`, in order of (due, key), and
  // before the record that brought the time is applied. A timer in the past fires before the next
  // record. The key replaces a timer of the same due and key.
  virtual void SetTimer(absl::Time due, std::string_view key, std::string_view payload) = 0;
  virtual void CancelTimer(absl::Time due, std::string_view key) = 0;
};

class Projection {
 public:
  virtual ~Projection() = default;

  // The service's name: folder of its state, emitter of its records.
  virtual std::string_view name() const = 0;
  // A changed number rebuilds the state from the log.
  virtual int state_version() const = 0;
  // True for state in memory only: it is rebuilt from the log at each start, and Get and Put above
  // stay usable (in a memory store).
  virtual bool in_memory() const { return false; }

  // Folds `record`. An error is a verdict and undoes this record's writes, emissions and timers:
  // INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, ABORTED and FAILED_PRECONDITION refuse a command
  // (whoever waits for the position gets the status; a fact that any service refuses is simply
  // without effect there). INTERNAL and DATA_LOSS mean that it cannot be applied: it is skipped,
  // its customer is parked, and a RecordSkipped about the customer is appended. An error that Get
  // or Scan returned is the store's, not a verdict: return it and the record is tried again.
  virtual absl::Status Apply(const LogRecord& record, ApplyContext& context) = 0;

  // A timer is due. Same rules as Apply; an error skips the timer. None by default.
  virtual absl::Status OnTimer(absl::Time due, std::string_view key, std::string_view payload,
                               ApplyContext& context);

  // A batch is committed: records up to `next_offset` (exclusive) are in the state. Called on the
  // lane, in order; once more with the same offset when the partition goes live. Publish views in
  // memory here, or, if `live`, wake effects; not before. Records given to Apply live until then.
  virtual void Committed(int partition, int64_t next_offset, bool live) {
    static_cast<void>(partition), static_cast<void>(next_offset), static_cast<void>(live);
  }

  // The partition's state was found at `next_offset` (0: empty) and replay starts. Load memory
  // views from `state` here.
  virtual absl::Status Loaded(int partition, int64_t next_offset, const storage::Reader& state) {
    static_cast<void>(partition), static_cast<void>(next_offset), static_cast<void>(state);
    return absl::OkStatus();
  }
};

}  // namespace rondo::eventlog
