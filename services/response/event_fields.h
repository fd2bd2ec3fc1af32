// From the contract's values to those of rules: what a goal reads of an event.
#pragma once

#include <vector>

#include "rondo/response/v1/event.pb.h"
#include "rondo/type/v1/value.pb.h"
#include "rules/environment.h"
#include "rules/value.h"
#include "services/response/domain/goal.h"

namespace rondo::response {

// `event` as declared: an int where a double is declared is one. What it borrows is of `event` and
// `arena`.
EventFacts FactsOf(const rondo::response::v1::Event& event, const std::vector<rules::Field>& fields,
                   rules::Arena& arena);

// Whether a value may stand in a field of this type.
bool Fits(const rondo::type::v1::Value& value, rondo::type::v1::ValueType type);

}  // namespace rondo::response
