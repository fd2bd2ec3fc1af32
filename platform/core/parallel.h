// Work that is cut into independent pieces, on several threads at once.
#pragma once

#include <cstddef>
#include <functional>

#include "platform/core/executor.h"

namespace rondo {

// Calls `work(i)` once for each i in [0, count), on this thread and, as far as they are free, on up
// to `helpers` threads of the executor; returns when all calls have. It never waits for a thread to
// become free, so it may be called on a thread of the executor itself. `work` is thread-safe and
// does not throw; on a single-threaded executor all calls are made by the caller, in order.
void ParallelFor(Executor& executor, int helpers, size_t count,
                 const std::function<void(size_t)>& work);

}  // namespace rondo
