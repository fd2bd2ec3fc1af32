// A projection runtime for tests of one service, or of a few: a log and stores in memory, one
// thread, simulated time, an order of tasks drawn from a seed. Log and disks survive Close(), as
// those of a process that was stopped do.
//
//   kit::TestRuntime house;
//   Module module({.runtime = house.runtime(), ...});   // Adds its projection.
//   house.Start();
//   house.Append(record);
//   house.Settle();                                      // All that follows has been applied.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "platform/core/clock.h"
#include "platform/core/seeded_executor.h"
#include "platform/eventlog/memory_log.h"
#include "platform/eventlog/runtime.h"
#include "platform/storage/memory_store.h"

namespace rondo::kit {

// 2026-12-01T12:00:00Z.
inline constexpr int64_t kTestStartSeconds = 1796126400;

// For one thread. What is not OK ends the test's process.
class TestRuntime {
 public:
  explicit TestRuntime(int partitions = 4, uint64_t seed = 1);
  ~TestRuntime();

  eventlog::Runtime& runtime() { return *runtime_; }
  SeededExecutor& executor() { return executor_; }
  ManualClock& clock() { return clock_; }
  eventlog::EventLog& log() { return log_; }

  // After all projections were added: replays, and goes live.
  void Start();
  // Stops the runtime and makes a new one over the same log and stores; add projections again, then
  // Start. Services named in `forget` lose their state and rebuild it.
  void Restart(const std::vector<std::string>& forget = {});

  // Appends to the party's partition, or to partition 0 for a record about none.
  void Append(eventlog::LogRecord record);
  // Appends a copy to every partition, as the echo of a definition or a cycle.
  void AppendToAll(const eventlog::LogRecord& record);
  // Until all that follows from what is in the log has been applied, and no task is ready.
  void Settle();
  // Moves time forward, running all that is due on the way.
  void AdvanceTo(absl::Time time);
  void Advance(absl::Duration by) { AdvanceTo(clock_.Now() + by); }

  uint64_t StateHash(std::string_view service);

  // Asked before and after each append and sync of the log; none by default.
  storage::FaultHook log_fault;

 private:
  void Open();

  ManualClock clock_;
  SeededExecutor executor_;
  eventlog::MemoryLog log_;
  std::map<std::string, std::shared_ptr<storage::MemoryDisk>> disks_;
  std::unique_ptr<eventlog::Runtime> runtime_;
};

}  // namespace rondo::kit
