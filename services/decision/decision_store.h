// Keys and values of decision's state, and the pure folds that make them.
//
//   V customer                CustomerViewState   what eligibility reads
//   M customer                DecisionsState      newest decisions, for answers and repeats
//   N offer placement week    WeekCountsState     what customers did with propositions, and, at the
//                                                 placement without a name, with campaigns'
//                                                 messages
//   Y campaign cycle          CycleOffersState    offers of a cycle's cells that send a message
//   K customer contact        CampaignContactState  a message with an offer that is counted
//   W customer contact        ConsentFact         what unsubscribing from it withdraws, if it
//                                                 concerns offers
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "platform/core/id.h"
#include "platform/storage/store.h"
#include "policy/consent.h"
#include "rondo/log/v1/campaigns.pb.h"
#include "rondo/log/v1/customers.pb.h"
#include "rondo/response/v1/event.pb.h"
#include "rondo/state/v1/decision.pb.h"
#include "services/decision/domain/propensity.h"

namespace rondo::decision {

namespace pb = ::rondo::decision::v1;
namespace statepb = ::rondo::state::v1;

// Whose consent offers at a placement need.
inline constexpr char kOfferChannel[] = "web";

// Decisions of one customer that can still be answered; older ones are forgotten. Of each, only
// what was proposed is kept; all candidates are in the log.
inline constexpr int kDecisionsKept = 32;

// An offer at a placement.
struct Exposure {
  std::string offer;      // `offers/{offer}`.
  std::string placement;  // Empty: in messages of campaigns.
  friend auto operator<=>(const Exposure&, const Exposure&) = default;
};

std::string KeyOfView(CustomerId customer);
std::string KeyOfDecisions(CustomerId customer);
std::string KeyOfCounts(const Exposure& exposure, int64_t week);
storage::KeyRange AllCounts();
std::string KeyOfCycleOffers(std::string_view campaign, int32_t cycle);
std::string KeyOfCampaignContact(CustomerId customer,
                                 const rondo::response::v1::ContactKey& contact);
storage::KeyRange CampaignContactsOf(CustomerId customer);
std::string KeyOfWayOut(CustomerId customer, const rondo::response::v1::ContactKey& contact);
storage::KeyRange WaysOutOf(CustomerId customer);
// DATA_LOSS unless KeyOfCounts wrote `key`.
absl::Status ParseCountsKey(std::string_view key, Exposure& exposure, int64_t& week);

// Empty state for a customer without one. DATA_LOSS for damaged bytes.
absl::StatusOr<statepb::CustomerViewState> ReadView(const storage::Reader& state,
                                                    CustomerId customer);
absl::StatusOr<statepb::DecisionsState> ReadDecisions(const storage::Reader& state,
                                                      CustomerId customer);
absl::Status ParseView(const std::optional<std::string>& bytes, statepb::CustomerViewState& view);
absl::StatusOr<statepb::DecisionsState> ParseDecisions(const std::optional<std::string>& bytes);
absl::StatusOr<WeekCounts> ParseCounts(const std::optional<std::string>& bytes);
std::string Encode(const WeekCounts& counts);

// Folds attributes and consents by effective time, whatever the order of arrival; at equal times
// the later record's value wins, and for consents the withdrawal.
void FoldProfile(const rondo::log::v1::ProfileChanged& change, statepb::CustomerViewState& view);
// The later record wins.
void FoldSignals(const rondo::log::v1::SignalsChanged& change, statepb::CustomerViewState& view);

// What an `unsubscribe` that answers the planned contact withdraws of what offers need: nothing
// (nullopt) if it went out by a channel that offers do not use. Only granted and the time are open.
std::optional<rondo::log::v1::ConsentFact> WayOutOf(const rondo::log::v1::ContactPlanned& planned);
// Folds one word of consent, as FoldProfile does.
void FoldConsent(const rondo::log::v1::ConsentFact& fact, statepb::CustomerViewState& view);

// What the customer says of `channel` and `purpose` (policy/consent.h). An offer speaks in no
// business unit's name: a withdrawal that holds for any of them holds for it.
policy::Consent ConsentOf(const statepb::CustomerViewState& view, std::string_view channel,
                          std::string_view purpose);

// Its place among a customer's decisions; -1 if it is not (or no longer) known.
int FindDecision(const statepb::DecisionsState& decisions, std::string_view name);

// `decisions/` and 32 hexadecimal digits: the customer, then `number`. So a decision's name says
// which partition knows it.
std::string DecisionName(CustomerId customer, uint64_t number);
// INVALID_ARGUMENT unless DecisionName wrote `name`.
absl::StatusOr<CustomerId> CustomerOfDecision(std::string_view name);

}  // namespace rondo::decision
