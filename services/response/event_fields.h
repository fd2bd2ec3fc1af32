// From the contract's values to those of rules: what a goal reads of an event.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rondo/customer/v1/customer.pb.h"
#include "rondo/response/v1/event.pb.h"
#include "rules/environment.h"
#include "rules/value.h"
#include "services/response/domain/goal.h"

namespace rondo::response {

// The type of a declared field in rules; nullopt for types unknown to this version.
std::optional<rules::Type> RuleTypeOf(rondo::type::v1::ValueType type);

// Fields that rules may name: all but PII ones.
std::vector<rules::Field> RuleFieldsOf(const rondo::customer::v1::EventType& declared);

// `event` as declared: an int where a double is declared is one. What it borrows is of `event` and
// `arena`.
EventFacts FactsOf(const rondo::response::v1::Event& event, const std::vector<rules::Field>& fields,
                   rules::Arena& arena);

// Whether a value may stand in a field of this type.
bool Fits(const rondo::type::v1::Value& value, rondo::type::v1::ValueType type);

}  // namespace rondo::response
