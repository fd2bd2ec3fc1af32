// The simulator's executor: one thread, simulated time, and an order of tasks drawn from a seed.
//
// Nothing runs but within RunOne and Await, on the caller's thread. Time moves only in Await, to
// the next timer, when nothing else can run: months pass in seconds. The same seed and the same
// tasks give the same order.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/core/rng.h"

namespace rondo {

// For one thread.
class SeededExecutor final : public Executor {
 public:
  SeededExecutor(uint64_t seed, ManualClock& clock) : rng_(seed), clock_(clock) {}

  void Post(Task task) override;
  void PostAt(absl::Time when, Task task) override;
  // Runs tasks until `done()`; moves the clock when none is ready, at most to `deadline`. May be
  // called within a task.
  bool Await(const std::function<bool()>& done, absl::Time deadline) override;
  void NotifyAll() override {}

  // Runs one of the tasks that are ready, by chance; false if none is.
  bool RunOne();
  // When the next timer is due; infinite future if there is none.
  absl::Time NextTimer() const;
  // The process dies within the task that runs: nothing runs any more, and whoever awaits is told
  // at once that it is over, until DropAll.
  void Halt() { halted_ = true; }
  // The process died: forgets all tasks and timers.
  void DropAll();
  // How many tasks ran so far.
  uint64_t tasks_run() const { return tasks_run_; }

 private:
  void ReadyTimers();

  Rng rng_;
  ManualClock& clock_;
  std::deque<Task> ready_;
  std::multimap<absl::Time, Task> timers_;
  uint64_t tasks_run_ = 0;
  bool halted_ = false;
};

}  // namespace rondo
