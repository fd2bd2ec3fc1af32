#include "services/gateway/domain/machine.h"

#include <gtest/gtest.h>

namespace rondo {
namespace {

constexpr char kFirefox[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
constexpr char kIphone[] =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1";
const absl::Time kNoon = absl::FromUnixSeconds(1'780'315'200);

TEST(MachineTest, JudgesByWhatAHitShows) {
  const struct {
    Visitor visitor;
    MachineReason want;
  } kCases[] = {
      {{.method = "GET", .user_agent = kFirefox}, MachineReason::kNone},
      {{.method = "GET", .user_agent = kIphone}, MachineReason::kNone},
      {{.method = "HEAD", .user_agent = kFirefox}, MachineReason::kHead},
      {{.method = "GET", .user_agent = kFirefox, .purpose = "prefetch"}, MachineReason::kPrefetch},
      {{.method = "GET", .user_agent = kFirefox, .purpose = "preview"}, MachineReason::kPrefetch},
      {{.method = "GET", .user_agent = kFirefox, .sec_purpose = "prefetch;prerender"},
       MachineReason::kPrefetch},
      {{.method = "GET", .user_agent = kFirefox, .x_moz = "prefetch"}, MachineReason::kPrefetch},
      {{.method = "GET", .user_agent = ""}, MachineReason::kRobot},
      {{.method = "GET", .user_agent = "Mozilla/5.0"}, MachineReason::kRobot},
      {{.method = "GET", .user_agent = "curl/8.5.0"}, MachineReason::kRobot},
      {{.method = "GET",
        .user_agent = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
       MachineReason::kRobot},
      {{.method = "GET", .user_agent = "Mozilla/5.0 (compatible; Barracuda Sentinel)"},
       MachineReason::kRobot},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.visitor.user_agent));
    EXPECT_EQ(JudgeVisitor(c.visitor), c.want);
  }
}

// Gmail's proxy fetches when a person opens: proxied, but no machine's own doing.
TEST(MachineTest, TellsProxiesFromRobots) {
  const char* gmail =
      "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
  EXPECT_TRUE(IsImageProxy(gmail));
  EXPECT_EQ(JudgeVisitor({.method = "GET", .user_agent = gmail}), MachineReason::kNone);
  EXPECT_FALSE(IsImageProxy(kFirefox));
}

TEST(ClickBurstsTest, AreDifferentLinksWithinTwoSeconds) {
  ClickBursts bursts;
  EXPECT_FALSE(bursts.Note("a", 1, kNoon));
  EXPECT_TRUE(bursts.Note("a", 2, kNoon + absl::Milliseconds(300)));
  EXPECT_TRUE(bursts.Note("a", 2, kNoon + absl::Milliseconds(600))) << "the burst goes on";
  EXPECT_FALSE(bursts.Note("a", 3, kNoon + absl::Seconds(10)));
  EXPECT_FALSE(bursts.Note("b", 2, kNoon)) << "another contact";
}

TEST(ClickBurstsTest, AreNotAPersonsDoubleClicks) {
  ClickBursts bursts;
  EXPECT_FALSE(bursts.Note("a", 1, kNoon));
  EXPECT_FALSE(bursts.Note("a", 1, kNoon + absl::Milliseconds(200)));
}

TEST(ClickBurstsTest, ForgetTheOldestContacts) {
  ClickBursts bursts;
  bursts.Note("first", 1, kNoon);
  for (size_t i = 0; i < ClickBursts::kContactsMax; ++i) bursts.Note(std::to_string(i), 1, kNoon);
  EXPECT_FALSE(bursts.Note("first", 2, kNoon + absl::Milliseconds(1)));
  EXPECT_TRUE(
      bursts.Note(std::to_string(ClickBursts::kContactsMax - 1), 2, kNoon + absl::Milliseconds(1)));
}

}  // namespace
}  // namespace rondo
