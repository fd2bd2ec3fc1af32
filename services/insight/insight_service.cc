#include "services/insight/insight_service.h"

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "services/insight/insight_reader.h"
#include "services/insight/signal_refresher.h"

namespace rondo::insight {

absl::StatusOr<pb::CampaignReport> InsightHandlers::GetCampaignReport(
    const CallInfo&, const pb::GetCampaignReportRequest& request) {
  if (!request.name().starts_with("campaigns/")) {
    return FieldError("name", "expected campaigns/{campaign}");
  }
  if (request.cycle() < 0) return FieldError("cycle", "expected 0 (all) or a cycle's number");
  if (request.by() != pb::REPORT_DIMENSION_UNSPECIFIED &&
      request.by() != pb::REPORT_DIMENSION_SEGMENT) {
    return FieldError("by", "expected REPORT_DIMENSION_SEGMENT, or nothing");
  }
  // Everything that was in the log by this time is in the figures.
  const absl::Time as_of = runtime_.clock().Now();
  RONDO_RETURN_IF_ERROR(runtime_.AwaitSettled("insight"));
  RONDO_ASSIGN_OR_RETURN(std::vector<CycleView> cycles, ReadCampaign(runtime_, request.name()));
  if (cycles.empty()) {
    return absl::NotFoundError("name: no cycle of this campaign has begun; launch it first");
  }
  if (request.cycle() != 0) {
    const int first = cycles.front().state.cycle().number();
    const int last = cycles.back().state.cycle().number();
    std::erase_if(cycles, [&request](const CycleView& cycle) {
      return cycle.state.cycle().number() != request.cycle();
    });
    if (cycles.empty()) {
      return absl::NotFoundError(absl::StrFormat("cycle: %s has cycles %d to %d, not %d",
                                                 request.name(), first, last, request.cycle()));
    }
  }
  pb::CampaignReport report = MakeReport(cycles, request.cycle(), as_of);
  if (request.by() == pb::REPORT_DIMENSION_SEGMENT) AddSegments(cycles, as_of, report);
  return report;
}

absl::StatusOr<pb::RefreshSignalsResponse> InsightHandlers::RefreshSignals(
    const CallInfo&, const pb::RefreshSignalsRequest&) {
  RONDO_ASSIGN_OR_RETURN(const RefreshedSignals refreshed, insight::RefreshSignals(runtime_));
  pb::RefreshSignalsResponse response;
  response.set_scored(refreshed.scored);
  response.set_changed(refreshed.changed);
  return response;
}

}  // namespace rondo::insight
