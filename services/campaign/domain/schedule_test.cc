#include "services/campaign/domain/schedule.h"

#include <gtest/gtest.h>

namespace rondo::campaign {
namespace {

absl::TimeZone Zone(const char* name) { return *LoadZone(name); }

absl::Time Utc(int year, int month, int day, int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute), absl::UTCTimeZone());
}

// Berlin: clocks skip 02:00 to 03:00 on 2026-03-29 and show 02:00 to 03:00 twice on 2026-10-25.
TEST(AtWallTest, ASkippedTimeIsShiftedAndARepeatedOneIsTheFirst) {
  EXPECT_EQ(AtWall(absl::CivilSecond(2026, 3, 29, 2, 30), Zone("Europe/Berlin")),
            Utc(2026, 3, 29, 1, 30));  // 03:30 in summer time.
  EXPECT_EQ(AtWall(absl::CivilSecond(2026, 10, 25, 2, 30), Zone("Europe/Berlin")),
            Utc(2026, 10, 25, 0, 30));  // The one in summer time.
}

TEST(ScheduleTest, DaysBetweenCyclesAreDaysOfTheClockOnTheWall) {
  const Schedule schedule{.start = Utc(2026, 3, 22, 9),  // 10:00 in Berlin.
                          .clock = WallClock::kZone,
                          .zone = Zone("Europe/Berlin"),
                          .offset = {},
                          .every = absl::Hours(7 * 24),
                          .cycles = 3};
  EXPECT_EQ(CycleDue(schedule, 1), Utc(2026, 3, 22, 9));
  EXPECT_EQ(CycleDue(schedule, 2), Utc(2026, 3, 29, 8));  // 10:00, in summer time now.
  EXPECT_EQ(PlanDue(schedule, 2), CycleDue(schedule, 2));
}

TEST(ScheduleTest, HoursBetweenCyclesAreHours) {
  const Schedule schedule{.start = Utc(2026, 3, 28, 20),
                          .clock = WallClock::kZone,
                          .zone = Zone("Europe/Berlin"),
                          .offset = {},
                          .every = absl::Hours(6),
                          .cycles = 9};
  EXPECT_EQ(CycleDue(schedule, 3), Utc(2026, 3, 29, 8));
}

TEST(ScheduleTest, SlotsThatPassWhileACycleWaitsAreLeftOut) {
  const Schedule weekly{.start = Utc(2026, 3, 2, 9),
                        .clock = WallClock::kZone,
                        .zone = Zone("Europe/Berlin"),
                        .offset = {},
                        .every = absl::Hours(7 * 24),
                        .cycles = 100};
  EXPECT_EQ(NextSlot(weekly, 1, Utc(2026, 3, 2, 9)), 2);
  EXPECT_EQ(NextSlot(weekly, 1, Utc(2026, 3, 9, 8, 59)), 2);
  EXPECT_EQ(NextSlot(weekly, 1, Utc(2026, 3, 9, 9)), 3) << "it began in the second's slot";
  EXPECT_EQ(NextSlot(weekly, 1, Utc(2026, 3, 2, 8)), 2) << "never its own";
  // The brute force of going through all slots, over both changes of the clock.
  int slot = 2;
  for (absl::Time begun = weekly.start; begun < Utc(2027, 2, 1, 0); begun += absl::Minutes(47)) {
    while (PlanDue(weekly, slot) <= begun) ++slot;
    ASSERT_EQ(NextSlot(weekly, 1, begun), slot) << begun;
  }
}

TEST(ScheduleTest, AThousandYearsOfMinutesPassAtOnce) {
  const Schedule schedule{.start = Utc(2026, 3, 2, 9),
                          .clock = WallClock::kZone,
                          .zone = absl::UTCTimeZone(),
                          .offset = {},
                          .every = absl::Minutes(1),
                          .cycles = 2};
  EXPECT_GT(PlanDue(schedule, NextSlot(schedule, 1, Utc(3026, 3, 2, 9))), Utc(3026, 3, 2, 9));
}

class CustomerClockTest : public ::testing::Test {
 protected:
  // Written as 2026-12-01T10:00:00+09:00.
  const Schedule schedule_{.start = Utc(2026, 12, 1, 1),
                           .clock = WallClock::kCustomer,
                           .zone = absl::UTCTimeZone(),
                           .offset = absl::Hours(9),
                           .every = absl::Hours(24),
                           .cycles = 2};
  const absl::Time long_ago_ = absl::UnixEpoch();
};

TEST_F(CustomerClockTest, EachCustomersClockShowsWhatTheAuthorsShowed) {
  const absl::TimeZone seoul = Zone("Asia/Seoul");
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const absl::TimeZone kathmandu = Zone("Asia/Kathmandu");
  EXPECT_EQ(ContactDue(schedule_, 1, &seoul, long_ago_), Utc(2026, 12, 1, 1));
  EXPECT_EQ(ContactDue(schedule_, 1, &berlin, long_ago_), Utc(2026, 12, 1, 9));
  EXPECT_EQ(ContactDue(schedule_, 2, &kathmandu, long_ago_), Utc(2026, 12, 2, 4, 15));
}

TEST_F(CustomerClockTest, AnUnknownZoneMeansTheAuthorsClock) {
  EXPECT_EQ(ContactDue(schedule_, 2, nullptr, long_ago_), Utc(2026, 12, 2, 1));
}

TEST_F(CustomerClockTest, PlansBeforeTheFirstOfAllClocksShowsTheTime) {
  const absl::TimeZone kiritimati = Zone("Pacific/Kiritimati");
  EXPECT_EQ(PlanDue(schedule_, 1), Utc(2026, 11, 30, 20));
  EXPECT_EQ(ContactDue(schedule_, 1, &kiritimati, long_ago_), PlanDue(schedule_, 1));
}

TEST_F(CustomerClockTest, NothingIsDueBeforeItWasPlanned) {
  const absl::TimeZone seoul = Zone("Asia/Seoul");
  EXPECT_EQ(ContactDue(schedule_, 1, &seoul, Utc(2026, 12, 1, 3)), Utc(2026, 12, 1, 3));
}

TEST(LoadZoneTest, RefusesWhatIsNoZone) {
  EXPECT_EQ(LoadZone("Mars/Olympus").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadZone("").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace rondo::campaign
