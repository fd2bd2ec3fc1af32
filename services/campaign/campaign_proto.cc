#include "services/campaign/campaign_proto.h"

#include "google/protobuf/util/time_util.h"
#include "platform/core/clock.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::campaign {

using google::protobuf::util::TimeUtil;

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

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return TimeUtil::MicrosecondsToTimestamp(ToMicros(time));
}

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
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

std::vector<NamedShare> SharesOf(const v1::Campaign& campaign) {
  std::vector<NamedShare> shares;
  for (const v1::Cell& cell : campaign.cells()) shares.push_back({cell.name(), cell.share()});
  return shares;
}

}  // namespace rondo::campaign
