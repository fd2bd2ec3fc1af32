#include "platform/http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace rondo {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(UrlTest, TakesUrlsApart) {
  const absl::StatusOr<Url> url = ParseUrl("https://shop.test:8443/a%20b/c?d=e&f");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "shop.test");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/a%20b/c");
  EXPECT_EQ(url->query, "d=e&f");
  EXPECT_EQ(ParseUrl("http://shop.test")->port, 80);
  EXPECT_EQ(ParseUrl("http://shop.test")->path, "/");
}

// reliability.md, 2.1: the ways to open redirects.
TEST(UrlTest, RefusesWhatIsNotPlainlyAWebAddress) {
  for (const std::string text :
       {"", "//evil.test", "https:evil.test", "https:/evil.test", "https:///evil.test",
        "\\\\evil.test", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd",
        "gopher://a.test/", "https://ok.test@evil.test/", "https://user:pass@evil.test/",
        "https://a.test/\r\nX: y", "https://a.test/ b", "https://a.test\\@evil.test/",
        "https://\xd0\xb0.test/", "https://a.test:0/", "https://a.test:99999/", "/relative"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(ParseUrl(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(UrlTest, RefusesMalformedPercentEncoding) {
  for (const std::string text : {"%", "a%2", "%zz", "%00", "a%00b"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(PercentDecode(text).ok());
  }
}

RC_GTEST_PROP(UrlTest, DecodeUndoesEncode, ()) {
  std::string text = *rc::gen::arbitrary<std::string>();
  std::erase(text, '\0');
  RC_ASSERT(*PercentDecode(PercentEncode(text)) == text);
}

TEST(UrlTest, ReadsQueriesInOrder) {
  EXPECT_THAT(*ParseQuery("a=1&b=x+y%26&&c&a=2=3"),
              ElementsAre(Pair("a", "1"), Pair("b", "x y&"), Pair("c", ""), Pair("a", "2=3")));
  EXPECT_FALSE(ParseQuery("a=%").ok());
  std::string many;
  for (size_t i = 0; i <= kQueryParametersMax; ++i) many += "a=1&";
  EXPECT_FALSE(ParseQuery(many).ok());
}

}  // namespace
}  // namespace rondo
