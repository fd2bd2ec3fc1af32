// Decide as a local call: 20 offers with rules at one placement, 2,000 customers with 20 attributes
// each, log and state in memory. The aim is p99 below 1 ms.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "platform/core/executor.h"
#include "platform/eventlog/memory_log.h"
#include "platform/rpc/caller.h"
#include "platform/storage/memory_store.h"
#include "services/decision/module.h"

namespace rondo::decision {
namespace {

constexpr uint64_t kCustomers = 2000;
constexpr int kOfferCount = 20;

CustomerId Customer(uint64_t number) { return CustomerId(number * 0x9e3779b97f4a7c15u | 1u); }

class House {
 public:
  House()
      : runtime_(
            {.owner = "benchmark", .on_warning = nullptr}, log_, executor_, clock_,
            [](std::string_view, bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
              return std::make_unique<storage::MemoryStore>();
            },
            [](std::string_view) { return absl::OkStatus(); }),
        caller_(table_),
        module_(Attach()) {
    module_.Serve(table_);
    RONDO_CHECK(runtime_.Start().ok());
    RONDO_CHECK(runtime_.AwaitLive(absl::InfiniteFuture()).ok());
    Fill();
  }
  ~House() { runtime_.Stop(); }

  void Decide(uint64_t customer) {
    pb::DecideRequest request;
    request.set_customer(ToResourceName(Customer(customer)));
    request.set_placement("home");
    request.set_max_offers(3);
    const auto response = Call<pb::DecideResponse>(caller_, {}, request);
    RONDO_CHECK(response.ok() && response->propositions_size() == 3);
  }

 private:
  Module::Parts Attach() {
    runtime_.Add(catalog_);
    catalog_.Attach(runtime_);
    return {.runtime = runtime_,
            .catalog = catalog_,
            .caller = caller_,
            .clock = clock_,
            .page_tokens = page_tokens_,
            .seed = 1,
            .options = {}};
  }

  void Fill() {
    catalog::Definition attributes;
    attributes.set_name("attributeSets/crm");
    for (int i = 0; i < 20; ++i) {
      auto& attribute = *attributes.mutable_attribute_set()->add_attributes();
      attribute.set_name(absl::StrFormat("a%d", i));
      attribute.set_type(rondo::type::v1::VALUE_TYPE_INT);
    }
    RONDO_CHECK(catalog_.Put(std::move(attributes), {}).ok());
    for (int i = 0; i < kOfferCount; ++i) {
      pb::CreateOfferRequest request;
      pb::Offer& offer = *request.mutable_offer();
      offer.set_name(absl::StrFormat("offers/offer-%d", i));
      offer.mutable_value()->set_currency_code("EUR");
      offer.mutable_value()->set_minor_units(100 + i);
      offer.set_eligibility(
          absl::StrFormat("customer.a%d > 5 && customer.a%d < 1000", i, (i + 7) % 20));
      offer.add_placements("home");
      RONDO_CHECK(Call<pb::Offer>(caller_, {}, request).ok());
    }
    for (uint64_t number = 1; number <= kCustomers; ++number) {
      eventlog::LogRecord record;
      record.set_party(Customer(number).value());
      for (int i = 0; i < 20; ++i) {
        auto& field = *record.mutable_profile_changed()->add_attributes();
        field.set_name(absl::StrFormat("a%d", i));
        field.mutable_value()->set_int_value(static_cast<int64_t>(number % 13) + 5 + i % 3);
      }
      const int partition = PartitionOf(Customer(number), runtime_.partition_count());
      RONDO_CHECK(
          log_.Append(partition, absl::MakeSpan(&record, 1), eventlog::Durability::kWritten).ok());
    }
    RONDO_CHECK(runtime_.AwaitEnd("decision").ok());
  }

  SystemClock clock_;
  ThreadPoolExecutor executor_{2, clock_};
  eventlog::MemoryLog log_{8, clock_};
  PageTokens page_tokens_{InstanceKey{}};
  catalog::Catalog catalog_;
  MethodTable table_;
  eventlog::Runtime runtime_;
  LocalCaller caller_;
  Module module_;
};

void BM_Decide(benchmark::State& state) {
  House house;
  std::vector<double> micros;
  uint64_t customer = 0;
  for (auto _ : state) {
    // Customers whose attributes satisfy too few rules are passed over.
    do customer = customer % kCustomers + 1;
    while (customer % 13 < 2);
    const auto start = std::chrono::steady_clock::now();
    house.Decide(customer);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    micros.push_back(took.count());
  }
  std::sort(micros.begin(), micros.end());
  const auto quantile = [&micros](double q) {
    return micros[static_cast<size_t>(q * static_cast<double>(micros.size() - 1))];
  };
  state.counters["p50_us"] = quantile(0.50);
  state.counters["p99_us"] = quantile(0.99);
}
BENCHMARK(BM_Decide)->Unit(benchmark::kMicrosecond)->MinTime(2.0);

}  // namespace
}  // namespace rondo::decision
