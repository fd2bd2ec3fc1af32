// Consent as it is folded, and what it says of one channel, purpose and business unit.
#pragma once

#include <string_view>

#include "google/protobuf/repeated_field.h"
#include "policy/contact_policy.h"
#include "rondo/log/v1/customers.pb.h"

namespace rondo::delivery {

using Consents = google::protobuf::RepeatedPtrField<rondo::log::v1::ConsentFact>;

// Folds `fact` into `consents`, which stay sorted by channel, purpose and business unit: the latest
// effective time wins, the withdrawal at equal times. In any order of facts the result is the same.
void FoldConsent(const rondo::log::v1::ConsentFact& fact, Consents& consents);

// The latest word among those that speak of this channel, purpose and business unit (`*` and the
// empty business unit speak of all); the withdrawal at equal times. kUnknown if nothing was said.
policy::Consent ConsentFor(const Consents& consents, std::string_view channel,
                           std::string_view purpose, std::string_view business_unit);

}  // namespace rondo::delivery
