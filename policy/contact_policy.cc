#include "policy/contact_policy.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::policy {
namespace {

constexpr int kMinutesPerDay = 24 * 60;

struct ReasonEntry {
  Reason reason;
  std::string_view name;
};
constexpr std::array<ReasonEntry, 10> kReasons = {{{Reason::kNone, "none"},
                                                   {Reason::kErased, "erased"},
                                                   {Reason::kParked, "parked"},
                                                   {Reason::kUnsubscribed, "unsubscribed"},
                                                   {Reason::kComplained, "complained"},
                                                   {Reason::kNoConsent, "no_consent"},
                                                   {Reason::kQuarantined, "quarantined"},
                                                   {Reason::kExpired, "expired"},
                                                   {Reason::kFrequencyCap, "frequency_cap"},
                                                   {Reason::kQuietHours, "quiet_hours"}}};

// An empty pattern matches every value.
bool Matches(const std::string& pattern, const std::string& value) {
  return pattern.empty() || pattern == value;
}

// Minute of the day in [0, 1440), and whether it lies in the window; both ends as on a clock face.
bool Covers(const QuietHours& quiet, int minute) {
  if (quiet.start_minute <= quiet.end_minute) {
    return quiet.start_minute <= minute && minute < quiet.end_minute;
  }
  return minute >= quiet.start_minute || minute < quiet.end_minute;
}

absl::Status CheckSomeMinuteLeft(const ContactPolicy& policy, const std::string& channel) {
  for (int minute = 0; minute < kMinutesPerDay; ++minute) {
    const bool quiet = std::any_of(
        policy.quiet_hours.begin(), policy.quiet_hours.end(),
        [&](const QuietHours& q) { return Matches(q.channel, channel) && Covers(q, minute); });
    if (!quiet) return absl::OkStatus();
  }
  return FieldError("quiet_hours", "together they leave no minute of the day; shorten one");
}

// When the wall clock next shows the end of `quiet`, which covers `time`.
absl::Time EndOf(const QuietHours& quiet, absl::TimeZone zone, absl::Time time) {
  const absl::CivilMinute now(zone.At(time).cs);
  const absl::CivilDay today(now);
  const int minute = static_cast<int>(now - absl::CivilMinute(today));
  const absl::CivilDay day = minute < quiet.end_minute ? today : today + 1;
  const absl::TimeZone::TimeInfo end =
      zone.At(absl::CivilSecond(absl::CivilMinute(day) + quiet.end_minute));
  switch (end.kind) {
    case absl::TimeZone::TimeInfo::UNIQUE:
      return end.pre;
    case absl::TimeZone::TimeInfo::SKIPPED:
      return end.trans;  // The clock jumps over the end: the night is over at the jump.
    case absl::TimeZone::TimeInfo::REPEATED:
      return end.pre > time ? end.pre : end.post;
  }
  return end.pre;
}

// The first instant from `time` on that is in no quiet hours of `channel`.
absl::Time AfterQuietHours(const ContactPolicy& policy, const std::string& channel,
                           absl::TimeZone zone, absl::Time time) {
  while (true) {
    const absl::CivilSecond wall = zone.At(time).cs;
    const int minute = wall.hour() * 60 + wall.minute();
    const auto covering = std::find_if(
        policy.quiet_hours.begin(), policy.quiet_hours.end(),
        [&](const QuietHours& q) { return Matches(q.channel, channel) && Covers(q, minute); });
    if (covering == policy.quiet_hours.end()) return time;
    // Ends lie strictly ahead, and some minute of each day is free: this loop ends.
    time = EndOf(*covering, zone, time);
  }
}

// One cap with the times, ascending, of what counts against it.
struct CapHistory {
  const FrequencyCap* cap = nullptr;
  std::vector<absl::Time> times;
};

// Whether a contact at `time` keeps every window that holds it within the limit.
bool Allows(const CapHistory& history, absl::Time time) {
  const int limit = history.cap->limit;
  std::vector<absl::Time> all = history.times;
  const auto at = all.insert(std::upper_bound(all.begin(), all.end(), time), time);
  const ptrdiff_t position = at - all.begin();
  const ptrdiff_t count = static_cast<ptrdiff_t>(all.size());
  // limit + 1 contacts, this one among them, must not fit into one window.
  const ptrdiff_t first = std::max<ptrdiff_t>(0, position - limit);
  for (ptrdiff_t i = first; i <= position && i + limit < count; ++i) {
    const absl::Duration span = all[static_cast<size_t>(i + limit)] - all[static_cast<size_t>(i)];
    if (span < history.cap->window) return false;
  }
  return true;
}

// The first instant from `time` on that the cap allows; InfiniteFuture for a limit of 0.
absl::Time FirstAllowed(const CapHistory& history, absl::Time time) {
  if (history.cap->limit == 0) return absl::InfiniteFuture();
  if (Allows(history, time)) return time;
  // A forbidden stretch ends only where some contact leaves the window.
  for (const absl::Time counted : history.times) {
    const absl::Time leaves = counted + history.cap->window;
    if (leaves > time && Allows(history, leaves)) return leaves;
  }
  return absl::InfiniteFuture();
}

std::vector<CapHistory> HistoriesOf(const ContactPolicy& policy, const ContactFacts& facts,
                                    std::span<const CountedContact> contacts) {
  std::vector<CapHistory> histories;
  for (const FrequencyCap& cap : policy.caps) {
    const bool applies = Matches(cap.channel, facts.channel) &&
                         Matches(cap.purpose, facts.purpose) &&
                         Matches(cap.business_unit, facts.business_unit);
    if (!applies) continue;
    CapHistory history = {.cap = &cap, .times = {}};
    for (const CountedContact& contact : contacts) {
      if (Matches(cap.channel, contact.channel) && Matches(cap.purpose, contact.purpose) &&
          Matches(cap.business_unit, contact.business_unit)) {
        history.times.push_back(contact.time);
      }
    }
    std::sort(history.times.begin(), history.times.end());
    histories.push_back(std::move(history));
  }
  return histories;
}

Ruling Refuse(Reason reason) { return {.verdict = Verdict::kRefuse, .reason = reason}; }

// What forbids the contact at any time; kNone if nothing does.
Reason Refusal(const ContactPolicy& policy, const ContactFacts& facts, absl::Time now) {
  const bool marketing = facts.message_class == MessageClass::kMarketing;
  const bool service = facts.message_class == MessageClass::kService;
  const bool consent_missing = facts.consent == Consent::kUnknown && policy.requires_consent;
  const std::array<std::pair<bool, Reason>, 7> checks = {{
      {facts.is_erased, Reason::kErased},
      {facts.is_parked, Reason::kParked},
      {facts.consent == Consent::kWithdrawn && marketing, Reason::kUnsubscribed},
      {facts.has_complained && (marketing || service), Reason::kComplained},
      {consent_missing && marketing, Reason::kNoConsent},
      {facts.is_quarantined && (marketing || service), Reason::kQuarantined},
      {now > facts.not_after, Reason::kExpired},
  }};
  for (const auto& [holds, reason] : checks) {
    if (holds) return reason;
  }
  return Reason::kNone;
}

}  // namespace

