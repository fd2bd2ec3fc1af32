// Closes cycles whose response windows are over: results, and the next cycle's shares, go into the
// log as CycleClosed. An effect: it runs on the executor, only while live, and may be repeated
// after a crash; the first record for a cycle wins.
#pragma once

#include <atomic>
#include <memory>

#include "platform/core/executor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/log.h"
#include "services/insight/insight_store.h"

namespace rondo::insight {

// Thread-safe.
class CycleCloser {
 public:
  CycleCloser(eventlog::Runtime& runtime, Executor& executor, const Log& log);

  // Soon looks for cycles that are due, and closes them. Tries again after an error.
  void Wake();
  // No work begins after this returns; what runs ends early. Idempotent.
  void Stop();

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace rondo::insight
