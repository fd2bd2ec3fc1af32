// Values as typed JSON, `{"t": "int", "v": "42"}`, and types as text: what `rondo rules eval` reads
// and writes.
//
// `t` is one of null bool int uint double string bytes (base64) list map ([[key, value], ...]) type
// timestamp duration optional, and of the domain money geo_point. null has no `v`; bool is a JSON
// bool; int, uint and double travel as text ("NaN", "Infinity", "-Infinity"); timestamps as RFC
// 3339 in UTC and durations as seconds ("1.5s"), both with as few decimals as needed; an optional's
// `v` is the typed value, or absent.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "rules/environment.h"
#include "rules/type.h"
#include "rules/value.h"

namespace rondo::rules {

// What cannot travel (errors, events) becomes {"t": its type's name}.
nlohmann::json ToTypedJson(const Value& value);
// Copies into `arena`. INVALID_ARGUMENT naming what is wrong.
absl::StatusOr<Value> FromTypedJson(const nlohmann::json& json, Arena& arena);
// Plain JSON: numbers become int when whole, else double; objects become maps.
absl::StatusOr<Value> FromPlainJson(const nlohmann::json& json, Arena& arena);
// The type of a value, items of lists and maps dyn: to declare a variable that has the value.
Type TypeOfValue(const Value& value);

// `primitive: INT64`, `list_type { elem_type { dyn { } } }`: google.api.expr.v1alpha1.Type as text.
std::string ToTypeText(const Type& type);
// `name: "x" ident { type { primitive: INT64 } }` or `name: "f" function { overloads { ... } }`,
// added to `environment`. INVALID_ARGUMENT naming the place.
absl::Status AddDeclaration(std::string_view text, Environment* environment);

}  // namespace rondo::rules
