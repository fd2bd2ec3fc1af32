#include "services/delivery/channel_health.h"

#include <string_view>

namespace rondo::delivery {
namespace {

// Kept of what the log was told of a channel; beyond it all are forgotten, and may be told again.
constexpr size_t kToldMax = 1'000;

}  // namespace

ChannelHealth::ChannelHealth(int failures_until_rest, absl::Duration rest, const Log& log)
    : failures_until_rest_(failures_until_rest), rest_(rest), log_(log) {}

bool ChannelHealth::Rests(const std::string& channel, absl::Time now) const {
  const std::lock_guard lock(mutex_);
  const auto known = channels_.find(channel);
  return known != channels_.end() && known->second.rests_until > now;
}

std::optional<absl::Time> ChannelHealth::Note(const std::string& channel,
                                              const SendOutcome& outcome, absl::Time now) {
  const absl::Time until = now + rest_;
  const bool no_peer = outcome.status == SendStatus::kDeferred && outcome.code == 0;
  bool rests = true;
  {
    const std::lock_guard lock(mutex_);
    Channel& known = channels_[channel];
    // Without any word on the message the peer is not there, or lets us in no further. One that
    // breaks at the message leaves it in doubt: one upon the other, they would all be lost.
    const bool failed = outcome.status == SendStatus::kUnknown || no_peer;
    known.failures = failed ? known.failures + 1 : 0;
    known.told_of_rest = known.told_of_rest && failed;
    known.has_no_peer = no_peer;
    if (failed) known.reason = outcome.reply;
    if (known.failures >= failures_until_rest_) {
      known.failures = 0;
      known.rests_until = until;
      if (std::exchange(known.told_of_rest, true)) return until;
    } else if (no_peer && known.failures == 1 && !known.told_of_rest) {
      rests = false;  // Where little is sent it never comes to a rest.
    } else {
      return std::nullopt;
    }
  }
  log_.Write(LogLevel::kWarning, rests ? "channel_rests" : "channel_fails",
             {{"channel", channel}, {"reason", outcome.reply}});
  return rests ? std::optional(until) : std::nullopt;
}

void ChannelHealth::TellRefused(const rondo::state::v1::ContactState& contact,
                                const std::string& reason, const absl::Status& refused) {
  const std::string& campaign = contact.contact().campaign();
  {
    const std::lock_guard lock(mutex_);
    auto& told = channels_[contact.channel()].told;
    if (told.contains({campaign, reason})) return;
    if (told.size() >= kToldMax) told.clear();
    told.emplace(campaign, reason);
  }
  log_.Write(LogLevel::kWarning, "messages_refused",
             {{"channel", contact.channel()},
              {"campaign", campaign},
              {"cell", contact.cell()},
              {"reason", reason},
              {"error", std::string_view(refused.message().data(), refused.message().size())}});
}

std::string ChannelHealth::LimitedBy(absl::Time now) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    if (channel.rests_until > now || channel.has_no_peer) return name + ": " + channel.reason;
  }
  return {};
}

}  // namespace rondo::delivery
