#include "services/decision/decision_service.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/catalog/definition_update.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "rondo/customer/v1/customer_service.pb.h"

namespace rondo::decision {
namespace {

namespace logpb = ::rondo::log::v1;

constexpr int kMaxOffers = 20;
constexpr int kContextFieldsMax = 100;
constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1000;

absl::Status CheckDecide(const pb::DecideRequest& request) {
  if (request.placement().empty())
    return FieldError("placement", "required: where the offer appears");
  if (request.max_offers() < 0 || request.max_offers() > kMaxOffers) {
    return FieldError("max_offers", absl::StrFormat("expected from 0 (one) to %d", kMaxOffers));
  }
  if (request.context_size() > kContextFieldsMax) {
    return FieldError("context", absl::StrFormat("expected at most %d fields", kContextFieldsMax));
  }
  std::set<std::string_view> names;
  for (int i = 0; i < request.context_size(); ++i) {
    if (request.context(i).name().empty() || !names.insert(request.context(i).name()).second) {
      return FieldError(absl::StrFormat("context[%d].name", i), "expected a name of its own");
    }
  }
  return absl::OkStatus();
}

logpb::DecisionMade RecordOf(const pb::DecideRequest& request, const Decided& decided,
                             const std::string& name, uint64_t seed, int returned) {
  logpb::DecisionMade made;
  made.set_decision(name);
  made.set_placement(request.placement());
  made.set_returned(returned);
  made.set_seed(seed);
  *made.mutable_context() = request.context();
  for (const DecidedOffer& offer : decided.offers) {
    logpb::Candidate& candidate = *made.add_candidates();
    candidate.set_offer(offer.entry->offer.name());
    candidate.set_version(offer.entry->offer.version());
    candidate.set_propensity(offer.ranked.propensity);
    candidate.set_expected_value_minor_units(offer.ranked.expected_value);
    candidate.set_assignment_probability(offer.ranked.assignment_probability);
  }
  return made;
}

void AddProposition(const pb::Offer& offer, const logpb::Candidate& candidate,
                    pb::DecideResponse& response) {
  pb::Proposition& proposition = *response.add_propositions();
  *proposition.mutable_offer() = offer;
  proposition.set_propensity(candidate.propensity());
  proposition.set_expected_value_minor_units(candidate.expected_value_minor_units());
  proposition.set_assignment_probability(candidate.assignment_probability());
}

}  // namespace

uint64_t DecisionHandlers::NumberFor(const std::string& request_id) {
  if (!request_id.empty()) return Fnv1a(request_id);
  const std::lock_guard lock(mutex_);
  return rng_.Next();
}

absl::StatusOr<CustomerId> DecisionHandlers::FindCustomer(const CallInfo& call,
                                                          const std::string& name) {
  if (name.starts_with("customers/")) return ParseCustomerName(name);
  const size_t colon = name.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == name.size()) {
    return FieldError("customer", "expected customers/{customer} or namespace:value");
  }
  rondo::customer::v1::LookupCustomerRequest request;
  request.mutable_key()->set_namespace_(name.substr(0, colon));
  request.mutable_key()->set_value(name.substr(colon + 1));
  CallInfo nested = call;
  nested.request_id.clear();
  RONDO_ASSIGN_OR_RETURN(const auto customer,
                         (Call<rondo::customer::v1::Customer>(parts_.caller, nested, request)));
  return ParseCustomerName(customer.name());
}

absl::StatusOr<std::optional<pb::DecideResponse>> DecisionHandlers::FirstAnswer(
    CustomerId customer, const std::string& decision) {
  const int partition = PartitionOf(customer, parts_.runtime.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto state, parts_.runtime.ReadState("decision", partition));
  RONDO_ASSIGN_OR_RETURN(const auto decisions, ReadDecisions(*state, customer));
  const int index = FindDecision(decisions, decision);
  if (index < 0) return std::nullopt;
  pb::DecideResponse response;
  response.set_decision(decision);
  for (const logpb::Candidate& candidate : decisions.decisions(index).decision().candidates()) {
    RONDO_ASSIGN_OR_RETURN(const auto definition,
                           parts_.catalog.Get(candidate.offer(), candidate.version()));
    AddProposition(OfferOf(definition), candidate, response);
  }
  return response;
}

