#include "services/decision/decision_projection.h"

#include <algorithm>
#include <mutex>

#include "platform/core/status_macros.h"
#include "platform/eventlog/stack_arena.h"

namespace rondo::decision {
namespace {

using eventlog::ApplyContext;
using eventlog::LogRecord;
namespace logpb = ::rondo::log::v1;

constexpr size_t kViewBytes = 4'096;  // Room for a view's parts, on the stack.

template <typename Fold>
absl::Status ChangeView(CustomerId customer, ApplyContext& context, Fold fold) {
  const std::string key = KeyOfView(customer);
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  eventlog::StackArena<kViewBytes> arena;
  auto& view = arena.Make<statepb::CustomerViewState>();
  RONDO_RETURN_IF_ERROR(ParseView(bytes, view));
  if (view.erased()) return absl::OkStatus();  // Nothing comes back after erasure.
  fold(view);
  context.Put(key, view.SerializeAsString());
  return absl::OkStatus();
}

absl::Status ApplyErased(CustomerId customer, ApplyContext& context) {
  statepb::CustomerViewState erased;
  erased.set_erased(true);
  context.Put(KeyOfView(customer), erased.SerializeAsString());
  context.Delete(KeyOfDecisions(customer));
  std::vector<std::string> contacts;
  const auto cursor = context.Scan(CampaignContactsOf(customer));
  for (; cursor->Valid(); cursor->Next()) contacts.emplace_back(cursor->key());
  RONDO_RETURN_IF_ERROR(cursor->status());
  const auto ways_out = context.Scan(WaysOutOf(customer));
  for (; ways_out->Valid(); ways_out->Next()) contacts.emplace_back(ways_out->key());
  RONDO_RETURN_IF_ERROR(ways_out->status());
  for (const std::string& key : contacts) context.Delete(key);
  return absl::OkStatus();
}

void ApplyPlanned(const LogRecord& record, ApplyContext& context) {
  const logpb::ContactPlanned& planned = record.contact_planned();
  const auto fact = WayOutOf(planned);
  if (!fact.has_value()) return;
  context.Put(KeyOfWayOut(CustomerId(record.party()), planned.contact()),
              fact->SerializeAsString());
}

// What an event says about reaching the customer, as delivery understands it.
absl::Status ApplyEvent(const LogRecord& record, ApplyContext& context) {
  const logpb::EventTracked& event = record.event_tracked();
  const CustomerId customer(record.party());
  if (event.type() == "complaint") {
    return ChangeView(customer, context,
                      [](statepb::CustomerViewState& view) { view.set_complained(true); });
  }
  if (event.type() != "unsubscribe") return absl::OkStatus();
  logpb::ConsentFact fact;
  // Without a contact nobody knows what they had enough of: of everything.
  fact.set_channel("*");
  fact.set_purpose("*");
  if (event.has_contact()) {
    RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(KeyOfWayOut(customer, event.contact())));
    if (!bytes.has_value()) return absl::OkStatus();  // A message of a channel without offers.
    if (!fact.ParseFromString(*bytes)) return absl::DataLossError("decision: a contact's way out");
  }
  fact.set_granted(false);
  fact.set_effective_time_micros(record.event_time_micros());
  return ChangeView(customer, context,
                    [&fact](statepb::CustomerViewState& view) { FoldConsent(fact, view); });
}

void Park(const std::string& service, statepb::CustomerViewState& view) {
  auto& services = *view.mutable_parked_by();
  if (std::find(services.begin(), services.end(), service) != services.end()) return;
  *services.Add() = service;
  std::sort(services.begin(), services.end());
}

void Unpark(const std::string& service, statepb::CustomerViewState& view) {
  auto& services = *view.mutable_parked_by();
  services.erase(std::remove(services.begin(), services.end(), service), services.end());
}

// What cells' messages offer. A web offer that waits for a visit may never be seen: whoever sees it
// answers, and nobody counts the others.
void ApplyCycle(const logpb::CycleStarted& started, ApplyContext& context) {
  statepb::CycleOffersState offers;
  for (const auto& cell : started.campaign().cells()) {
    const auto& treatment = cell.treatment();
    if (cell.control() || treatment.offer().empty() || treatment.channel() == "web") continue;
    statepb::CellOffer& offer = *offers.add_cells();
    offer.set_cell(cell.name());
    offer.set_offer(treatment.offer());
  }
  if (offers.cells().empty()) return;
  context.Put(KeyOfCycleOffers(started.campaign().name(), started.cycle().number()),
              offers.SerializeAsString());
}

// Whether a response to a campaign's message is a good one: a person's click, or a goal that was
// met through one.
bool WentWell(const logpb::ResponseAttributed& response) {
  if (response.machine()) return false;
  const std::string& goal = response.goal();
  if (goal == "click") return true;
  constexpr std::string_view kOthers[] = {"open", "unsubscribe", "bounce", "complaint",
                                          "delivered"};
  return response.how() == "token" &&
         std::find(std::begin(kOthers), std::end(kOthers), goal) == std::end(kOthers);
}

absl::Status ApplyMade(const LogRecord& record, ApplyContext& context) {
  const std::string key = KeyOfDecisions(CustomerId(record.party()));
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  RONDO_ASSIGN_OR_RETURN(statepb::DecisionsState decisions, ParseDecisions(bytes));
  if (FindDecision(decisions, record.decision_made().decision()) >= 0) {
    return absl::AlreadyExistsError("decision: it is known already");
  }
  if (decisions.decisions_size() == kDecisionsKept) {
    decisions.mutable_decisions()->DeleteSubrange(0, 1);
  }
  statepb::MadeDecisionState& made = *decisions.add_decisions();
  *made.mutable_decision() = record.decision_made();
  auto& candidates = *made.mutable_decision()->mutable_candidates();
  const int returned = std::clamp(record.decision_made().returned(), 0, candidates.size());
  candidates.DeleteSubrange(returned, candidates.size() - returned);
  made.set_time_micros(record.event_time_micros());
  context.Put(key, decisions.SerializeAsString());
  return absl::OkStatus();
}

bool WasReturned(const logpb::DecisionMade& decision, const std::string& offer) {
  return std::any_of(decision.candidates().begin(), decision.candidates().end(),
                     [&offer](const logpb::Candidate& c) { return c.offer() == offer; });
}

bool IsGood(int response) {
  return response == pb::PROPOSITION_RESPONSE_CLICKED ||
         response == pb::PROPOSITION_RESPONSE_ACCEPTED;
}

// The answers so far about `offer`, made if there are none.
statepb::AnsweredOffer& AnswersAbout(const std::string& offer, statepb::MadeDecisionState& made) {
  for (statepb::AnsweredOffer& answer : *made.mutable_answers()) {
    if (answer.offer() == offer) return answer;
  }
  statepb::AnsweredOffer& answer = *made.add_answers();
  answer.set_offer(offer);
  return answer;
}

}  // namespace

