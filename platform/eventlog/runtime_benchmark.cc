// What the runtime costs: records a second through one partition for one and for several services
// that each write one key a record, over the log and stores in memory.
#include <benchmark/benchmark.h>

#include "platform/eventlog/memory_log.h"
#include "platform/eventlog/runtime.h"
#include "platform/storage/key.h"
#include "platform/storage/memory_store.h"

namespace rondo::eventlog {
namespace {

constexpr int64_t kRecords = 100'000;

// Keeps the last event of each customer; commits are counted, not stored, so that the runtime's own
// cost is seen.
class LastEvent final : public Projection {
 public:
  explicit LastEvent(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  int state_version() const override { return 1; }
  absl::Status Apply(const LogRecord& record, ApplyContext& context) override {
    context.Put(storage::KeyBuilder().U64(record.party()).I64Descending(context.offset()).view(),
                record.event_tracked().type());
    return absl::OkStatus();
  }

 private:
  std::string name_;
};

class NullStore final : public storage::Store {
 public:
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return empty_.Get(key);
  }
  std::unique_ptr<storage::Cursor> Scan(const storage::KeyRange& range) const override {
    return empty_.Scan(range);
  }
  absl::Status Write(const storage::Batch&, storage::Sync) override { return absl::OkStatus(); }
  std::unique_ptr<storage::Reader> Snapshot() const override { return empty_.Snapshot(); }
  absl::Status Flush() override { return absl::OkStatus(); }
  absl::Status Checkpoint(const std::string&) const override { return absl::OkStatus(); }

 private:
  storage::MemoryStore empty_;
};

void ApplyRecords(benchmark::State& bench) {
  const SystemClock clock;
  MemoryLog log(1, clock);
  std::vector<LogRecord> records(1'000);
  for (int64_t at = 0; at < kRecords; at += 1'000) {
    for (int64_t i = 0; i < 1'000; ++i) {
      LogRecord& record = records[static_cast<size_t>(i)];
      record.set_party(static_cast<uint64_t>(at + i) * 0x9e3779b97f4a7c15u);
      record.mutable_event_tracked()->set_type("page_view");
    }
    if (!log.Append(0, absl::MakeSpan(records), Durability::kWritten).ok()) std::abort();
  }
  for (auto _ : bench) {
    ThreadPoolExecutor executor(1, clock);
    std::vector<std::unique_ptr<LastEvent>> services;
    Runtime runtime(
        {.owner = "benchmark"}, log, executor, clock,
        [](std::string_view, bool) { return std::make_unique<NullStore>(); },
        [](std::string_view) { return absl::OkStatus(); });
    for (int64_t i = 0; i < bench.range(0); ++i) {
      services.push_back(std::make_unique<LastEvent>("service" + std::to_string(i)));
      runtime.Add(*services.back());
    }
    if (!runtime.Start().ok() || !runtime.AwaitEnd("service0").ok()) std::abort();
  }
  bench.SetItemsProcessed(bench.iterations() * kRecords * bench.range(0));
}
BENCHMARK(ApplyRecords)->Arg(1)->Arg(6)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rondo::eventlog
