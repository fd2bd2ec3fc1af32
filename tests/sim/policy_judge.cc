#include "tests/sim/policy_judge.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace rondo::sim {
namespace {

// Between the claim, when the policy is asked for the last time, and the beginning of the sending a
// message is composed, through faults and their pauses.
constexpr absl::Duration kClaimToSend = absl::Seconds(5);

}  // namespace

std::string PolicyJudge::Judge(const Message& message, const std::string& time_zone,
                               absl::Time begun) {
  std::vector<Sent>& sent = sent_[message.contact.customer];
  std::erase_if(sent, [&](const Sent& each) { return each.contact == message.contact; });
  sent.push_back({message.contact, begun, message.channel});
  std::sort(sent.begin(), sent.end(),
            [](const Sent& a, const Sent& b) { return a.begun < b.begun; });
  std::string wrong = JudgeCaps(sent);
  return wrong.empty() ? JudgeHours(time_zone, begun) : wrong;
}

// Slides a window over all that was received: each of its messages ends one.
std::string PolicyJudge::JudgeCaps(const std::vector<Sent>& sent) const {
  for (const CapPlan& cap : policy_.caps) {
    for (const Sent& last : sent) {
      const absl::Time window_begins = last.begun - cap.window + kClaimToSend;
      const auto in_window = std::count_if(sent.begin(), sent.end(), [&](const Sent& each) {
        return (cap.channel.empty() || each.channel == cap.channel) && each.begun > window_begins &&
               each.begun <= last.begun;
      });
      if (in_window <= cap.limit) continue;
      return absl::StrFormat("over the cap: %d contacts%s within %s until %s, at most %d",
                             in_window, cap.channel.empty() ? "" : " by " + cap.channel,
                             absl::FormatDuration(cap.window),
                             absl::FormatTime(last.begun, absl::UTCTimeZone()), cap.limit);
    }
  }
  return "";
}

std::string PolicyJudge::JudgeHours(const std::string& time_zone, absl::Time begun) const {
  if (policy_.quiet_start_minute == policy_.quiet_end_minute) return "";
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(time_zone.empty() ? policy_.default_time_zone : time_zone, &zone)) {
    return "no such time zone: " + time_zone;
  }
  const auto is_quiet = [&](absl::Time time) {
    const absl::CivilSecond wall = absl::ToCivilSecond(time, zone);
    const int minute = wall.hour() * 60 + wall.minute();
    const int since_start = (minute - policy_.quiet_start_minute + 1'440) % 1'440;
    const int length = (policy_.quiet_end_minute - policy_.quiet_start_minute + 1'440) % 1'440;
    return since_start < length;
  };
  if (!is_quiet(begun) || !is_quiet(begun - kClaimToSend)) return "";
  return absl::StrFormat("contacted in quiet hours: %s",
                         absl::FormatTime("%Y-%m-%d %H:%M:%S %z", begun, zone));
}

}  // namespace rondo::sim
