#include "platform/eventlog/memory_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo::eventlog {
namespace {

using storage::CommitPoint;
using storage::Fault;

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

absl::StatusOr<int64_t> AppendOne(EventLog& log, Durability durability) {
  LogRecord record;
  return log.Append(0, absl::MakeSpan(&record, 1), durability);
}

TEST(MemoryLogTest, LossOfPowerTakesWhatWasNotSynced) {
  ManualClock clock(absl::UnixEpoch());
  MemoryLog log(2, clock);
  ASSERT_TRUE(AppendOne(log, Durability::kSynced).ok());
  ASSERT_TRUE(AppendOne(log, Durability::kWritten).ok());
  log.Crash();
  EXPECT_EQ(log.End(0).status().code(), kUnavailable);
  EXPECT_EQ(AppendOne(log, Durability::kWritten).status().code(), kUnavailable);
  log.Restart(/*power_lost=*/false);
  EXPECT_EQ(*log.End(0), 2);
  log.Restart(/*power_lost=*/true);
  EXPECT_EQ(*log.End(0), 1);
  EXPECT_EQ(log.Read(0, 2).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*AppendOne(log, Durability::kSynced), 1);
  EXPECT_EQ(log.Read(0, 0)->records.size(), 2u);
}

struct FaultCase {
  CommitPoint point;
  Fault fault;
  int64_t end_after_restart;
};
constexpr FaultCase kFaultCases[] = {
    {CommitPoint::kBefore, Fault::kFail, 1},
    {CommitPoint::kAfter, Fault::kFail, 2},
    {CommitPoint::kBefore, Fault::kCrash, 1},
    {CommitPoint::kAfter, Fault::kCrash, 2},
};

TEST(MemoryLogTest, AnAppendFailsOrCrashesAtTheChosenPoint) {
  for (const FaultCase& c : kFaultCases) {
    SCOPED_TRACE(static_cast<int>(c.point) * 10 + static_cast<int>(c.fault));
    ManualClock clock(absl::UnixEpoch());
    bool armed = false;
    MemoryLog log(1, clock, [&](CommitPoint point) {
      return armed && point == c.point ? c.fault : Fault::kNone;
    });
    ASSERT_TRUE(AppendOne(log, Durability::kSynced).ok());
    armed = true;
    EXPECT_EQ(AppendOne(log, Durability::kSynced).status().code(), kUnavailable);
    armed = false;
    EXPECT_EQ(log.End(0).ok(), c.fault == Fault::kFail);
    log.Restart(/*power_lost=*/false);
    EXPECT_EQ(*log.End(0), c.end_after_restart);
  }
}

}  // namespace
}  // namespace rondo::eventlog
