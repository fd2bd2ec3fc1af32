#include "tests/sim/world.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "tests/sim/sim_transport.h"
#include "tests/sim/stored_state.h"
#include "tests/sim/world_draw.h"

namespace rondo::sim {
namespace {

constexpr int kPartitions = 2;
constexpr int kTriesMax = 200;  // Of one call, through all faults.
constexpr absl::Duration kLateMax = absl::Hours(30);
constexpr double kErasedEachCycle = 0.05;  // Of the people.
// Beyond the cycles of a recurring campaign.
constexpr int kSecondOccasions = 100;

class World {
 public:
  World(const WorldOptions& options, const DeploymentChoice& choice);
  WorldResult Run();

 private:
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
  void ImportFile();
  void LiveCycle(int cycle);
  void OnReceived(const Message& message, absl::Time begun);
  // What the message makes its person do.
  void Schedule(uint64_t customer, const kit::Act& act, const Message& message);
  // `message` is what it answers; null for none.
  void ScheduleEvent(uint64_t customer, const kit::Act& act, absl::Time from,
                     const Message* message);
  void ScheduleVisit(const Visit& visit, absl::Duration after);
  void ScheduleReceipts(const Message& message);
  void Report(uint64_t customer, const Happening& happening);
  void Move(uint64_t customer, const Happening& happening);
  void Follow(const Visit& visit);
  void TryForgedLink(Visit visit);
  // What the shop's visitors ask for, and do with it.
  void ScheduleShopVisits(uint64_t customer, absl::Time from);
  void AskForOffer(uint64_t customer);
  void ScheduleReplies(uint64_t customer, const Choice& choice);
  void Reply(uint64_t customer, const PropositionAnswer& answer);
  void Erase(uint64_t customer);
  // For some hours; the cycle that runs is planned.
  void PauseMain();
  // An operator who asks the channels' peers.
  void SettleDoubts();
  void CheckRemains(uint64_t customer);
  void RunUntil(absl::Time end);
  void Check();
  void CheckReport(const CampaignPlan& campaign);
  void CheckOffers();
  void CheckRebuild();
  void Trace(const std::string& line);

  const WorldOptions options_;
  Rng rng_;
  Machine machine_;
  const WorldPlan plan_;
  const kit::Population population_;
  const std::vector<kit::Person> people_;
  Ledger ledger_;
  SimTransport transport_;
  const DeploymentFactory factory_;
  std::unique_ptr<Deployment> process_;
  std::multimap<absl::Time, std::function<void()>> outside_;
  std::map<uint64_t, const kit::Person*> person_of_;
  std::map<ContactId, int> receipt_ends_;
  int64_t next_message_ = 0;
  WorldResult result_;
};

World::World(const WorldOptions& options, const DeploymentChoice& choice)
    : options_(options),
      rng_(options.seed),
      machine_(options.seed, kPartitions, DrawFaults(rng_)),
      plan_(DrawPlan(rng_, machine_.clock().Now(), options.miniature)),
      population_(options.seed, {.people = 8 + static_cast<int>(rng_.Below(20)),
                                 .consent_share = 0.8,
                                 .window = plan_.campaigns.front().window}),
      people_(DrawPeople(rng_, population_)),
      ledger_(plan_),
      transport_(options.seed, machine_,
                 [this](const Message& message, absl::Time begun) { OnReceived(message, begun); }),
      factory_(choice(plan_.campaigns.front())) {}

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
      const int power_losses = machine_.power_losses();
      machine_.Restart();
      if (machine_.power_losses() > power_losses) ledger_.PowerLost(machine_.log());
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
  if (plan_.people_by_file) ImportFile();
  for (const kit::Person& person : people_) {
    uint64_t customer = 0;
    const char* what = plan_.people_by_file ? "find " : "add ";
    const bool added = Persist(what + person.key, [&] {
      const absl::StatusOr<uint64_t> id =
          plan_.people_by_file ? process_->Find(person) : process_->AddPerson(person);
      if (id.ok()) customer = *id;
      return id.status();
    });
    if (!added) continue;
    ledger_.PersonAccepted(customer, person);
    person_of_[customer] = &person;
  }
}

// Sometimes the same file comes again.
void World::ImportFile() {
  const int times = rng_.Chance(0.3) ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    int64_t changed = 0;
    Persist("import people", [&] {
      const absl::StatusOr<int64_t> rows = process_->ImportPeople(people_);
      if (rows.ok()) changed = *rows;
      return rows.status();
    });
    if (i == 0 || changed == 0) continue;
    ledger_.Violation(absl::StrFormat("the same file again changed %d rows", changed));
  }
}

