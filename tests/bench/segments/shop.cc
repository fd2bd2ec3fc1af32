#include "tests/bench/segments/shop.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>

#include "platform/catalog/catalog.h"
#include "platform/core/parallel.h"
#include "platform/core/rng.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/memory_log.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/grpc_server.h"
#include "platform/storage/memory_store.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "rules/program.h"
#include "services/targeting/domain/rule_columns.h"
#include "services/targeting/module.h"
#include "services/targeting/selector.h"
#include "services/targeting/vocabulary.h"
#include "tests/bench/segments/shop_records.h"

namespace rondo::bench {
namespace {

namespace pb = ::rondo::targeting::v1;
using eventlog::LogRecord;

constexpr size_t kAppendRecords = 500;
constexpr size_t kRowsInMemory = 1'000;

// A benchmark of what fails measures nothing.
void MustBeOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

// Waits as long as it takes: a benchmark's backlog is longer than a command may wait.
void AwaitQuiet(eventlog::Runtime& runtime) {
  for (;;) {
    const absl::Status quiet = runtime.AwaitQuiet();
    if (quiet.ok()) return;
    if (!absl::IsDeadlineExceeded(quiet)) MustBeOk(quiet);
  }
}

// Records on their way into the log, a batch a partition.
class Appender {
 public:
  explicit Appender(eventlog::EventLog& log)
      : log_(log), batches_(static_cast<size_t>(log.partition_count())) {}

  void Add(LogRecord record) {
    const int partition = PartitionOf(CustomerId(record.party()), log_.partition_count());
    std::vector<LogRecord>& batch = batches_[static_cast<size_t>(partition)];
    batch.push_back(std::move(record));
    if (batch.size() == kAppendRecords) Append(partition);
  }
  void Flush() {
    for (int p = 0; p < log_.partition_count(); ++p) Append(p);
  }

 private:
  void Append(int partition) {
    std::vector<LogRecord>& batch = batches_[static_cast<size_t>(partition)];
    if (batch.empty()) return;
    MustBeOk(
        log_.Append(partition, absl::MakeSpan(batch), eventlog::Durability::kWritten).status());
    batch.clear();
  }

  eventlog::EventLog& log_;
  std::vector<std::vector<LogRecord>> batches_;
};

}  // namespace

// In the order in which they are built; destroyed in reverse.
struct Shop::Parts {
  explicit Parts(const Population& given)
      : population(given),
        clock(Population::Now()),
        lanes(2, clock),
        log(kPartitions, clock),
        runtime(
            {.owner = "benchmark"}, log, lanes, clock,
            [](std::string_view, bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
              return std::make_unique<storage::MemoryStore>();
            },
            [](std::string_view) { return absl::OkStatus(); }),
        tokens(InstanceKey{}),
        door_threads(4, system_clock),
        door_log(system_clock, LogLevel::kError),
        metrics(registry) {}

  void Start();
  void FillTables();
  void AppendAll();
  rules::Environment Environment() const;

  struct Tables {
    std::vector<std::shared_ptr<const targeting::CustomerView>> views;
    std::vector<std::unique_ptr<targeting::RuleColumns>> columns;
    std::vector<const rules::Columns*> pointers;
  };
  Tables TablesFor(const rules::Environment& environment) const;
  absl::StatusOr<std::vector<rules::Selection>> SelectAll(const std::string& rule,
                                                          const Tables& tables,
                                                          const rules::Environment& environment);

