// Events a second: through the log alone, and through log and all services' projections, beside
// bare RocksDB puts of the same bytes in the same run (write-ahead log, no sync, batches of 100).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/str_format.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "app/services.h"
#include "platform/core/executor.h"
#include "platform/core/rng.h"
#include "platform/eventlog/embedded_log.h"
#include "platform/storage/key.h"
#include "platform/storage/memory_store.h"
#include "platform/storage/rocksdb_store.h"
#include "rondo/response/v1/response_service.pb.h"
#include "tests/kit/process/process.h"

namespace rondo {
namespace {

namespace response = ::rondo::response::v1;

constexpr int kEvents = 100'000;
constexpr int kBatch = 100;
constexpr int kPartitions = 8;
constexpr size_t kCacheBytes = 64 << 20;
constexpr size_t kWriteBufferBytes = 128 << 20;

template <typename T>
T MustBeOk(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
    std::abort();
  }
  return *std::move(value);
}
void MustBeOk(const absl::Status& status) {
  MustBeOk<bool>(status.ok() ? absl::StatusOr<bool>(true) : absl::StatusOr<bool>(status));
}

CustomerId CustomerOf(int event) {
  return CustomerId(Rng(static_cast<uint64_t>(event)).Below(50'000) * 0x9e3779b97f4a7c15u | 1u);
}

// A purchase of about 200 bytes.
eventlog::LogRecord RecordOf(int event) {
  eventlog::LogRecord record;
  record.set_party(CustomerOf(event).value());
  record.set_source("web");
  record.set_event_time_micros(1'796'126'400'000'000 + event);
  auto& tracked = *record.mutable_event_tracked();
  tracked.set_type("purchase");
  tracked.set_message_id(absl::StrFormat("6f9619ff-8b86-d011-b42d-%012d", event));
  const auto add = [&tracked](const char* name, const std::string& text) {
    auto& field = *tracked.add_fields();
    field.set_name(name);
    field.mutable_value()->set_string_value(text);
  };
  auto& amount = *tracked.add_fields();
  amount.set_name("amount");
  amount.mutable_value()->set_double_value(event % 1'000 / 7.0);
  add("category", "shoes and accessories");
  add("order", absl::StrFormat("order-%08d", event));
  add("store", "web-kr-01");
  return record;
}

// kBatch events of one partition each.
std::vector<std::pair<int, std::vector<eventlog::LogRecord>>> Batches() {
  std::vector<std::pair<int, std::vector<eventlog::LogRecord>>> batches;
  std::vector<std::vector<eventlog::LogRecord>> open(kPartitions);
  for (int event = 0; event < kEvents; ++event) {
    const int partition = PartitionOf(CustomerOf(event), kPartitions);
    auto& records = open[static_cast<size_t>(partition)];
    records.push_back(RecordOf(event));
    if (records.size() == kBatch) batches.emplace_back(partition, std::exchange(records, {}));
  }
  return batches;
}

int64_t EventsIn(const std::vector<std::pair<int, std::vector<eventlog::LogRecord>>>& batches) {
  return static_cast<int64_t>(batches.size()) * kBatch;
}

std::unique_ptr<eventlog::EmbeddedLog> OpenLog(const std::string& folder, const Clock& clock,
                                               Executor& executor) {
  eventlog::EmbeddedLogOptions options;
  options.folder = folder;
  options.partition_count = kPartitions;
  options.cache_bytes = kCacheBytes;
  options.memory = storage::RocksDbMemory::Make(kCacheBytes, kWriteBufferBytes);
  return MustBeOk(eventlog::EmbeddedLog::Open(options, clock, executor));
}

void BareRocksDbPuts(benchmark::State& bench) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (int event = 0; event < kEvents; ++event) {
    rows.emplace_back(
        storage::KeyBuilder().U64(CustomerOf(event).value()).I64Descending(event).Build(),
        RecordOf(event).SerializeAsString());
  }
  for ([[maybe_unused]] const auto _ : bench) {
    const test::TempDir folder;
    storage::RocksDbOptions options;
    options.folder = folder.File("db");
    options.memory = storage::RocksDbMemory::Make(kCacheBytes, kWriteBufferBytes);
    const auto store = MustBeOk(storage::OpenRocksDbStore(options));
    storage::Batch batch;
    for (const auto& [key, value] : rows) {
      batch.Put(key, value);
      if (batch.size() < kBatch) continue;
      MustBeOk(store->Write(batch, storage::Sync::kNo));
      batch.Clear();
    }
  }
  bench.SetItemsProcessed(bench.iterations() * kEvents);
}

void Append(benchmark::State& bench, eventlog::Durability durability) {
  const SystemClock clock;
  const auto prepared = Batches();
  for ([[maybe_unused]] const auto _ : bench) {
    bench.PauseTiming();
    auto batches = prepared;
    const test::TempDir folder;
    ThreadPoolExecutor executor(1, clock);
    bench.ResumeTiming();
    const auto log = OpenLog(folder.File("log"), clock, executor);
    for (auto& [partition, records] : batches) {
      MustBeOk(log->Append(partition, absl::MakeSpan(records), durability).status());
    }
  }
  bench.SetItemsProcessed(bench.iterations() * EventsIn(prepared));
}
void LogAppend(benchmark::State& bench) { Append(bench, eventlog::Durability::kWritten); }
void LogAppendSynced(benchmark::State& bench) { Append(bench, eventlog::Durability::kSynced); }

void LogRead(benchmark::State& bench) {
  const SystemClock clock;
  const test::TempDir folder;
  ThreadPoolExecutor executor(1, clock);
  auto batches = Batches();
  {
    const auto log = OpenLog(folder.File("log"), clock, executor);
    for (auto& [partition, records] : batches) {
      MustBeOk(
          log->Append(partition, absl::MakeSpan(records), eventlog::Durability::kWritten).status());
    }
  }
  for ([[maybe_unused]] const auto _ : bench) {
    const auto log = OpenLog(folder.File("log"), clock, executor);  // With a cold cache.
    for (int partition = 0; partition < kPartitions; ++partition) {
      const int64_t end = MustBeOk(log->End(partition));
      for (int64_t offset = 0; offset < end;) {
        offset = MustBeOk(log->Read(partition, offset)).end();
      }
    }
  }
  bench.SetItemsProcessed(bench.iterations() * EventsIn(batches));
}

// All services of a process over the embedded log and RocksDB, without its doors.
class House {
 public:
  explicit House(const std::string& data) {
    config_.data = data;
    config_.partitions = kPartitions;
    folder_ = MustBeOk(DataFolder::Open(data));
    event_log_ = OpenLog(folder_->log(), clock_, lanes_);
    links_ = std::make_unique<LinkTokens>(
        MustBeOk(LinkTokens::Create({DeriveLinkKey(folder_->instance_key(), /*id=*/1)})));
    const auto open = [this](std::string_view service,
                             bool in_memory) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
      if (in_memory) return std::make_unique<storage::MemoryStore>();
      storage::RocksDbOptions store;
      store.folder = folder_->state(service);
      store.write_ahead_log = false;
      store.memory = memory_;
      return storage::OpenRocksDbStore(store);
    };
    const auto remove = [](std::string_view) { return absl::OkStatus(); };
    runtime_ = std::make_unique<eventlog::Runtime>(eventlog::RuntimeOptions{}, *event_log_, lanes_,
                                                   clock_, open, remove);
    runtime_->Add(catalog_);
    catalog_.Attach(*runtime_);
    services_ = MustBeOk(Services::Build({config_, *folder_, clock_, log_, effects_, *runtime_,
                                          catalog_, caller_, *links_, memory_, methods_}));
    MustBeOk(runtime_->Start());
    MustBeOk(runtime_->AwaitLive(clock_.Now() + absl::Minutes(1)));
  }
  ~House() {
    services_->Stop();
    runtime_->Stop();
    effects_.Shutdown();
    lanes_.Shutdown();
  }
  Caller& caller() { return caller_; }
  eventlog::Runtime& runtime() { return *runtime_; }

 private:
  Config config_;
  const SystemClock clock_;
  std::ostringstream log_text_;
  Log log_{clock_, log_text_};
  ThreadPoolExecutor lanes_{2, clock_};
  ThreadPoolExecutor effects_{2, clock_};
  std::shared_ptr<storage::RocksDbMemory> memory_ =
      storage::RocksDbMemory::Make(kCacheBytes, kWriteBufferBytes);
  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<eventlog::EmbeddedLog> event_log_;
  catalog::Catalog catalog_;
  MethodTable methods_;
  LocalCaller caller_{methods_};
  std::unique_ptr<LinkTokens> links_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<eventlog::Runtime> runtime_;
};

// Events are taken of customers who are known.
void AddCustomers(House& house) {
  std::map<int, std::vector<eventlog::LogRecord>> by_partition;
  std::set<CustomerId> added;
  for (int event = 0; event < kEvents; ++event) {
    const CustomerId customer = CustomerOf(event);
    if (!added.insert(customer).second) continue;
    eventlog::LogRecord record;
    record.set_party(customer.value());
    record.mutable_profile_changed()->set_effective_time_micros(1'700'000'000'000'000);
    by_partition[PartitionOf(customer, kPartitions)].push_back(std::move(record));
  }
  for (auto& [partition, records] : by_partition) {
    for (size_t at = 0; at < records.size(); at += kBatch) {
      const auto some = absl::MakeSpan(records).subspan(at, kBatch);
      MustBeOk(house.runtime().log().Append(partition, some, eventlog::Durability::kWritten));
    }
  }
  MustBeOk(house.runtime().AwaitQuiet());
}

// From the ingest call to the applied state of every service.
void LogAndAllProjections(benchmark::State& bench) {
  std::vector<response::IngestEventsRequest> requests;
  for (int event = 0; event < kEvents; ++event) {
    if (event % (10 * kBatch) == 0) requests.emplace_back();
    const eventlog::LogRecord record = RecordOf(event);
    auto& given = *requests.back().add_events();
    given.set_customer(ToResourceName(CustomerId(record.party())));
    given.mutable_event()->set_type(record.event_tracked().type());
    given.mutable_event()->set_message_id(record.event_tracked().message_id());
    *given.mutable_event()->mutable_fields() = record.event_tracked().fields();
    given.mutable_event()->set_source("web");
    given.mutable_event()->mutable_event_time()->set_seconds(1'700'000'000 + event);
  }
  for ([[maybe_unused]] const auto _ : bench) {
    bench.PauseTiming();
    const test::TempDir folder;
    auto house = std::make_unique<House>(folder.File("data"));
    AddCustomers(*house);
    bench.ResumeTiming();
    for (const auto& request : requests) {
      const auto answer =
          MustBeOk(Call<response::IngestEventsResponse>(house->caller(), CallInfo{}, request));
      if (answer.rejected_size() > 0) std::abort();
    }
    MustBeOk(house->runtime().AwaitQuiet());
    bench.PauseTiming();
    house.reset();
    bench.ResumeTiming();
  }
  bench.SetItemsProcessed(bench.iterations() * kEvents);
}

BENCHMARK(BareRocksDbPuts)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(LogAppend)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(LogAppendSynced)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(LogRead)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(LogAndAllProjections)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rondo
