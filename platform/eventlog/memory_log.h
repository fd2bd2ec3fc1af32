// The simulator's log: partitions in memory, with faults at each append and loss of power.
//
// It outlives the deployment that it is given to, as a disk does: after a crash a new deployment is
// started on the same log.
#pragma once

#include <mutex>

#include "platform/core/clock.h"
#include "platform/eventlog/event_log.h"
#include "platform/storage/memory_store.h"

namespace rondo::eventlog {

// Thread-safe. The clock must outlive it.
class MemoryLog final : public EventLog {
 public:
  // `fault` is asked before and after each append and sync, under the log's lock.
  MemoryLog(int partition_count, const Clock& clock, storage::FaultHook fault = nullptr);

  int partition_count() const override { return static_cast<int>(partitions_.size()); }
  absl::StatusOr<int64_t> Append(int partition, absl::Span<LogRecord> records,
                                 Durability durability) override;
  absl::StatusOr<RecordBlock> Read(int partition, int64_t offset) const override;
  absl::StatusOr<int64_t> End(int partition) const override;
  absl::Status Sync() override;
  void SetListener(std::function<void(int partition)> on_append) override;

  // The process died: everything is UNAVAILABLE until Restart. A fault kCrash does the same.
  void Crash();
  // The next process starts. If `power_lost`, what was not synced is gone.
  void Restart(bool power_lost);

 private:
  // Blocks are filled up to this, so that a reader gets many records at once.
  static constexpr size_t kBlockRecords = 256;

  struct Partition {
    std::vector<RecordBlock> blocks;
    int64_t end = 0;
    int64_t synced = 0;  // Records below survive loss of power.
    int64_t last_append_micros = INT64_MIN;
  };

  absl::Status Meet(storage::CommitPoint point) const;
  absl::StatusOr<int64_t> AppendLocked(int partition, absl::Span<LogRecord> records,
                                       Durability durability);

  const Clock& clock_;
  storage::FaultHook fault_;
  mutable std::mutex mutex_;
  mutable bool crashed_ = false;
  std::vector<Partition> partitions_;
  std::mutex listener_mutex_;
  std::function<void(int)> on_append_;
};

}  // namespace rondo::eventlog
