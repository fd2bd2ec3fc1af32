// D3: damaged and missing files. A log never opens with silently fewer acknowledged records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platform/core/rng.h"
#include "platform/eventlog/embedded_log.h"
#include "platform/eventlog/log_check.h"
#include "tests/crash/log_ledger.h"
#include "tests/kit/process/process.h"

namespace rondo::test {
namespace {

namespace fs = std::filesystem;
using eventlog::EmbeddedLog;
using eventlog::EmbeddedLogOptions;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int kRecords = 600;

EmbeddedLogOptions OptionsIn(const std::string& folder) {
  EmbeddedLogOptions options;
  options.folder = folder;
  options.partition_count = 2;
  return options;
}

class LogDamageTest : public testing::Test {
 protected:
  // A log with tables and a live write-ahead log: two processes append and die without closing.
  void SetUp() override {
    for (int run = 0; run < 2; ++run) {
      const pid_t child = fork();
      if (child == 0) AppendAndDie(static_cast<uint64_t>(run));
      int status = 0;
      waitpid(child, &status, 0);
      ASSERT_EQ(status, 0);
    }
    acknowledged_ = ReadLedger(ledger_);
    ASSERT_EQ(acknowledged_.size(), 2u * kRecords);
  }

  [[noreturn]] void AppendAndDie(uint64_t run) {
    const SystemClock clock;
    ThreadPoolExecutor executor(1, clock);
    auto log = EmbeddedLog::Open(OptionsIn(original_), clock, executor);
    if (!log.ok()) _exit(1);
    for (int i = 0; i < kRecords; ++i) {
      Acknowledged entry{i % 2, i % 300, 0, run * kRecords + static_cast<uint64_t>(i)};
      eventlog::LogRecord record = RecordOf(entry.seed, entry.payload_bytes);
      const auto offset = (*log)->Append(entry.partition, absl::MakeSpan(&record, 1),
                                         eventlog::Durability::kSynced);
      if (!offset.ok()) _exit(2);
      entry.offset = *offset;
      Note(ledger_, entry);
    }
    _exit(0);
  }

  // A copy to damage.
  std::string Copy() {
    const std::string copy = folder_.File("copy " + std::to_string(++copies_));
    fs::copy(original_, copy, fs::copy_options::recursive);
    return copy;
  }

  // OK only if the log opens and holds all that was acknowledged.
  absl::Status OpenAndCheck(const std::string& folder) {
    const auto log = EmbeddedLog::Open(OptionsIn(folder), clock_, executor_);
    if (!log.ok()) return log.status();
    const absl::Status status = CheckLedger(**log, acknowledged_);
    if (status.ok() || status.code() != absl::StatusCode::kDataLoss) return status;
    // Noticed by a read, which names the place; not by our ledger.
    EXPECT_THAT(std::string(status.message()), HasSubstr("partition "));
    return status;
  }

  static std::vector<fs::path> FilesOf(const std::string& folder, const std::string& extension) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file() && (extension.empty() || entry.path().extension() == extension)) {
        files.push_back(entry.path());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  static fs::path LiveLogOf(const std::string& folder) { return FilesOf(folder, ".log").back(); }

  static void FlipBit(const fs::path& file, uint64_t offset, int bit) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    const int byte = stream.get();
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(static_cast<char>(byte ^ (1 << bit)));
  }

