// The simulated machine: clock, one thread, log, disks and the faults that strike at their commits.
//
// What is on log and disks outlives a crash of the process; what was not synced may not outlive a
// loss of power. Everything is drawn from one seed.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "platform/core/hash.h"
#include "platform/core/rng.h"
#include "platform/core/seeded_executor.h"
#include "platform/eventlog/memory_log.h"
#include "platform/eventlog/runtime.h"
#include "platform/storage/memory_store.h"

namespace rondo::sim {

// Chances at each commit point (before and after each commit of log and stores).
struct FaultOptions {
  double crash = 0.0;                // The process dies there.
  double fail = 0.0;                 // This commit answers UNAVAILABLE.
  double power_lost = 0.3;           // Of a crash.
  bool stores_survive_crash = true;  // Else a crash loses a state since its last flush.
};

class Machine {
 public:
  Machine(uint64_t seed, int partitions, FaultOptions faults);

  ManualClock& clock() { return clock_; }
  // Another one in each world, so that other people are held out.
  const InstanceKey& instance_key() const { return instance_key_; }
  SeededExecutor& executor() { return executor_; }
  eventlog::MemoryLog& log() { return log_; }

  // For the runtime of the process that runs now.
  eventlog::StoreOpener StoreOpener();
  eventlog::StoreRemover StoreRemover();
  // A store that is no projection's, by name.
  std::unique_ptr<storage::Store> OpenStore(const std::string& name);

  // The process died at a commit point; everything of it must be destroyed, then Restart.
  bool crashed() const { return crashed_; }
  // Dies now.
  void Crash();
  // Of what is not synced, chance takes all or nothing with `power_may_be_lost`.
  void Restart(bool power_may_be_lost = true);
  // Counts processes, from 1.
  int process() const { return process_; }
  int crashes() const { return process_ - 1; }
  // How many of these lost power too.
  int power_losses() const { return power_losses_; }

  // Faults come only while enabled.
  void EnableFaults(bool enabled) { faults_enabled_ = enabled; }
  // Removes all stored state of projections: the next process rebuilds it.
  void RemoveStates() { disks_.clear(); }
  // While frozen, nothing can be appended to the log.
  void FreezeLog(bool frozen) { log_frozen_ = frozen; }

 private:
  storage::Fault AtCommit();

  FaultOptions faults_;
  Rng rng_;
  InstanceKey instance_key_ = {};
  ManualClock clock_;
  SeededExecutor executor_;
  eventlog::MemoryLog log_;
  std::map<std::string, std::shared_ptr<storage::MemoryDisk>> disks_;
  std::map<std::string, std::shared_ptr<storage::MemoryDisk>> other_disks_;
  bool faults_enabled_ = false;
  bool log_frozen_ = false;
  bool crashed_ = false;
  int process_ = 1;
  int power_losses_ = 0;
};

}  // namespace rondo::sim
