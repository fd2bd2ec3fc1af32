#include "tests/sim/world.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "tests/sim/sim_transport.h"

namespace rondo::sim {
namespace {

constexpr int kPartitions = 2;
constexpr int kTriesMax = 200;  // Of one call, through all faults.
constexpr absl::Duration kLateMax = absl::Hours(30);

class World {
 public:
  World(const WorldOptions& options, const DeploymentChoice& choice);
  WorldResult Run();

 private:
  static FaultOptions FaultsOf(Rng& rng);
  static CampaignPlan PlanOf(Rng& rng, absl::Time now);

  // At `when`, outside the process: a crash does not stop it.
  void At(absl::Time when, std::function<void()> what) {
    outside_.emplace(when, std::move(what));
    machine_.executor().PostAt(when, [] {});  // Time stops there.
  }
  // Calls until it is answered for certain, starting the process again when it died.
  template <typename Call>
  bool Persist(const std::string& what, const Call& call);
  void StartProcess();
  void Import();
  void LiveCycle(int cycle);
  void OnReceived(const Message& message, absl::Time begun);
  void Schedule(uint64_t customer, const kit::Act& act, absl::Time from, int cycle);
  void Report(uint64_t customer, const Happening& happening);
  void RunUntil(absl::Time end);
  void Check();
  void CheckRebuild();
  using State = std::map<std::string, std::string>;  // Partition and key to value.
  std::map<std::string, State> States() const;       // By service.
  static std::string FirstDifference(const State& before, const State& after);
  void Trace(const std::string& line);

  const WorldOptions options_;
  Rng rng_;
  Machine machine_;
  const CampaignPlan plan_;
  const kit::Population population_;
  Ledger ledger_;
  SimTransport transport_;
  const DeploymentFactory factory_;
  std::unique_ptr<Deployment> process_;
  std::multimap<absl::Time, std::function<void()>> outside_;
  std::map<uint64_t, const kit::Person*> person_of_;
  int64_t next_message_ = 0;
  WorldResult result_;
};

World::World(const WorldOptions& options, const DeploymentChoice& choice)
    : options_(options),
      rng_(options.seed),
      machine_(options.seed, kPartitions, FaultsOf(rng_)),
      plan_(PlanOf(rng_, machine_.clock().Now())),
      population_(options.seed, {.people = 8 + static_cast<int>(rng_.Below(20)),
                                 .consent_share = 0.8,
                                 .window = plan_.window}),
      ledger_(plan_),
      transport_(options.seed, machine_,
                 [this](const Message& message, absl::Time begun) { OnReceived(message, begun); }),
      factory_(choice(plan_)) {}

FaultOptions World::FaultsOf(Rng& rng) {
  FaultOptions faults;
  // A world in five is calm: what goes wrong there is no fault's fault.
  if (rng.Chance(0.2)) return faults;
  faults.crash = rng.Uniform() * 0.01;
  faults.fail = rng.Chance(0.5) ? rng.Uniform() * 0.01 : 0.0;
  faults.power_lost = rng.Uniform() * 0.5;
  faults.stores_survive_crash = rng.Chance(0.5);
  return faults;
}

CampaignPlan World::PlanOf(Rng& rng, absl::Time now) {
  CampaignPlan plan;
  plan.cycles = 1 + static_cast<int>(rng.Below(3));
  plan.first_due = now + absl::Hours(24);
  plan.control_share = 0.2 + 0.3 * rng.Uniform();
  plan.holdout = rng.Chance(0.5) ? kHoldout : 0.0;
  return plan;
}

void World::Trace(const std::string& line) {
  const std::string stamped =
      absl::StrFormat("%d %s\n", absl::ToUnixMicros(machine_.clock().Now()), line);
  result_.trace_hash = Fnv1a(stamped) ^ (result_.trace_hash * 0x100000001b3u);
  if (options_.keep_trace) result_.trace += stamped;
}

void World::StartProcess() {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (process_ != nullptr || machine_.crashed()) {
      machine_.Crash();
      process_.reset();
      machine_.Restart();
    }
    process_ = factory_(machine_, transport_);
    const absl::Status started = process_->Start();
    Trace(absl::StrFormat("process %d starts: %s", machine_.process(), started.ToString()));
    if (started.ok() && !machine_.crashed()) return;
  }
  ledger_.Violation("no process starts any more");
}

template <typename Call>
bool World::Persist(const std::string& what, const Call& call) {
  absl::Status status;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (machine_.crashed()) StartProcess();
    status = call();
    Trace(what + ": " + status.ToString());
    if (machine_.crashed()) continue;
    if (status.ok()) return true;
    const bool try_again = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
                           absl::IsResourceExhausted(status) || absl::IsAborted(status);
    if (!try_again) break;
  }
  ledger_.Violation(what + ": refused: " + status.ToString());
  return false;
}

