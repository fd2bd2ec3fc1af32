// Reads a campaign's cycles from all partitions and merges their sums.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/eventlog/runtime.h"
#include "services/insight/campaign_report.h"

namespace rondo::insight {

// All cycles that have begun, ascending; empty for an unknown campaign. As of what insight has
// applied; wait for the log's end first to read exactly.
absl::StatusOr<std::vector<CycleView>> ReadCampaign(const eventlog::Runtime& runtime,
                                                    std::string_view campaign);

}  // namespace rondo::insight
