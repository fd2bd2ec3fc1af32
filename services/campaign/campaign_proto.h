// Between the contract's messages and the domain's values.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "platform/rpc/timestamp.h"
#include "rondo/campaign/v1/campaign.pb.h"
#include "rondo/log/v1/campaigns.pb.h"
#include "services/campaign/domain/lifecycle.h"
#include "services/campaign/domain/schedule.h"
#include "services/campaign/domain/shares.h"

namespace rondo::campaign {

// INVALID_ARGUMENT for unspecified and unknown states.
absl::StatusOr<State> StateOf(v1::CampaignState state);
v1::CampaignState ToProto(State state);

// INVALID_ARGUMENT, naming the field, for a zone that this machine does not know.
absl::StatusOr<Schedule> ScheduleOf(const v1::Schedule& schedule);

std::vector<NamedShare> SharesOf(const v1::Campaign& campaign);
template <typename Shares>
std::vector<NamedShare> SharesOf(const Shares& cell_shares) {
  std::vector<NamedShare> shares;
  for (const v1::CellShare& share : cell_shares) shares.push_back({share.cell(), share.share()});
  return shares;
}

// Whether the next cycle takes its shares from the results of the last.
inline bool Learns(const v1::Campaign& campaign) {
  return campaign.learning().allocate() == v1::ALLOCATION_THOMPSON;
}
inline int CycleCount(const v1::Campaign& campaign) {
  return campaign.schedule().cycles() > 1 ? campaign.schedule().cycles() : 1;
}

// Which of the schedule's slots a cycle has.
inline int SlotOf(const v1::Cycle& cycle) {
  return cycle.slot() > 0 ? cycle.slot() : cycle.number();
}

// The slot of the cycle after `previous`, null for the first.
int NextSlot(const Schedule& schedule, const v1::Cycle* previous);

// Gives `cycle` its shares and says why they are what they are: as the last cycle's closing
// proposes, if the campaign learns and the proposal is for the same cells, else as defined. `last`
// is null if no cycle closed.
void FreezeShares(const v1::Campaign& campaign, const log::v1::CycleClosed* last, v1::Cycle& cycle);

// Segments by which one cycle's report can be broken down, at most: a contact bears them as bits,
// and insight keeps sums for each combination that occurs.
inline constexpr int kReportSegmentsMax = 8;

// Gives `cycle` the segments whose membership its contacts bear: those of `report_by`, then those
// that the audience includes, as far as they fit. A sole included segment is left out: every target
// is in it.
void FreezeSegments(const v1::Campaign& campaign, v1::Cycle& cycle);

}  // namespace rondo::campaign
