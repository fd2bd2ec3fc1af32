// Types of the rule language: CEL's own, with those of rondo's domain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo::rules {

enum class TypeKind : uint8_t {
  kDyn,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,      // params: element
  kMap,       // params: key, value
  kType,      // params: the type that it denotes, or none
  kParam,     // name: a type parameter of a declared function
  kAbstract,  // name, params: optional_type(T), net.IP, net.CIDR
  kMoney,
  kGeoPoint,
  kEvent,  // name: the event type
  kError,  // Of an expression that has been reported already.
};

// A value type, immutable by convention. `nullable` is CEL's wrapper: null is one of its values.
struct Type {
  TypeKind kind = TypeKind::kDyn;
  bool nullable = false;
  // kParam, kAbstract, kEvent: the name. kString: the code list that the string is a code of, or
  // empty; it does not take part in comparisons.
  std::string name = {};
  std::vector<Type> params = {};

  static Type Dyn() { return {}; }
  static Type Null() { return {.kind = TypeKind::kNull}; }
  static Type Bool() { return {.kind = TypeKind::kBool}; }
  static Type Int() { return {.kind = TypeKind::kInt}; }
  static Type Uint() { return {.kind = TypeKind::kUint}; }
  static Type Double() { return {.kind = TypeKind::kDouble}; }
  static Type String() { return {.kind = TypeKind::kString}; }
  static Type Code(std::string code_list) {
    return {.kind = TypeKind::kString, .name = std::move(code_list)};
  }
  static Type Bytes() { return {.kind = TypeKind::kBytes}; }
  static Type Timestamp() { return {.kind = TypeKind::kTimestamp}; }
  // A calendar date is the timestamp of its midnight in UTC.
  static Type Date() { return Timestamp(); }
  static Type Duration() { return {.kind = TypeKind::kDuration}; }
  static Type Money() { return {.kind = TypeKind::kMoney}; }
  static Type GeoPoint() { return {.kind = TypeKind::kGeoPoint}; }
  static Type List(Type element) {
    return {.kind = TypeKind::kList, .params = {std::move(element)}};
  }
  static Type Map(Type key, Type value) {
    return {.kind = TypeKind::kMap, .params = {std::move(key), std::move(value)}};
  }
  static Type TypeOf(Type type) { return {.kind = TypeKind::kType, .params = {std::move(type)}}; }
  static Type Optional(Type type) { return Abstract("optional_type", {std::move(type)}); }
  static Type Abstract(std::string name, std::vector<Type> params = {}) {
    return {.kind = TypeKind::kAbstract, .name = std::move(name), .params = std::move(params)};
  }
  static Type Param(std::string name) {
    return {.kind = TypeKind::kParam, .name = std::move(name)};
  }
  static Type Event(std::string name) {
    return {.kind = TypeKind::kEvent, .name = std::move(name)};
  }
  static Type Error() { return {.kind = TypeKind::kError}; }

  Type Nullable() const {
    Type type = *this;
    type.nullable = true;
    return type;
  }
  bool is(TypeKind other) const { return kind == other; }
  bool is_dyn() const { return kind == TypeKind::kDyn || kind == TypeKind::kError; }
  bool is_optional() const { return kind == TypeKind::kAbstract && name == "optional_type"; }
  bool is_event_list() const {
    return kind == TypeKind::kList && params.size() == 1 && params[0].kind == TypeKind::kEvent;
  }
  // `nullable` and code lists do not count.
  friend bool operator==(const Type& a, const Type& b);
};

// `list(string)`, `map(string, int)`, `optional(int)`, as messages show them.
std::string ToString(const Type& type);

// Reads what definitions and tables write: `string int uint double bool bytes timestamp date
// duration money geo_point dyn null type list(T) map(K, V) optional(T) code(LIST) event(NAME)
// net.IP net.CIDR`, and one upper-case letter for a parameter. INVALID_ARGUMENT naming the place.
absl::StatusOr<Type> ParseType(std::string_view text);

}  // namespace rondo::rules