DecisionProjection::DecisionProjection(int partition_count)
    : pending_(static_cast<size_t>(partition_count)),
      committed_(static_cast<size_t>(partition_count)) {}

absl::StatusOr<WeekCounts> DecisionProjection::CountsAt(const Exposure& exposure, int64_t week,
                                                        const ApplyContext& context) const {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(KeyOfCounts(exposure, week)));
  return ParseCounts(bytes);
}

void DecisionProjection::PutCounts(const Exposure& exposure, int64_t week, const WeekCounts& counts,
                                   ApplyContext& context) {
  context.Put(KeyOfCounts(exposure, week), Encode(counts));
  pending_[static_cast<size_t>(context.partition())][exposure][week] = counts;
}

absl::Status DecisionProjection::CountCampaign(const LogRecord& record,
                                               const rondo::response::v1::ContactKey& contact,
                                               const std::string& cell, bool good,
                                               ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes,
                         context.Get(KeyOfCycleOffers(contact.campaign(), contact.cycle())));
  if (!bytes.has_value()) return absl::OkStatus();
  statepb::CycleOffersState offers;
  if (!offers.ParseFromString(*bytes)) return absl::DataLossError("decision: a cycle's offers");
  const auto at = std::find_if(offers.cells().begin(), offers.cells().end(),
                               [&cell](const auto& offer) { return offer.cell() == cell; });
  if (at == offers.cells().end()) return absl::OkStatus();

  const std::string key = KeyOfCampaignContact(CustomerId(record.party()), contact);
  RONDO_ASSIGN_OR_RETURN(const auto known, context.Get(key));
  statepb::CampaignContactState counted;
  if (known.has_value() && !counted.ParseFromString(*known)) {
    return absl::DataLossError("decision: a campaign's contact");
  }
  if (known.has_value() && (counted.good() || !good)) return absl::OkStatus();
  // The week of the first record: a slow answer does not change what was believed when.
  if (!known.has_value()) counted.set_week(WeekOf(record.event_time_micros()));
  const Exposure exposure = {.offer = at->offer(), .placement = ""};
  RONDO_ASSIGN_OR_RETURN(WeekCounts counts, CountsAt(exposure, counted.week(), context));
  if (!known.has_value()) ++counts.shown;
  if (good) ++counts.good;
  counted.set_good(good);
  context.Put(key, counted.SerializeAsString());
  PutCounts(exposure, counted.week(), counts, context);
  return absl::OkStatus();
}

