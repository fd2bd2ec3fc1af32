// What a segment costs: 1 M customers with 6 attributes and 5 M purchases in 8 partitions, folded
// by the projection, then previewed by rules of several kinds. Counters: bytes a customer (events
// included), and records folded a second.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <deque>

#include "platform/core/clock.h"
#include "platform/core/rng.h"
#include "platform/storage/memory_store.h"
#include "rules/program.h"
#include "services/targeting/domain/rule_columns.h"
#include "services/targeting/targeting_projection.h"
#include "services/targeting/vocabulary.h"

namespace rondo::targeting {
namespace {

using eventlog::LogRecord;

constexpr int kPartitions = 8;
constexpr size_t kBatch = 2'000;
const absl::Time kNow = absl::FromUnixSeconds(1'796'126'400);

// $RONDO_BENCH_CUSTOMERS is what `./x bench --quick` makes smaller.
int CustomerCount() {
  const char* text = std::getenv("RONDO_BENCH_CUSTOMERS");
  return text != nullptr ? std::max(1, std::atoi(text)) : 1'000'000;
}
int EventCount() { return 5 * CustomerCount(); }

// What Apply may use: partition and offset; targeting writes no key.
class Context final : public eventlog::ApplyContext {
 public:
  int at = 0;
  int64_t next = 0;
  int partition() const override { return at; }
  int partition_count() const override { return kPartitions; }
  absl::Time partition_time() const override { return kNow; }
  int64_t epoch() const override { return 1; }
  int64_t offset() const override { return next; }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return store_.Get(key);
  }
  std::unique_ptr<storage::Cursor> Scan(const storage::KeyRange& range) const override {
    return store_.Scan(range);
  }
  void Put(std::string_view, std::string_view) override {}
  void Delete(std::string_view) override {}
  void Emit(LogRecord) override {}
  void EmitTo(int, LogRecord) override {}
  void SetTimer(absl::Time, std::string_view, std::string_view) override {}
  void CancelTimer(absl::Time, std::string_view) override {}

 private:
  storage::MemoryStore store_;
};

rondo::customer::v1::AttributeSet ShopSet() {
  rondo::customer::v1::AttributeSet set;
  const auto add = [&](const char* name, rondo::type::v1::ValueType type) {
    auto& attribute = *set.add_attributes();
    attribute.set_name(name);
    attribute.set_type(type);
  };
  add("tier", rondo::type::v1::VALUE_TYPE_STRING);
  add("country", rondo::type::v1::VALUE_TYPE_STRING);
  add("age", rondo::type::v1::VALUE_TYPE_INT);
  add("balance", rondo::type::v1::VALUE_TYPE_DOUBLE);
  add("newsletter", rondo::type::v1::VALUE_TYPE_BOOL);
  add("joined", rondo::type::v1::VALUE_TYPE_DATE);
  auto& purchase = *set.add_event_types();
  purchase.set_name("purchase");
  auto& amount = *purchase.add_fields();
  amount.set_name("amount");
  amount.set_type(rondo::type::v1::VALUE_TYPE_DOUBLE);
  auto& category = *purchase.add_fields();
  category.set_name("category");
  category.set_type(rondo::type::v1::VALUE_TYPE_STRING);
  return set;
}

LogRecord ProfileOf(CustomerId id, Rng& rng) {
  static constexpr const char* kTiers[] = {"basic", "silver", "gold", "platinum"};
  LogRecord record;
  record.set_party(id.value());
  auto& profile = *record.mutable_profile_changed();
  profile.set_effective_time_micros(ToMicros(kNow - absl::Hours(24 * 400)));
  const auto add = [&](const char* name) -> rondo::type::v1::Value& {
    auto& field = *profile.add_attributes();
    field.set_name(name);
    return *field.mutable_value();
  };
  add("tier").set_string_value(kTiers[rng.Below(4)]);
  add("country").set_string_value("c" + std::to_string(rng.Below(200)));
  add("age").set_int_value(static_cast<int64_t>(18 + rng.Below(70)));
  add("balance").set_double_value(rng.Uniform() * 1000);
  add("newsletter").set_bool_value(rng.Chance(0.4));
  add("joined").set_date_days(static_cast<int32_t>(18000 + rng.Below(2000)));
  return record;
}

LogRecord PurchaseOf(CustomerId id, int number, Rng& rng) {
  LogRecord record;
  record.set_party(id.value());
  // A year in order of time, as a log that was lived through has it.
  const double part_of_year = static_cast<double>(number) / EventCount();
  record.set_event_time_micros(ToMicros(kNow - absl::Hours(24 * 365) * (1 - part_of_year)));
  auto& event = *record.mutable_event_tracked();
  event.set_type("purchase");
  event.set_message_id(std::to_string(number));
  auto& amount = *event.add_fields();
  amount.set_name("amount");
  amount.mutable_value()->set_double_value(static_cast<double>(rng.Below(20000)) / 100);
  auto& category = *event.add_fields();
  category.set_name("category");
  category.mutable_value()->set_string_value("k" + std::to_string(rng.Below(50)));
  return record;
}

// The projection with all records folded, made once.
struct Population {
  Population() : projection(kPartitions) {
    Rng rng(1);
    LogRecord definition;
    *definition.mutable_definition_activated()->mutable_definition()->mutable_attribute_set() =
        ShopSet();
    for (int p = 0; p < kPartitions; ++p) Fold(definition, p);
    std::vector<CustomerId> ids;
    for (int i = 0; i < CustomerCount(); ++i) ids.push_back(CustomerId(rng.Next() | 1));
    absl::Duration folding;
    const auto fold = [&](LogRecord record) {
      const absl::Time start = absl::Now();
      const int partition = PartitionOf(CustomerId(record.party()), kPartitions);
      Fold(std::move(record), partition);
      folding += absl::Now() - start;
    };
    for (const CustomerId id : ids) fold(ProfileOf(id, rng));
    for (int i = 0; i < EventCount(); ++i) fold(PurchaseOf(ids[rng.Below(ids.size())], i, rng));
    for (int p = 0; p < kPartitions; ++p) projection.Committed(p, contexts[p].next, true);
    records_per_second = (CustomerCount() + EventCount()) / absl::ToDoubleSeconds(folding);
  }

