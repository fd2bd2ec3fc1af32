#include "tests/bench/house/house.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rondo::bench {
namespace {

namespace customer = ::rondo::customer::v1;
namespace fs = std::filesystem;
namespace response = ::rondo::response::v1;
namespace type = ::rondo::type::v1;

constexpr int kRowsPerCall = 5'000;
constexpr absl::Duration kHistory = absl::Hours(24 * 365);

customer::AttributeSet ShopSet() {
  customer::AttributeSet set;
  set.set_name("attributeSets/shop");
  set.set_currency("EUR");
  const auto add = [](auto& fields, const char* name, type::ValueType value_type) -> auto& {
    auto& field = *fields.Add();
    field.set_name(name);
    field.set_type(value_type);
    return field;
  };
  auto& attributes = *set.mutable_attributes();
  add(attributes, "email", type::VALUE_TYPE_STRING).set_pii(true);
  add(attributes, "city", type::VALUE_TYPE_STRING);
  add(attributes, "tier", type::VALUE_TYPE_CODE);
  add(attributes, "age", type::VALUE_TYPE_INT);
  add(attributes, "balance", type::VALUE_TYPE_DOUBLE);
  add(attributes, "joined", type::VALUE_TYPE_DATE);
  auto& purchase = *set.add_event_types();
  purchase.set_name("purchase");
  auto& fields = *purchase.mutable_fields();
  add(fields, "amount", type::VALUE_TYPE_DOUBLE);
  add(fields, "basket", type::VALUE_TYPE_STRING);
  add(fields, "category", type::VALUE_TYPE_STRING);
  add(fields, "quantity", type::VALUE_TYPE_INT);
  add(fields, "shop", type::VALUE_TYPE_STRING);
  return set;
}

type::Value& AddField(google::protobuf::RepeatedPtrField<type::Field>& fields, const char* name) {
  type::Field& field = *fields.Add();
  field.set_name(name);
  return *field.mutable_value();
}

void FillRow(int64_t number, Rng& rng, customer::ImportRow& row) {
  static constexpr const char* kTiers[] = {"basic", "silver", "gold", "platinum"};
  row.set_row(number + 1);
  auto& key = *row.add_keys();
  key.set_namespace_("crm");
  key.set_value(std::to_string(number));
  auto& attributes = *row.mutable_attributes();
  AddField(attributes, "email").set_string_value(absl::StrCat("customer", number, "@example.test"));
  AddField(attributes, "city").set_string_value(absl::StrCat("City ", rng.Below(500)));
  AddField(attributes, "tier").set_string_value(kTiers[rng.Below(4)]);
  AddField(attributes, "age").set_int_value(static_cast<int64_t>(18 + rng.Below(70)));
  AddField(attributes, "balance").set_double_value(rng.Uniform() * 1000);
  AddField(attributes, "joined").set_date_days(static_cast<int32_t>(18000 + rng.Below(2000)));
  auto& consent = *row.add_consents();
  consent.set_channel("email");
  consent.set_purpose("marketing");
  consent.set_granted(rng.Chance(0.8));
}

absl::Duration ProcessorTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace

int64_t CustomerCount() {
  const char* text = std::getenv("RONDO_BENCH_CUSTOMERS");
  return text != nullptr ? std::max(1, std::atoi(text)) : 1'000'000;
}

void MustBeOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0;
  int64_t resident = 0;
  file >> all >> resident;
  return resident * getpagesize();
}

Stopwatch::Stopwatch() : begin_(absl::Now()), processors_(ProcessorTime()) {}

Took Stopwatch::Stop() const { return {absl::Now() - begin_, ProcessorTime() - processors_}; }

Purchases::Purchases(uint64_t seed, absl::Time begin, absl::Time end, int64_t count)
    : rng_(seed), begin_(begin), step_((end - begin) / std::max<int64_t>(count, 1)), seed_(seed) {}