void World::Import() {
  for (const kit::Person& person : population_.people()) {
    uint64_t customer = 0;
    const bool added = Persist("add " + person.key, [&] {
      const absl::StatusOr<uint64_t> id = process_->AddPerson(person);
      if (id.ok()) customer = *id;
      return id.status();
    });
    if (!added) continue;
    ledger_.PersonAccepted(customer, person);
    person_of_[customer] = &person;
  }
}

void World::LiveCycle(int cycle) {
  const absl::Time due = plan_.DueOf(cycle);
  RunUntil(due - absl::Hours(1));
  Persist(absl::StrFormat("plan cycle %d", cycle),
          [&] { return process_->AwaitPlanned(plan_, cycle); });
  for (const auto& [customer, person] : person_of_) {
    for (const kit::Act& act : population_.Habits(*person, cycle)) {
      Schedule(customer, act, due, 0);
    }
  }
  // Habits reach beyond the window by what was late.
  RunUntil(due + plan_.window + kLateMax + absl::Hours(3));
  Check();
}

void World::OnReceived(const Message& message, absl::Time begun) {
  Trace(absl::StrFormat("received %016x cycle %d", message.customer, message.cycle));
  ledger_.Received(message, begun, machine_.log());
  const auto person = person_of_.find(message.customer);
  if (person == person_of_.end()) return;
  for (const kit::Act& act : population_.Reactions(*person->second, message.cycle)) {
    Schedule(message.customer, act, machine_.clock().Now(),
             act.deed == kit::Deed::kBuy ? 0 : message.cycle);
  }
}

// An event is told once it happened: at once or late, once or twice.
void World::Schedule(uint64_t customer, const kit::Act& act, absl::Time from, int cycle) {
  Happening happening{.deed = act.deed,
                      .message_id = absl::StrFormat("m%d", ++next_message_),
                      .time = from + act.after,
                      .cycle = cycle,
                      .amount_minor_units = act.amount_minor_units};
  const int copies = rng_.Chance(0.1) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const absl::Duration late =
        rng_.Chance(0.1) ? kLateMax * rng_.Uniform() : absl::Seconds(1 + rng_.Below(30));
    At(happening.time + late, [this, customer, happening] { Report(customer, happening); });
  }
}

void World::Report(uint64_t customer, const Happening& happening) {
  const std::string what = absl::StrFormat("%s of %016x, %s", kit::DeedName(happening.deed),
                                           customer, happening.message_id);
  if (happening.deed == kit::Deed::kMove) {
    Persist(what, [&] {
      return process_->ChangeAddress(customer, *person_of_.at(customer), happening.message_id);
    });
    return;
  }
  if (Persist(what, [&] { return process_->Track(customer, happening); })) {
    ledger_.EventAccepted(customer, happening, machine_.clock().Now());
  }
}

void World::RunUntil(absl::Time end) {
  while (machine_.clock().Now() < end && ledger_.violations().empty()) {
    const auto happens_now = [this] {
      return !outside_.empty() && outside_.begin()->first <= machine_.clock().Now();
    };
    const absl::Time next = outside_.empty() ? end : std::min(end, outside_.begin()->first);
    machine_.executor().Await([&] { return machine_.crashed() || happens_now(); }, next);
    if (machine_.crashed()) StartProcess();
    while (happens_now()) {
      const std::function<void()> happens = std::move(outside_.begin()->second);
      outside_.erase(outside_.begin());
      happens();
    }
  }
}

void World::Check() {
  if (!ledger_.violations().empty()) return;
  machine_.EnableFaults(false);
  if (machine_.crashed()) StartProcess();
  Persist("settle", [&] { return process_->runtime().AwaitQuiet(); });
  Figures figures;
  Persist("report", [&] {
    absl::StatusOr<Figures> report = process_->Report(plan_);
    if (!report.ok()) return report.status();
    figures = *std::move(report);
    return absl::OkStatus();
  });
  for (const auto& [name, count] : figures) Trace(absl::StrFormat("%s = %d", name, count));
  ledger_.CheckLog(machine_.log());
  ledger_.CheckFigures(figures, machine_.log());
  machine_.EnableFaults(true);
}

