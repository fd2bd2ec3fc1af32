#include "platform/rpc/page_token.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "platform/rpc/testing/echo.pb.h"

namespace rondo {
namespace {

using rpc::testing::ListNotesRequest;

constexpr InstanceKey kKey = {1, 2, 3};

ListNotesRequest Request() {
  ListNotesRequest request;
  request.set_parent("shelves/1");
  return request;
}

RC_GTEST_PROP(PageTokensTest, GiveBackTheCursorOfTheSameRequest, ()) {
  const PageTokens tokens(kKey);
  const std::string cursor = *rc::gen::nonEmpty(rc::gen::arbitrary<std::string>());
  ListNotesRequest request = Request();
  request.set_page_token(tokens.Encode(request, cursor));
  // A page's size may change on the way.
  request.set_page_size(*rc::gen::arbitrary<int>());
  RC_ASSERT(*tokens.Decode(request) == cursor);
}

TEST(PageTokensTest, FirstAndLastPagesNeedNone) {
  const PageTokens tokens(kKey);
  EXPECT_EQ(*tokens.Decode(Request()), "");
  EXPECT_EQ(tokens.Encode(Request(), ""), "");
}

TEST(PageTokensTest, AreGoodForNoOtherRequest) {
  const PageTokens tokens(kKey);
  ListNotesRequest other = Request();
  other.set_page_token(tokens.Encode(Request(), "cursor"));
  other.set_parent("shelves/2");
  EXPECT_EQ(tokens.Decode(other).status().code(), absl::StatusCode::kInvalidArgument);
  ListNotesRequest elsewhere = Request();
  elsewhere.set_page_token(PageTokens({9}).Encode(Request(), "cursor"));
  EXPECT_FALSE(tokens.Decode(elsewhere).ok());
}

TEST(PageTokensTest, RefuseEachFlippedBitAndCut) {
  const PageTokens tokens(kKey);
  const std::string good = tokens.Encode(Request(), "customers/0001");
  ListNotesRequest request = Request();
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      if (static_cast<unsigned char>(bad[i]) >= 0x80) continue;
      request.set_page_token(bad);
      EXPECT_FALSE(tokens.Decode(request).ok()) << bad;
    }
    request.set_page_token(good.substr(0, i));
    EXPECT_EQ(tokens.Decode(request).ok(), i == 0);
  }
  for (const std::string& bad : {good + "=", good + " ", good + "A"}) {
    request.set_page_token(bad);
    EXPECT_FALSE(tokens.Decode(request).ok()) << bad;
  }
}

TEST(PageSizeTest, IsBroughtIntoRange) {
  EXPECT_EQ(*PageSize(0, 50, 1000), 50);
  EXPECT_EQ(*PageSize(7, 50, 1000), 7);
  EXPECT_EQ(*PageSize(5000, 50, 1000), 1000);
  EXPECT_FALSE(PageSize(-1, 50, 1000).ok());
}

}  // namespace
}  // namespace rondo
