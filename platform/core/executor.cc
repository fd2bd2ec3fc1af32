#include "platform/core/executor.h"

#include <algorithm>
#include <utility>

namespace rondo {
namespace {
// An injected clock may jump: timers and awaits look at it at least this often.
constexpr std::chrono::milliseconds kClockPoll{20};

std::chrono::microseconds WaitFor(absl::Time until, const Clock& clock) {
  const absl::Duration left = until - clock.Now();
  return std::clamp(absl::ToChronoMicroseconds(left), std::chrono::microseconds{0},
                    std::chrono::microseconds{kClockPoll});
}
}  // namespace

ThreadPoolExecutor::ThreadPoolExecutor(int threads, const Clock& clock) : clock_(clock) {
  for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { RunTasks(); });
  threads_.emplace_back([this] { RunTimers(); });
}

ThreadPoolExecutor::~ThreadPoolExecutor() { Shutdown(); }

void ThreadPoolExecutor::Shutdown() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    timers_.clear();
  }
  work_ready_.notify_all();
  timer_changed_.notify_all();
  NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ThreadPoolExecutor::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(task));
  }
  work_ready_.notify_one();
}

void ThreadPoolExecutor::PostAt(absl::Time when, Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    timers_.emplace(when, std::move(task));
  }
  timer_changed_.notify_one();
}

bool ThreadPoolExecutor::Await(const std::function<bool()>& done, absl::Time deadline) {
  std::unique_lock lock(await_mutex_);
  while (!done()) {
    if (clock_.Now() >= deadline) return false;
    awaited_.wait_for(lock, WaitFor(deadline, clock_));
  }
  return true;
}

void ThreadPoolExecutor::NotifyAll() {
  // Taken and let go, so that an awaiter between its check and its wait is not missed.
  { const std::lock_guard lock(await_mutex_); }
  awaited_.notify_all();
}

void ThreadPoolExecutor::RunTasks() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

void ThreadPoolExecutor::RunTimers() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (timers_.empty()) {
      timer_changed_.wait(lock);
      continue;
    }
    const auto first = timers_.begin();
    if (first->first > clock_.Now()) {
      timer_changed_.wait_for(lock, WaitFor(first->first, clock_));
      continue;
    }
    queue_.push_back(std::move(first->second));
    timers_.erase(first);
    work_ready_.notify_one();
  }
}

Strand::Strand(Executor& executor) : state_(std::make_shared<State>(executor)) {}

void Strand::Post(Task task) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(task));
    if (state_->running) return;
    state_->running = true;
  }
  state_->executor.Post([state = state_] { RunOne(state); });
}

// One task a turn, so that strands share the pool fairly.
void Strand::RunOne(const std::shared_ptr<State>& state) {
  Task task;
  {
    const std::lock_guard lock(state->mutex);
    task = std::move(state->queue.front());
    state->queue.pop_front();
  }
  task();
  {
    const std::lock_guard lock(state->mutex);
    if (state->queue.empty()) {
      state->running = false;
      return;
    }
  }
  state->executor.Post([state] { RunOne(state); });
}

}  // namespace rondo