std::string_view ReasonName(Reason reason) {
  for (const ReasonEntry& entry : kReasons) {
    if (entry.reason == reason) return entry.name;
  }
  return "unknown";
}

absl::Status Validate(const ContactPolicy& policy) {
  FieldViolations violations;
  for (size_t i = 0; i < policy.caps.size(); ++i) {
    const FrequencyCap& cap = policy.caps[i];
    if (cap.limit < 0) {
      violations.Add(absl::StrFormat("caps[%d].limit", i), "expected 0 (none at all) or more");
    }
    if (cap.window <= absl::ZeroDuration() || cap.window == absl::InfiniteDuration()) {
      violations.Add(absl::StrFormat("caps[%d].window", i), "expected a finite time above 0");
    }
  }
  std::set<std::string> channels = {""};
  const auto is_minute = [](int minute) { return minute >= 0 && minute < kMinutesPerDay; };
  for (size_t i = 0; i < policy.quiet_hours.size(); ++i) {
    const QuietHours& quiet = policy.quiet_hours[i];
    channels.insert(quiet.channel);
    if (!is_minute(quiet.start_minute) || !is_minute(quiet.end_minute)) {
      violations.Add(absl::StrFormat("quiet_hours[%d]", i),
                     "expected a start and an end from 00:00 to 23:59");
    }
  }
  RONDO_RETURN_IF_ERROR(violations.ToStatus());
  for (const std::string& channel : channels) {
    RONDO_RETURN_IF_ERROR(CheckSomeMinuteLeft(policy, channel));
  }
  return absl::OkStatus();
}

Ruling Rule(const ContactPolicy& policy, const ContactFacts& facts,
            std::span<const CountedContact> contacts, absl::Time now) {
  const Reason refusal = Refusal(policy, facts, now);
  if (refusal != Reason::kNone) return Refuse(refusal);
  const bool marketing = facts.message_class == MessageClass::kMarketing;
  if (!marketing && facts.message_class != MessageClass::kService) return {};

  std::vector<CapHistory> caps;
  if (marketing) caps = HistoriesOf(policy, facts, contacts);
  const auto past_caps = [&](absl::Time time) {
    for (const CapHistory& history : caps) {
      if (history.cap->when_capped == WhenCapped::kDefer) {
        time = std::max(time, FirstAllowed(history, time));
      }
    }
    return time;
  };
  // Each step waits for whatever forbids the instant reached; at rest nothing that can end does.
  Reason first_reason = Reason::kNone;
  absl::Time allowed = now;
  while (true) {
    const absl::Time after_caps = past_caps(allowed);
    if (after_caps == absl::InfiniteFuture()) return Refuse(Reason::kFrequencyCap);
    const absl::Time after_quiet =
        AfterQuietHours(policy, facts.channel, facts.time_zone, after_caps);
    if (first_reason == Reason::kNone && after_quiet != allowed) {
      first_reason = after_caps != allowed ? Reason::kFrequencyCap : Reason::kQuietHours;
    }
    if (after_quiet == allowed) break;
    allowed = after_quiet;
  }
  for (const CapHistory& history : caps) {
    if (!Allows(history, allowed)) return Refuse(Reason::kFrequencyCap);
  }
  if (allowed == now) return {};
  if (allowed > facts.not_after) return Refuse(first_reason);
  return {.verdict = Verdict::kDefer, .reason = first_reason, .retry_time = allowed};
}

}  // namespace rondo::policy