  TempDir folder_;
  const std::string original_ = folder_.File("log");
  const std::string ledger_ = folder_.File("ledger");
  std::vector<Acknowledged> acknowledged_;
  int copies_ = 0;
  SystemClock clock_;
  ThreadPoolExecutor executor_{1, clock_};
};

TEST_F(LogDamageTest, OpensUndamagedWithAllThatWasAcknowledged) {
  EXPECT_TRUE(eventlog::VerifyLog(original_)->ok());
  EXPECT_TRUE(OpenAndCheck(Copy()).ok());
}

TEST_F(LogDamageTest, AFlippedBitAnywhereIsRefusedOrHarmlessNeverSilentLoss) {
  Rng rng(3);
  int refused = 0;
  for (int trial = 0; trial < 100; ++trial) {
    const std::string copy = Copy();
    std::vector<fs::path> files = FilesOf(copy, "");
    uint64_t total = 0;
    for (const auto& file : files) total += fs::file_size(file);
    uint64_t at = rng.Below(total);
    size_t i = 0;
    while (at >= fs::file_size(files[i])) at -= fs::file_size(files[i++]);
    const int bit = static_cast<int>(rng.Below(8));
    SCOPED_TRACE(files[i].string() + " byte " + std::to_string(at) + " bit " + std::to_string(bit));
    FlipBit(files[i], at, bit);
    const absl::Status status = OpenAndCheck(copy);
    if (!status.ok()) {
      ++refused;
      EXPECT_THAT(status.code(),
                  AnyOf(absl::StatusCode::kDataLoss, absl::StatusCode::kFailedPrecondition))
          << status;
    }
    fs::remove_all(copy);
  }
  EXPECT_GT(refused, 50);
}

TEST_F(LogDamageTest, AFlippedBitInTheWriteAheadLogNamesFileAndOffsetAndTheRepair) {
  const std::string copy = Copy();
  const fs::path log = LiveLogOf(copy);
  FlipBit(log, fs::file_size(log) / 2, 3);
  const absl::Status status = OpenAndCheck(copy);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(log.string() + " is damaged at offset "));
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("rondo log repair --data " + fs::path(copy).parent_path().string() + " --yes"));

  const auto report = eventlog::RepairLog(copy);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->lost_records, kRecords / 4);
  EXPECT_LT(report->lost_records, kRecords);
  EXPECT_TRUE(eventlog::VerifyLog(copy)->ok());
  const auto repaired = EmbeddedLog::Open(OptionsIn(copy), clock_, executor_);
  ASSERT_TRUE(repaired.ok()) << repaired.status();
  EXPECT_EQ(*(*repaired)->End(0) + *(*repaired)->End(1) + report->lost_records, 2 * kRecords);
}

TEST_F(LogDamageTest, AnAppendTornByTheCrashIsDroppedAndTheLogGoesOn) {
  const std::string copy = Copy();
  const fs::path log = LiveLogOf(copy);
  {
    // A record of 200 bytes of which the header and 50 arrived.
    std::ofstream stream(log, std::ios::binary | std::ios::app);
    stream.write("\x11\x22\x33\x44\xc8\x00\x01", 7);
    stream << std::string(50, 'x');
  }
  EXPECT_TRUE(OpenAndCheck(copy).ok()) << OpenAndCheck(copy);
}

TEST_F(LogDamageTest, ATornAcknowledgedRecordIsNoticed) {
  const std::string copy = Copy();
  const fs::path log = LiveLogOf(copy);
  fs::resize_file(log, fs::file_size(log) - 37);
  const absl::Status status = OpenAndCheck(copy);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("were acknowledged"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("1 records are lost"));
}

TEST_F(LogDamageTest, AMissingFileIsNoticed) {
  for (const char* extension : {".log", ".sst"}) {
    SCOPED_TRACE(extension);
    const std::string copy = Copy();
    fs::remove(FilesOf(copy, extension).back());
    const absl::Status status = OpenAndCheck(copy);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_FALSE(eventlog::VerifyLog(copy)->ok());
  }
}

TEST_F(LogDamageTest, AFlippedBitInATableIsFoundByVerifyWithFileAndOffset) {
  const std::string copy = Copy();
  const fs::path table = FilesOf(copy, ".sst").back();
  FlipBit(table, fs::file_size(table) / 3, 0);
  const auto report = eventlog::VerifyLog(copy);
  ASSERT_TRUE(report.ok());
  ASSERT_FALSE(report->ok());
  EXPECT_EQ(report->damages[0].file, table.string());
  EXPECT_GE(report->damages[0].offset, 0);
  EXPECT_EQ(OpenAndCheck(copy).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LogDamageTest, AnOldCurrentFileIsRefused) {
  const std::string copy = Copy();
  std::ofstream(copy + "/db/CURRENT") << "MANIFEST-000001\n";
  EXPECT_EQ(OpenAndCheck(copy).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rondo::test
