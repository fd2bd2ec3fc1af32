// What every log promises, checked for each driver.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_format.h"
#include "platform/core/rng.h"
#include "platform/eventlog/event_log.h"
#include "platform/eventlog/log_drivers_for_test.h"

namespace rondo::eventlog {
namespace {

using ::testing::ElementsAre;

constexpr int kPartitions = 4;

std::vector<LogRecord> Records(std::initializer_list<const char*> sources) {
  std::vector<LogRecord> records;
  for (const char* source : sources) {
    LogRecord record;
    record.set_source(source);
    records.push_back(record);
  }
  return records;
}

std::vector<LogRecord> ReadAll(const EventLog& log, int partition) {
  std::vector<LogRecord> records;
  int64_t offset = 0;
  while (true) {
    const auto block = log.Read(partition, offset);
    EXPECT_TRUE(block.ok()) << block.status();
    if (!block.ok() || block->records.empty()) return records;
    EXPECT_EQ(block->first, offset);
    for (const LogRecord* record : block->records) records.push_back(*record);
    offset = block->end();
  }
}

std::vector<std::string> SourcesIn(const EventLog& log, int partition) {
  std::vector<std::string> sources;
  for (const LogRecord& record : ReadAll(log, partition)) sources.push_back(record.source());
  return sources;
}

class EventLogContractTest : public testing::TestWithParam<LogDriverKind> {
 protected:
  void SetUp() override {
    driver_ = GetParam().make(kPartitions, clock_);
    if (driver_ == nullptr) GTEST_SKIP() << GetParam().name << " is not available here";
    log_ = driver_->Open();
    ASSERT_NE(log_, nullptr);
  }

  int64_t Append(int partition, std::vector<LogRecord> records,
                 Durability durability = Durability::kWritten) {
    const auto first = log_->Append(partition, absl::MakeSpan(records), durability);
    EXPECT_TRUE(first.ok()) << first.status();
    return first.value_or(-1);
  }

  void Reopen() {
    driver_->Close(std::move(log_));
    log_ = driver_->Open();
    ASSERT_NE(log_, nullptr);
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<LogDriver> driver_;
  std::shared_ptr<EventLog> log_;
};

TEST_P(EventLogContractTest, OffsetsCountRecordsOfEachPartitionWithoutGaps) {
  EXPECT_EQ(log_->partition_count(), kPartitions);
  EXPECT_EQ(*log_->End(0), 0);
  EXPECT_EQ(Append(0, Records({"a", "b"})), 0);
  EXPECT_EQ(Append(1, Records({"x"})), 0);
  EXPECT_EQ(Append(0, Records({"c"}), Durability::kSynced), 2);
  EXPECT_EQ(*log_->End(0), 3);
  EXPECT_THAT(SourcesIn(*log_, 0), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SourcesIn(*log_, 1), ElementsAre("x"));
  EXPECT_THAT(SourcesIn(*log_, 2), ElementsAre());
}

TEST_P(EventLogContractTest, ReadsFromAnyOffsetUpToTheEndAndRefusesBeyond) {
  Append(2, Records({"a", "b", "c"}));
  Append(2, Records({"d"}));
  for (int64_t offset = 0; offset < 4; ++offset) {
    const auto block = log_->Read(2, offset);
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ(block->first, offset);
    EXPECT_EQ(block->records.at(0)->source(), std::string(1, static_cast<char>('a' + offset)));
  }
  EXPECT_TRUE(log_->Read(2, 4)->records.empty());
  EXPECT_EQ(log_->Read(2, 5).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_P(EventLogContractTest, StampsAppendTimesThatNeverFallAndIdsThatAreUnique) {
  auto named = Records({"a"});
  named[0].set_id("sixteen bytes id");
  ASSERT_TRUE(log_->Append(3, absl::MakeSpan(named), Durability::kWritten).ok());
  const absl::Time start = clock_.Now();
  clock_.Advance(-absl::Hours(1));
  Append(3, Records({"b", "c"}));
  clock_.AdvanceTo(start + absl::Seconds(5));
  Append(3, Records({"d"}));
  const auto records = ReadAll(*log_, 3);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].append_time_micros(), ToMicros(start));
  EXPECT_EQ(records[0].id(), "sixteen bytes id");
  EXPECT_EQ(records[2].append_time_micros(), ToMicros(start));
  EXPECT_EQ(records[3].append_time_micros(), ToMicros(start + absl::Seconds(5)));
  std::set<std::string> ids;
  for (const LogRecord& record : records) {
    EXPECT_EQ(record.id().size(), 16u);
    ids.insert(record.id());
  }
  EXPECT_EQ(ids.size(), 4u);
}

TEST_P(EventLogContractTest, TellsTheCallerWhatItStamped) {
  auto records = Records({"a", "b"});
  ASSERT_TRUE(log_->Append(0, absl::MakeSpan(records), Durability::kWritten).ok());
  const auto stored = ReadAll(*log_, 0);
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].SerializeAsString(), stored.at(i).SerializeAsString());
  }
}

