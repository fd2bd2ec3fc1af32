// Builds the insight service from its parts; the composition root lists it.
#pragma once

#include "absl/status/status.h"
#include "platform/core/executor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/log.h"
#include "platform/rpc/method_table.h"
#include "services/insight/cycle_closer.h"
#include "services/insight/insight_projection.h"
#include "services/insight/insight_service.h"

namespace rondo::insight {

class Module {
 public:
  // All outlive the module.
  struct Parts {
    eventlog::Runtime& runtime;
    Executor& executor;
    const Log& log;
    InsightOptions options;
  };
  // Adds its projection to the runtime, which must not have started.
  explicit Module(Parts parts);

  // Binds its handlers.
  void Serve(MethodTable& table);
  // After the runtime is live: cycles may be closed.
  absl::Status Start();
  void Stop();

 private:
  InsightProjection projection_;
  InsightHandlers handlers_;
  CycleCloser closer_;
  std::atomic<bool> started_ = false;
};

}  // namespace rondo::insight