// Rebuilds from a frozen log: the new process reads to its end and cannot become its owner, so that
// both states are of the same records.
void World::CheckRebuild() {
  if (!ledger_.violations().empty()) return;
  machine_.EnableFaults(false);
  Persist("settle", [&] { return process_->runtime().AwaitQuiet(); });
  const auto before = States();
  machine_.Crash();
  process_.reset();
  machine_.Restart(/*power_may_be_lost=*/false);
  machine_.RemoveStates();
  machine_.FreezeLog(true);
  process_ = factory_(machine_, transport_);
  Trace("rebuild: " + process_->Start().ToString());
  for (const eventlog::Lag& lag : process_->runtime().Lags()) {
    if (lag.applied == lag.end) continue;
    ledger_.Violation(
        absl::StrFormat("%s stops at %d of partition %d", lag.service, lag.applied, lag.partition));
  }
  const auto after = States();
  for (const std::string& service : process_->services()) {
    Trace(absl::StrFormat("state of %s %016x", service,
                          process_->runtime().StateHash(service).value_or(0)));
    if (after.at(service) == before.at(service)) continue;
    ledger_.Violation(absl::StrFormat("the rebuilt state of %s is another one: %s", service,
                                      FirstDifference(before.at(service), after.at(service))));
  }
}

std::map<std::string, World::State> World::States() const {
  std::map<std::string, State> states;
  for (const std::string& service : process_->services()) {
    State& state = states[service];
    for (int partition = 0; partition < kPartitions; ++partition) {
      const auto reader = process_->runtime().ReadState(service, partition);
      if (!reader.ok()) continue;
      const auto cursor = (*reader)->Scan({});
      for (; cursor->Valid(); cursor->Next()) {
        state[absl::StrFormat("%d/%s", partition, cursor->key())] = cursor->value();
      }
    }
  }
  return states;
}

std::string World::FirstDifference(const State& before, const State& after) {
  const auto show = [](const State& state, const std::string& key) {
    const auto found = state.find(key);
    return found == state.end() ? "absent" : '"' + absl::CHexEscape(found->second) + '"';
  };
  State all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [key, value] : all) {
    if (show(before, key) == show(after, key)) continue;
    return absl::StrFormat("key \"%s\" was %s, is %s", absl::CHexEscape(key), show(before, key),
                           show(after, key));
  }
  return "";
}

WorldResult World::Run() {
  StartProcess();
  machine_.EnableFaults(true);
  Persist("prepare", [&] { return process_->Prepare(); });
  Import();
  Persist("launch", [&] { return process_->Launch(plan_); });
  for (int cycle = 1; cycle <= plan_.cycles && ledger_.violations().empty(); ++cycle) {
    LiveCycle(cycle);
  }
  CheckRebuild();
  for (int partition = 0; partition < kPartitions; ++partition) {
    uint64_t hash = 0;
    const int64_t end = machine_.log().End(partition).value_or(0);
    for (int64_t offset = 0; offset < end;) {
      const absl::StatusOr<eventlog::RecordBlock> block = machine_.log().Read(partition, offset);
      if (!block.ok()) break;
      for (const auto* record : block->records) {
        hash = hash * 0x100000001b3u ^ Fnv1a(record->SerializeAsString());
      }
      offset = block->end();
    }
    result_.records += end;
    Trace(absl::StrFormat("log of partition %d: %d records, %016x", partition, end, hash));
  }
  Trace(absl::StrFormat("the end: %d records, %d received, %d crashes", result_.records,
                        ledger_.received(), machine_.crashes()));
  machine_.EnableFaults(false);
  process_.reset();
  result_.crashes = machine_.crashes();
  result_.received = ledger_.received();
  if (plan_.holdout > 0.0) {
    result_.people = ledger_.people();
    result_.held_out = ledger_.held_out();
  }
  if (!ledger_.violations().empty()) result_.violation = ledger_.violations().front();
  return result_;
}

}  // namespace

WorldResult RunWorld(const WorldOptions& options, const DeploymentChoice& choice) {
  return World(options, choice).Run();
}

}  // namespace rondo::sim