absl::Status DecisionProjection::ApplyAnswered(const logpb::PropositionAnswered& answered,
                                               CustomerId customer, ApplyContext& context) {
  const std::string key = KeyOfDecisions(customer);
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  RONDO_ASSIGN_OR_RETURN(statepb::DecisionsState decisions, ParseDecisions(bytes));
  const int index = FindDecision(decisions, answered.decision());
  if (index < 0) {
    return absl::NotFoundError("name: no such decision, or it is too old to be answered");
  }
  statepb::MadeDecisionState& made = *decisions.mutable_decisions(index);
  if (!WasReturned(made.decision(), answered.offer())) {
    return absl::InvalidArgumentError("offer: the decision did not propose it");
  }
  statepb::AnsweredOffer& answers = AnswersAbout(answered.offer(), made);
  const auto& known = answers.responses();
  const bool is_repeat = std::find(known.begin(), known.end(), answered.response()) != known.end();
  if (is_repeat) return absl::OkStatus();
  const bool is_first = known.empty();
  const bool had_good = std::any_of(known.begin(), known.end(), IsGood);
  answers.add_responses(answered.response());
  context.Put(key, decisions.SerializeAsString());

  // The week of the choice, not of the answer: a slow answer does not change what was believed
  // when.
  const Exposure exposure = {.offer = answered.offer(), .placement = made.decision().placement()};
  const int64_t week = WeekOf(made.time_micros());
  RONDO_ASSIGN_OR_RETURN(WeekCounts counts, CountsAt(exposure, week, context));
  if (is_first) ++counts.shown;
  if (!had_good && IsGood(answered.response())) ++counts.good;
  PutCounts(exposure, week, counts, context);
  return absl::OkStatus();
}

