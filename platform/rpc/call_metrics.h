// What the doors measure of each call.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace rondo {

// Thread-safe.
class CallMetrics {
 public:
  // Adds to `registry`, which outlives it:
  //   rondo_rpc_calls_total{door,method,code}   calls answered
  //   rondo_rpc_seconds{door,method}            from the request's arrival to the handler's answer
  explicit CallMetrics(prometheus::Registry& registry);
  // `door`: "grpc" or "http"; `method`: the RPC's full name.
  void Observe(std::string_view door, std::string_view method, absl::StatusCode code,
               absl::Duration took);

 private:
  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Histogram>& seconds_;
};

// All metrics of `registry` in Prometheus' text format 0.0.4.
std::string RenderMetrics(const prometheus::Registry& registry);

}  // namespace rondo
