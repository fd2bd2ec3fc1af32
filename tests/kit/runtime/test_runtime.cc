#include "tests/kit/runtime/test_runtime.h"

#include "platform/core/status_macros.h"

namespace rondo::kit {
namespace {

void MustBeOk(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  RONDO_CHECK(status.ok());
}

}  // namespace

TestRuntime::TestRuntime(int partitions, uint64_t seed)
    : clock_(absl::FromUnixSeconds(kTestStartSeconds)),
      executor_(seed, clock_),
      log_(partitions, clock_, [this](storage::CommitPoint point) {
        return log_fault ? log_fault(point) : storage::Fault::kNone;
      }) {
  Open();
}

TestRuntime::~TestRuntime() { runtime_->Stop(); }

void TestRuntime::Open() {
  const auto open = [this](std::string_view service,
                           bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
    std::shared_ptr<storage::MemoryDisk>& disk = disks_[std::string(service)];
    if (disk == nullptr) disk = std::make_shared<storage::MemoryDisk>();
    return std::make_unique<storage::MemoryStore>(disk);
  };
  const auto remove = [this](std::string_view service) {
    disks_.erase(std::string(service));
    return absl::OkStatus();
  };
  eventlog::RuntimeOptions options;
  options.owner = "test";
  runtime_ = std::make_unique<eventlog::Runtime>(std::move(options), log_, executor_, clock_, open,
                                                 remove);
}

void TestRuntime::Start() {
  MustBeOk(runtime_->Start());
  MustBeOk(runtime_->AwaitLive(absl::InfiniteFuture()));
}

void TestRuntime::Restart(const std::vector<std::string>& forget) {
  runtime_->Stop();
  runtime_.reset();
  executor_.DropAll();
  for (const std::string& service : forget) disks_.erase(service);
  Open();
}

void TestRuntime::Append(eventlog::LogRecord record) {
  if (record.event_time_micros() == 0) record.set_event_time_micros(ToMicros(clock_.Now()));
  const int partition =
      record.party() == 0 ? 0 : PartitionOf(CustomerId(record.party()), log_.partition_count());
  MustBeOk(
      log_.Append(partition, absl::MakeSpan(&record, 1), eventlog::Durability::kWritten).status());
}

void TestRuntime::AppendToAll(const eventlog::LogRecord& record) {
  for (int partition = 0; partition < log_.partition_count(); ++partition) {
    eventlog::LogRecord copy = record;
    if (copy.event_time_micros() == 0) copy.set_event_time_micros(ToMicros(clock_.Now()));
    MustBeOk(
        log_.Append(partition, absl::MakeSpan(&copy, 1), eventlog::Durability::kWritten).status());
  }
}

void TestRuntime::Settle() {
  do {
    MustBeOk(runtime_->AwaitQuiet());
  } while (executor_.RunOne());
}

void TestRuntime::AdvanceTo(absl::Time time) {
  executor_.Await([] { return false; }, time);
  if (clock_.Now() < time) clock_.AdvanceTo(time);
  Settle();
}

uint64_t TestRuntime::StateHash(std::string_view service) {
  const auto hash = runtime_->StateHash(service);
  MustBeOk(hash.status());
  return *hash;
}

}  // namespace rondo::kit
