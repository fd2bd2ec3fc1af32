#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sodium.h>

#include "channels/links/token.h"
#include "channels/links/tracking.h"
#include "platform/core/rng.h"

namespace rondo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr InstanceKey kInstance = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

LinkTokens TokensWith(std::initializer_list<uint8_t> ids) {
  std::vector<LinkKey> keys;
  for (const uint8_t id : ids) keys.push_back(DeriveLinkKey(kInstance, id));
  return LinkTokens::Create(keys).value();
}

LinkToken Click() {
  LinkToken token;
  token.purpose = LinkPurpose::kClick;
  token.customer = CustomerId(0x00f3c2a9d41b7e60);
  token.campaign = "campaigns/spring-winback";
  token.cycle = 3;
  token.cell = "mail-10";
  token.step = "s1";
  token.occurrence = 2;
  token.link_number = 1;
  token.target = "https://shop.example.com/a?b=c&d=%20#e";
  return token;
}

TEST(LinkTokenTest, ComesBackAsItWasSigned) {
  const LinkTokens tokens = TokensWith({1});
  EXPECT_EQ(tokens.Verify(tokens.Sign(Click()).value(), LinkPurpose::kClick).value(), Click());
}

TEST(LinkTokenTest, IsRefusedForAnotherPurpose) {
  const LinkTokens tokens = TokensWith({1});
  const std::string text = tokens.Sign(Click()).value();
  for (const LinkPurpose purpose : {LinkPurpose::kOpen, LinkPurpose::kUnsubscribe,
                                    LinkPurpose::kWebOffer, LinkPurpose::kReceipt}) {
    EXPECT_EQ(tokens.Verify(text, purpose).status().code(), absl::StatusCode::kNotFound);
  }
}

TEST(LinkTokenTest, OutlivesOneRotationOfKeysAndNoMore) {
  const std::string text = TokensWith({1}).Sign(Click()).value();
  EXPECT_TRUE(TokensWith({2, 1}).Verify(text, LinkPurpose::kClick).ok());
  EXPECT_FALSE(TokensWith({3, 2}).Verify(text, LinkPurpose::kClick).ok());
}

TEST(LinkTokenTest, IsRefusedIfAnyBitOrAnyCharacterDiffers) {
  const LinkTokens tokens = TokensWith({1});
  const std::string text = tokens.Sign(Click()).value();
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n";
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char other : kAlphabet) {
      if (other == text[i]) continue;
      std::string forged = text;
      forged[i] = other;
      ASSERT_FALSE(tokens.Verify(forged, LinkPurpose::kClick).ok()) << i << other;
    }
    ASSERT_FALSE(tokens.Verify(text.substr(0, i), LinkPurpose::kClick).ok());
  }
  for (const char* suffix : {"=", "==", "A", "AA", " ", "\n", "."}) {
    EXPECT_FALSE(tokens.Verify(text + suffix, LinkPurpose::kClick).ok()) << suffix;
  }
}

TEST(LinkTokenTest, IsNeverFoundByChance) {
  const LinkTokens tokens = TokensWith({1, 2});
  Rng rng(7);
  const std::string text = tokens.Sign(Click()).value();
  for (int i = 0; i < 100'000; ++i) {
    std::string forged = text;
    const uint64_t flips = 1 + rng.Below(4);
    for (uint64_t f = 0; f < flips; ++f)
      forged[rng.Below(forged.size())] ^= static_cast<char>(1u << rng.Below(7));
    if (forged == text) continue;
    ASSERT_FALSE(tokens.Verify(forged, LinkPurpose::kClick).ok());
  }
}

TEST(LinkTokenTest, HoldsNoAddressOfAPerson) {
  const std::string text = TokensWith({1}).Sign(Click()).value();
  EXPECT_THAT(text, Not(HasSubstr("@")));
  EXPECT_EQ(
      text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
      std::string::npos);
}

TEST(LinkTokenTest, RefusesWhatItCannotCarry) {
  const LinkTokens tokens = TokensWith({1});
  LinkToken token = Click();
  token.campaign.assign(256, 'x');
  EXPECT_FALSE(tokens.Sign(token).ok());
  token = Click();
  token.target = "javascript:alert(1)";
  EXPECT_FALSE(tokens.Sign(token).ok());
  token = Click();
  token.purpose = LinkPurpose::kOpen;
  EXPECT_FALSE(tokens.Sign(token).ok());
  EXPECT_FALSE(LinkTokens::Create({}).ok());
  EXPECT_FALSE(LinkTokens::Create({DeriveLinkKey(kInstance, 1), DeriveLinkKey(kInstance, 1)}).ok());
}