  const Population& population;
  SystemClock system_clock;
  ManualClock clock;
  ThreadPoolExecutor lanes;
  eventlog::MemoryLog log;
  catalog::Catalog catalog;
  eventlog::Runtime runtime;
  PageTokens tokens;
  std::unique_ptr<targeting::Module> module;
  MethodTable methods;
  ThreadPoolExecutor door_threads;
  Log door_log;
  prometheus::Registry registry;
  CallMetrics metrics;
  std::unique_ptr<GrpcServer> server;
  std::unique_ptr<GrpcCaller> caller;
  std::map<std::string, std::vector<rules::Selection>> members;  // By segment, then partition.
};

void Shop::Parts::Start() {
  runtime.Add(catalog);
  catalog.Attach(runtime);
  module = std::make_unique<targeting::Module>(targeting::Module::Parts{.runtime = runtime,
                                                                        .catalog = catalog,
                                                                        .executor = door_threads,
                                                                        .clock = clock,
                                                                        .page_tokens = tokens});
  module->Serve(methods);
  MustBeOk(runtime.Start());
  MustBeOk(runtime.AwaitLive(clock.Now() + absl::Seconds(30)));
  catalog::Definition definition;
  definition.set_name("attributeSets/shop");
  *definition.mutable_attribute_set() = ShopSet(population);
  MustBeOk(catalog.Put(definition, {}).status());
  AwaitQuiet(runtime);
  auto started = GrpcServer::Start(
      {.address = {.host = "127.0.0.1", .port = 0}}, methods,
      {.executor = door_threads, .clock = system_clock, .metrics = metrics, .log = door_log});
  MustBeOk(started.status());
  server = *std::move(started);
  caller = std::make_unique<GrpcCaller>(ToString(server->address()));
}

void Shop::Parts::FillTables() {
  std::atomic<int> next = 0;
  const auto work = [&] {
    for (int p = next++; p < kPartitions; p = next++) {
      module->projection().Fill(p, [&](targeting::CustomerTable& table) {
        FillTable(population, NumbersOf(population, p, kPartitions), table);
      });
    }
  };
  std::thread other(work);
  work();
  other.join();
}

void Shop::Parts::AppendAll() {
  Appender appender(runtime.log());
  for (size_t number = 0; number < population.customers(); ++number) {
    appender.Add(ProfileRecord(population, number));
    LogRecord signals = SignalRecord(population, number);
    if (signals.signals_changed().signals_size() > 0) appender.Add(std::move(signals));
  }
  for (size_t i = 0; i < population.purchases(); ++i) appender.Add(PurchaseRecord(population, i));
  appender.Flush();
  AwaitQuiet(runtime);
}

rules::Environment Shop::Parts::Environment() const {
  log::v1::Definition set;
  *set.mutable_attribute_set() = ShopSet(population);
  std::vector<std::string> segments;
  for (const auto& [name, selections] : members) segments.push_back(name);
  rules::Environment environment =
      targeting::EnvironmentOf(rules::Schema({set}), module->projection().SignalTypes(), segments);
  environment.AllowRanks();
  return environment;
}

Shop::Parts::Tables Shop::Parts::TablesFor(const rules::Environment& environment) const {
  Tables tables;
  for (int p = 0; p < kPartitions; ++p) {
    tables.views.push_back(module->projection().View(p));
    auto columns = std::make_unique<targeting::RuleColumns>(*tables.views.back(), environment);
    for (const auto& [name, selections] : members) {
      columns->BindSegment(environment.FindSegment(name)->index,
                           &selections[static_cast<size_t>(p)]);
    }
    tables.pointers.push_back(columns.get());
    tables.columns.push_back(std::move(columns));
  }
  return tables;
}

absl::StatusOr<std::vector<rules::Selection>> Shop::Parts::SelectAll(
    const std::string& rule, const Tables& tables, const rules::Environment& environment) {
  RONDO_ASSIGN_OR_RETURN(const rules::Program program,
                         rules::Compile(rule, environment, rules::Type::Bool()));
  return program.Select(tables.pointers, clock.Now(),
                        [this](size_t count, const std::function<void(size_t)>& work) {
                          ParallelFor(door_threads, 1, count, work);  // Two threads, as the peers.
                        });
}

Shop::Shop(const Population& population, Path path) : parts_(std::make_unique<Parts>(population)) {
  parts_->Start();
  if (path == Path::kBulk) {
    parts_->FillTables();
  } else {
    parts_->AppendAll();
  }
}

Shop::~Shop() {
  parts_->server->Drain(absl::Seconds(1));
  parts_->runtime.Stop();
  parts_->lanes.Shutdown();
  parts_->door_threads.Shutdown();
}

absl::Status Shop::Define(const std::string& name, const std::string& rule) {
  pb::CreateSegmentRequest create;
  create.mutable_segment()->set_name("segments/" + name);
  create.mutable_segment()->set_expression(rule);
  RONDO_RETURN_IF_ERROR(Call<pb::Segment>(*parts_->caller, CallInfo(), create).status());
  const rules::Environment environment = parts_->Environment();
  const Parts::Tables tables = parts_->TablesFor(environment);
  RONDO_ASSIGN_OR_RETURN(auto selections, parts_->SelectAll(rule, tables, environment));
  parts_->members[name] = std::move(selections);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CustomerId>> Shop::Select(const std::string& rule) {
  const rules::Environment environment = parts_->Environment();
  const Parts::Tables tables = parts_->TablesFor(environment);
  RONDO_ASSIGN_OR_RETURN(const auto selections, parts_->SelectAll(rule, tables, environment));
  std::vector<CustomerId> ids;
  size_t selected = 0;
  for (const rules::Selection& selection : selections) {
    if (selection.errors > 0) return absl::InternalError(selection.first_error);
    selected += selection.selected;
  }
  ids.reserve(selected);
  for (size_t p = 0; p < selections.size(); ++p) {
    targeting::ForEachSelected(
        selections[p], [&](size_t ordinal) { ids.push_back(tables.views[p]->IdOf(ordinal)); });
  }
  return ids;
}

absl::StatusOr<Shop::Preview> Shop::PreviewSegment(const std::string& rule) {
  pb::PreviewSegmentRequest request;
  request.set_expression(rule);
  const absl::Time start = absl::Now();
  RONDO_ASSIGN_OR_RETURN(const auto answer,
                         Call<pb::PreviewSegmentResponse>(*parts_->caller, CallInfo(), request));
  return Preview{.selected = answer.count(), .took = absl::Now() - start};
}

absl::StatusOr<double> Shop::EvaluationsPerSecond(const std::string& rule, absl::Duration time) {
  const rules::Environment environment = parts_->Environment();
  RONDO_ASSIGN_OR_RETURN(const rules::Program program,
                         rules::Compile(rule, environment, rules::Type::Bool()));
  const std::shared_ptr<const targeting::CustomerView> view = parts_->module->projection().View(0);
  rules::Arena arena;
  std::vector<rules::MemoryRow> rows(std::min(kRowsInMemory, view->size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& attribute : environment.attributes()) {
      const targeting::Column* column = view->Attribute(attribute.symbol.name);
      rows[i].attributes.push_back(column == nullptr ? rules::Value::Null()
                                                     : column->Get(i, arena));
    }
  }
  int64_t evaluations = 0;
  const absl::Time start = absl::Now();
  absl::Duration took;
  do {
    for (const rules::MemoryRow& row : rows) {
      RONDO_RETURN_IF_ERROR(
          program.Matches({.row = &row, .event = {}, .now = parts_->clock.Now()}).status());
    }
    evaluations += static_cast<int64_t>(rows.size());
    took = absl::Now() - start;
  } while (took < time);
  return static_cast<double>(evaluations) / absl::ToDoubleSeconds(took);
}

absl::StatusOr<Shop::Latencies> Shop::PreviewWhileUpdating(const std::string& rule,
                                                           int updates_per_second,
                                                           absl::Duration time) {
  Latencies latencies;
  const absl::Time begin = absl::Now();
  std::atomic<bool> stop = false;
  std::atomic<int64_t> appended = 0;
  std::thread updater([&] {
    Appender appender(parts_->runtime.log());
    Rng rng(3);
    while (!stop && updates_per_second > 0) {
      const auto due =
          static_cast<int64_t>(absl::ToDoubleSeconds(absl::Now() - begin) * updates_per_second);
      for (; appended < due && !stop; ++appended) {
        LogRecord record;
        record.set_party(
            parts_->population.IdOf(rng.Below(parts_->population.customers())).value());
        auto& profile = *record.mutable_profile_changed();
        profile.set_effective_time_micros(ToMicros(Population::Now()));
        auto& field = *profile.add_attributes();
        field.set_name("points");
        field.mutable_value()->set_int_value(static_cast<int64_t>(rng.Below(100'000)));
        appender.Add(std::move(record));
      }
      appender.Flush();
      absl::SleepFor(absl::Milliseconds(5));
    }
  });
  absl::Status status;
  while (status.ok() && absl::Now() - begin < time) {
    const auto preview = PreviewSegment(rule);
    status = preview.status();
    if (preview.ok()) latencies.previews.push_back(preview->took);
  }
  stop = true;
  updater.join();
  RONDO_RETURN_IF_ERROR(status);
  AwaitQuiet(parts_->runtime);
  latencies.updates_per_second =
      static_cast<double>(appended) / absl::ToDoubleSeconds(absl::Now() - begin);
  return latencies;
}

size_t Shop::memory_bytes() const { return parts_->module->projection().memory_bytes(); }

uint64_t Shop::Fingerprint() const { return parts_->module->projection().Fingerprint(); }

}  // namespace rondo::bench
