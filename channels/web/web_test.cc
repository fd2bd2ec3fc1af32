#include <gtest/gtest.h>

#include "channels/web/web_offer.h"
#include "platform/core/field_error.h"

namespace rondo {
namespace {

constexpr absl::Time kNoon = absl::FromUnixSeconds(1'785'000'000);

WebOffer Offer(const std::string& id, absl::Time start, const std::string& placement = "") {
  return {id,    CustomerId(7),          placement, "offers/ten-percent", "<b>10%</b>", "",
          start, start + absl::Hours(24)};
}

TEST(WebOfferTest, WaitsFromItsStartUntilItExpires) {
  const WebOffer offer = Offer("a", kNoon);
  EXPECT_FALSE(IsWaiting(offer, "home", kNoon - absl::Microseconds(1)));
  EXPECT_TRUE(IsWaiting(offer, "home", kNoon));
  EXPECT_TRUE(IsWaiting(offer, "home", kNoon + absl::Hours(24) - absl::Microseconds(1)));
  EXPECT_FALSE(IsWaiting(offer, "home", kNoon + absl::Hours(24)));
}

TEST(WebOfferTest, ShowsTheNewestThatFitsThePlacement) {
  const std::vector<WebOffer> offers = {
      Offer("a", kNoon), Offer("b", kNoon + absl::Hours(1), "basket"), Offer("c", kNoon)};
  const absl::Time later = kNoon + absl::Hours(2);
  EXPECT_EQ(NextFor(offers, "home", later)->id, "c");
  EXPECT_EQ(NextFor(offers, "basket", later)->id, "b");
  EXPECT_FALSE(NextFor(offers, "home", kNoon - absl::Hours(1)).has_value());
}

TEST(WebOfferTest, SaysEverythingThatIsWrong) {
  EXPECT_TRUE(Check(Offer("a", kNoon)).ok());
  WebOffer offer;
  EXPECT_EQ(ViolationsOf(Check(offer)).size(), 5u);
}

}  // namespace
}  // namespace rondo
