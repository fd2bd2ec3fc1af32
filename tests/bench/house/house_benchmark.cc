// What a whole deployment does, from import to rebuild, on one population that is made once: all
// services, the embedded log and their stores on disk, called without a door. Each stage runs once;
// later stages see what earlier ones left behind. The anchor of event throughput is RocksDB alone,
// given the same bytes.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/storage/key.h"
#include "rondo/campaign/v1/campaign_service.pb.h"
#include "rondo/decision/v1/decision_service.pb.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "tests/bench/house/house.h"

namespace rondo::bench {
namespace {

namespace campaign = ::rondo::campaign::v1;
namespace decision = ::rondo::decision::v1;
namespace delivery = ::rondo::delivery::v1;
namespace fs = std::filesystem;
namespace targeting = ::rondo::targeting::v1;

House& Shop() {
  static House house;
  return house;
}

// One result that was measured by hand: `items` in `took`.
void Report(benchmark::State& state, const Took& took, int64_t items) {
  for (auto _ : state) state.SetIterationTime(absl::ToDoubleSeconds(took.wall));
  state.SetItemsProcessed(items);
  state.counters["processors_us"] = absl::ToDoubleMicroseconds(took.processors) /
                                    static_cast<double>(std::max<int64_t>(items, 1));
}

void Once(benchmark::internal::Benchmark* stage) {
  stage->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
}

void ImportCustomers(benchmark::State& state) {
  Report(state, Shop().filling().importing, CustomerCount());
  state.counters["answered_rows_per_second"] =
      static_cast<double>(CustomerCount()) /
      absl::ToDoubleSeconds(Shop().filling().importing_answer);
}
BENCHMARK(ImportCustomers)->Apply(Once);

void IngestEvents(benchmark::State& state) {
  Report(state, Shop().filling().ingesting, Shop().filling().ingested);
}
BENCHMARK(IngestEvents)->Apply(Once);

void TrackEvents(benchmark::State& state) {
  Report(state, Shop().filling().tracking, Shop().filling().tracked);
}
BENCHMARK(TrackEvents)->Apply(Once);

// The same number of values of the same bytes, in batches as large, written and not synced. Values
// are made beforehand.
void BareRocksDbPuts(benchmark::State& state) {
  const int64_t count = Shop().filling().tracked;
  Purchases purchases(99, absl::UnixEpoch(), absl::Now(), count);
  std::vector<std::string> values(10'000);
  Rng rng(99);
  double bytes = 0;
  for (std::string& value : values) {
    eventlog::LogRecord record;
    purchases.Next(CustomerId(rng.Next()), record);
    record.set_id(absl::StrFormat("%016x", rng.Next()));  // The log gives each record one.
    record.set_append_time_micros(ToMicros(absl::Now()));
    value = record.SerializeAsString();
    bytes += static_cast<double>(value.size());
  }
  const fs::path folder =
      fs::temp_directory_path() / absl::StrFormat("rondo-bench-bare-%d", getpid());
  fs::remove_all(folder);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  if (!rocksdb::DB::Open(options, folder, &raw).ok()) std::abort();
  std::unique_ptr<rocksdb::DB> db(raw);
  const Stopwatch watch;
  for (int64_t at = 0; at < count; at += kEventsPerAppend) {
    rocksdb::WriteBatch batch;
    for (int64_t i = at; i < std::min(at + kEventsPerAppend, count); ++i) {
      batch.Put(storage::KeyBuilder().U64(static_cast<uint64_t>(i)).view(),
                values[static_cast<size_t>(i) % values.size()]);
    }
    if (!db->Write(rocksdb::WriteOptions(), &batch).ok()) std::abort();
  }
  Report(state, watch.Stop(), count);
  state.counters["value_bytes"] = bytes / static_cast<double>(values.size());
  db.reset();
  fs::remove_all(folder);
}
BENCHMARK(BareRocksDbPuts)->Apply(Once);

// Resident memory, and the log on disk, with nothing known but customers and purchases.
void Memory(benchmark::State& state) {
  const auto customers = static_cast<double>(CustomerCount());
  const House::Filling& filling = Shop().filling();
  for (auto _ : state) state.SetIterationTime(1e-3);
  state.SetLabel("counters only");
  state.counters["resident_mb"] = static_cast<double>(filling.resident_after) / 1e6;
  state.counters["resident_per_customer_bytes"] =
      static_cast<double>(filling.resident_after - filling.resident_before) / customers;
  state.counters["log_per_record_bytes"] =
      static_cast<double>(Shop().log_bytes()) / static_cast<double>(Shop().records_in_log());
}
BENCHMARK(Memory)->Apply(Once);

void PreviewSegment(benchmark::State& state, const std::string& rule) {
  targeting::PreviewSegmentRequest request;
  request.set_expression(rule);
  int64_t selected = 0;
  Shop().AwaitQuiet();
  for (auto _ : state) {
    const auto answer =
        Call<targeting::PreviewSegmentResponse>(Shop().caller(), CallInfo(), request);
    MustBeOk(answer.status());
    selected = answer->count();
  }
  state.counters["selected_customers"] = static_cast<double>(selected);
}
BENCHMARK_CAPTURE(PreviewSegment, attributes, "customer.tier == 'gold' && customer.age >= 40")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PreviewSegment, strings, "customer.city.startsWith('City 1')")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PreviewSegment, events_count, "events('purchase').last('90d').count() >= 3")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PreviewSegment, events_where,
                  "events('purchase').last('90d').where(e, e.amount > 50.0).count() >= 2")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(
    PreviewSegment, events_sum,
    "events('purchase').last('365d').sum(e, e.amount) > 600.0 && customer.tier == 'gold'")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void DefineOffers() {
  for (int i = 0; i < 20; ++i) {
    decision::CreateOfferRequest create;
    decision::Offer& offer = *create.mutable_offer();
    offer.set_name(absl::StrFormat("offers/offer-%d", i));
    offer.set_title(absl::StrFormat("Offer %d", i));
    offer.mutable_value()->set_currency_code("EUR");
    offer.mutable_value()->set_minor_units(500 + i);
    offer.set_eligibility(
        absl::StrFormat("customer.age >= %d && customer.balance > %d.0", 18 + i, i));
    offer.add_placements("home");
    MustBeOk(Call<decision::Offer>(Shop().caller(), CallInfo(), create).status());
  }
  Shop().AwaitQuiet();
}