absl::Status DecisionHandlers::LogDecision(const CallInfo& call, CustomerId customer,
                                           logpb::DecisionMade decision) {
  eventlog::LogRecord record;
  record.set_party(customer.value());
  record.set_source("api");
  record.set_event_time_micros(ToMicros(parts_.clock.Now()));
  record.set_request_id(call.request_id);
  *record.mutable_decision_made() = std::move(decision);
  const int partition = PartitionOf(customer, parts_.runtime.partition_count());
  // Who wants repeats answered alike waits until the first is known; who does not, does not wait.
  if (!call.request_id.empty()) {
    const auto position = parts_.runtime.Submit("decision", partition, std::move(record),
                                                eventlog::Durability::kWritten);
    return absl::IsAlreadyExists(position.status()) ? absl::OkStatus() : position.status();
  }
  return parts_.runtime.log()
      .Append(partition, absl::MakeSpan(&record, 1), eventlog::Durability::kWritten)
      .status();
}

absl::StatusOr<pb::DecideResponse> DecisionHandlers::Decide(const CallInfo& call,
                                                            const pb::DecideRequest& request) {
  RONDO_RETURN_IF_ERROR(CheckDecide(request));
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, FindCustomer(call, request.customer()));
  const uint64_t number = NumberFor(call.request_id);
  const std::string name = DecisionName(customer, number);
  if (!call.request_id.empty()) {
    RONDO_ASSIGN_OR_RETURN(auto first, FirstAnswer(customer, name));
    if (first.has_value()) return *std::move(first);
  }
  const int partition = PartitionOf(customer, parts_.runtime.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto state, parts_.runtime.ReadState("decision", partition));
  RONDO_ASSIGN_OR_RETURN(const auto view, ReadView(*state, customer));
  RONDO_ASSIGN_OR_RETURN(const Decided decided,
                         DecideFor(*parts_.books.Current(), view, parts_.projection,
                                   {.placement = request.placement(),
                                    .context = request.context(),
                                    .now = parts_.clock.Now(),
                                    .seed = number},
                                   parts_.options.propensity, parts_.options.arbitration));
  pb::DecideResponse response;
  for (const pb::Exclusion& exclusion : decided.exclusions) *response.add_exclusions() = exclusion;
  if (decided.offers.empty()) return response;

  const int wanted = request.max_offers() == 0 ? 1 : request.max_offers();
  const int returned = std::min(wanted, static_cast<int>(decided.offers.size()));
  logpb::DecisionMade made = RecordOf(request, decided, name, number, returned);
  response.set_decision(name);
  for (int i = 0; i < returned; ++i) {
    AddProposition(decided.offers[static_cast<size_t>(i)].entry->offer, made.candidates(i),
                   response);
  }
  RONDO_RETURN_IF_ERROR(LogDecision(call, customer, std::move(made)));
  if (call.request_id.empty()) return response;
  // The same request may have come twice at once: what was logged first is the answer to both.
  RONDO_ASSIGN_OR_RETURN(auto first, FirstAnswer(customer, name));
  if (!first.has_value()) return response;
  *first->mutable_exclusions() = response.exclusions();
  return *std::move(first);
}

absl::StatusOr<pb::RecordPropositionResponseResponse> DecisionHandlers::RecordPropositionResponse(
    const CallInfo& call, const pb::RecordPropositionResponseRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, CustomerOfDecision(request.name()));
  if (!request.offer().starts_with(catalog::kOffers)) {
    return FieldError("offer", "expected offers/{offer}");
  }
  const bool is_known = pb::PropositionResponse_IsValid(request.response()) &&
                        request.response() != pb::PROPOSITION_RESPONSE_UNSPECIFIED;
  if (!is_known) return FieldError("response", "expected shown, clicked, accepted or rejected");
  eventlog::LogRecord record;
  record.set_party(customer.value());
  record.set_source("api");
  record.set_event_time_micros(ToMicros(parts_.clock.Now()));
  record.set_request_id(call.request_id);
  auto& answered = *record.mutable_proposition_answered();
  answered.set_decision(request.name());
  answered.set_offer(request.offer());
  answered.set_response(request.response());
  const int partition = PartitionOf(customer, parts_.runtime.partition_count());
  RONDO_RETURN_IF_ERROR(
      parts_.runtime
          .Submit("decision", partition, std::move(record), eventlog::Durability::kWritten)
          .status());
  return pb::RecordPropositionResponseResponse();
}

