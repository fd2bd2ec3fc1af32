// The default log: RocksDB in this process, on one machine.
//
// Appenders of all partitions share commits: whoever comes while a commit is under way waits, and
// one of them commits for all, as one batch with one fsync; records that meet in a commit share
// blocks. What was acknowledged as written survives kill -9, as synced also loss of power; damage
// and loss are refused at open or at the read, never skipped (high_water_mark.h, log_block.h).
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/eventlog/event_log.h"
#include "platform/eventlog/log_block.h"
#include "platform/eventlog/log_folder.h"
#include "platform/eventlog/record_cache.h"
#include "platform/storage/rocksdb_store.h"

namespace rondo::eventlog {

struct EmbeddedLogOptions {
  std::string folder;
  // Of a new log; an existing one must have as many.
  int partition_count = 8;
  BlockCodec codec = BlockCodec::kLz4;
  size_t cache_bytes = 64 << 20;
  // What was only written is synced after this long, and so is the high-water mark.
  absl::Duration sync_interval = absl::Milliseconds(200);
  std::shared_ptr<storage::RocksDbMemory> memory;
};

// Thread-safe. Clock and executor must outlive it.
class EmbeddedLog final : public EventLog {
 public:
  // Opens or makes the log. FAILED_PRECONDITION if another process holds it, its number of
  // partitions differs or a newer version wrote it; DATA_LOSS, naming file or partition and offset,
  // if it is damaged or lacks acknowledged records.
  static absl::StatusOr<std::unique_ptr<EmbeddedLog>> Open(const EmbeddedLogOptions& options,
                                                           const Clock& clock, Executor& executor);
  // Syncs.
  ~EmbeddedLog() override;

  int partition_count() const override { return options_.partition_count; }
  absl::StatusOr<int64_t> Append(int partition, absl::Span<LogRecord> records,
                                 Durability durability) override;
  absl::StatusOr<RecordBlock> Read(int partition, int64_t offset) const override;
  absl::StatusOr<int64_t> End(int partition) const override;
  absl::Status Sync() override;
  void SetListener(std::function<void(int partition)> on_append) override;

  // Batches written since the start: fewer than appends where appenders met.
  int64_t commits() const;

 private:
  // One append on its way, or a sync (no records).
  struct Request {
    int partition = 0;
    absl::Span<LogRecord> records;
    Durability durability = Durability::kWritten;
    std::string frames;
    std::vector<size_t> frame_ends;
    int64_t first = 0;
    int64_t append_time_micros = 0;
    absl::Status status;
    bool done = false;
  };
  // Keeps the periodic sync from running on a log that is gone.
  struct Lifeline {
    std::mutex mutex;
    EmbeddedLog* log = nullptr;
    int64_t synced_commits = 0;
  };
  // Of one commit; more waits for the next.
  static constexpr size_t kCommitBytes = 8 << 20;

  EmbeddedLog(EmbeddedLogOptions options, const Clock& clock, Executor& executor,
              std::unique_ptr<storage::Store> store, std::unique_ptr<HighWaterMark> mark,
              std::vector<Tail> tails);

  void Submit(Request& request);
  std::vector<Request*> TakeGroup();
  void Commit(const std::vector<Request*>& group);
  absl::Status CommitBatch(const storage::Batch& batch, const std::vector<Tail>& tails,
                           Durability durability);
  void AddBlocks(int partition, absl::Span<Request* const> requests, Tail& tail,
                 storage::Batch& batch) const;
  void Announce(const std::vector<Request*>& group);
  static void SyncPeriodically(const std::shared_ptr<Lifeline>& lifeline, Executor& executor,
                               const Clock& clock, absl::Duration interval);

  const EmbeddedLogOptions options_;
  const Clock& clock_;
  const std::unique_ptr<storage::Store> store_;
  mutable RecordCache cache_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request*> queue_;
  bool committing_ = false;
  std::vector<Tail> tails_;  // As committed.
  int64_t commits_ = 0;

  const std::string boot_id_;
  // Of whoever is committing; Sync on any thread.
  const std::unique_ptr<HighWaterMark> mark_;
  absl::Status failed_;  // After an error that leaves open what is stored: nothing more is taken.

  std::mutex listener_mutex_;
  std::function<void(int)> on_append_;
  const std::shared_ptr<Lifeline> lifeline_;
};

}  // namespace rondo::eventlog