// Twenty offers with a rule each at one placement; random customers, one call after another.
void Decide(benchmark::State& state) {
  DefineOffers();
  const int64_t calls = std::min<int64_t>(20'000, std::max<int64_t>(1000, CustomerCount() / 10));
  Rng rng(7);
  std::vector<double> micros;
  const Stopwatch watch;
  for (int64_t i = 0; i < calls; ++i) {
    decision::DecideRequest request;
    request.set_customer(ToResourceName(Shop().customers()[rng.Below(Shop().customers().size())]));
    request.set_placement("home");
    request.set_max_offers(3);
    const absl::Time start = absl::Now();
    const auto answer = Call<decision::DecideResponse>(Shop().caller(), CallInfo(), request);
    const absl::Duration took = absl::Now() - start;
    MustBeOk(answer.status());
    micros.push_back(absl::ToDoubleMicroseconds(took));
  }
  Report(state, watch.Stop(), calls);
  std::sort(micros.begin(), micros.end());
  const auto quantile = [&micros](double q) {
    return micros[static_cast<size_t>(q * static_cast<double>(micros.size() - 1))];
  };
  state.counters["p50_us"] = quantile(0.50);
  state.counters["p99_us"] = quantile(0.99);
}
BENCHMARK(Decide)->Apply(Once);

void DefineCampaign() {
  Caller& caller = Shop().caller();
  targeting::CreateSegmentRequest segment;
  segment.mutable_segment()->set_name("segments/everyone");
  segment.mutable_segment()->set_expression("customer.age >= 18");
  MustBeOk(Call<targeting::Segment>(caller, CallInfo(), segment).status());
  delivery::CreateTemplateRequest words;
  words.mutable_template_()->set_name("templates/mail");
  words.mutable_template_()->set_channel("email");
  words.mutable_template_()->set_from("Shop <news@shop.example>");
  words.mutable_template_()->set_subject("Hello");
  words.mutable_template_()->set_text("Hello");
  MustBeOk(Call<delivery::Template>(caller, CallInfo(), words).status());
  campaign::CreateCampaignRequest create;
  campaign::Campaign& definition = *create.mutable_campaign();
  definition.set_name("campaigns/winback");
  definition.set_currency("EUR");
  definition.mutable_audience()->add_include("segments/everyone");
  campaign::Cell& control = *definition.add_cells();
  control.set_name("control");
  control.set_share(0.2);
  control.set_control(true);
  campaign::Cell& mail = *definition.add_cells();
  mail.set_name("mail");
  mail.set_share(0.8);
  mail.mutable_treatment()->set_channel("email");
  mail.mutable_treatment()->set_template_("templates/mail");
  campaign::Goal& goal = *definition.add_goals();
  goal.set_name("bought");
  goal.set_event("purchase");
  goal.set_where("e.amount > 0.0");
  goal.set_value("e.amount * 0.3");
  goal.mutable_within()->set_seconds(14 * 24 * 3600);
  definition.mutable_schedule()->mutable_start_time()->set_seconds(
      absl::ToUnixSeconds(absl::Now()));
  definition.set_plan_only_from_cycle(1);
  MustBeOk(Call<campaign::Campaign>(caller, CallInfo(), create).status());
  campaign::ApproveCampaignRequest approve;
  approve.set_name(definition.name());
  MustBeOk(Call<campaign::Campaign>(caller, CallInfo(), approve).status());
}

// From the launch of a campaign that addresses everyone until its cycle is planned and every
// service knows its contacts. They are planned only: nothing is sent.
void PlanContacts(benchmark::State& state) {
  DefineCampaign();
  const Stopwatch watch;
  campaign::LaunchCampaignRequest launch;
  launch.set_name("campaigns/winback");
  MustBeOk(Call<campaign::Campaign>(Shop().caller(), CallInfo(), launch).status());
  campaign::ListCyclesRequest list;
  list.set_parent(launch.name());
  for (;;) {
    Shop().AwaitQuiet();
    const auto cycles = Call<campaign::ListCyclesResponse>(Shop().caller(), CallInfo(), list);
    MustBeOk(cycles.status());
    if (cycles->cycles_size() == 1 && cycles->cycles(0).has_planned_time()) {
      if (cycles->cycles(0).targeted() != CustomerCount()) std::abort();
      break;
    }
    absl::SleepFor(absl::Milliseconds(2));
  }
  Shop().AwaitQuiet();
  Report(state, watch.Stop(), CustomerCount());
}
BENCHMARK(PlanContacts)->Apply(Once);

// As TrackEvents, now that each customer has a contact whose goal the purchases may meet.
void TrackEventsBesideContacts(benchmark::State& state) {
  const int64_t count = Shop().filling().tracked / 10;
  const Took took = Shop().TrackEvents(count);
  Report(state, took, count);
}
BENCHMARK(TrackEventsBesideContacts)->Apply(Once);

// From the start of a process to its doors being open, as it was left.
void Restart(benchmark::State& state) {
  const int64_t records = Shop().records_in_log();
  Report(state, Shop().Restart(House::States::kKept), records);
}
BENCHMARK(Restart)->Apply(Once);

// The same with the states of all services deleted: they rebuild themselves from the log.
void Rebuild(benchmark::State& state) {
  const int64_t records = Shop().records_in_log();
  Report(state, Shop().Restart(House::States::kDeleted), records);
}
BENCHMARK(Rebuild)->Apply(Once);

}  // namespace
}  // namespace rondo::bench
