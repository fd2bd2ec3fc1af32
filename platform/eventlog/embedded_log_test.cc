#include "platform/eventlog/embedded_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/core/rng.h"
#include "platform/eventlog/log_check.h"
#include "tests/kit/process/process.h"

namespace rondo::eventlog {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

class EmbeddedLogTest : public testing::Test {
 protected:
  EmbeddedLogTest() {
    options_.folder = folder_.File("log");
    options_.partition_count = 2;
  }

  absl::StatusOr<std::unique_ptr<EmbeddedLog>> Open() {
    return EmbeddedLog::Open(options_, clock_, executor_);
  }

  static void Append(EventLog& log, int partition, const std::string& source, int count = 1,
                     Durability durability = Durability::kWritten) {
    std::vector<LogRecord> records(static_cast<size_t>(count));
    for (LogRecord& record : records) record.set_source(source);
    const auto first = log.Append(partition, absl::MakeSpan(records), durability);
    ASSERT_TRUE(first.ok()) << first.status();
  }

  // Writes to the log's database behind its back.
  void Tamper(const std::function<void(storage::Batch&, const storage::Reader&)>& change) {
    storage::RocksDbOptions database;
    database.folder = LogFolder{options_.folder}.Database();
    const auto store = storage::OpenRocksDbStore(database);
    ASSERT_TRUE(store.ok()) << store.status();
    storage::Batch batch;
    change(batch, **store);
    ASSERT_TRUE((*store)->Write(batch, storage::Sync::kYes).ok());
  }

  test::TempDir folder_;
  SystemClock clock_;
  ThreadPoolExecutor executor_{1, clock_};
  EmbeddedLogOptions options_;
};

TEST_F(EmbeddedLogTest, RefusesAFolderOfANewerVersionInClearWords) {
  { ASSERT_TRUE(Open().ok()); }
  std::ofstream(options_.folder + "/FORMAT") << "rondo-log 2\npartitions 2\n";
  const auto log = Open();
  EXPECT_EQ(log.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(log.status()), HasSubstr("written by a newer version of rondo"));
  EXPECT_EQ(VerifyLog(options_.folder).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(EmbeddedLogTest, RefusesAnotherNumberOfPartitions) {
  { ASSERT_TRUE(Open().ok()); }
  options_.partition_count = 4;
  const auto log = Open();
  EXPECT_EQ(log.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(log.status()), HasSubstr("has 2 partitions, not 4"));
}

TEST_F(EmbeddedLogTest, ASecondOpenerIsRefusedAndTheFirstGoesOn) {
  const auto log = Open();
  ASSERT_TRUE(log.ok());
  const auto second = Open();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(second.status()), HasSubstr(options_.folder));
  Append(**log, 0, "still here");
}

TEST_F(EmbeddedLogTest, AFileMissingBesideDataIsRefused) {
  for (const char* missing : {"FORMAT", "HIGHWATER", "db"}) {
    SCOPED_TRACE(missing);
    std::filesystem::remove_all(options_.folder);
    {
      const auto log = Open();
      ASSERT_TRUE(log.ok()) << log.status();
      Append(**log, 0, "a", 3, Durability::kSynced);
    }
    std::filesystem::remove_all(options_.folder + "/" + missing);
    const auto log = Open();
    EXPECT_FALSE(log.ok());
    EXPECT_THAT(Message(log.status()), HasSubstr(options_.folder));
  }
}

TEST_F(EmbeddedLogTest, ARemovedOrReplacedBlockIsNoticedByTheChain) {
  options_.cache_bytes = 0;
  const auto build = [&] {
    std::filesystem::remove_all(options_.folder);
    const auto log = Open();
    for (const char* source : {"a", "b", "c", "d"}) Append(**log, 1, source);
  };
  build();
  Tamper([](storage::Batch& batch, const storage::Reader&) { batch.Delete(BlockKey(1, 1)); });
  {
    const auto log = Open();
    ASSERT_TRUE(log.ok()) << log.status();  // The end is whole: found when it is read.
    EXPECT_EQ((*log)->Read(1, 0).status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(Message((*log)->Read(1, 1).status()), HasSubstr("partition 1, offset 1"));
  }
  build();
  Tamper([](storage::Batch& batch, const storage::Reader&) {
    LogRecord forged;
    forged.set_source("forged");
    std::string frames;
    forged.ByteSizeLong();
    AppendFrame(forged, frames);
    BlockHeader header;
    header.first = 1;
    header.count = 1;
    batch.Put(BlockKey(1, 1), EncodeBlock(header, BlockCodec::kNone, frames));
  });
  {
    const auto log = Open();
    EXPECT_EQ((*log)->Read(1, 0).status().code(), absl::StatusCode::kDataLoss);
  }
  const auto report = VerifyLog(options_.folder);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->damages.size(), 1u);
  EXPECT_EQ(report->damages[0].partition, 1);
  EXPECT_EQ(report->damages[0].offset, 1);
}

TEST_F(EmbeddedLogTest, RepairKeepsEachPartitionUpToItsFirstDamage) {
  {
    const auto log = Open();
    for (int i = 0; i < 10; ++i) Append(**log, 0, "a", 5, Durability::kSynced);
    Append(**log, 1, "untouched", 7);
  }
  EXPECT_TRUE(VerifyLog(options_.folder)->ok());
  EXPECT_EQ(RepairLog(options_.folder).status().code(), absl::StatusCode::kFailedPrecondition);
  Tamper([](storage::Batch& batch, const storage::Reader&) { batch.Delete(BlockKey(0, 29)); });
  const auto report = RepairLog(options_.folder);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->lost_records, 25);
  EXPECT_EQ(report->partitions.at(0).records, 25);
  EXPECT_EQ(report->partitions.at(1).records, 7);
  EXPECT_TRUE(std::filesystem::exists(report->damaged_copy));
  EXPECT_TRUE(VerifyLog(options_.folder)->ok());
  const auto log = Open();
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(*(*log)->End(0), 25);
  Append(**log, 0, "goes on");
  EXPECT_EQ((*log)->Read(0, 25)->records.at(0)->source(), "goes on");
}

TEST_F(EmbeddedLogTest, AppendersThatMeetShareCommits) {
  const auto log = Open();
  constexpr int kThreads = 8;
  constexpr int kAppends = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kAppends; ++i) Append(**log, t % 2, "a", 1, Durability::kSynced);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*(*log)->End(0) + *(*log)->End(1), kThreads * kAppends);
  EXPECT_LT((*log)->commits(), kThreads * kAppends);
}

