// D1: a full disk. Nothing is acknowledged that is not stored, what is stored stays readable, and
// writing resumes when space returns, without a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "platform/core/rng.h"
#include "platform/eventlog/embedded_log.h"
#include "tests/crash/log_ledger.h"
#include "tests/kit/process/process.h"

namespace rondo::test {
namespace {

using eventlog::Durability;
using eventlog::EmbeddedLog;
using eventlog::EmbeddedLogOptions;

// A small disk of its own; in a mount namespace where we are not root.
class SmallDisk {
 public:
  SmallDisk() {
    mounted_ = Mount();
    if (!mounted_ && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) mounted_ = Mount();
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  std::string File(const std::string& name) const { return folder_.File(name); }

 private:
  bool Mount() { return mount("rondo-test", folder_.path().c_str(), "tmpfs", 0, "size=64m") == 0; }
  TempDir folder_;
  bool mounted_ = false;
};

TEST(LogDiskFullTest, RefusesThenResumesAndLosesNothingAcknowledged) {
  const SmallDisk disk;
  if (!disk.mounted()) {
    GTEST_SKIP() << "CANNOT MOUNT A SMALL DISK HERE: " << std::strerror(errno);
  }
  const std::string ballast = disk.File("ballast");
  std::ofstream(ballast) << std::string(24 << 20, 'b');

  const SystemClock clock;
  ThreadPoolExecutor executor(2, clock);
  EmbeddedLogOptions options;
  options.folder = disk.File("log");
  options.partition_count = 2;
  options.memory = storage::RocksDbMemory::Make(1 << 20, 4 << 20);
  auto log = EmbeddedLog::Open(options, clock, executor);
  ASSERT_TRUE(log.ok()) << log.status();

  std::vector<Acknowledged> acknowledged;
  uint64_t seed = 0;
  const auto append = [&] {
    Acknowledged entry{static_cast<int32_t>(++seed % 2), 20'000, 0, seed};
    eventlog::LogRecord record = RecordOf(entry.seed, entry.payload_bytes);
    const auto offset = (*log)->Append(entry.partition, absl::MakeSpan(&record, 1),
                                       seed % 3 == 0 ? Durability::kSynced : Durability::kWritten);
    if (offset.ok()) {
      entry.offset = *offset;
      acknowledged.push_back(entry);
    }
    return offset.status();
  };
  absl::Status status;
  for (int i = 0; i < 10'000 && status.ok(); ++i) status = append();
  ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  ASSERT_GT(acknowledged.size(), 500u);
  for (int i = 0; i < 20; ++i) {
    const absl::Status again = append();
    // What little space a compaction frees may let one through.
    EXPECT_TRUE(again.ok() || absl::IsResourceExhausted(again)) << again;
  }
  EXPECT_TRUE(CheckLedger(**log, acknowledged).ok()) << CheckLedger(**log, acknowledged);

  std::filesystem::remove(ballast);
  EXPECT_TRUE(Eventually([&] { return append().ok(); }, absl::Seconds(30)));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append().ok());
  EXPECT_TRUE((*log)->Sync().ok());
  EXPECT_EQ(static_cast<size_t>(*(*log)->End(0) + *(*log)->End(1)), acknowledged.size());

  log->reset();
  log = EmbeddedLog::Open(options, clock, executor);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(static_cast<size_t>(*(*log)->End(0) + *(*log)->End(1)), acknowledged.size());
  EXPECT_TRUE(CheckLedger(**log, acknowledged).ok()) << CheckLedger(**log, acknowledged);
}

}  // namespace
}  // namespace rondo::test
