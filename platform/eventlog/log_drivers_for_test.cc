#include "platform/eventlog/log_drivers_for_test.h"

#include <gtest/gtest.h>

#include "platform/core/executor.h"
#include "platform/eventlog/embedded_log.h"
#include "platform/eventlog/memory_log.h"
#include "tests/kit/process/process.h"

namespace rondo::eventlog {
namespace {

class MemoryLogDriver final : public LogDriver {
 public:
  MemoryLogDriver(int partition_count, const Clock& clock)
      : log_(std::make_shared<MemoryLog>(partition_count, clock)) {}
  std::shared_ptr<EventLog> Open() override {
    log_->Restart(/*power_lost=*/true);
    return log_;
  }

 private:
  std::shared_ptr<MemoryLog> log_;
};

class EmbeddedLogDriver final : public LogDriver {
 public:
  EmbeddedLogDriver(int partition_count, const Clock& clock, BlockCodec codec)
      : clock_(clock), executor_(1, clock) {
    options_.folder = folder_.File("log");
    options_.partition_count = partition_count;
    options_.codec = codec;
  }
  std::shared_ptr<EventLog> Open() override {
    auto log = EmbeddedLog::Open(options_, clock_, executor_);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : nullptr;
  }

 private:
  test::TempDir folder_;
  const Clock& clock_;
  ThreadPoolExecutor executor_;
  EmbeddedLogOptions options_;
};

template <BlockCodec codec>
std::unique_ptr<LogDriver> MakeEmbedded(int partition_count, const Clock& clock) {
  return std::make_unique<EmbeddedLogDriver>(partition_count, clock, codec);
}

}  // namespace

std::vector<LogDriverKind> LogDriverKinds() {
  return {
      {"Memory",
       [](int partition_count, const Clock& clock) -> std::unique_ptr<LogDriver> {
         return std::make_unique<MemoryLogDriver>(partition_count, clock);
       }},
      {"Embedded", MakeEmbedded<BlockCodec::kLz4>},
      {"EmbeddedWithZstd", MakeEmbedded<BlockCodec::kZstd>},
      {"EmbeddedUncompressed", MakeEmbedded<BlockCodec::kNone>},
  };
}

}  // namespace rondo::eventlog
