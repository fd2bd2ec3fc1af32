#include "platform/rpc/call_metrics.h"

#include "prometheus/text_serializer.h"

namespace rondo {
namespace {

// Seconds: from a Decide to an import's chunk.
const prometheus::Histogram::BucketBoundaries& Buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
      0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  return kBuckets;
}

}  // namespace

CallMetrics::CallMetrics(prometheus::Registry& registry)
    : calls_(prometheus::BuildCounter()
                 .Name("rondo_rpc_calls_total")
                 .Help("Calls answered, by door, RPC and status code.")
                 .Register(registry)),
      seconds_(prometheus::BuildHistogram()
                   .Name("rondo_rpc_seconds")
                   .Help("From a request's arrival to its handler's answer, by door and RPC.")
                   .Register(registry)) {}

void CallMetrics::Observe(std::string_view door, std::string_view method, absl::StatusCode code,
                          absl::Duration took) {
  const std::string door_label(door);
  const std::string method_label(method);
  calls_
      .Add({{"door", door_label},
            {"method", method_label},
            {"code", absl::StatusCodeToString(code)}})
      .Increment();
  seconds_.Add({{"door", door_label}, {"method", method_label}}, Buckets())
      .Observe(absl::ToDoubleSeconds(took));
}

std::string RenderMetrics(const prometheus::Registry& registry) {
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

}  // namespace rondo
