// Insight's handlers: translate and validate, nothing else.
#pragma once

#include "absl/status/statusor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "rondo/insight/v1/insight_service.pb.h"

namespace rondo::insight {

// Thread-safe.
class InsightHandlers {
 public:
  explicit InsightHandlers(eventlog::Runtime& runtime) : runtime_(runtime) {}

  absl::StatusOr<rondo::insight::v1::CampaignReport> GetCampaignReport(
      const CallInfo& call, const rondo::insight::v1::GetCampaignReportRequest& request);
  absl::StatusOr<rondo::insight::v1::RefreshSignalsResponse> RefreshSignals(
      const CallInfo& call, const rondo::insight::v1::RefreshSignalsRequest& request);

 private:
  eventlog::Runtime& runtime_;
};

}  // namespace rondo::insight
