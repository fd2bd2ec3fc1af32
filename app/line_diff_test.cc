#include "app/line_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo {
namespace {

std::string Lines(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

TEST(LineDiffTest, MarksWhatWentAndWhatCame) {
  EXPECT_EQ(LineDiff("a\nb\nc\nd\n", "a\nc\nx\nd\n"), "    - b\n    + x\n");
  EXPECT_EQ(LineDiff("a\na\n", "a\n"), "    - a\n");
  EXPECT_EQ(LineDiff("", "a\n"), "    + a\n");
  EXPECT_EQ(LineDiff("a\nb\n", "a\nb\n"), "");
}

TEST(LineDiffTest, OneLineOfALongTextIsShownWithoutATableOfTheWhole) {
  const std::string before = Lines(0, 100'000) + "old\n" + Lines(0, 100'000);
  const std::string after = Lines(0, 100'000) + "new\n" + Lines(0, 100'000);
  EXPECT_EQ(LineDiff(before, after), "    - old\n    + new\n");
}

TEST(LineDiffTest, SaysHowManyChangedWhereItWouldTakeTooMuchMemory) {
  EXPECT_EQ(LineDiff(Lines(0, 100'000), Lines(100'000, 250'000)),
            "    100000 lines changed, now 150000\n");
  // As far as the table goes.
  EXPECT_THAT(LineDiff(Lines(0, 2'000), Lines(2'000, 4'000)),
              ::testing::HasSubstr("- line 1999\n"));
}

}  // namespace
}  // namespace rondo
