// Where work runs. All work of the house is posted to an injected executor, so that the simulator
// can run a whole deployment on one thread, in an order drawn from a seed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "platform/core/clock.h"

namespace rondo {

using Task = std::function<void()>;

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` soon, on any thread of the executor.
  virtual void Post(Task task) = 0;

  // Runs `task` when the executor's clock reads `when` or later.
  virtual void PostAt(absl::Time when, Task task) = 0;

  // Blocks until `done()` is true (then true) or the clock reads `deadline` (then false). `done` is
  // asked again after each NotifyAll; it must be cheap and must not block. Never called within
  // Apply or under a lock. The simulator runs other tasks meanwhile.
  virtual bool Await(const std::function<bool()>& done, absl::Time deadline) = 0;

  // Whoever may have made some `done` true calls this.
  virtual void NotifyAll() = 0;
};

// A bounded pool of threads and one thread for timers. Thread-safe. The destructor drops what has
// not started and waits for what has.
class ThreadPoolExecutor final : public Executor {
 public:
  ThreadPoolExecutor(int threads, const Clock& clock);
  ~ThreadPoolExecutor() override;

  void Post(Task task) override;
  void PostAt(absl::Time when, Task task) override;
  bool Await(const std::function<bool()>& done, absl::Time deadline) override;
  void NotifyAll() override;

  // Drops what has not started, waits for what has. Idempotent.
  void Shutdown();

 private:
  void RunTasks();
  void RunTimers();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::condition_variable timer_changed_;
  std::deque<Task> queue_;
  std::multimap<absl::Time, Task> timers_;
  bool stopping_ = false;

  std::mutex await_mutex_;
  std::condition_variable awaited_;

  std::vector<std::thread> threads_;
};

// Runs its tasks one after another, in the order posted, on an executor. Thread-safe. Copies share
// one order.
class Strand {
 public:
  explicit Strand(Executor& executor);
  void Post(Task task);

 private:
  struct State {
    explicit State(Executor& e) : executor(e) {}
    Executor& executor;
    std::mutex mutex;
    std::deque<Task> queue;
    bool running = false;
  };
  static void RunOne(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace rondo
