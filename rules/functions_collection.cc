// Sizes, ends of lists, optional values, base64, the time and places.
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <vector>

#include "absl/strings/escaping.h"
#include "rules/functions.h"
#include "rules/operators.h"
#include "rules/text.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

Value Size(Frame& frame, std::span<const Value> args) {
  switch (args[0].kind()) {
    case Kind::kString:
      return Value::Int(static_cast<int64_t>(CodePointCount(args[0].text())));
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kMap:
      return Value::Int(args[0].aux());
    default:
      return frame.NoOverload("size", args);
  }
}

Value Some(Frame& frame, const Value& value) { return Value::Optional(frame.arena.New(value)); }
Value OptionalOf(Frame& frame, std::span<const Value> args) { return Some(frame, args[0]); }
Value OptionalNone(Frame&, std::span<const Value>) { return Value::Optional(nullptr); }
Value OptionalOfNonZero(Frame& frame, std::span<const Value> args) {
  return IsZero(args[0]) ? Value::Optional(nullptr) : Some(frame, args[0]);
}
Value HasValue(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kOptional)) return frame.NoOverload("hasValue", args);
  return Value::Bool(args[0].optional() != nullptr);
}
Value ValueOf(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kOptional)) return frame.NoOverload("value", args);
  if (args[0].optional() != nullptr) return *args[0].optional();
  return frame.Fail(ErrorCode::kInvalidArgument, "optional.none() dereference: there is no value");
}

Value Encode(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kBytes)) return frame.NoOverload("base64.encode", args);
  if (!frame.arena.Fits(args[0].text().size() * 2)) {
    return frame.Fail(ErrorCode::kLimit, "the bytes are too large");
  }
  return frame.NewString(
      absl::Base64Escape(absl::string_view(args[0].text().data(), args[0].text().size())));
}
Value Decode(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kString)) return frame.NoOverload("base64.decode", args);
  std::string bytes;
  // Padding may be left out.
  if (!absl::Base64Unescape(absl::string_view(args[0].text().data(), args[0].text().size()),
                            &bytes)) {
    return frame.Fail(ErrorCode::kInvalidArgument, "the text is no base64");
  }
  return frame.NewBytes(bytes);
}

Value First(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kList)) return frame.NoOverload("first", args);
  return Value::Optional(args[0].items().empty() ? nullptr : &args[0].items().front());
}
Value Last(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kList)) return frame.NoOverload("last", args);
  return Value::Optional(args[0].items().empty() ? nullptr : &args[0].items().back());
}

Value Now(Frame& frame, std::span<const Value>) { return frame.now; }

Value Point(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kDouble) || !args[1].is(Kind::kDouble))
    return frame.NoOverload("point", args);
  const bool on_earth = std::fabs(args[0].real()) <= 90 && std::fabs(args[1].real()) <= 180;
  if (!on_earth) {
    return frame.Fail(ErrorCode::kInvalidArgument,
                      "point(latitude, longitude): within 90 and 180 degrees");
  }
  return Value::GeoPoint(args[0].real(), args[1].real());
}

Value GeoDistance(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kGeoPoint) || !args[1].is(Kind::kGeoPoint)) {
    return frame.NoOverload("geo_distance", args);
  }
  return Value::Double(MetresBetween(args[0], args[1]));
}

constexpr FunctionRow kTable[] = {
    {"size", false, "string", "int", Size},
    {"size", false, "bytes", "int", Size},
    {"size", false, "list(A)", "int", Size},
    {"size", false, "map(A, B)", "int", Size},
    {"size", true, "string", "int", Size},
    {"size", true, "bytes", "int", Size},
    {"size", true, "list(A)", "int", Size},
    {"size", true, "map(A, B)", "int", Size},
    {"optional.of", false, "A", "optional(A)", OptionalOf},
    {"optional.none", false, "", "optional(A)", OptionalNone},
    {"optional.ofNonZeroValue", false, "A", "optional(A)", OptionalOfNonZero},
    {"hasValue", true, "optional(A)", "bool", HasValue},
    {"value", true, "optional(A)", "A", ValueOf},
    // Signatures only: the evaluator has a node of its own.
    {"or", true, "optional(A), optional(A)", "optional(A)"},
    {"orValue", true, "optional(A), A", "A"},
    {"base64.encode", false, "bytes", "string", Encode},
    {"base64.decode", false, "string", "bytes", Decode},
    {"count", true, "list(A)", "int", Size},
    {"first", true, "list(A)", "optional(A)", First},
    {"last", true, "list(A)", "optional(A)", Last},
    {"now", false, "", "timestamp", Now},
    {"point", false, "double, double", "geo_point", Point},
    {"geo_distance", false, "geo_point, geo_point", "double", GeoDistance},
};

}  // namespace

double MetresBetween(const Value& a, const Value& b) {
  constexpr double kRadian = std::numbers::pi / 180;
  const double latitude = (b.latitude() - a.latitude()) * kRadian;
  const double longitude = (b.longitude() - a.longitude()) * kRadian;
  const double h = std::pow(std::sin(latitude / 2), 2) + std::cos(a.latitude() * kRadian) *
                                                             std::cos(b.latitude() * kRadian) *
                                                             std::pow(std::sin(longitude / 2), 2);
  return 2 * kEarthRadiusMetres * std::asin(std::sqrt(std::min(1.0, h)));
}

std::span<const FunctionRow> CollectionTable() { return kTable; }

}  // namespace rondo::rules