TEST_P(EventLogContractTest, RefusesAppendsBeyondItsLimits) {
  const auto refused = [&](int partition, std::vector<LogRecord> records) {
    return log_->Append(partition, absl::MakeSpan(records), Durability::kWritten).status().code() ==
           absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused(-1, Records({"a"})));
  EXPECT_TRUE(refused(kPartitions, Records({"a"})));
  EXPECT_TRUE(refused(0, {}));
  EXPECT_TRUE(refused(0, std::vector<LogRecord>(kMaxAppendRecords + 1)));
  LogRecord large;
  large.set_source(std::string(kMaxRecordBytes, 'x'));
  EXPECT_TRUE(refused(0, {large}));
  EXPECT_EQ(*log_->End(0), 0);
  EXPECT_EQ(Append(0, std::vector<LogRecord>(kMaxAppendRecords)), 0);
  EXPECT_EQ(ReadAll(*log_, 0).size(), kMaxAppendRecords);
}

TEST_P(EventLogContractTest, KeepsLargeAppendsInOrderAcrossBlocks) {
  Rng rng(3);
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    std::vector<LogRecord> records;
    for (uint64_t n = rng.Below(60) + 1; n > 0; --n) {
      LogRecord record;
      record.set_source(absl::StrFormat("%d/%d", i, n));
      record.set_request_id(std::string(rng.Below(8'000), 'r'));
      expected.push_back(record.source());
      records.push_back(record);
    }
    Append(1, records);
  }
  EXPECT_EQ(SourcesIn(*log_, 1), expected);
  for (const int64_t offset : {int64_t{0}, int64_t{1}, int64_t{77}, *log_->End(1) - 1}) {
    EXPECT_EQ(log_->Read(1, offset)->records.at(0)->source(),
              expected[static_cast<size_t>(offset)]);
  }
}

TEST_P(EventLogContractTest, FindsEverythingAgainAfterAReopen) {
  Append(0, Records({"a", "b"}), Durability::kSynced);
  const absl::Time before = clock_.Now();
  Append(0, Records({"c"}));
  ASSERT_TRUE(log_->Sync().ok());
  clock_.Advance(-absl::Hours(1));
  Reopen();
  EXPECT_EQ(*log_->End(0), 3);
  EXPECT_EQ(*log_->End(1), 0);
  EXPECT_EQ(Append(0, Records({"d"})), 3);
  EXPECT_THAT(SourcesIn(*log_, 0), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(ReadAll(*log_, 0).back().append_time_micros(), ToMicros(before));
}

TEST_P(EventLogContractTest, CallsItsListenerAfterEachAppend) {
  std::vector<int> called;
  log_->SetListener([&](int partition) { called.push_back(partition); });
  Append(1, Records({"a"}));
  Append(3, Records({"b"}));
  log_->SetListener(nullptr);
  Append(0, Records({"c"}));
  EXPECT_THAT(called, ElementsAre(1, 3));
}

TEST_P(EventLogContractTest, ConcurrentAppendersAndReadersSeeOneOrder) {
  constexpr int kAppenders = 4;
  constexpr int kAppends = 100;
  std::atomic<bool> done = false;
  std::atomic<int64_t> read = 0;
  std::thread reader([&] {
    int64_t offset = 0;
    while (!done || offset < log_->End(0).value_or(0)) {
      const auto block = log_->Read(0, offset);
      ASSERT_TRUE(block.ok()) << block.status();
      offset = block->end();
      if (block->records.empty()) std::this_thread::yield();
    }
    read = offset;
  });
  std::vector<std::thread> appenders;
  for (int a = 0; a < kAppenders; ++a) {
    appenders.emplace_back([&, a] {
      for (int i = 0; i < kAppends; ++i) {
        std::vector<LogRecord> records(2);
        for (int part = 0; part < 2; ++part) {
          records[static_cast<size_t>(part)].set_source(absl::StrFormat("%d/%d/%d", a, i, part));
        }
        const auto first = log_->Append(0, absl::MakeSpan(records),
                                        i % 10 == 0 ? Durability::kSynced : Durability::kWritten);
        ASSERT_TRUE(first.ok()) << first.status();
        const auto block = log_->Read(0, *first);
        ASSERT_TRUE(block.ok()) << block.status();
        EXPECT_EQ(block->records.at(0)->source(), records[0].source());
      }
    });
  }
  for (std::thread& appender : appenders) appender.join();
  done = true;
  reader.join();
  EXPECT_EQ(read, kAppenders * kAppends * 2);

  // Each appender's records in its own order, and the two of an append together.
  std::vector<int> next(kAppenders, 0);
  const auto sources = SourcesIn(*log_, 0);
  for (size_t i = 0; i < sources.size(); i += 2) {
    const auto appender = static_cast<size_t>(sources[i][0] - '0');
    EXPECT_EQ(sources[i], absl::StrFormat("%d/%d/0", appender, next[appender]));
    EXPECT_EQ(sources[i + 1], absl::StrFormat("%d/%d/1", appender, next[appender]));
    ++next[appender];
  }
}

INSTANTIATE_TEST_SUITE_P(Drivers, EventLogContractTest, testing::ValuesIn(LogDriverKinds()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace rondo::eventlog
