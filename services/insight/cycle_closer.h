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
  // `grace`: how long after the last window's end late events are waited for.
  CycleCloser(eventlog::Runtime& runtime, Executor& executor, const Log& log, absl::Duration grace);

  // Soon looks for cycles that are due, and closes them. Comes back by itself for those whose
  // windows are still open, and after an error.
  void Wake();
  // No work begins after this returns; what runs ends early. Idempotent.
  void Stop();

 private:
  struct State;
  static void Post(const std::shared_ptr<State>& state);
  static void Run(const std::shared_ptr<State>& state);
  static absl::Status CloseAll(const std::shared_ptr<State>& state);
  static void WakeAt(const std::shared_ptr<State>& state, absl::Time time);
  std::shared_ptr<State> state_;
};

}  // namespace rondo::insight
