#include "platform/core/nearest.h"

#include <gtest/gtest.h>

namespace rondo {
namespace {

TEST(NearestTest, FindsSlipsAndNothingFurtherOff) {
  const std::vector<std::string> names = {"tier", "country", "time_zone"};
  EXPECT_EQ(Nearest("teir", names), "tier");
  EXPECT_EQ(Nearest("contry", names), "country");
  EXPECT_EQ(Nearest("timezone", names), "time_zone");
  EXPECT_EQ(Nearest("amount", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest("x", {"y"}), "");  // All of it would be wrong.
  EXPECT_EQ(Nearest(std::string(65, 'a'), {std::string(64, 'a')}), "");
  EXPECT_EQ(Nearest("teir", {"tier"}, 16), "tier");
  EXPECT_EQ(Nearest("teir", {"tier"}, 15), "");  // Too many steps.
}

}  // namespace
}  // namespace rondo
