#include "platform/catalog/resource_name.h"

#include <gtest/gtest.h>

#include "platform/core/field_error.h"

namespace rondo::catalog {
namespace {

TEST(ResourceNameTest, AcceptsOnlyACollectionAndAnId) {
  struct Case {
    std::string name;
    bool is_good;
  };
  const Case kCases[] = {
      {"segments/vip", true},
      {"segments/v", true},
      {"segments/vip-2026", true},
      {"segments/" + std::string(63, 'a'), true},
      {"segments/" + std::string(64, 'a'), false},
      {"segments/", false},
      {"segments", false},
      {"", false},
      {"offers/vip", false},
      {"segments/Vip", false},
      {"segments/2vip", false},
      {"segments/-vip", false},
      {"segments/v/ip", false},
      {"segments/v ip", false},
      {"segments/../vip", false},
      {"segments/v\xc3\xa9", false},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(IsResourceName(c.name, kSegments), c.is_good);
    EXPECT_EQ(CheckResourceName(c.name, kSegments, "name").ok(), c.is_good);
  }
}

TEST(ResourceNameTest, ARefusalNamesTheFieldAndWhatWasExpected) {
  const auto violations = ViolationsOf(CheckResourceName("vip", kSegments, "segment.name"));
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "segment.name");
  EXPECT_EQ(violations[0].description,
            "expected segments/ and a name of at most 63 lower-case letters, digits and hyphens, a "
            "letter first");
}

}  // namespace
}  // namespace rondo::catalog
