#include "platform/core/parallel.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace rondo {
namespace {

// Shared with helpers, who may come after the caller has gone: then nothing is left to take.
class Pieces {
 public:
  Pieces(size_t count, const std::function<void(size_t)>& work) : count_(count), work_(work) {}

  // Does pieces until none is left.
  void Take() {
    while (true) {
      size_t piece = 0;
      {
        const std::lock_guard lock(mutex_);
        if (next_ == count_) return;
        piece = next_++;
      }
      // The caller waits for this piece, so `work_` lives.
      work_(piece);
      const std::lock_guard lock(mutex_);
      if (++done_ == count_) all_done_.notify_all();
    }
  }

  void AwaitAll() {
    std::unique_lock lock(mutex_);
    all_done_.wait(lock, [this] { return done_ == count_; });
  }

 private:
  const size_t count_;
  const std::function<void(size_t)>& work_;
  std::mutex mutex_;
  std::condition_variable all_done_;
  size_t next_ = 0;
  size_t done_ = 0;
};

}  // namespace

void ParallelFor(Executor& executor, int helpers, size_t count,
                 const std::function<void(size_t)>& work) {
  const auto pieces = std::make_shared<Pieces>(count, work);
  const size_t useful = std::min(static_cast<size_t>(std::max(helpers, 0)), count - (count > 0));
  for (size_t i = 0; i < useful; ++i) executor.Post([pieces] { pieces->Take(); });
  pieces->Take();
  pieces->AwaitAll();
}

}  // namespace rondo