  void Fold(LogRecord record, int partition) {
    Context& context = contexts[partition];
    context.at = partition;
    applied[partition].push_back(std::move(record));
    if (!projection.Apply(applied[partition].back(), context).ok()) std::abort();
    if (++context.next % static_cast<int64_t>(kBatch) == 0) {
      projection.Committed(partition, context.next, true);
      applied[partition].clear();
    }
  }

  TargetingProjection projection;
  Context contexts[kPartitions];
  std::deque<LogRecord> applied[kPartitions];  // Not yet committed.
  double records_per_second = 0;
};

Population& Shop() {
  static Population population;
  return population;
}

// One preview: views of all partitions, and the rule over them.
void Preview(benchmark::State& bench, const std::string& text) {
  Population& shop = Shop();
  log::v1::Definition set;
  *set.mutable_attribute_set() = ShopSet();
  const rules::Environment environment = EnvironmentOf(rules::Schema({set}), {}, {});
  const auto rule = rules::Compile(text, environment, rules::Type::Bool());
  if (!rule.ok()) return bench.SkipWithError(std::string(rule.status().message()).c_str());
  int64_t selected = 0;
  for (auto _ : bench) {
    selected = 0;
    for (int p = 0; p < kPartitions; ++p) {
      const std::shared_ptr<const CustomerView> view = shop.projection.View(p);
      const RuleColumns columns(*view, environment);
      selected += static_cast<int64_t>(rule->Select(columns, kNow)->selected);
    }
  }
  bench.counters["selected"] = static_cast<double>(selected);
}

void FoldRecords(benchmark::State& bench) {
  for (auto _ : bench) benchmark::DoNotOptimize(Shop().projection.View(0));
  bench.counters["records_per_second"] = Shop().records_per_second;
  bench.counters["bytes_per_customer"] =
      static_cast<double>(Shop().projection.memory_bytes()) / CustomerCount();
}
BENCHMARK(FoldRecords)->Iterations(1)->Unit(benchmark::kMillisecond);

BENCHMARK_CAPTURE(Preview, attributes, "customer.tier == 'gold' && customer.age >= 40")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Preview, strings, "customer.country.startsWith('c1') && customer.newsletter")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Preview, events_count, "events('purchase').last('90d').count() >= 3")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Preview, events_where,
                  "events('purchase').last('90d').where(e, e.amount > 50.0).count() >= 2")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(
    Preview, events_sum,
    "events('purchase').last('365d').sum(e, e.amount) > 600.0 && customer.tier == 'gold'")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rondo::targeting
