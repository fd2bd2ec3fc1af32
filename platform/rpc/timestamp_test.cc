#include "platform/rpc/timestamp.h"

#include <gtest/gtest.h>

#include <limits>

namespace rondo {
namespace {

google::protobuf::Timestamp At(int64_t seconds, int32_t nanos) {
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  time.set_nanos(nanos);
  return time;
}

TEST(TimestampTest, WhatIsBelowAMicrosecondIsCutTowardsThePast) {
  EXPECT_EQ(ToMicros(At(1, 1'999)), 1'000'001);
  EXPECT_EQ(ToMicros(At(-1, 999'999'999)), -1);
  for (const int64_t micros :
       {int64_t{0}, int64_t{-1}, int64_t{1'796'130'000'123'456}, int64_t{-62'135'596'900'000'001},
        std::numeric_limits<int64_t>::max() - 1, std::numeric_limits<int64_t>::min() + 1}) {
    EXPECT_EQ(ToMicros(ToTimestamp(micros)), micros);
    EXPECT_EQ(TimeOf(ToTimestamp(FromMicros(micros))), FromMicros(micros));
  }
}

TEST(TimestampTest, WhatIsOutOfRangeStaysThere) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_GT(TimeOf(At(kMost, 0)), absl::UnixEpoch() + absl::Hours(24 * 365 * 100'000));
  EXPECT_EQ(ToMicros(At(kMost, 0)), kMost);
  EXPECT_EQ(ToMicros(At(-kMost, 0)), std::numeric_limits<int64_t>::min());
  google::protobuf::Duration span;
  span.set_seconds(18'446'744'073'710);  // In microseconds just beyond 2^64.
  EXPECT_GT(DurationOf(span), absl::Hours(24 * 366));
  EXPECT_EQ(ToMicros(span), kMost);
}

TEST(TimestampTest, KnowsTheYears1To9999) {
  EXPECT_TRUE(IsValid(At(0, 0)));
  EXPECT_TRUE(IsValid(At(253'402'300'799, 999'999'999)));
  EXPECT_FALSE(IsValid(At(253'402'300'800, 0)));
  EXPECT_FALSE(IsValid(At(-62'135'596'801, 0)));
  EXPECT_FALSE(IsValid(At(0, -1)));
  EXPECT_FALSE(IsValid(At(0, 1'000'000'000)));
}

}  // namespace
}  // namespace rondo