void World::LiveCycle(int cycle) {
  const CampaignPlan& main = plan_.campaigns.front();
  const absl::Time due = main.DueOf(cycle);
  RunUntil(due - absl::Hours(1));
  Persist(absl::StrFormat("plan cycle %d", cycle),
          [&] { return process_->AwaitPlanned(main, cycle); });
  for (const auto& [customer, person] : person_of_) {
    for (const kit::Act& act : population_.Habits(*person, cycle)) {
      ScheduleEvent(customer, act, due, nullptr);
    }
    if (plan_.miniature || ledger_.IsErased(customer)) continue;
    ScheduleShopVisits(customer, due);
    if (!rng_.Chance(kErasedEachCycle)) continue;
    At(due + main.window * rng_.Uniform(), [this, id = customer] { Erase(id); });
  }
  if (!plan_.miniature && rng_.Chance(0.3)) {
    At(due + absl::Minutes(rng_.Below(20)), [this] { PauseMain(); });  // Retries come then.
  }
  if (!plan_.miniature && rng_.Chance(0.5)) {
    At(due + main.window * rng_.Uniform(), [this] { SettleDoubts(); });
  }
  // Habits reach beyond the window by what was late.
  RunUntil(due + main.window + kLateMax + absl::Hours(3));
  Check();
}

void World::OnReceived(const Message& message, absl::Time begun) {
  const ContactId& contact = message.contact;
  Trace(absl::StrFormat("received %016x %s cycle %d by %s, begun %d", contact.customer,
                        contact.campaign, contact.cycle, message.channel,
                        absl::ToUnixMicros(begun)));
  ledger_.Received(message, begun, machine_.log());
  const auto person = person_of_.find(contact.customer);
  if (person == person_of_.end()) return;
  // Every message is an occasion of its own.
  const bool is_main = contact.campaign == plan_.campaigns.front().name;
  const int occasion = contact.cycle + (is_main ? 0 : kSecondOccasions);
  for (const kit::Act& act : population_.Reactions(*person->second, occasion)) {
    Schedule(contact.customer, act, message);
  }
  if (!message.receipt_url.empty()) ScheduleReceipts(message);
}

void World::Schedule(uint64_t customer, const kit::Act& act, const Message& message) {
  const absl::Time now = machine_.clock().Now();
  std::string url;
  switch (act.deed) {
    case kit::Deed::kOpen:
    case kit::Deed::kMachineOpen:
      url = message.open_url;
      break;
    case kit::Deed::kClick:
      url = message.click_url;
      break;
    case kit::Deed::kUnsubscribe:
      url = message.unsubscribe_url;
      break;
    case kit::Deed::kComplain:
      break;
    case kit::Deed::kBuy:
    case kit::Deed::kMove:
      return ScheduleEvent(customer, act, now, nullptr);
  }
  const bool has_pixel = message.channel == "email";
  const bool is_possible =
      has_pixel || act.deed == kit::Deed::kClick || act.deed == kit::Deed::kUnsubscribe;
  if (!is_possible) return;
  // Some responses are told by somebody else, and so late or out of order.
  if (url.empty() || rng_.Chance(0.25)) return ScheduleEvent(customer, act, now, &message);
  ScheduleVisit(
      {.contact = message.contact, .channel = message.channel, .deed = act.deed, .url = url},
      act.after);
}

