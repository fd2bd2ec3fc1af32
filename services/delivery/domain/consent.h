// Consent as it is folded, and what it says of one channel, purpose and business unit.
#pragma once

#include "google/protobuf/repeated_field.h"
#include "policy/consent.h"
#include "rondo/log/v1/customers.pb.h"

namespace rondo::delivery {

using Consents = google::protobuf::RepeatedPtrField<rondo::log::v1::ConsentFact>;

// Folds `fact` into `consents`, which stay sorted by channel, purpose and business unit: the latest
// effective time wins, the withdrawal at equal times. In any order of facts the result is the same.
void FoldConsent(const rondo::log::v1::ConsentFact& fact, Consents& consents);

// What they say of `subject` (policy/consent.h).
policy::Consent ConsentFor(const Consents& consents, const policy::ConsentSubject& subject);

}  // namespace rondo::delivery
