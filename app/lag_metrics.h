// How far each service is behind the log, as metrics.
#pragma once

#include "platform/eventlog/runtime.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace rondo {

// Thread-safe.
class LagMetrics {
 public:
  // Adds to `registry`, which outlives it, as `runtime` does:
  //   rondo_log_records{partition}              records in the log
  //   rondo_log_lag_records{service,partition}  of them not yet applied by the service
  LagMetrics(const eventlog::Runtime& runtime, prometheus::Registry& registry);
  // Sets them to what they are now; before they are read.
  void Refresh();

 private:
  const eventlog::Runtime& runtime_;
  prometheus::Family<prometheus::Gauge>& records_;
  prometheus::Family<prometheus::Gauge>& lag_;
};

}  // namespace rondo
