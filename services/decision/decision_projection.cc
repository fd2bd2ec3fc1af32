#include "services/decision/decision_projection.h"

#include <algorithm>
#include <mutex>

#include "platform/core/status_macros.h"

namespace rondo::decision {
namespace {

using eventlog::ApplyContext;
using eventlog::LogRecord;
namespace logpb = ::rondo::log::v1;

template <typename Fold>
absl::Status ChangeView(CustomerId customer, ApplyContext& context, Fold fold) {
  const std::string key = KeyOfView(customer);
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  RONDO_ASSIGN_OR_RETURN(statepb::CustomerViewState view, ParseView(bytes));
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
  return absl::OkStatus();
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
  const std::string counts_key = KeyOfCounts(exposure, week);
  RONDO_ASSIGN_OR_RETURN(const auto counts_bytes, context.Get(counts_key));
  RONDO_ASSIGN_OR_RETURN(WeekCounts counts, ParseCounts(counts_bytes));
  if (is_first) ++counts.shown;
  if (!had_good && IsGood(answered.response())) ++counts.good;
  context.Put(counts_key, Encode(counts));
  pending_[static_cast<size_t>(context.partition())][exposure][week] = counts;
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
