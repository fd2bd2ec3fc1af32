// Whether a channel's peer takes messages: after failures one upon the other the channel rests. And
// what the operators' log was told of a channel, so that it is told once.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "channels/outcome.h"
#include "platform/rpc/log.h"
#include "rondo/state/v1/delivery.pb.h"

namespace rondo::delivery {

// Thread-safe.
class ChannelHealth {
 public:
  // So many messages one after another that the peer neither took nor refused (it said nothing of
  // them, or nobody knows), and the channel rests for `rest`. `log` outlives it.
  ChannelHealth(int failures_until_rest, absl::Duration rest, const Log& log);

  bool Rests(const std::string& channel, absl::Time now) const;

  // Notes what became of a message. Until when the channel rests, if it begins to.
  std::optional<absl::Time> Note(const std::string& channel, const SendOutcome& outcome,
                                 absl::Time now);

  // What is wrong with a template's sender, a text or a channel is wrong with many messages: one
  // line of the log for each campaign and reason is enough. Its cell is the first one that was met.
  void TellRefused(const rondo::state::v1::ContactState& contact, const std::string& reason,
                   const absl::Status& refused);

  // The first channel that rests or whose last message found nobody, and why; empty for none.
  std::string LimitedBy(absl::Time now) const;

 private:
  struct Channel {
    int failures = 0;
    absl::Time rests_until = absl::InfinitePast();
    std::string reason;         // Of the last failure.
    bool has_no_peer = false;   // The last message found nobody, or was let in no further.
    bool told_of_rest = false;  // Since the peer last took or refused a message.
    std::set<std::pair<std::string, std::string>> told;  // Campaigns and reasons that the log has.
  };

  const int failures_until_rest_;
  const absl::Duration rest_;
  const Log& log_;
  mutable std::mutex mutex_;
  std::map<std::string, Channel> channels_;
};

}  // namespace rondo::delivery
