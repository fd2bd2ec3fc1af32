#include "platform/rpc/door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "platform/core/executor.h"

namespace rondo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNoon = absl::FromUnixSeconds(1'780'315'200);  // 2026-06-01T12:00:00Z

TEST(LogTest, WritesOneJsonObjectALine) {
  const ManualClock clock(kNoon);
  std::ostringstream out;
  const Log log(clock, out);
  log.Write(LogLevel::kInfo, "started",
            {{"port", int64_t{8080}}, {"share", 0.5}, {"ok", true}, {"empty", ""}});
  EXPECT_EQ(out.str(),
            "{\"time\":\"2026-06-01T12:00:00.000000Z\",\"level\":\"info\",\"event\":\"started\","
            "\"port\":8080,"
            "\"share\":0.5,\"ok\":true}\n");
}

// Unomi CVE-2021-31164: who writes into a log must not be able to forge its lines.
TEST(LogTest, KeepsHostileTextOnItsLine) {
  const ManualClock clock(kNoon);
  std::ostringstream out;
  const Log log(clock, out);
  const std::string hostile("a\r\nFAKE \x1b[2J \xff\xfe \xe2\x80\xa8 end", 21);
  log.Write(LogLevel::kError, hostile, {{"value", std::string_view(hostile)}});
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(std::count_if(text.begin(), text.end(),
                          [](char c) { return static_cast<unsigned char>(c) < 0x20 || c < 0; }),
            1);
  EXPECT_TRUE(nlohmann::json::accept(text));
}

TEST(LogTest, LeavesOutWhatIsBelowItsLevel) {
  const ManualClock clock(kNoon);
  std::ostringstream out;
  const Log log(clock, out, LogLevel::kWarning);
  log.Write(LogLevel::kInfo, "quiet", {});
  EXPECT_EQ(out.str(), "");
}

TEST(DoorTest, TakesATraceIdOnlyIfItIsHarmless) {
  EXPECT_EQ(TraceIdOr("abc-123._:Z"), "abc-123._:Z");
  for (const std::string& bad : std::vector<std::string>{
           "", std::string("a b"), std::string("a\r\nb"), std::string(129, 'a')}) {
    const std::string fresh = TraceIdOr(bad);
    EXPECT_NE(fresh, bad);
    EXPECT_EQ(fresh.size(), 32u);
  }
  EXPECT_NE(TraceIdOr(""), TraceIdOr(""));
}

TEST(DoorTest, CountsCallsAndLogsOurFaultsWithTheirMessage) {
  const ManualClock clock(kNoon);
  ThreadPoolExecutor executor(1, clock);
  prometheus::Registry registry;
  CallMetrics metrics(registry);
  std::ostringstream out;
  const Log log(clock, out);
  const DoorParts parts{executor, clock, metrics, log};
  const auto account = [&](absl::Status status) {
    Account(parts, {.door = "http",
                    .method = "a.B.C",
                    .trace_id = "t",
                    .status = std::move(status),
                    .took = absl::Milliseconds(2)});
  };
  account(absl::OkStatus());
  account(absl::OkStatus());
  account(absl::InvalidArgumentError("the mail of ann@a.test"));
  account(absl::DataLossError("block 7"));
  EXPECT_THAT(out.str(), Not(HasSubstr("ann@a.test")));
  EXPECT_THAT(out.str(), HasSubstr("block 7"));
  const std::string text = RenderMetrics(registry);
  EXPECT_THAT(text,
              HasSubstr("rondo_rpc_calls_total{code=\"OK\",door=\"http\",method=\"a.B.C\"} 2"));
  EXPECT_THAT(text, HasSubstr("rondo_rpc_seconds_count{door=\"http\",method=\"a.B.C\"} 4"));
  EXPECT_THAT(text, HasSubstr("le=\"0.0025\"} 4"));
}

}  // namespace
}  // namespace rondo
