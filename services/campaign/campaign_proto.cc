#include "services/campaign/campaign_proto.h"

#include <algorithm>

#include "platform/core/clock.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::campaign {

absl::StatusOr<State> StateOf(v1::CampaignState state) {
  switch (state) {
    case v1::CAMPAIGN_STATE_DRAFT:
      return State::kDraft;
    case v1::CAMPAIGN_STATE_APPROVED:
      return State::kApproved;
    case v1::CAMPAIGN_STATE_SCHEDULED:
      return State::kScheduled;
    case v1::CAMPAIGN_STATE_RUNNING:
      return State::kRunning;
    case v1::CAMPAIGN_STATE_PAUSED:
      return State::kPaused;
    case v1::CAMPAIGN_STATE_COMPLETED:
      return State::kCompleted;
    case v1::CAMPAIGN_STATE_STOPPED:
      return State::kStopped;
    default:
      return FieldError("state", "expected a state of campaigns");
  }
}

v1::CampaignState ToProto(State state) {
  switch (state) {
    case State::kDraft:
      return v1::CAMPAIGN_STATE_DRAFT;
    case State::kApproved:
      return v1::CAMPAIGN_STATE_APPROVED;
    case State::kScheduled:
      return v1::CAMPAIGN_STATE_SCHEDULED;
    case State::kRunning:
      return v1::CAMPAIGN_STATE_RUNNING;
    case State::kPaused:
      return v1::CAMPAIGN_STATE_PAUSED;
    case State::kCompleted:
      return v1::CAMPAIGN_STATE_COMPLETED;
    case State::kStopped:
      return v1::CAMPAIGN_STATE_STOPPED;
  }
  RONDO_CHECK(false);
}

absl::StatusOr<Schedule> ScheduleOf(const v1::Schedule& proto) {
  Schedule schedule;
  schedule.start = TimeOf(proto.start_time());
  schedule.offset = absl::Minutes(proto.start_offset_minutes());
  schedule.every = DurationOf(proto.every());
  schedule.cycles = proto.cycles() > 1 ? proto.cycles() : 1;
  if (proto.time_zone() == "customer") {
    schedule.clock = WallClock::kCustomer;
  } else if (!proto.time_zone().empty()) {
    const absl::StatusOr<absl::TimeZone> zone = LoadZone(proto.time_zone());
    if (!zone.ok()) {
      return FieldError("schedule.time_zone", "expected `customer` or an IANA name: Asia/Seoul");
    }
    schedule.zone = *zone;
  }
  return schedule;
}

int NextSlot(const Schedule& schedule, const v1::Cycle* previous) {
  if (previous == nullptr) return 1;
  if (!previous->has_begin_time()) return SlotOf(*previous) + 1;
  return NextSlot(schedule, SlotOf(*previous), TimeOf(previous->begin_time()));
}

std::vector<NamedShare> SharesOf(const v1::Campaign& campaign) {
  std::vector<NamedShare> shares;
  for (const v1::Cell& cell : campaign.cells()) shares.push_back({cell.name(), cell.share()});
  return shares;
}

void FreezeShares(const v1::Campaign& campaign, const log::v1::CycleClosed* last,
                  v1::Cycle& cycle) {
  const bool learns = Learns(campaign) && last != nullptr;
  const ChosenShares chosen = ChooseShares(
      SharesOf(campaign), learns ? SharesOf(last->proposal()) : std::vector<NamedShare>());
  if (chosen.source == ShareSource::kProposal) {
    for (const v1::Cell& cell : campaign.cells()) {
      const auto proposed =
          std::find_if(last->proposal().begin(), last->proposal().end(),
                       [&](const v1::CellShare& share) { return share.cell() == cell.name(); });
      *cycle.add_shares() = *proposed;
    }
    *cycle.mutable_reasons() = last->reasons();
    return;
  }
  for (int i = 0; i < campaign.cells_size(); ++i) {
    v1::CellShare& share = *cycle.add_shares();
    share.set_cell(campaign.cells(i).name());
    share.set_share(chosen.shares[static_cast<size_t>(i)]);
  }
  if (chosen.source == ShareSource::kMismatch) {
    cycle.add_reasons(
        "the cells were changed after the last cycle: shares start again from the definition");
  } else if (learns) {
    *cycle.mutable_reasons() = last->reasons();
  } else {
    cycle.add_reasons("shares as defined");
  }
}

void FreezeSegments(const v1::Campaign& campaign, v1::Cycle& cycle) {
  const auto add = [&cycle](const std::string& segment) {
    const auto& known = cycle.segments();
    const bool is_new = std::find(known.begin(), known.end(), segment) == known.end();
    if (is_new && known.size() < kReportSegmentsMax) cycle.add_segments(segment);
  };
  for (const std::string& segment : campaign.report_by()) add(segment);
  if (campaign.audience().include_size() == 1) return;
  for (const std::string& segment : campaign.audience().include()) add(segment);
}

}  // namespace rondo::campaign
