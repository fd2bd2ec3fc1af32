#include "platform/core/seeded_executor.h"

#include <algorithm>

namespace rondo {
namespace {

// The clock knows whole microseconds only: the first of them at which `time` has come.
absl::Time CeilToMicros(absl::Time time) {
  const absl::Time floor = FromMicros(ToMicros(time));
  return floor < time ? floor + absl::Microseconds(1) : floor;
}

}  // namespace

void SeededExecutor::Post(Task task) { ready_.push_back(std::move(task)); }

void SeededExecutor::PostAt(absl::Time when, Task task) { timers_.emplace(when, std::move(task)); }

bool SeededExecutor::Await(const std::function<bool()>& done, absl::Time deadline) {
  while (!done()) {
    if (halted_) return false;
    if (RunOne()) continue;
    const absl::Time next = std::min(NextTimer(), deadline);
    if (next == absl::InfiniteFuture()) return false;
    if (next > clock_.Now()) clock_.AdvanceTo(CeilToMicros(next));
    if (next == deadline && NextTimer() > deadline) return done();
  }
  return true;
}

bool SeededExecutor::RunOne() {
  ReadyTimers();
  if (ready_.empty() || halted_) return false;
  const size_t chosen = static_cast<size_t>(rng_.Below(ready_.size()));
  Task task = std::move(ready_[chosen]);
  // Order within the queue carries no meaning: the last takes the place of the chosen one.
  ready_[chosen] = std::move(ready_.back());
  ready_.pop_back();
  ++tasks_run_;
  task();
  return true;
}

absl::Time SeededExecutor::NextTimer() const {
  return timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first;
}

void SeededExecutor::DropAll() {
  ready_.clear();
  timers_.clear();
  halted_ = false;
}

void SeededExecutor::ReadyTimers() {
  while (!timers_.empty() && timers_.begin()->first <= clock_.Now()) {
    ready_.push_back(std::move(timers_.begin()->second));
    timers_.erase(timers_.begin());
  }
}

}  // namespace rondo
