// Decision's handlers: translate and validate, nothing else.
#pragma once

#include <mutex>

#include "absl/status/statusor.h"
#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/core/rng.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/page_token.h"
#include "rondo/decision/v1/decision_service.pb.h"
#include "services/decision/decider.h"

namespace rondo::decision {

struct DecisionOptions {
  PropensityOptions propensity = {};
  ArbitrationOptions arbitration = {};
};

// Thread-safe. All arguments outlive it.
class DecisionHandlers {
 public:
  struct Parts {
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    Caller& caller;  // To find a customer by an external key.
    const Clock& clock;
    const PageTokens& page_tokens;
    DecisionProjection& projection;
    OfferBooks& books;
    uint64_t seed;  // Of exploration; drawn anew for each process.
    DecisionOptions options;
  };
  explicit DecisionHandlers(Parts parts) : parts_(parts), rng_(parts.seed) {}

  absl::StatusOr<rondo::decision::v1::DecideResponse> Decide(
      const CallInfo& call, const rondo::decision::v1::DecideRequest& request);
  absl::StatusOr<rondo::decision::v1::RecordPropositionResponseResponse> RecordPropositionResponse(
      const CallInfo& call, const rondo::decision::v1::RecordPropositionResponseRequest& request);
  absl::StatusOr<rondo::decision::v1::Offer> CreateOffer(
      const CallInfo& call, const rondo::decision::v1::CreateOfferRequest& request);
  absl::StatusOr<rondo::decision::v1::Offer> GetOffer(
      const CallInfo& call, const rondo::decision::v1::GetOfferRequest& request);
  absl::StatusOr<rondo::decision::v1::ListOffersResponse> ListOffers(
      const CallInfo& call, const rondo::decision::v1::ListOffersRequest& request);
  absl::StatusOr<rondo::decision::v1::Offer> UpdateOffer(
      const CallInfo& call, const rondo::decision::v1::UpdateOfferRequest& request);

 private:
  absl::StatusOr<CustomerId> FindCustomer(const CallInfo& call, const std::string& name);
  // The answer to an earlier call with the same request id; nullopt if there was none.
  absl::StatusOr<std::optional<rondo::decision::v1::DecideResponse>> FirstAnswer(
      CustomerId customer, const std::string& decision);
  absl::Status LogDecision(const CallInfo& call, CustomerId customer,
                           rondo::log::v1::DecisionMade decision);
  // A number of its own for a decision: from the request id, so that a repeat finds the first.
  uint64_t NumberFor(const std::string& request_id);
  absl::StatusOr<rondo::decision::v1::Offer> PutOffer(const CallInfo& call,
                                                      rondo::decision::v1::Offer offer,
                                                      int64_t expected_version, bool validate_only);

  Parts parts_;
  std::mutex mutex_;
  Rng rng_;  // Under mutex_.
};

}  // namespace rondo::decision