TEST_F(EmbeddedLogTest, TheCacheKeepsToItsSizeAndReadsStayRight) {
  options_.cache_bytes = 200'000;
  const auto log = Open();
  std::vector<std::string> sources;
  for (int i = 0; i < 2'000; ++i) {
    sources.push_back(std::to_string(i));
    Append(**log, 0, sources.back());
  }
  Rng rng(1);
  for (int i = 0; i < 2'000; ++i) {
    const auto offset = static_cast<int64_t>(rng.Below(2'000));
    const auto block = (*log)->Read(0, offset);
    ASSERT_TRUE(block.ok()) << block.status();
    ASSERT_FALSE(block->records.empty());
    for (size_t r = 0; r < block->records.size(); ++r) {
      ASSERT_EQ(block->records[r]->source(), sources[static_cast<size_t>(offset) + r]);
    }
  }
}

TEST(RecordCacheTest, DecodesEachRecordOnceForAllReaders) {
  const test::TempDir folder;
  const SystemClock clock;
  ThreadPoolExecutor executor(1, clock);
  EmbeddedLogOptions options;
  options.folder = folder.File("log");
  options.partition_count = 1;
  {
    auto log = EmbeddedLog::Open(options, clock, executor);
    for (int i = 0; i < 300; ++i) {
      LogRecord record;
      ASSERT_TRUE((*log)->Append(0, absl::MakeSpan(&record, 1), Durability::kWritten).ok());
    }
  }
  storage::RocksDbOptions database;
  database.folder = LogFolder{options.folder}.Database();
  const auto store = storage::OpenRocksDbStore(database);
  ASSERT_TRUE(store.ok());
  std::atomic<int64_t> decoded = 0;
  RecordCache cache(1, 8 << 20, [&](int partition, int64_t offset, int64_t end) {
    auto block = ReadBlocks(**store, partition, offset, end);
    decoded += static_cast<int64_t>(block->records.size());
    return block;
  });
  std::vector<std::thread> readers;
  for (int r = 0; r < 4; ++r) {
    readers.emplace_back([&] {
      for (int64_t offset = 0; offset < 300;) offset = cache.Read(0, offset, 300)->end();
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(decoded, 300);
}

}  // namespace
}  // namespace rondo::eventlog
