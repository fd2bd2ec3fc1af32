// Conversions between types, and type().
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "platform/core/money.h"
#include "rules/functions.h"
#include "rules/number.h"
#include "rules/text.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

constexpr std::string_view kRange = "the number is out of the target type's range";

Value BadText(Frame& frame, std::string_view type) {
  return frame.Fail(ErrorCode::kInvalidArgument,
                    absl::StrCat("Type conversion error: the text is no ", std::string(type)));
}

Value ToInt(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kInt:
      return v;
    case Kind::kUint:
      if (v.natural() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) break;
      return Value::Int(static_cast<int64_t>(v.natural()));
    case Kind::kDouble:
      // Open at both ends: neither end of int64 is sure to survive a double's rounding.
      if (!(v.real() > -0x1p63 && v.real() < 0x1p63)) break;
      return Value::Int(static_cast<int64_t>(v.real()));
    case Kind::kString: {
      const auto parsed = ParseInt(v.text());
      return parsed ? Value::Int(*parsed) : BadText(frame, "int");
    }
    case Kind::kTimestamp:
      return Value::Int(v.seconds());
    default:
      return frame.NoOverload("int", args);
  }
  return frame.Fail(ErrorCode::kOverflow, kRange);
}

Value ToUint(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kUint:
      return v;
    case Kind::kInt:
      if (v.integer() < 0) break;
      return Value::Uint(static_cast<uint64_t>(v.integer()));
    case Kind::kDouble:
      if (!(v.real() >= 0 && v.real() < 0x1p64)) break;
      return Value::Uint(static_cast<uint64_t>(v.real()));
    case Kind::kString: {
      const auto parsed = ParseUint(v.text());
      return parsed ? Value::Uint(*parsed) : BadText(frame, "uint");
    }
    default:
      return frame.NoOverload("uint", args);
  }
  return frame.Fail(ErrorCode::kOverflow, kRange);
}

// Money becomes its amount in major units: 12.34 EUR is 12.34.
Value MoneyToDouble(Frame& frame, const Value& money) {
  const absl::StatusOr<int> digits = MinorUnitDigits(money.currency());
  if (!digits.ok()) return frame.Fail(ErrorCode::kInvalidArgument, "unknown currency");
  return Value::Double(static_cast<double>(money.integer()) / std::pow(10.0, *digits));
}

Value ToDouble(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kDouble:
      return v;
    case Kind::kInt:
      return Value::Double(static_cast<double>(v.integer()));
    case Kind::kUint:
      return Value::Double(static_cast<double>(v.natural()));
    case Kind::kMoney:
      return MoneyToDouble(frame, v);
    case Kind::kString: {
      const auto parsed = ParseDouble(v.text());
      return parsed ? Value::Double(*parsed) : BadText(frame, "double");
    }
    default:
      return frame.NoOverload("double", args);
  }
}

Value ToString(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kString:
      return v;
    case Kind::kBool:
      return Value::String(v.boolean() ? "true" : "false");
    case Kind::kInt:
      return frame.NewString(absl::StrCat(v.integer()));
    case Kind::kUint:
      return frame.NewString(absl::StrCat(v.natural()));
    case Kind::kDouble:
      return frame.NewString(ShortestDouble(v.real()));
    case Kind::kBytes:
      if (!IsUtf8(v.text())) {
        return frame.Fail(ErrorCode::kInvalidArgument, "invalid UTF-8 in bytes");
      }
      return Value::String(v.text());
    case Kind::kTimestamp:
      return frame.NewString(FormatTimestamp(v.seconds(), v.nanos()));
    case Kind::kDuration:
      return frame.NewString(FormatDuration(v.seconds(), v.nanos()));
    case Kind::kIp:
      return frame.NewString(FormatIp(v.ip()));
    case Kind::kCidr:
      return frame.NewString(absl::StrCat(FormatIp(v.ip()), "/", v.ip().prefix));
    default:
      return frame.NoOverload("string", args);
  }
}

Value ToBytes(Frame& frame, std::span<const Value> args) {
  if (args[0].is(Kind::kString)) return Value::Bytes(args[0].text());
  return args[0].is(Kind::kBytes) ? args[0] : frame.NoOverload("bytes", args);
}

