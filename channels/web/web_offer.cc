#include "channels/web/web_offer.h"

#include <algorithm>
#include <tuple>

namespace rondo {

bool IsWaiting(const WebOffer& offer, absl::Time now) {
  return offer.start_time <= now && now < offer.expire_time;
}

std::vector<WebOffer> WaitingAt(std::vector<WebOffer> offers, absl::Time now) {
  std::erase_if(offers, [now](const WebOffer& offer) { return !IsWaiting(offer, now); });
  std::sort(offers.begin(), offers.end(), [](const WebOffer& a, const WebOffer& b) {
    return std::tie(a.start_time, a.id) > std::tie(b.start_time, b.id);
  });
  return offers;
}

}  // namespace rondo