void Purchases::Next(CustomerId customer, eventlog::LogRecord& record) {
  record.clear_id();
  record.clear_append_time_micros();
  record.set_party(customer.value());
  record.set_source("web");
  record.set_event_time_micros(ToMicros(begin_ + step_ * next_));
  auto& event = *record.mutable_event_tracked();
  event.set_type("purchase");
  event.set_message_id(absl::StrCat("receipt-", seed_, "-", absl::Dec(next_++, absl::kZeroPad8)));
  auto& fields = *event.mutable_fields();
  if (fields.empty()) {
    for (const char* name : {"amount", "basket", "category", "quantity", "shop"}) {
      AddField(fields, name);
    }
  }
  int field = 0;
  const auto next_value = [&]() -> type::Value& { return *fields[field++].mutable_value(); };
  next_value().set_double_value(static_cast<double>(1 + rng_.Below(20000)) / 100);
  next_value().set_string_value(absl::StrCat(absl::Hex(rng_.Next(), absl::kZeroPad16)));
  next_value().set_string_value(absl::StrCat("category ", rng_.Below(50)));
  next_value().set_int_value(static_cast<int64_t>(1 + rng_.Below(5)));
  next_value().set_string_value(absl::StrCat("shop ", rng_.Below(200)));
}

response::CustomerEvent Purchases::NextEvent(CustomerId customer) {
  eventlog::LogRecord record;
  Next(customer, record);
  response::CustomerEvent given;
  given.set_customer(ToResourceName(customer));
  auto& event = *given.mutable_event();
  event.set_type(record.event_tracked().type());
  event.set_message_id(record.event_tracked().message_id());
  event.mutable_event_time()->set_seconds(record.event_time_micros() / 1'000'000);
  event.set_source(record.source());
  *event.mutable_fields() = record.event_tracked().fields();
  return given;
}

House::House()
    : folder_(fs::temp_directory_path() / absl::StrFormat("rondo-bench-house-%d", getpid())) {
  fs::remove_all(folder_);
  Start();
  Define();
  filling_.resident_before = ResidentBytes();
  Import();
  ReadCustomers();
  const int64_t events = CustomerCount() * kEventsPerCustomer;
  filling_.ingested = events / 10;
  filling_.ingesting = IngestEvents(filling_.ingested);
  filling_.tracked = events - filling_.ingested;
  filling_.tracking = TrackEvents(filling_.tracked);
  filling_.resident_after = ResidentBytes();
}

House::~House() {
  server_.reset();
  fs::remove_all(folder_);
}

void House::Start() {
  Config config;
  config.data = folder_;
  config.http = "127.0.0.1:0";
  config.grpc = "127.0.0.1:0";
  auto server = Server::Start(config);
  MustBeOk(server.status());
  server_ = *std::move(server);
}

void House::Define() {
  customer::CreateAttributeSetRequest create;
  *create.mutable_attribute_set() = ShopSet();
  MustBeOk(Call<customer::AttributeSet>(caller(), CallInfo(), create).status());
}

// The next call is made ready while one is under way, as `rondo import` does.
void House::Import() {
  Rng rng(seed_);
  struct Batch {
    google::protobuf::Arena arena;
    customer::ImportCustomersRequest* request;
  };
  const auto rows_from = [&rng](int64_t at) {
    auto batch = std::make_unique<Batch>();
    batch->request =
        google::protobuf::Arena::CreateMessage<customer::ImportCustomersRequest>(&batch->arena);
    batch->request->set_import_id("bench");
    batch->request->set_synced(true);
    for (int64_t i = at; i < std::min(at + kRowsPerCall, CustomerCount()); ++i) {
      FillRow(i, rng, *batch->request->add_rows());
    }
    return batch;
  };
  const Stopwatch watch;
  auto ahead = std::async(std::launch::async, rows_from, 0);
  for (int64_t at = 0; at < CustomerCount(); at += kRowsPerCall) {
    const std::unique_ptr<Batch> batch = ahead.get();
    ahead = std::async(std::launch::async, rows_from, at + kRowsPerCall);
    const auto answer =
        Call<customer::ImportCustomersResponse>(caller(), CallInfo(), *batch->request);
    MustBeOk(answer.status());
    if (answer->imported() != batch->request->rows_size()) std::abort();
  }
  filling_.importing_answer = watch.Stop().wall;
  AwaitQuiet();
  filling_.importing = watch.Stop();
}

