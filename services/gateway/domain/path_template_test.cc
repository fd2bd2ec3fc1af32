#include "services/gateway/domain/path_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::optional<std::vector<std::pair<std::string, std::string>>> Match(std::string_view text,
                                                                      std::string_view path) {
  const absl::StatusOr<PathTemplate> path_template = ParsePathTemplate(text);
  EXPECT_TRUE(path_template.ok()) << path_template.status();
  return MatchPath(*path_template, path);
}

TEST(PathTemplateTest, MatchesResourceNamesAndVerbs) {
  EXPECT_THAT(*Match("/api/v1/{name=campaigns/*}:launch", "/api/v1/campaigns/spring:launch"),
              ElementsAre(Pair("name", "campaigns/spring")));
  EXPECT_FALSE(Match("/api/v1/{name=campaigns/*}:launch", "/api/v1/campaigns/spring").has_value());
  EXPECT_FALSE(Match("/api/v1/{name=campaigns/*}:launch", "/api/v1/campaigns/:launch").has_value());
  EXPECT_THAT(*Match("/api/v1/{a.b=x/*/y/*}/z/{c}", "/api/v1/x/1/y/2/z/3"),
              ElementsAre(Pair("a.b", "x/1/y/2"), Pair("c", "3")));
  EXPECT_THAT(*Match("/api/v1/customers:lookup", "/api/v1/customers:lookup"), IsEmpty());
  EXPECT_THAT(*Match("/v1/*/b", "/v1/a/b"), IsEmpty());
  EXPECT_FALSE(Match("/v1/a", "/v1/a/").has_value());
  EXPECT_FALSE(Match("/v1/a", "/v1/b").has_value());
  EXPECT_FALSE(Match("/v1/a", "/v1").has_value());
}

TEST(PathTemplateTest, TakesTheRestOfAPath) {
  EXPECT_THAT(*Match("/v1/{name=files/**}", "/v1/files/a/b/c"),
              ElementsAre(Pair("name", "files/a/b/c")));
  EXPECT_THAT(*Match("/v1/{name=files/**}", "/v1/files"), ElementsAre(Pair("name", "files")));
  EXPECT_THAT(*Match("/v1/{rest=**}:run", "/v1/a/b:run"), ElementsAre(Pair("rest", "a/b")));
}

TEST(PathTemplateTest, DecodesValuesButKeepsEncodedSlashesApart) {
  EXPECT_THAT(*Match("/v1/{id}", "/v1/crm%3A4%2F7%20x"), ElementsAre(Pair("id", "crm:4/7 x")));
  EXPECT_THAT(*Match("/v1/{name=c/*}", "/v1/c/a%2Fb%20c"), ElementsAre(Pair("name", "c/a%2Fb c")));
  EXPECT_FALSE(Match("/v1/{id}", "/v1/%zz").has_value());
  EXPECT_FALSE(Match("/v1/{id}", "/v1/a%00").has_value());
}

TEST(PathTemplateTest, RefusesWhatIsNoTemplate) {
  for (const std::string text :
       {"", "v1", "/", "/v1/{", "/v1/{}", "/v1/{=a}", "/v1/{a=}", "/v1/{a", "/v1/**/b",
        "/v1/{a=**}/b", "/v1/a:", "/v1/a:b:c", "/v1/{a={b}}", "/v1//b", "/v1/a}b", "/v1/***"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(ParsePathTemplate(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace rondo