Value ToBool(Frame& frame, std::span<const Value> args) {
  if (args[0].is(Kind::kBool)) return args[0];
  if (!args[0].is(Kind::kString)) return frame.NoOverload("bool", args);
  const std::string_view text = args[0].text();
  for (const char* word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return Value::Bool(true);
  }
  for (const char* word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return Value::Bool(false);
  }
  return BadText(frame, "bool");
}

Value ToTimestamp(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  if (v.is(Kind::kTimestamp)) return v;
  if (v.is(Kind::kInt)) {
    if (v.integer() < kMinTimestampSeconds || v.integer() > kMaxTimestampSeconds) {
      return frame.Fail(ErrorCode::kOverflow, "timestamp out of range (years 1 to 9999)");
    }
    return Value::Timestamp(v.integer(), 0);
  }
  if (!v.is(Kind::kString)) return frame.NoOverload("timestamp", args);
  const auto parsed = ParseTimestamp(v.text());
  if (!parsed) {
    return frame.Fail(ErrorCode::kInvalidArgument,
                      "no timestamp of RFC 3339 within years 1 to 9999: "
                      "write timestamp('2026-11-22T00:00:00Z')");
  }
  return Value::Timestamp(parsed->seconds, parsed->nanos);
}

Value ToDuration(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  if (v.is(Kind::kDuration)) return v;
  if (v.is(Kind::kInt)) {
    if (std::abs(static_cast<double>(v.integer())) > static_cast<double>(kMaxDurationSeconds)) {
      return frame.Fail(ErrorCode::kOverflow, "duration out of range");
    }
    return Value::Duration(v.integer(), 0);
  }
  if (!v.is(Kind::kString)) return frame.NoOverload("duration", args);
  const auto parsed = ParseDuration(v.text());
  if (!parsed) {
    return frame.Fail(ErrorCode::kInvalidArgument,
                      "no duration, or out of range: write duration('1h30m')");
  }
  return Value::Duration(parsed->seconds, parsed->nanos);
}

Value Identity(Frame&, std::span<const Value> args) { return args[0]; }

Value TypeOf(Frame&, std::span<const Value> args) { return Value::TypeName(TypeNameOf(args[0])); }

constexpr FunctionRow kTable[] = {
    {"int", false, "int", "int", ToInt},
    {"int", false, "uint", "int", ToInt},
    {"int", false, "double", "int", ToInt},
    {"int", false, "string", "int", ToInt},
    {"int", false, "timestamp", "int", ToInt},
    {"uint", false, "uint", "uint", ToUint},
    {"uint", false, "int", "uint", ToUint},
    {"uint", false, "double", "uint", ToUint},
    {"uint", false, "string", "uint", ToUint},
    {"double", false, "double", "double", ToDouble},
    {"double", false, "int", "double", ToDouble},
    {"double", false, "uint", "double", ToDouble},
    {"double", false, "string", "double", ToDouble},
    {"double", false, "money", "double", ToDouble},
    {"string", false, "string", "string", ToString},
    {"string", false, "bool", "string", ToString},
    {"string", false, "int", "string", ToString},
    {"string", false, "uint", "string", ToString},
    {"string", false, "double", "string", ToString},
    {"string", false, "bytes", "string", ToString},
    {"string", false, "timestamp", "string", ToString},
    {"string", false, "duration", "string", ToString},
    {"string", false, "net.IP", "string", ToString},
    {"string", false, "net.CIDR", "string", ToString},
    {"bytes", false, "bytes", "bytes", ToBytes},
    {"bytes", false, "string", "bytes", ToBytes},
    {"bool", false, "bool", "bool", ToBool},
    {"bool", false, "string", "bool", ToBool},
    {"timestamp", false, "timestamp", "timestamp", ToTimestamp},
    {"timestamp", false, "string", "timestamp", ToTimestamp},
    {"timestamp", false, "int", "timestamp", ToTimestamp},
    {"duration", false, "duration", "duration", ToDuration},
    {"duration", false, "string", "duration", ToDuration},
    {"duration", false, "int", "duration", ToDuration},
    {"dyn", false, "A", "dyn", Identity},
    {"type", false, "A", "type(A)", TypeOf},
};

}  // namespace

std::span<const FunctionRow> ConversionTable() { return kTable; }

}  // namespace rondo::rules
