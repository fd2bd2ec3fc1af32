#include "app/lag_metrics.h"

#include <string>

namespace rondo {

LagMetrics::LagMetrics(const eventlog::Runtime& runtime, prometheus::Registry& registry)
    : runtime_(runtime),
      records_(prometheus::BuildGauge()
                   .Name("rondo_log_records")
                   .Help("Records in the log, by partition.")
                   .Register(registry)),
      lag_(prometheus::BuildGauge()
               .Name("rondo_log_lag_records")
               .Help("Records that a service has not yet applied, by service and partition.")
               .Register(registry)) {}

void LagMetrics::Refresh() {
  for (const eventlog::Lag& lag : runtime_.Lags()) {
    const std::string partition = std::to_string(lag.partition);
    records_.Add({{"partition", partition}}).Set(static_cast<double>(lag.end));
    lag_.Add({{"service", lag.service}, {"partition", partition}})
        .Set(static_cast<double>(lag.end - lag.applied));
  }
}

}  // namespace rondo