TEST(LinkTokenTest, TheWayOutNamesThePurposeAndThoseOfOlderMessagesHold) {
  const LinkTokens tokens = TokensWith({1});
  LinkToken token = Click();
  token.purpose = LinkPurpose::kUnsubscribe;
  token.link_number = 0;
  token.target.clear();
  const std::string old = tokens.Sign(token).value();
  EXPECT_EQ(tokens.Verify(old, LinkPurpose::kUnsubscribe).value().consent_purpose, "");
  token.consent_purpose = "newsletter";
  const std::string text = tokens.Sign(token).value();
  EXPECT_EQ(tokens.Verify(text, LinkPurpose::kUnsubscribe).value(), token);
  EXPECT_NE(text[1], old[1]) << "another version";
  for (const char* bad : {"News letter", "<b>", "*"}) {
    token.consent_purpose = bad;
    EXPECT_FALSE(tokens.Sign(token).ok()) << bad;
  }
  LinkToken click = Click();
  click.consent_purpose = "newsletter";
  EXPECT_FALSE(tokens.Sign(click).ok()) << "a click withdraws nothing";
}

TEST(LinkTargetTest, LeadsOnlyWhereItSaysItLeads) {
  for (const char* good :
       {"http://a.example", "https://a.example/", "https://a.example:8443/x?y=@z",
        "https://[::1]/x", "HTTPS://A.example/x"}) {
    EXPECT_TRUE(CheckLinkTarget(good).ok()) << good;
  }
  for (const char* bad : {"",
                          "//evil",
                          "https:evil",
                          "https:/evil",
                          "https:///evil",
                          "\\\\evil",
                          "https:\\\\evil",
                          "javascript:alert(1)",
                          "data:text/html,x",
                          "https://ok@evil/",
                          "https://ok:pw@evil/",
                          "https://ok@",
                          "https://a.example/\r\nSet-Cookie: x",
                          "https://a b",
                          "ftp://a.example/",
                          "file:///etc/passwd",
                          "/relative",
                          "a.example",
                          "https://",
                          " https://a.example",
                          "java\tscript:alert(1)"}) {
    EXPECT_FALSE(CheckLinkTarget(bad).ok()) << bad;
  }
  EXPECT_FALSE(CheckLinkTarget("https://a.example/" + std::string(2'100, 'x')).ok());
}

RC_GTEST_PROP(LinkTokenTest, SignIsUndoneByVerify,
              (uint64_t customer, uint32_t cycle, uint32_t occurrence, std::string cell)) {
  cell.resize(std::min<size_t>(cell.size(), 255));
  LinkToken token = Click();
  token.customer = CustomerId(customer);
  token.cycle = cycle;
  token.occurrence = occurrence;
  token.cell = cell;
  const LinkTokens tokens = TokensWith({9});
  RC_ASSERT(tokens.Verify(tokens.Sign(token).value(), LinkPurpose::kClick).value() == token);
}

class TrackingTest : public ::testing::Test {
 protected:
  TrackingTest() : tokens_(TokensWith({1})), links_(MakeLinks()) {}

  ContactLinks MakeLinks() const {
    LinkToken contact = Click();
    return ContactLinks::Create("https://go.example.com", tokens_, contact).value();
  }
  // The targets of the click addresses of `body`, in order.
  std::vector<std::string> Targets(const std::string& body) const {
    std::vector<std::string> targets;
    const std::string prefix = "https://go.example.com/t/c/";
    for (size_t at = body.find(prefix); at != std::string::npos; at = body.find(prefix, at + 1)) {
      const size_t begin = at + prefix.size();
      const size_t end = body.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", begin);
      const auto token = tokens_.Verify(body.substr(begin, end - begin), LinkPurpose::kClick);
      targets.push_back(token.ok() ? token->target : "?");
      EXPECT_EQ(token->link_number, targets.size());
    }
    return targets;
  }

  LinkTokens tokens_;
  ContactLinks links_;
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(TrackingTest, RewritesLinksOfHtmlAndNothingElse) {
  const std::string html =
      "<html><head><link href=\"https://css.example/x\"></head><body>\n"
      "<a class=x href=\"https://a.example/?x=1&amp;y=2\">one</a> <A "
      "HREF='http://b.example'>two</A>\n"
      "<a href=https://c.example/q>three</a><map><area href=\"https://d.example\"></map>\n"
      "<a href=\"mailto:x@y.example\">mail</a> <a href=\"#top\">top</a> <img "
      "src=\"https://i.example/i.png\">\n"
      "<!-- <a href=\"https://no.example\"> --> https://text.example\n</body></html>\n";
  const std::string tracked = links_.TrackHtml(html).value();
  EXPECT_THAT(Targets(tracked), ElementsAre("https://a.example/?x=1&y=2", "http://b.example",
                                            "https://c.example/q", "https://d.example"));
  for (const char* kept :
       {"<link href=\"https://css.example/x\">", "mailto:x@y.example", "#top",
        "src=\"https://i.example/i.png\"", "<!-- <a href=\"https://no.example\"> -->",
        "> https://text.example\n"}) {
    EXPECT_THAT(tracked, HasSubstr(kept));
  }
}

TEST_F(TrackingTest, PutsThePixelAtTheEndOfTheBody) {
  const std::string tracked = links_.TrackHtml("<html><body><p>x</p></body></html>").value();
  const size_t pixel = tracked.find("<img src=\"https://go.example.com/t/o/");
  ASSERT_NE(pixel, std::string::npos);
  EXPECT_LT(pixel, tracked.find("</body>"));
  const size_t begin = tracked.find("/t/o/") + 5;
  const std::string token = tracked.substr(begin, tracked.find(".gif") - begin);
  EXPECT_TRUE(tokens_.Verify(token, LinkPurpose::kOpen).ok());
  EXPECT_THAT(links_.TrackHtml("no tags").value(), StartsWith("no tags<img "));
}

TEST_F(TrackingTest, LeavesItsOwnLinksAlone) {
  const std::string unsubscribe = links_.UnsubscribeUrl().value();
  const std::string tracked = links_.TrackHtml("<a href=\"" + unsubscribe + "\">leave</a>").value();
  EXPECT_THAT(tracked, HasSubstr(unsubscribe));
  EXPECT_THAT(Targets(tracked), IsEmpty());
  EXPECT_EQ(links_.TrackText("leave: " + unsubscribe).value(), "leave: " + unsubscribe);
}

TEST_F(TrackingTest, TakesScriptsOutOfAddresses) {
  for (const char* evil : {"javascript:alert(1)", "JaVaScRiPt:alert(1)", " java\tscript:alert(1)",
                           "data:text/html,x", "vbscript:x", "&#106;avascript:alert(1)"}) {
    const std::string tracked =
        links_.TrackHtml("<a href=\"" + std::string(evil) + "\">x</a><img src=\"" + evil + "\">")
            .value();
    EXPECT_THAT(tracked, StartsWith("<a href=\"#\">x</a><img src=\"#\">")) << evil;
  }
}

TEST_F(TrackingTest, RewritesLinksOfTextWithoutTheirPunctuation) {
  const std::string tracked = links_
                                  .TrackText(
                                      "See https://a.example/x, (http://b.example/y_(z)). Or "
                                      "HTTPS://C.example/?q=1!\nxhttp://no")
                                  .value();
  EXPECT_THAT(Targets(tracked), ElementsAre("https://a.example/x", "http://b.example/y_(z)",
                                            "HTTPS://C.example/?q=1"));
  EXPECT_THAT(tracked, HasSubstr(", ("));
  EXPECT_THAT(tracked, HasSubstr("!\nxhttp://no"));
}

TEST_F(TrackingTest, OnlyTheWayOutBearsTheConsentsPurpose) {
  LinkToken contact = Click();
  contact.consent_purpose = "newsletter";
  const auto links = ContactLinks::Create("https://go.example.com", tokens_, contact).value();
  const std::string out = links.UnsubscribeUrl().value();
  const auto token = tokens_.Verify(out.substr(out.rfind('/') + 1), LinkPurpose::kUnsubscribe);
  EXPECT_EQ(token.value().consent_purpose, "newsletter");
  EXPECT_TRUE(links.OpenPixelUrl().ok());
  EXPECT_TRUE(links.ClickUrl(1, "https://shop.example.com/").ok());
  EXPECT_TRUE(links.ReceiptUrl().ok());
}

TEST_F(TrackingTest, SurvivesDeepHtml) {
  std::string html;
  for (int i = 0; i < 20'000; ++i) html += "<i>";
  EXPECT_TRUE(links_.TrackHtml(html + "<a href=\"https://a.example\">x</a>").ok());
}

TEST_F(TrackingTest, RefusesABaseThatIsNone) {
  for (const char* bad :
       {"", "go.example.com", "https://go.example.com/", "https://go.example.com?x"}) {
    EXPECT_FALSE(ContactLinks::Create(bad, tokens_, Click()).ok()) << bad;
  }
}

}  // namespace
}  // namespace rondo
