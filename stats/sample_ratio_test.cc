#include "stats/sample_ratio.h"

#include <gtest/gtest.h>

#include <array>

#include "platform/core/rng.h"

namespace rondo::stats {
namespace {

using Counts = std::vector<int64_t>;
using Shares = std::vector<double>;

// Cookie Cats (Tactile Entertainment): 44,700 to 45,489 planned 50:50 is the known mismatch.
TEST(SampleRatioTest, CookieCatsSplitIsSuspect) {
  const auto p = SampleRatioPValue(Counts{44700, 45489}, Shares{0.5, 0.5});
  ASSERT_TRUE(p.ok());
  EXPECT_NEAR(*p, 0.0086, 5e-5);
  EXPECT_LT(*p, kSampleRatioAlarm);
}

TEST(SampleRatioTest, HillstromSplitIsSound) {
  const auto p = SampleRatioPValue(Counts{21307, 21387, 21306}, Shares{1, 1, 1});
  ASSERT_TRUE(p.ok());
  EXPECT_NEAR(*p, 0.9038, 5e-4);
}

// Mendel's peas (1866): 315, 108, 101, 32 against 9:3:3:1; chi-square 0.470 with 3 degrees.
TEST(SampleRatioTest, AgreesWithMendelsPeas) {
  const auto p = SampleRatioPValue(Counts{315, 108, 101, 32}, Shares{9, 3, 3, 1});
  ASSERT_TRUE(p.ok());
  EXPECT_NEAR(*p, 0.9254, 5e-5);
}

TEST(SampleRatioTest, RefusesWhatHasNoAnswer) {
  EXPECT_TRUE(absl::IsInvalidArgument(SampleRatioPValue(Counts{5}, Shares{1}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SampleRatioPValue(Counts{5, 5}, Shares{1}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SampleRatioPValue(Counts{5, 5}, Shares{1, 0}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SampleRatioPValue(Counts{-5, 5}, Shares{1, 1}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(SampleRatioPValue(Counts{0, 0}, Shares{1, 1}).status()));
}

TEST(SampleRatioTest, AlarmsAboutOneInTwentyAtFivePercentWhenTheSplitIsSound) {
  Rng rng(3);
  constexpr int kWorlds = 2000;
  int alarms = 0;
  for (int world = 0; world < kWorlds; ++world) {
    Counts counts = {0, 0, 0};
    for (int i = 0; i < 1000; ++i) {
      const double u = rng.Uniform();
      ++counts[u < 0.2 ? 0 : (u < 0.6 ? 1 : 2)];
    }
    const auto p = SampleRatioPValue(counts, Shares{0.2, 0.4, 0.4});
    ASSERT_TRUE(p.ok());
    alarms += *p < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(alarms) / kWorlds, 0.05, 0.015);
}

}  // namespace
}  // namespace rondo::stats
