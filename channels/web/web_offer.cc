#include "channels/web/web_offer.h"

#include "platform/core/field_error.h"

namespace rondo {
namespace {

constexpr size_t kContentBytesMax = 64 << 10;

}  // namespace

absl::Status Check(const WebOffer& offer) {
  FieldViolations violations;
  if (offer.id.empty()) violations.Add("id", "is required");
  if (!offer.customer.is_set()) violations.Add("customer", "is required");
  if (offer.offer.empty()) violations.Add("offer", "is required");
  if (offer.content.empty() || offer.content.size() > kContentBytesMax) {
    violations.Add("content", "1 to 65,536 bytes");
  }
  if (offer.expire_time <= offer.start_time) {
    violations.Add("expire_time", "must be after start_time");
  }
  return violations.ToStatus();
}

bool IsWaiting(const WebOffer& offer, std::string_view placement, absl::Time now) {
  return (offer.placement.empty() || offer.placement == placement) && offer.start_time <= now &&
         now < offer.expire_time;
}

std::optional<WebOffer> NextFor(const std::vector<WebOffer>& offers, std::string_view placement,
                                absl::Time now) {
  const WebOffer* next = nullptr;
  for (const WebOffer& offer : offers) {
    if (!IsWaiting(offer, placement, now)) continue;
    if (next == nullptr || offer.start_time > next->start_time ||
        (offer.start_time == next->start_time && offer.id > next->id)) {
      next = &offer;
    }
  }
  return next == nullptr ? std::nullopt : std::optional(*next);
}

}  // namespace rondo
