#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "channels/web/web_offer.h"

namespace rondo {
namespace {

constexpr absl::Time kNoon = absl::FromUnixSeconds(1'785'000'000);

WebOffer Offer(const std::string& id, absl::Time start) {
  return {.id = id, .start_time = start, .expire_time = start + absl::Hours(24)};
}

TEST(WebOfferTest, WaitsFromItsStartUntilItExpires) {
  const WebOffer offer = Offer("a", kNoon);
  EXPECT_FALSE(IsWaiting(offer, kNoon - absl::Microseconds(1)));
  EXPECT_TRUE(IsWaiting(offer, kNoon));
  EXPECT_TRUE(IsWaiting(offer, kNoon + absl::Hours(24) - absl::Microseconds(1)));
  EXPECT_FALSE(IsWaiting(offer, kNoon + absl::Hours(24)));
}

TEST(WebOfferTest, AVisitShowsWhatWaitsTheNewestFirst) {
  const WebOffer a = Offer("a", kNoon);
  const WebOffer b = Offer("b", kNoon + absl::Hours(1));
  const WebOffer c = Offer("c", kNoon);
  const WebOffer gone = Offer("d", kNoon - absl::Hours(24));
  const WebOffer later = Offer("e", kNoon + absl::Hours(3));
  EXPECT_THAT(WaitingAt({a, gone, b, later, c}, kNoon + absl::Hours(2)),
              testing::ElementsAre(b, c, a));
  EXPECT_THAT(WaitingAt({}, kNoon), testing::IsEmpty());
}

}  // namespace
}  // namespace rondo
