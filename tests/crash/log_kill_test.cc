// K2: kill -9 at random moments of appending, flushing, compacting and recovering.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "platform/core/rng.h"
#include "platform/eventlog/embedded_log.h"
#include "platform/eventlog/log_check.h"
#include "tests/crash/log_ledger.h"
#include "tests/kit/process/process.h"

namespace rondo::test {
namespace {

using eventlog::Durability;
using eventlog::EmbeddedLog;
using eventlog::EmbeddedLogOptions;

constexpr int kPartitions = 3;
constexpr int kAppenders = 3;
constexpr int kKills = 25;

EmbeddedLogOptions OptionsIn(const std::string& folder) {
  EmbeddedLogOptions options;
  options.folder = folder;
  options.partition_count = kPartitions;
  // Small, so that flushes and compactions are always under way.
  options.memory = storage::RocksDbMemory::Make(1 << 20, 512 << 10);
  return options;
}

// Never returns. Exits only if the log does not open or refuses an append.
[[noreturn]] void AppendForEver(const std::string& folder, const std::string& ledger,
                                uint64_t seed) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const SystemClock clock;
  ThreadPoolExecutor executor(1, clock);
  auto log = EmbeddedLog::Open(OptionsIn(folder), clock, executor);
  if (!log.ok()) {
    std::fprintf(stderr, "%s\n", log.status().ToString().c_str());
    _exit(1);
  }
  std::vector<std::thread> appenders;
  for (int t = 0; t < kAppenders; ++t) {
    appenders.emplace_back([&, t] {
      Rng rng(seed * kAppenders + static_cast<uint64_t>(t));
      while (true) {
        Acknowledged entry;
        entry.partition = static_cast<int32_t>(rng.Below(kPartitions));
        entry.payload_bytes = static_cast<int32_t>(rng.Below(2'000));
        entry.seed = rng.Next();
        eventlog::LogRecord record = RecordOf(entry.seed, entry.payload_bytes);
        const auto offset =
            (*log)->Append(entry.partition, absl::MakeSpan(&record, 1),
                           rng.Chance(0.2) ? Durability::kSynced : Durability::kWritten);
        if (!offset.ok()) _exit(2);
        entry.offset = *offset;
        Note(ledger, entry);
      }
    });
  }
  for (std::thread& appender : appenders) appender.join();
  _exit(3);
}

TEST(LogKillTest, NothingAcknowledgedIsLostHoweverOftenTheProcessDies) {
  const TempDir folder;
  const std::string ledger = folder.File("ledger");
  Rng rng(20'261'122);
  const auto ledger_bytes = [&] {
    std::error_code absent;
    const auto size = std::filesystem::file_size(ledger, absent);
    return absent ? uintmax_t{0} : size;
  };
  for (int kill_number = 0; kill_number < kKills; ++kill_number) {
    SCOPED_TRACE(kill_number);
    // Some die while they recover, before the first append.
    const uintmax_t until =
        ledger_bytes() + (rng.Chance(0.2) ? 0 : 1 + rng.Below(400)) * sizeof(Acknowledged);
    const auto recovery_delay = std::chrono::microseconds(rng.Below(30'000));
    const pid_t child = fork();
    if (child == 0) AppendForEver(folder.File("log"), ledger, rng.Next());
    if (until == ledger_bytes()) std::this_thread::sleep_for(recovery_delay);
    const bool appended = Eventually(
        [&] { return ledger_bytes() >= until || waitpid(child, nullptr, WNOHANG) != 0; });
    ::kill(child, SIGKILL);
    int status = 0;
    const pid_t reaped = waitpid(child, &status, 0);
    ASSERT_TRUE(appended);
    ASSERT_EQ(reaped, child) << "the child ended by itself";
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  const auto acknowledged = ReadLedger(ledger);
  EXPECT_GT(acknowledged.size(), 1'000u);
  const SystemClock clock;
  ThreadPoolExecutor executor(1, clock);
  {
    const auto log = EmbeddedLog::Open(OptionsIn(folder.File("log")), clock, executor);
    ASSERT_TRUE(log.ok()) << log.status();
    EXPECT_TRUE(CheckLedger(**log, acknowledged).ok()) << CheckLedger(**log, acknowledged);
  }
  const auto report = eventlog::VerifyLog(folder.File("log"));
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->ok()) << report->damages.at(0).what;
}

}  // namespace
}  // namespace rondo::test