// An event is told once it happened: at once or late, once or twice.
void World::ScheduleEvent(uint64_t customer, const kit::Act& act, absl::Time from,
                          const Message* message) {
  Happening happening{.deed = act.deed,
                      .message_id = absl::StrFormat("m%d", ++next_message_),
                      .time = from + act.after,
                      .amount_minor_units = act.amount_minor_units};
  const bool is_purchase = act.deed == kit::Deed::kBuy && !plan_.miniature;
  happening.by_file = is_purchase && rng_.Chance(0.2);
  if (message != nullptr) {
    happening.campaign = message->contact.campaign;
    happening.cycle = message->contact.cycle;
    happening.channel = message->channel;
  }
  const int copies = rng_.Chance(0.1) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const absl::Duration late =
        rng_.Chance(0.1) ? kLateMax * rng_.Uniform() : absl::Seconds(1 + rng_.Below(30));
    At(happening.time + late, [this, customer, happening] { Report(customer, happening); });
  }
}

// A link is followed when it is followed; some click twice.
void World::ScheduleVisit(const Visit& visit, absl::Duration after) {
  const int times = rng_.Chance(0.1) ? 2 : 1;
  absl::Time when = machine_.clock().Now() + after;
  if (rng_.Chance(0.05)) At(when, [this, visit] { TryForgedLink(visit); });
  for (int i = 0; i < times; ++i) {
    At(when, [this, visit] { Follow(visit); });
    when += absl::Seconds(1 + rng_.Below(100));
  }
}

