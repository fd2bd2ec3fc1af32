// One decision: of the offers at a placement, which may this customer have, and which of them
// first.
//
// Pure but for the counts, which it is given: the same book, customer, counts, time and seed give
// the same decision, so a logged one can be explained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rondo/decision/v1/decision_service.pb.h"
#include "rondo/log/v1/events.pb.h"
#include "services/decision/decision_projection.h"
#include "services/decision/domain/arbitration.h"
#include "services/decision/offer_book.h"

namespace rondo::decision {

struct Moment {
  std::string placement;
  google::protobuf::RepeatedPtrField<rondo::type::v1::Field> context;
  absl::Time now;
  uint64_t seed = 0;
};

struct DecidedOffer {
  std::shared_ptr<const OfferEntry> entry;
  Ranked ranked;
};

struct Decided {
  std::vector<DecidedOffer> offers;  // Best first; empty: no offer.
  std::vector<rondo::decision::v1::Exclusion> exclusions;
};

// Reasons of exclusions: `not_in_season`, `broken_rule`, `not_eligible`, `policy`.
// An error of a rule on this customer (a division by zero) excludes its offer as `not_eligible`.
absl::StatusOr<Decided> DecideFor(const OfferBook& book,
                                  const rondo::state::v1::CustomerViewState& view,
                                  const DecisionProjection& projection, const Moment& moment,
                                  const PropensityOptions& propensity,
                                  const ArbitrationOptions& arbitration);

}  // namespace rondo::decision