void House::ReadCustomers() {
  eventlog::EventLog& log = runtime().log();
  for (int p = 0; p < log.partition_count(); ++p) {
    const auto end = log.End(p);
    MustBeOk(end.status());
    for (int64_t offset = 0; offset < *end;) {
      const auto block = log.Read(p, offset);
      MustBeOk(block.status());
      for (const eventlog::LogRecord* record : block->records) {
        if (record->has_profile_changed()) customers_.emplace_back(record->party());
      }
      offset = block->end();
    }
  }
}

void House::AwaitQuiet() {
  for (;;) {
    const absl::Status quiet = runtime().AwaitQuiet();
    if (quiet.ok()) return;
    // It gives up after the timeout of a command; a benchmark's backlog is longer.
    if (!absl::IsDeadlineExceeded(quiet)) MustBeOk(quiet);
  }
}

Took House::IngestEvents(int64_t count) {
  Rng rng(++seed_);
  const absl::Time end = absl::Now() - kHistory;
  Purchases purchases(seed_, end - kHistory / 10, end, count);
  const Stopwatch watch;
  for (int64_t at = 0; at < count; at += kEventsPerAppend) {
    response::IngestEventsRequest request;
    for (int64_t i = at; i < std::min(at + kEventsPerAppend, count); ++i) {
      *request.add_events() = purchases.NextEvent(customers_[rng.Below(customers_.size())]);
    }
    const auto answer = Call<response::IngestEventsResponse>(caller(), CallInfo(), request);
    MustBeOk(answer.status());
    if (answer->accepted() != request.events_size()) std::abort();
  }
  AwaitQuiet();
  return watch.Stop();
}

Took House::TrackEvents(int64_t count) {
  eventlog::EventLog& log = runtime().log();
  Rng rng(++seed_);
  Purchases purchases(seed_, absl::Now() - kHistory, absl::Now(), count);
  std::vector<std::vector<eventlog::LogRecord>> batches(static_cast<size_t>(log.partition_count()));
  std::vector<size_t> filled(batches.size());
  for (auto& batch : batches) batch.resize(kEventsPerAppend);
  const auto append = [&](size_t partition) {
    const absl::Span<eventlog::LogRecord> records(batches[partition].data(), filled[partition]);
    if (records.empty()) return;
    MustBeOk(
        log.Append(static_cast<int>(partition), records, eventlog::Durability::kWritten).status());
    filled[partition] = 0;
  };
  const Stopwatch watch;
  for (int64_t i = 0; i < count; ++i) {
    const CustomerId customer = customers_[rng.Below(customers_.size())];
    const auto partition = static_cast<size_t>(PartitionOf(customer, log.partition_count()));
    purchases.Next(customer, batches[partition][filled[partition]++]);
    if (filled[partition] == batches[partition].size()) append(partition);
  }
  for (size_t p = 0; p < batches.size(); ++p) append(p);
  AwaitQuiet();
  return watch.Stop();
}

Took House::Restart(States states) {
  server_.reset();
  if (states == States::kDeleted) fs::remove_all(folder_ / "state");
  const Stopwatch watch;
  Start();
  return watch.Stop();
}

int64_t House::records_in_log() {
  int64_t records = 0;
  for (int p = 0; p < runtime().partition_count(); ++p) {
    const auto end = runtime().log().End(p);
    MustBeOk(end.status());
    records += *end;
  }
  return records;
}

int64_t House::log_bytes() const {
  int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "log")) {
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

}  // namespace rondo::bench
