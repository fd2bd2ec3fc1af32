// The web channel: offers that wait for the customer's next visit, and which of them it shows.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace rondo {

struct WebOffer {
  std::string id;  // Of its contact.
  absl::Time start_time = absl::InfinitePast();
  absl::Time expire_time = absl::InfiniteFuture();  // Not shown from then on.
  friend bool operator==(const WebOffer&, const WebOffer&) = default;
};

// Whether a visit at `now` may show it: [start_time, expire_time).
bool IsWaiting(const WebOffer& offer, absl::Time now);

// Those that a visit at `now` may show, the one that was started last first (ties: greatest id).
std::vector<WebOffer> WaitingAt(std::vector<WebOffer> offers, absl::Time now);

}  // namespace rondo
