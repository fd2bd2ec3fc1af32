// The web channel: an offer that waits for the customer's next visit.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/id.h"

namespace rondo {

struct WebOffer {
  std::string id;  // Made once per contact; impressions and clicks are keyed by it.
  CustomerId customer;
  std::string placement;  // Resource name; empty: anywhere.
  std::string offer;      // Resource name.
  std::string content;    // What to show, rendered: JSON or HTML, at most 64 KiB.
  std::string click_url;  // Tracked; empty if the content brings its own.
  absl::Time start_time;
  absl::Time expire_time;  // Not shown from then on.
  friend bool operator==(const WebOffer&, const WebOffer&) = default;
};

// OK if the offer has an id, a customer, an offer, content within its limit, and expires after its
// start. INVALID_ARGUMENT naming every wrong field.
absl::Status Check(const WebOffer& offer);

// Whether a visitor of `placement` at `now` may be shown it: [start_time, expire_time).
bool IsWaiting(const WebOffer& offer, std::string_view placement, absl::Time now);

// The waiting one that was started last (ties: greatest id); none if none is waiting.
std::optional<WebOffer> NextFor(const std::vector<WebOffer>& offers, std::string_view placement,
                                absl::Time now);

}  // namespace rondo