absl::Status DecisionProjection::Apply(const LogRecord& record, ApplyContext& context) {
  const CustomerId customer(record.party());
  switch (record.body_case()) {
    case LogRecord::kProfileChanged:
      return ChangeView(customer, context, [&record](statepb::CustomerViewState& view) {
        FoldProfile(record.profile_changed(), view);
      });
    case LogRecord::kCustomerAbsorbed:
      return ChangeView(customer, context, [&record](statepb::CustomerViewState& view) {
        FoldProfile(record.customer_absorbed().profile(), view);
      });
    case LogRecord::kSignalsChanged:
      return ChangeView(customer, context, [&record](statepb::CustomerViewState& view) {
        FoldSignals(record.signals_changed(), view);
      });
    case LogRecord::kCustomerErased:
      return ApplyErased(customer, context);
    case LogRecord::kRecordSkipped:
      if (!customer.is_set()) return absl::OkStatus();
      return ChangeView(customer, context, [&record](statepb::CustomerViewState& view) {
        Park(record.record_skipped().service(), view);
      });
    case LogRecord::kParkedSettled:
      if (!customer.is_set()) return absl::OkStatus();
      return ChangeView(customer, context, [&record](statepb::CustomerViewState& view) {
        Unpark(record.parked_settled().service(), view);
      });
    case LogRecord::kContactPlanned:
      ApplyPlanned(record, context);
      return absl::OkStatus();
    case LogRecord::kEventTracked:
      return ApplyEvent(record, context);
    case LogRecord::kCycleStarted:
      ApplyCycle(record.cycle_started(), context);
      return absl::OkStatus();
    case LogRecord::kDeliveryOutcome: {
      const logpb::DeliveryOutcome& outcome = record.delivery_outcome();
      const bool went_out = outcome.state() == logpb::DELIVERY_STATE_SENT ||
                            outcome.state() == logpb::DELIVERY_STATE_DELIVERED;
      if (!went_out) return absl::OkStatus();
      return CountCampaign(record, outcome.contact(), outcome.cell(), false, context);
    }
    case LogRecord::kResponseAttributed: {
      const logpb::ResponseAttributed& response = record.response_attributed();
      if (!WentWell(response)) return absl::OkStatus();
      return CountCampaign(record, response.contact(), response.cell(), true, context);
    }
    case LogRecord::kDecisionMade:
      return ApplyMade(record, context);
    case LogRecord::kPropositionAnswered:
      return ApplyAnswered(record.proposition_answered(), customer, context);
    default:
      return absl::OkStatus();
  }
}

void DecisionProjection::Committed(int partition, int64_t, bool) {
  CountsByExposure& pending = pending_[static_cast<size_t>(partition)];
  if (pending.empty()) return;
  const std::unique_lock lock(mutex_);
  CountsByExposure& committed = committed_[static_cast<size_t>(partition)];
  for (const auto& [exposure, weeks] : pending) {
    for (const auto& [week, counts] : weeks) committed[exposure][week] = counts;
  }
  pending.clear();
}

absl::Status DecisionProjection::Loaded(int partition, int64_t, const storage::Reader& state) {
  CountsByExposure loaded;
  const auto cursor = state.Scan(AllCounts());
  for (; cursor->Valid(); cursor->Next()) {
    Exposure exposure;
    int64_t week = 0;
    RONDO_RETURN_IF_ERROR(ParseCountsKey(cursor->key(), exposure, week));
    RONDO_ASSIGN_OR_RETURN(loaded[exposure][week], ParseCounts(std::string(cursor->value())));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  pending_[static_cast<size_t>(partition)].clear();
  const std::unique_lock lock(mutex_);
  committed_[static_cast<size_t>(partition)] = std::move(loaded);
  return absl::OkStatus();
}

std::vector<CountsByWeek> DecisionProjection::Counts(const std::vector<Exposure>& exposures) const {
  std::vector<CountsByWeek> result(exposures.size());
  const std::shared_lock lock(mutex_);
  for (size_t i = 0; i < exposures.size(); ++i) {
    for (const CountsByExposure& partition : committed_) {
      const auto it = partition.find(exposures[i]);
      if (it == partition.end()) continue;
      for (const auto& [week, counts] : it->second) {
        result[i][week].shown += counts.shown;
        result[i][week].good += counts.good;
      }
    }
  }
  return result;
}

}  // namespace rondo::decision
