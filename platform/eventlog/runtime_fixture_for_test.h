// A small deployment for tests of the runtime: two projections over a memory log and memory stores,
// on one thread in seeded order, that can die at any commit and start again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "platform/core/seeded_executor.h"
#include "platform/eventlog/memory_log.h"
#include "platform/eventlog/runtime.h"
#include "platform/storage/memory_store.h"

namespace rondo::eventlog {

inline constexpr int kPartitions = 4;
// Customers whose ids lie in partitions 0, 1, 2 and 3 of 4.
inline constexpr uint64_t kCustomers[] = {0x0010000000000001, 0x4010000000000002,
                                          0x8010000000000003, 0xc010000000000004};

// An event of `type` about `customer`; with `request_id` if it is not empty.
LogRecord Event(const std::string& type, uint64_t customer, const std::string& request_id = "");

// Counts events by customer and type. `purchase` emits a response, `refer` an event about the next
// customer (in another partition), `remind` sets a timer in an hour whose firing emits an event,
// `refuse` and `poison` write and then fail, `poison` only until a `heal`.
class Counter final : public Projection {
 public:
  explicit Counter(int version = 1) : version_(version) {}
  std::string_view name() const override { return "counter"; }
  int state_version() const override { return version_; }
  absl::Status Apply(const LogRecord& record, ApplyContext& context) override;
  absl::Status OnTimer(absl::Time due, std::string_view key, std::string_view payload,
                       ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;

  std::vector<std::string> fired;  // Keys of timers, as fired, replays included.
  int lives = 0;                   // How often a partition was said to be live first.

 private:
  int version_;
  std::mutex mutex_;  // Of what the partitions' lanes share; read once they are at rest.
  std::set<int> live_;
};

// Counts what others emitted, in memory only.
class Witness final : public Projection {
 public:
  std::string_view name() const override { return "witness"; }
  int state_version() const override { return 1; }
  bool in_memory() const override { return true; }
  absl::Status Apply(const LogRecord& record, ApplyContext& context) override;
};

class Deployment {
 public:
  struct Options {
    uint64_t seed = 1;
    bool write_ahead_log = true;  // Else a crash also loses the state since the last flush.
    bool lose_power = false;      // At a crash.
    int crash_at = -1;            // The commit point (store, log; before, after) that kills.
    size_t batch_records_max = 2'000;
  };
  explicit Deployment(Options options);
  ~Deployment();

  // Starts over what is on the disks, and waits until it is live.
  void Start();
  // What was not flushed may be lost; the log stays.
  void Kill();
  // As an operator would: submits until it is not UNAVAILABLE, starting again after a crash.
  absl::Status Submit(const LogRecord& record);
  // Lets all follow, starting again after a crash.
  void Settle();

  bool crashed() const { return crashed_; }
  int commit_points() const { return commit_points_; }
  // All distinct emissions in the log, without what depends on offsets; sorted.
  std::vector<std::string> Emissions() const;
  // Records of partition `partition`.
  std::vector<LogRecord> Records(int partition) const;
  int64_t Count(uint64_t customer, const std::string& type) const;

  ManualClock clock{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<SeededExecutor> executor;
  std::unique_ptr<MemoryLog> log;
  std::map<std::string, std::shared_ptr<storage::MemoryDisk>, std::less<>> disks;
  std::vector<std::string> warnings;
  std::vector<std::string> removed;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Witness> witness;
  std::unique_ptr<Runtime> runtime;
  storage::FaultHook extra_fault;  // Asked when no crash is due.

 private:
  storage::Fault AtCommit(storage::CommitPoint point);

  Options options_;
  int commit_points_ = 0;
  bool crashed_ = false;
  int starts_ = 0;
};

}  // namespace rondo::eventlog
