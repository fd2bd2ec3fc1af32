// One customer against a rule of five predicates, and a rule over columns of a million customers.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "platform/core/status_macros.h"
#include "rules/program.h"

namespace rondo::rules {
namespace {

Environment BenchEnvironment() {
  Environment environment;
  environment.AddAttribute("tier", Type::String())
      .AddAttribute("country", Type::String())
      .AddAttribute("age", Type::Int())
      .AddAttribute("spend", Type::Double())
      .AddAttribute("vip", Type::Bool())
      .AddEventType("purchase", {{"amount", Type::Double()}});
  return environment;
}

Program CompileOrDie(const std::string& text) {
  auto program = Compile(text, BenchEnvironment(), Type::Bool());
  RONDO_CHECK(program.ok());
  return *std::move(program);
}

constexpr char kFivePredicates[] =
    "customer.tier == 'gold' && customer.country in ['KR', 'DE'] && customer.age >= 18 && "
    "customer.spend > 100.0 && !customer.vip";

void EvaluateFivePredicates(benchmark::State& state) {
  const Program program = CompileOrDie(kFivePredicates);
  MemoryRow row;
  row.attributes = {Value::String("gold"), Value::String("DE"), Value::Int(40), Value::Double(150),
                    Value::Bool(false)};
  Arena arena;
  const Input input{.row = &row, .event = {}, .now = absl::FromUnixSeconds(1'700'000'000)};
  for (auto _ : state) benchmark::DoNotOptimize(program.Evaluate(input, arena));
}
BENCHMARK(EvaluateFivePredicates);

void CountEventsOfOneCustomer(benchmark::State& state) {
  const Program program =
      CompileOrDie("events('purchase').last('90d').where(e, e.amount > 50.0).count() >= 3");
  MemoryRow row;
  row.events.push_back(std::make_unique<MemoryEvents>());
  const int64_t now = int64_t{1'700'000'000} * 1'000'000;
  for (int64_t i = 50; i > 0; --i) {
    row.events[0]->Add(now - i * 86'400'000'000, {Value::Double(static_cast<double>(i * 3 % 100))});
  }
  Arena arena;
  const Input input{.row = &row, .event = {}, .now = absl::FromUnixSeconds(1'700'000'000)};
  for (auto _ : state) benchmark::DoNotOptimize(program.Evaluate(input, arena));
}
BENCHMARK(CountEventsOfOneCustomer);

class Words final : public Dictionary {
 public:
  explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}
  size_t size() const override { return words_.size(); }
  std::string_view At(size_t code) const override { return words_[code]; }
  int64_t Find(std::string_view) const override { return -1; }

 private:
  std::vector<std::string> words_;
};

// A million customers and five million purchases, from a linear congruence.
class BenchColumns final : public Columns {
 public:
  BenchColumns() {
    uint64_t x = 1;
    const auto next = [&] { return (x = x * 6364136223846793005u + 1442695040888963407u) >> 33; };
    for (size_t i = 0; i < kSize; ++i) {
      tier_.push_back(static_cast<uint8_t>(next() % 4));
      country_.push_back(static_cast<uint8_t>(next() % 8));
      age_.push_back(static_cast<int8_t>(next() % 90));
      spend_.push_back(static_cast<double>(next() % 400));
    }
    for (size_t i = 0; i < (kSize + 63) / 64; ++i) vip_.push_back(next() << 32 | next());
    for (size_t i = 0; i < kEvents; ++i) {
      ordinals_.push_back(static_cast<uint32_t>(next() % kSize));
      times_.push_back(static_cast<int64_t>(i) * 6'000'000);
      amounts_.push_back(static_cast<double>(next() % 100));
    }
  }
  static absl::Time Now() { return absl::FromUnixMicros(int64_t{kEvents} * 6'000'000); }
  size_t size() const override { return kSize; }
  ColumnView Attribute(const Symbol& attribute, size_t block) const override {
    const size_t at = block * kBlockRows;
    switch (attribute.index) {
      case 0:
        return {ColumnKind::kCode, 1, &tier_[at], nullptr, &tiers_};
      case 1:
        return {ColumnKind::kCode, 1, &country_[at], nullptr, &countries_};
      case 2:
        return {ColumnKind::kInt, 1, &age_[at], nullptr, nullptr};
      case 3:
        return {ColumnKind::kDouble, 8, &spend_[at], nullptr, nullptr};
      default:
        return {ColumnKind::kBool, 0, &vip_[at / 64], nullptr, nullptr};
    }
  }
  ColumnView Signal(const Symbol&, size_t) const override { return {}; }
  std::vector<EventBlock> Events(const Symbol&) const override {
    EventBlock block{.size = kEvents,
                     .ordinals = ordinals_.data(),
                     .times_micros = times_.data(),
                     .sorted_by_time = true,
                     .fields = {}};
    block.fields.push_back({ColumnKind::kDouble, 8, amounts_.data(), nullptr, nullptr});
    return {block};
  }
  const uint64_t* Segment(const Symbol&, size_t) const override { return nullptr; }
  const uint64_t* Alive(size_t) const override { return nullptr; }
  uint64_t IdOf(size_t ordinal) const override { return ordinal * 7919 % 65'521; }
  std::unique_ptr<Row> NewRow() const override { return std::make_unique<MemoryRow>(); }
  void MoveTo(size_t, Row&) const override {}

 private:
  static constexpr size_t kSize = 1'000'000;
  static constexpr size_t kEvents = 5'000'000;
  const Words tiers_{{"gold", "silver", "bronze", "none"}};
  const Words countries_{{"KR", "DE", "FR", "US", "JP", "CN", "IT", "ES"}};
  std::vector<uint8_t> tier_, country_;
  std::vector<int8_t> age_;
  std::vector<double> spend_, amounts_;
  std::vector<uint64_t> vip_;
  std::vector<uint32_t> ordinals_;
  std::vector<int64_t> times_;
};

const BenchColumns& TheColumns() {
  static const BenchColumns* const kColumns = new BenchColumns;
  return *kColumns;
}

void SelectBy(benchmark::State& state, const std::string& text) {
  const Program program = CompileOrDie(text);
  const BenchColumns& columns = TheColumns();
  size_t selected = 0;
  for (auto _ : state) selected = program.Select(columns, BenchColumns::Now())->selected;
  state.counters["selected"] = static_cast<double>(selected);
}
BENCHMARK_CAPTURE(SelectBy, FivePredicates, kFivePredicates)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(SelectBy, PurchasesIn90Days,
                  "events('purchase').last('90d').where(e, e.amount > 50.0).count() >= 3")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rondo::rules
