#include "platform/storage/key.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace rondo::storage {
namespace {

TEST(KeyTest, ReadsBackEachKindOfPart) {
  const std::string key = KeyBuilder()
                              .Byte(7)
                              .U16(0x0102)
                              .U32(3)
                              .U64(~0ull)
                              .I64(-5)
                              .I64Descending(-6)
                              .String(std::string("a\0b", 3))
                              .Raw("rest")
                              .Build();
  KeyParser parser(key);
  EXPECT_EQ(parser.Byte(), 7);
  EXPECT_EQ(parser.U16(), 0x0102);
  EXPECT_EQ(parser.U32(), 3u);
  EXPECT_EQ(parser.U64(), ~0ull);
  EXPECT_EQ(parser.I64(), -5);
  EXPECT_EQ(parser.I64Descending(), -6);
  EXPECT_EQ(parser.String(), std::string("a\0b", 3));
  EXPECT_EQ(parser.Rest(), "rest");
  EXPECT_TRUE(parser.ok());
}

TEST(KeyTest, AnEndedKeyGivesZeroesAndIsNotOk) {
  for (const std::string& key : {std::string(), std::string("abc"), std::string("ab\0\3", 4)}) {
    KeyParser integers(key);
    EXPECT_EQ(integers.U64(), 0u);
    EXPECT_FALSE(integers.ok());
    KeyParser strings(key);
    EXPECT_EQ(strings.String(), "");
    EXPECT_FALSE(strings.ok());
  }
}

RC_GTEST_PROP(KeyTest, IntegersSortAsNumbersAndDescendingOnesNewestFirst, (int64_t a, int64_t b)) {
  const auto ascending = [](int64_t v) { return KeyBuilder().I64(v).Build(); };
  const auto descending = [](int64_t v) { return KeyBuilder().I64Descending(v).Build(); };
  RC_ASSERT((a < b) == (ascending(a) < ascending(b)));
  RC_ASSERT((a < b) == (descending(b) < descending(a)));
}

RC_GTEST_PROP(KeyTest, StringsSortAsStringsWhateverFollows,
              (const std::string& a, const std::string& b, uint64_t x, uint64_t y)) {
  const std::string first = KeyBuilder().String(a).U64(x).Build();
  const std::string second = KeyBuilder().String(b).U64(y).Build();
  if (a != b) RC_ASSERT((a < b) == (first < second));
  KeyParser parser(first);
  RC_ASSERT(parser.String() == a);
  RC_ASSERT(parser.U64() == x);
}

}  // namespace
}  // namespace rondo::storage
