// A lane: the one reader of a partition. Reads the log, decodes once, lets each service fold,
// commits, and, once live, appends what services emitted and the ticks that their timers need.
//
// Runs on a strand, a batch a turn. A failure of store or log stops the lane where it is and is
// tried again after a pause; nothing is ever left out. Internal to the runtime.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/eventlog/event_log.h"
#include "platform/eventlog/partition_state.h"

namespace rondo::eventlog {

inline constexpr absl::Duration kLaneRetryPause = absl::Milliseconds(100);
inline constexpr size_t kEmissionsPerAppendMax = 1'000;

class Lane : public std::enable_shared_from_this<Lane> {
 public:
  struct Options {
    int partition = 0;
    std::string owner;
    size_t batch_records_max = 2'000;
    std::function<void(std::string_view)> on_warning;
  };

  // `states` in the order in which services apply.
  Lane(Options options, EventLog& log, Executor& executor, const Clock& clock,
       std::vector<std::unique_ptr<PartitionState>> states);

  // Replays up to the log's end as of now, then goes live.
  absl::Status Start();
  // After the current batch nothing runs any more. Thread-safe, idempotent.
  void Stop();
  // There may be something to do. Thread-safe.
  void Wake();

  // Thread-safe.
  bool IsLive() const { return live_.load(); }
  bool IsStopped() const { return stopped_.load(); }
  // All that is in the log is applied, nothing waits in an outbox and no timer is due at `now`.
  bool IsQuiet(absl::Time now) const;
  absl::Status Health() const;
  const std::vector<std::unique_ptr<PartitionState>>& states() const { return states_; }

 private:
  struct Item {
    const LogRecord* record = nullptr;
    int64_t offset = 0;
  };

  void Run();
  // One turn; true if there is more to do at once.
  absl::StatusOr<bool> Turn();
  absl::Status CommitPending();
  int64_t SlowestOffset() const;
  // Up to batch_records_max records from `offset` on; blocks_ keeps them alive.
  absl::StatusOr<std::vector<Item>> NextItems(int64_t offset);
  absl::Status ApplyTo(PartitionState& state, const std::vector<Item>& items);
  absl::StatusOr<bool> TakeOwnership();
  void SettleOwnership(const std::vector<Item>& items);
  absl::StatusOr<bool> AppendEmissions();
  absl::StatusOr<bool> AppendTarget(PartitionState& state, int target, OutboxTarget& outbox,
                                    std::vector<LogRecord>& own);
  absl::StatusOr<bool> Tick();
  void SetHealth(const absl::Status& health);
  void WakeAt(absl::Time when);

  const Options options_;
  EventLog& log_;
  Executor& executor_;
  const Clock& clock_;
  Strand strand_;
  const std::vector<std::unique_ptr<PartitionState>> states_;

  // Of the strand, under run_mutex_ so that Stop can wait for a batch.
  std::mutex run_mutex_;
  std::vector<RecordBlock> blocks_;
  int64_t replay_end_ = 0;
  int64_t owner_offset_ = -1;  // Of our OwnerChanged; -1 before it is appended.
  int64_t owner_epoch_ = 0;
  absl::Time wake_at_ = absl::InfiniteFuture();

  std::atomic<bool> scheduled_ = false;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> live_ = false;
  mutable std::mutex health_mutex_;
  absl::Status health_;
};

}  // namespace rondo::eventlog
