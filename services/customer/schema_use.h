// Whether an attribute set or a code list may change: rules of segments, goals and offers name what
// it declares.
#pragma once

#include "absl/status/status.h"
#include "platform/catalog/catalog.h"
#include "rondo/customer/v1/customer.pb.h"

namespace rondo::customer {

// FAILED_PRECONDITION if a rule that is valid now would no longer be with `changed` in place of the
// set of its name; names every such segment, campaign and offer with what would be wrong. Also if
// an attribute or a field of an event would change its type: values of the old one are stored. OK
// for a set that is new.
absl::Status CheckUsers(const catalog::Catalog& catalog,
                        const rondo::customer::v1::AttributeSet& changed);

// The same for a code list: FAILED_PRECONDITION if a code would go that a rule names.
absl::Status CheckUsers(const catalog::Catalog& catalog,
                        const rondo::customer::v1::CodeList& changed);

}  // namespace rondo::customer
