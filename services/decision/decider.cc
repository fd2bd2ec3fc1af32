#include "services/decision/decider.h"

#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"
#include "policy/contact_policy.h"
#include "services/decision/customer_row.h"

namespace rondo::decision {
namespace {

namespace pb = ::rondo::decision::v1;

// Offers are answers to a visit: withdrawn consent, a complaint, erasure and a record that a
// service could not apply stop them, missing consent does not.
bool PolicyAllows(const statepb::CustomerViewState& view, absl::Time now) {
  policy::ContactFacts facts;
  facts.channel = kOfferChannel;
  facts.purpose = policy::kDefaultPurpose;
  facts.is_erased = view.erased();
  facts.is_parked = !view.parked_by().empty();
  facts.has_complained = view.complained();
  facts.consent = ConsentOf(view, kOfferChannel, policy::kDefaultPurpose);
  const policy::ContactPolicy without_caps = {.requires_consent = false};
  return policy::Rule(without_caps, facts, {}, now).verdict == policy::Verdict::kAllow;
}

bool IsInSeason(const pb::Offer& offer, int64_t now_micros) {
  if (offer.has_start_time() && now_micros < ToMicros(offer.start_time())) {
    return false;
  }
  return !offer.has_end_time() || now_micros < ToMicros(offer.end_time());
}

// Empty if the customer may have the offer, else why not. Amounts of another currency than the
// placement's cannot be compared.
std::string ReasonAgainst(const OfferEntry& entry, const rules::Input& input,
                          std::string_view currency) {
  if (entry.offer.has_value() && entry.offer.value().currency_code() != currency) {
    return "other_currency";
  }
  if (!IsInSeason(entry.offer, ToMicros(input.now))) return "not_in_season";
  if (entry.is_broken) return "broken_rule";
  if (!entry.eligibility.has_value()) return "";
  const auto matches = entry.eligibility->Matches(input);
  return matches.ok() && *matches ? "" : "not_eligible";
}

// `here` at the placement, `elsewhere` in campaigns' messages.
Contender ContenderOf(const pb::Offer& offer, const CountsByWeek& here,
                      const CountsByWeek& elsewhere, int64_t week,
                      const PropensityOptions& options) {
  return {.propensity = PosteriorOf(here, week, WithCampaigns(elsewhere, week, options)),
          .value = static_cast<double>(offer.value().minor_units()),
          .weight = offer.weight() == 0.0 ? 1.0 : offer.weight()};
}

}  // namespace

absl::StatusOr<Decided> DecideFor(const OfferBook& book, const statepb::CustomerViewState& view,
                                  const DecisionProjection& projection, const Moment& moment,
                                  const PropensityOptions& propensity,
                                  const ArbitrationOptions& arbitration) {
  rules::Arena arena;
  const CustomerRow row(view, moment.context, arena);
  const rules::Input input = {.row = &row, .event = {}, .now = moment.now};
  const bool allowed = PolicyAllows(view, moment.now);
  Decided decided;
  std::vector<std::shared_ptr<const OfferEntry>> eligible;
  std::vector<Exposure> exposures;
  const std::string currency = book.CurrencyAt(moment.placement);
  for (const auto& entry : book.At(moment.placement)) {
    const std::string reason = allowed ? ReasonAgainst(*entry, input, currency) : "policy";
    if (reason.empty()) {
      eligible.push_back(entry);
      exposures.push_back({.offer = entry->offer.name(), .placement = moment.placement});
      exposures.push_back({.offer = entry->offer.name(), .placement = ""});
      continue;
    }
    pb::Exclusion& exclusion = decided.exclusions.emplace_back();
    exclusion.set_offer(entry->offer.name());
    exclusion.set_reason(reason);
  }
  const std::vector<CountsByWeek> counts = projection.Counts(exposures);
  std::vector<Contender> contenders;
  const int64_t week = WeekOf(ToMicros(moment.now));
  for (size_t i = 0; i < eligible.size(); ++i) {
    contenders.push_back(
        ContenderOf(eligible[i]->offer, counts[2 * i], counts[2 * i + 1], week, propensity));
  }
  RONDO_ASSIGN_OR_RETURN(const std::vector<Ranked> ranked,
                         Arbitrate(contenders, moment.seed, arbitration));
  for (const Ranked& place : ranked) {
    decided.offers.push_back({.entry = eligible[place.contender], .ranked = place});
  }
  return decided;
}

}  // namespace rondo::decision
