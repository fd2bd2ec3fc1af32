// Rows a second of an import, from CSV text to applied state: reading, mapping, sealing of an
// e-mail address, log, projection, on RocksDB. The anchor copies the same bytes through the CSV
// reader alone.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_format.h"
#include "platform/catalog/catalog.h"
#include "platform/core/executor.h"
#include "platform/eventlog/embedded_log.h"
#include "platform/rpc/caller.h"
#include "platform/storage/rocksdb_store.h"
#include "services/customer/import/import_job.h"
#include "services/customer/module.h"

namespace rondo::customer {
namespace {

// $RONDO_BENCH_CUSTOMERS, where it is smaller, is what a smoke test asks for.
int RowCount() {
  const char* text = std::getenv("RONDO_BENCH_CUSTOMERS");
  return text != nullptr ? std::clamp(std::atoi(text), 1, 100'000) : 100'000;
}

constexpr char kMapping[] = R"(
name: bench
keys: ["crm:{id}"]
attributes:
  email: {column: email}
  city: {column: city}
  tier: {column: tier, type: code}
  age: {column: age, type: int}
  spent: {column: spent, type: double}
  joined: {column: joined, type: date}
consents:
  - {channel: email, purpose: marketing, granted: {column: optin, type: bool}}
)";

std::string Table() {
  std::string csv = "id,email,city,tier,age,spent,joined,optin\n";
  for (int i = 0; i < RowCount(); ++i) {
    absl::StrAppendFormat(&csv,
                          "%d,customer%d@example.test,City %d,%s,%d,%d.%02d,20%02d-0%d-1%d,%d\n", i,
                          i, i % 500, i % 3 == 0 ? "gold" : "silver", 18 + i % 70, i % 1000,
                          i % 100, i % 20, 1 + i % 9, i % 10, i % 2);
  }
  return csv;
}

void MustBeOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

pb::AttributeSet Attributes() {
  namespace type = rondo::type::v1;
  pb::AttributeSet set;
  set.set_name("attributeSets/bench");
  const auto add = [&](const char* name, type::ValueType value_type) {
    set.add_attributes()->set_name(name);
    set.mutable_attributes(set.attributes_size() - 1)->set_type(value_type);
  };
  add("email", type::VALUE_TYPE_STRING);
  set.mutable_attributes(0)->set_pii(true);
  add("city", type::VALUE_TYPE_STRING);
  add("tier", type::VALUE_TYPE_CODE);
  add("age", type::VALUE_TYPE_INT);
  add("spent", type::VALUE_TYPE_DOUBLE);
  add("joined", type::VALUE_TYPE_DATE);
  return set;
}

// The customer service alone, on a folder of its own.
class House {
 public:
  House()
      : folder_(std::filesystem::temp_directory_path() /
                absl::StrFormat("rondo-bench-%d", getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    auto log = eventlog::EmbeddedLog::Open({.folder = folder_ / "log"}, clock_, executor_);
    MustBeOk(log.status());
    log_ = *std::move(log);
    const auto open = [this](std::string_view service, bool) {
      return storage::OpenRocksDbStore(
          {.folder = folder_ / std::string(service), .write_ahead_log = false});
    };
    runtime_ = std::make_unique<eventlog::Runtime>(
        eventlog::RuntimeOptions{.owner = "bench"}, *log_, executor_, clock_, open,
        [](std::string_view) { return absl::OkStatus(); });
    runtime_->Add(catalog_);
    catalog_.Attach(*runtime_);
    auto keys = storage::OpenRocksDbStore({.folder = folder_ / "keys"});
    MustBeOk(keys.status());
    module_ = std::make_unique<Module>(Module::Parts{.runtime = *runtime_,
                                                     .catalog = catalog_,
                                                     .clock = clock_,
                                                     .instance_key = {1},
                                                     .key_store = *std::move(keys)});
    module_->Serve(methods_);
    MustBeOk(runtime_->Start());
    MustBeOk(runtime_->AwaitLive(absl::InfiniteFuture()));
    pb::CreateAttributeSetRequest create;
    *create.mutable_attribute_set() = Attributes();
    MustBeOk(Call<pb::AttributeSet>(caller_, CallInfo(), create).status());
  }
  ~House() {
    runtime_->Stop();
    std::filesystem::remove_all(folder_);
  }

  ImportSummary Import(const std::string& csv) {
    auto source = SourceOf(csv);
    auto mapping = ParseMapping(kMapping);
    MustBeOk(mapping.status());
    const auto send = [&](const pb::ImportCustomersRequest& request) {
      return Call<pb::ImportCustomersResponse>(caller_, CallInfo(), request);
    };
    ThreadPoolExecutor reader(1, clock_);
    const auto summary = RunImport({.name = "bench"}, *std::move(mapping), *source, reader, send,
                                   [](const ImportSummary&) {});
    MustBeOk(summary.status());
    return *summary;
  }

 private:
  std::filesystem::path folder_;
  SystemClock clock_;
  ThreadPoolExecutor executor_{2, clock_};
  std::unique_ptr<eventlog::EventLog> log_;
  catalog::Catalog catalog_;
  std::unique_ptr<eventlog::Runtime> runtime_;
  std::unique_ptr<Module> module_;
  MethodTable methods_;
  LocalCaller caller_{methods_};
};

void ImportNewCustomers(benchmark::State& state) {
  const std::string csv = Table();
  for (auto _ : state) {
    state.PauseTiming();
    auto house = std::make_unique<House>();
    state.ResumeTiming();
    if (house->Import(csv).imported != RowCount()) std::abort();
    state.PauseTiming();
    house.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * RowCount());
}
BENCHMARK(ImportNewCustomers)->UseRealTime()->Unit(benchmark::kMillisecond);

void ImportUnchangedCustomers(benchmark::State& state) {
  const std::string csv = Table();
  House house;
  house.Import(csv);
  for (auto _ : state) {
    if (house.Import(csv).unchanged != RowCount()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * RowCount());
}
BENCHMARK(ImportUnchangedCustomers)->UseRealTime()->Unit(benchmark::kMillisecond);

void ReadCsvOnly(benchmark::State& state) {
  const std::string csv = Table();
  for (auto _ : state) {
    auto source = SourceOf(csv);
    CsvReader reader(*source, ',', {});
    CsvRecord record;
    int rows = -1;
    while (*reader.Next(record)) ++rows;
    if (rows != RowCount()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * RowCount());
}
BENCHMARK(ReadCsvOnly)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rondo::customer
