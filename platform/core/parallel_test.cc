#include "platform/core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "platform/core/seeded_executor.h"

namespace rondo {
namespace {

TEST(ParallelForTest, DoesEachPieceOnceHoweverManyHelpersThereAre) {
  const SystemClock clock;
  ThreadPoolExecutor executor(3, clock);
  for (const int helpers : {-1, 0, 1, 3, 50}) {
    for (const size_t count : {0U, 1U, 2U, 1000U}) {
      std::vector<std::atomic<int>> done(count);
      ParallelFor(executor, helpers, count, [&](size_t i) { ++done[i]; });
      for (const auto& times : done) EXPECT_EQ(times, 1);
    }
  }
}

TEST(ParallelForTest, MayBeCalledOnEveryThreadOfItsExecutorAtOnce) {
  const SystemClock clock;
  ThreadPoolExecutor executor(2, clock);
  std::atomic<int> done = 0;
  ParallelFor(executor, 2, 3,
              [&](size_t) { ParallelFor(executor, 2, 5, [&](size_t) { ++done; }); });
  EXPECT_EQ(done, 15);
}

TEST(ParallelForTest, RunsInOrderOnTheCallerWhenNobodyElseDoes) {
  ManualClock clock(FromMicros(0));
  SeededExecutor executor(1, clock);
  std::vector<size_t> order;
  ParallelFor(executor, 4, 5, [&](size_t i) { order.push_back(i); });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace rondo