// None, or the way to the phone, each step of it once or twice, soon or late, in any order.
void World::ScheduleReceipts(const Message& message) {
  if (rng_.Chance(0.15)) return;
  std::vector<int> kinds;
  if (rng_.Chance(0.5)) kinds.push_back(8);
  if (rng_.Chance(0.3)) kinds.push_back(4);
  const int end = rng_.Chance(0.85) ? 1 : rng_.Chance(0.5) ? 2 : 16;
  // What is sent again ends at the phone as the first copy did.
  const int same_end = receipt_ends_.try_emplace(message.contact, end).first->second;
  if (rng_.Chance(0.9)) kinds.push_back(same_end);
  for (const int kind : kinds) {
    const absl::Duration after =
        rng_.Chance(0.2) ? kLateMax * rng_.Uniform() : absl::Milliseconds(rng_.Below(60'000));
    ScheduleVisit({.contact = message.contact,
                   .channel = message.channel,
                   .url = message.receipt_url,
                   .receipt = kind},
                  after);
  }
}

void World::Report(uint64_t customer, const Happening& happening) {
  if (happening.deed == kit::Deed::kMove) return Move(customer, happening);
  // A file names people by their keys: who was erased would be somebody new.
  if (happening.by_file && ledger_.IsErased(customer)) return;
  const std::string what = absl::StrFormat("%s of %016x, %s", kit::DeedName(happening.deed),
                                           customer, happening.message_id);
  const auto tell = [&] {
    return happening.by_file ? process_->ImportPurchase(*person_of_.at(customer), happening)
                             : process_->Track(customer, happening);
  };
  if (happening.deed == kit::Deed::kComplain) ledger_.ComplaintTold(customer);
  if (Persist(what, tell)) {
    ledger_.EventAccepted(customer, happening, machine_.clock().Now());
  }
}

void World::Move(uint64_t customer, const Happening& happening) {
  if (ledger_.IsErased(customer)) return;  // Who is forgotten tells nothing.
  const kit::Person& person = *person_of_.at(customer);
  ledger_.AddressTold(customer, happening.message_id + person.email);
  const bool moved = Persist(absl::StrFormat("move of %016x", customer), [&] {
    return process_->ChangeAddress(customer, person, happening.message_id);
  });
  if (moved) ledger_.AddressAccepted(customer, machine_.clock().Now());
}

void World::Follow(const Visit& visit) {
  const std::string what =
      absl::StrFormat("%s %d by %016x of %s, cycle %d", kit::DeedName(visit.deed), visit.receipt,
                      visit.contact.customer, visit.contact.campaign, visit.contact.cycle);
  if (Persist(what, [&] { return process_->Follow(visit); })) {
    ledger_.VisitAccepted(visit, machine_.clock().Now());
  }
}

// One character of the token is another one: nobody signed that.
void World::TryForgedLink(Visit visit) {
  char& character = visit.url[visit.url.size() / 2];
  character = character == 'A' ? 'B' : 'A';
  const absl::Status answer = process_->Follow(visit);
  // Receipts are answered alike whatever they say: no gateway is to try again.
  if (answer.ok() && visit.receipt == 0) ledger_.Violation("a forged link was taken: " + visit.url);
}

void World::ScheduleShopVisits(uint64_t customer, absl::Time from) {
  for (uint64_t visits = rng_.Below(3); visits > 0; --visits) {
    At(from + plan_.campaigns.front().window * rng_.Uniform(),
       [this, customer] { AskForOffer(customer); });
  }
}

void World::AskForOffer(uint64_t customer) {
  const absl::Time asked = machine_.clock().Now();
  const std::string request =
      rng_.Chance(0.5) ? absl::StrFormat("ask %d", ++next_message_) : std::string();
  // Who names the request may ask again, and is answered alike.
  const int times = !request.empty() && rng_.Chance(0.2) ? 2 : 1;
  Choice choice;
  for (int i = 0; i < times; ++i) {
    const bool answered = Persist(absl::StrFormat("decide for %016x", customer), [&] {
      absl::StatusOr<Choice> made = process_->Decide(customer, request);
      if (!made.ok()) return made.status();
      choice = *std::move(made);
      return absl::OkStatus();
    });
    if (!answered) return;
    Trace("chose " + (choice.proposed.empty() ? "nothing" : choice.proposed.front().offer));
    ledger_.ChoiceAccepted(customer, choice, asked, machine_.clock().Now());
  }
  ScheduleReplies(customer, choice);
}

void World::ScheduleReplies(uint64_t customer, const Choice& choice) {
  constexpr std::array<sim::Reply, 3> kDeeds = {sim::Reply::kClicked, sim::Reply::kAccepted,
                                                sim::Reply::kRejected};
  for (const Choice::Proposed& proposed : choice.proposed) {
    PropositionAnswer answer{.decision = choice.decision, .offer = proposed.offer};
    absl::Time when = machine_.clock().Now() + absl::Seconds(1 + rng_.Below(10));
    const auto later = [&] {
      At(when, [this, customer, answer] { Reply(customer, answer); });
      when += absl::Seconds(rng_.Below(600));
    };
    if (rng_.Chance(0.8)) later();
    if (rng_.Chance(0.1)) later();  // The page is loaded again.
    while (rng_.Chance(0.3)) {
      answer.reply = kDeeds[rng_.Below(kDeeds.size())];
      later();
    }
  }
}

void World::Reply(uint64_t customer, const PropositionAnswer& answer) {
  // What went with power or by erasure cannot be answered.
  const auto is_known = [&] {
    return ledger_.KnowsDecision(answer.decision) && !ledger_.IsErased(customer);
  };
  if (!is_known()) return;
  const bool replied = Persist("reply to " + answer.decision, [&] {
    const absl::Status status = process_->Answer(answer);
    return absl::IsNotFound(status) && !is_known() ? absl::OkStatus() : status;
  });
  if (replied && is_known()) ledger_.ReplyAccepted(answer);
}

// It ended, or was settled, before: nothing is left to do.
absl::Status OkIfOver(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ? absl::OkStatus() : status;
}

void World::PauseMain() {
  const std::string& campaign = plan_.campaigns.front().name;
  const bool paused =
      Persist("pause " + campaign, [&] { return OkIfOver(process_->Pause(campaign)); });
  if (!paused) return;
  const absl::Time from = machine_.clock().Now();
  const absl::Time until = from + absl::Minutes(10 + rng_.Below(20 * 60));
  ledger_.Paused(campaign, from, until);
  At(until, [this, campaign] {
    Persist("resume " + campaign, [&] { return OkIfOver(process_->Resume(campaign)); });
  });
}

void World::SettleDoubts() {
  std::vector<ContactId> doubts;
  Persist("list doubts", [&] {
    absl::StatusOr<std::vector<ContactId>> told = process_->InDoubt();
    if (!told.ok()) return told.status();
    doubts = *std::move(told);
    return absl::OkStatus();
  });
  for (const ContactId& contact : doubts) {
    Persist(absl::StrFormat("settle %016x of %s, cycle %d", contact.customer, contact.campaign,
                            contact.cycle),
            [&] { return OkIfOver(process_->Settle(contact, ledger_.HasReceived(contact))); });
  }
}

void World::Erase(uint64_t customer) {
  const bool erased =
      Persist(absl::StrFormat("erase %016x", customer), [&] { return process_->Erase(customer); });
  if (!erased) return;
  ledger_.ErasureAccepted(customer, machine_.clock().Now());
  CheckRemains(customer);
}

void World::CheckRemains(uint64_t customer) {
  std::string remains;
  Persist(absl::StrFormat("what remains of %016x", customer), [&] {
    absl::StatusOr<std::string> told = process_->Remains(customer, ledger_.PersonOf(customer));
    if (!told.ok()) return told.status();
    remains = *std::move(told);
    return absl::OkStatus();
  });
  if (remains.empty()) return;
  ledger_.Violation(absl::StrFormat("customer %016x was erased, but %s", customer, remains));
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
  for (const CampaignPlan& campaign : plan_.campaigns) {
    if (campaign.DueOf(1) + absl::Hours(12) > machine_.clock().Now()) continue;
    Persist("plan " + campaign.name, [&] { return process_->AwaitPlanned(campaign, 1); });
  }
  ledger_.CheckLog(machine_.log());
  for (const CampaignPlan& campaign : plan_.campaigns) CheckReport(campaign);
  for (const uint64_t customer : ledger_.erased()) CheckRemains(customer);
  if (!plan_.miniature) CheckOffers();
  machine_.EnableFaults(true);
}

void World::CheckOffers() {
  Figures counts;
  Persist("count offers", [&] {
    absl::StatusOr<Figures> told = process_->OfferCounts();
    if (!told.ok()) return told.status();
    counts = *std::move(told);
    return absl::OkStatus();
  });
  for (const auto& [name, count] : counts) Trace(absl::StrFormat("%s = %d", name, count));
  ledger_.CheckOfferCounts(counts);
}

void World::CheckReport(const CampaignPlan& campaign) {
  Figures figures;
  Persist("report of " + campaign.name, [&] {
    absl::StatusOr<Figures> report = process_->Report(campaign);
    if (!report.ok()) return report.status();
    figures = *std::move(report);
    return absl::OkStatus();
  });
  for (const auto& [name, count] : figures) {
    Trace(absl::StrFormat("%s, %s = %d", campaign.name, name, count));
  }
  ledger_.CheckFigures(campaign, figures);
}

// Rebuilds from a frozen log: the new process reads to its end and cannot become its owner, so that
// both states are of the same records.
void World::CheckRebuild() {
  if (!ledger_.violations().empty()) return;
  machine_.EnableFaults(false);
  Persist("settle", [&] { return process_->runtime().AwaitQuiet(); });
  const auto before = ReadStates(*process_);
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
  const auto after = ReadStates(*process_);
  for (const std::string& service : process_->services()) {
    Trace(absl::StrFormat("state of %s %016x", service,
                          process_->runtime().StateHash(service).value_or(0)));
    for (const auto& [key, value] : after.at(service)) ledger_.CheckStored(service, key + value);
    if (after.at(service) == before.at(service)) continue;
    ledger_.Violation(absl::StrFormat("the rebuilt state of %s is another one: %s", service,
                                      FirstDifference(before.at(service), after.at(service))));
  }
}

WorldResult World::Run() {
  StartProcess();
  machine_.EnableFaults(true);
  Persist("prepare", [&] { return process_->Prepare(plan_); });
  Import();
  for (const CampaignPlan& campaign : plan_.campaigns) {
    Persist("launch " + campaign.name, [&] { return process_->Launch(campaign); });
  }
  const CampaignPlan& main = plan_.campaigns.front();
  for (int cycle = 1; cycle <= main.cycles && ledger_.violations().empty(); ++cycle) {
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
        const std::string bytes = record->SerializeAsString();
        hash = hash * 0x100000001b3u ^ Fnv1a(bytes);
        ledger_.CheckStored("the log", bytes);
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
  if (main.holdout > 0.0) {
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
