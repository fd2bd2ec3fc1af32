// Plans the contacts of cycles that have begun: an effect, which acts only live.
//
// Nobody is planned twice: contacts are appended partition by partition in the order of customers'
// ids, and each partition's state knows the highest one planned. After a crash or an error the walk
// begins again and skips whoever is planned. Once all are in the log, CyclePlanned says how many.
#pragma once

#include <memory>

#include "platform/core/executor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/log.h"
#include "services/campaign/target_walk.h"

namespace rondo::campaign {

// Contacts in one append. A stopped campaign plans at most this many more.
inline constexpr size_t kContactsPerAppend = 1000;

// Thread-safe. One cycle is planned at a time; while it waits for the log it holds one thread of
// the executor.
class CyclePlanner {
 public:
  CyclePlanner(eventlog::Runtime& runtime, Executor& executor, const Log& log, WalkTools tools);
  ~CyclePlanner();

  // Soon plans what is unplanned in the live partitions; tries again after an error.
  void Wake();
  // From here on Wake acts.
  void Start();
  // Nothing begins after this; what runs ends at its next append. Idempotent.
  void Stop();

 private:
  struct State;
  static void PostRun(const std::shared_ptr<State>& state);
  static void Run(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace rondo::campaign