namespace {

// Offers of a placement compete by value: without exchange rates, in one currency.
absl::Status CheckCurrency(const OfferBook& book, const pb::Offer& offer) {
  if (!offer.has_value()) return absl::OkStatus();
  for (const std::string& placement : offer.placements()) {
    const std::string there = book.CurrencyAt(placement, offer.name());
    if (there.empty() || there == offer.value().currency_code()) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "offer.value.currency_code: offers of placement %s are compared in %s: give the value in "
        "%s, or choose another placement",
        placement, there, there));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<pb::Offer> DecisionHandlers::PutOffer(const CallInfo& call, pb::Offer offer,
                                                     int64_t expected_version, bool validate_only) {
  RONDO_RETURN_IF_ERROR(CheckOffer(offer));
  const auto book = parts_.books.Current();
  catalog::Definition definition;
  definition.set_name(offer.name());
  if (!offer.eligibility().empty()) {
    RONDO_ASSIGN_OR_RETURN(const rules::Program rule, book->Compile(offer.eligibility()));
    for (std::string& name : book->ReferencesOf(rule)) definition.add_references(std::move(name));
  }
  for (int i = 0; i < offer.placements_size(); ++i) {
    const auto& there = book->At(offer.placements(i));
    const bool is_there = std::any_of(there.begin(), there.end(), [&offer](const auto& entry) {
      return entry->offer.name() == offer.name();
    });
    if (!is_there && there.size() >= static_cast<size_t>(kOffersPerPlacementMax)) {
      return absl::FailedPreconditionError(
          absl::StrFormat("offer.placements[%d]: %d offers are there already; take one away first",
                          i, kOffersPerPlacementMax));
    }
  }
  RONDO_RETURN_IF_ERROR(CheckCurrency(*book, offer));
  // Version and etag are the catalogue's; equal content must be equal bytes.
  offer.clear_version();
  offer.clear_etag();
  *definition.mutable_offer() = offer;
  if (validate_only) return offer;
  RONDO_ASSIGN_OR_RETURN(
      const catalog::Definition put,
      parts_.catalog.Put(std::move(definition), {.expected_version = expected_version,
                                                 .request_id = call.request_id,
                                                 .author = call.principal.name}));
  return OfferOf(put);
}

absl::StatusOr<pb::Offer> DecisionHandlers::CreateOffer(const CallInfo& call,
                                                        const pb::CreateOfferRequest& request) {
  return PutOffer(call, request.offer(), 0, request.validate_only());
}

absl::StatusOr<pb::Offer> DecisionHandlers::GetOffer(const CallInfo&,
                                                     const pb::GetOfferRequest& request) {
  if (!request.name().starts_with(catalog::kOffers))
    return FieldError("name", "expected offers/{offer}");
  if (request.version() < 0) return FieldError("version", "expected 0 (current) or a version");
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition,
                         parts_.catalog.Get(request.name(), request.version()));
  return OfferOf(definition);
}

absl::StatusOr<pb::ListOffersResponse> DecisionHandlers::ListOffers(
    const CallInfo&, const pb::ListOffersRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kPageSizeDefault, kPageSizeMax));
  RONDO_ASSIGN_OR_RETURN(const std::string after, parts_.page_tokens.Decode(request));
  const catalog::Page page = parts_.catalog.List(catalog::kOffers, after, page_size);
  pb::ListOffersResponse response;
  for (const catalog::Definition& definition : page.definitions) {
    *response.add_offers() = OfferOf(definition);
  }
  response.set_next_page_token(parts_.page_tokens.Encode(request, page.next_after));
  return response;
}

absl::StatusOr<pb::Offer> DecisionHandlers::UpdateOffer(const CallInfo& call,
                                                        const pb::UpdateOfferRequest& request) {
  RONDO_ASSIGN_OR_RETURN(auto update,
                         catalog::ReadUpdate(parts_.catalog, request.offer(), request,
                                             [](const auto& current) { return current.offer(); }));
  return PutOffer(call, std::move(update.resource), update.expected_version,
                  request.validate_only());
}

}  // namespace rondo::decision
