// Filters of numbers and of dates. Whole numbers stay whole; what does not fit int64 becomes real.
#include <cmath>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "channels/template/filters.h"
#include "platform/core/status_macros.h"

namespace rondo::liquid {
namespace {

using Arguments = std::span<const Value>;
using Result = absl::StatusOr<Value>;

Value NumberOf(const Value& value) { return value.ToNumber().value_or(Value(int64_t{0})); }

double Real(const Value& number) {
  if (const auto* integer = number.As<int64_t>()) return static_cast<double>(*integer);
  return *number.As<double>();
}

// To 15 significant digits: 10.1 - 2.2 is 7.9, as in decimal arithmetic (Liquid's own).
Value Decimal(double value) {
  if (!std::isfinite(value)) return Value(value);
  double rounded = value;
  if (!absl::SimpleAtod(absl::StrFormat("%.15g", value), &rounded)) rounded = value;
  return Value(rounded);
}

enum class Operation : uint8_t { kPlus, kMinus, kTimes };

Value Calculate(Operation operation, const Value& left, const Value& right) {
  const auto* a = left.As<int64_t>();
  const auto* b = right.As<int64_t>();
  int64_t whole = 0;
  switch (operation) {
    case Operation::kPlus:
      if (a != nullptr && b != nullptr && !__builtin_add_overflow(*a, *b, &whole))
        return Value(whole);
      return Decimal(Real(left) + Real(right));
    case Operation::kMinus:
      if (a != nullptr && b != nullptr && !__builtin_sub_overflow(*a, *b, &whole))
        return Value(whole);
      return Decimal(Real(left) - Real(right));
    case Operation::kTimes:
      if (a != nullptr && b != nullptr && !__builtin_mul_overflow(*a, *b, &whole))
        return Value(whole);
      return Decimal(Real(left) * Real(right));
  }
  return Value();
}

Result Plus(const Value& input, Arguments arguments, FilterContext&) {
  return Calculate(Operation::kPlus, NumberOf(input), NumberOf(arguments[0]));
}
Result Minus(const Value& input, Arguments arguments, FilterContext&) {
  return Calculate(Operation::kMinus, NumberOf(input), NumberOf(arguments[0]));
}
Result Times(const Value& input, Arguments arguments, FilterContext&) {
  return Calculate(Operation::kTimes, NumberOf(input), NumberOf(arguments[0]));
}

absl::Status DividesByZero() { return absl::InvalidArgumentError("divided by zero"); }

// Whole numbers divide to the floor, as in Ruby: -5 / 3 is -2.
Result DividedBy(const Value& input, Arguments arguments, FilterContext&) {
  const Value left = NumberOf(input);
  const Value right = NumberOf(arguments[0]);
  if (Real(right) == 0.0) return DividesByZero();
  const auto* a = left.As<int64_t>();
  const auto* b = right.As<int64_t>();
  if (a == nullptr || b == nullptr) return Value(Real(left) / Real(right));
  if (*b == -1) return Calculate(Operation::kTimes, left, right);  // INT64_MIN / -1 does not fit.
  const int64_t quotient = *a / *b;
  return Value(*a % *b != 0 && (*a < 0) != (*b < 0) ? quotient - 1 : quotient);
}

// The remainder has the divisor's sign.
Result Modulo(const Value& input, Arguments arguments, FilterContext&) {
  const Value left = NumberOf(input);
  const Value right = NumberOf(arguments[0]);
  if (Real(right) == 0.0) return DividesByZero();
  const auto* a = left.As<int64_t>();
  const auto* b = right.As<int64_t>();
  if (a != nullptr && b != nullptr) {
    if (*b == -1) return Value(int64_t{0});
    const int64_t rest = *a % *b;
    return Value(rest != 0 && (rest < 0) != (*b < 0) ? rest + *b : rest);
  }
  const double rest = std::fmod(Real(left), Real(right));
  return Decimal(rest != 0 && (rest < 0) != (Real(right) < 0) ? rest + Real(right) : rest);
}

Result Abs(const Value& input, Arguments, FilterContext&) {
  const Value number = NumberOf(input);
  const auto* integer = number.As<int64_t>();
  if (integer == nullptr) return Value(std::fabs(Real(number)));
  return *integer < 0 ? Calculate(Operation::kMinus, Value(int64_t{0}), number) : number;
}

Result AtLeast(const Value& input, Arguments arguments, FilterContext&) {
  const Value number = NumberOf(input);
  const Value bound = NumberOf(arguments[0]);
  return Real(number) < Real(bound) ? bound : number;
}
Result AtMost(const Value& input, Arguments arguments, FilterContext&) {
  const Value number = NumberOf(input);
  const Value bound = NumberOf(arguments[0]);
  return Real(number) > Real(bound) ? bound : number;
}

// A whole number if it fits, else as it is.
Value Whole(double value) {
  if (!(std::fabs(value) < 9.2e18)) return Value(value);
  return Value(static_cast<int64_t>(value));
}

Result Ceil(const Value& input, Arguments, FilterContext&) {
  const Value number = NumberOf(input);
  return number.As<int64_t>() != nullptr ? number : Whole(std::ceil(Real(number)));
}
Result Floor(const Value& input, Arguments, FilterContext&) {
  const Value number = NumberOf(input);
  return number.As<int64_t>() != nullptr ? number : Whole(std::floor(Real(number)));
}

// Halves go away from zero.
Result Round(const Value& input, Arguments arguments, FilterContext&) {
  const Value number = NumberOf(input);
  const int64_t digits = arguments.empty() ? 0 : arguments[0].ToInteger().value_or(0);
  if (digits > 15) return number;
  if (digits < -18) return Value(int64_t{0});
  if (digits > 0) {
    if (number.As<int64_t>() != nullptr) return number;
    const double scale = std::pow(10.0, static_cast<double>(digits));
    const double scaled = Real(number) * scale;
    return std::isfinite(scaled) ? Decimal(std::round(scaled) / scale) : number;
  }
  if (digits == 0)
    return number.As<int64_t>() != nullptr ? number : Whole(std::round(Real(number)));
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  return Whole(std::round(Real(number) / scale) * scale);
}

// The forms in which dates come: RFC 3339 first, then what people write.
constexpr const char* kDateForms[] = {
    "%Y-%m-%dT%H:%M:%E*S%Ez",
    "%Y-%m-%d %H:%M:%E*S %Ez",
    "%Y-%m-%d %H:%M:%E*S%Ez",
    "%Y-%m-%dT%H:%M:%E*S",
    "%Y-%m-%d %H:%M:%E*S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%B %d, %Y",
    "%d %B %Y",
    "%B %d %Y",
    "%a, %d %b %Y %H:%M:%S %z",
};

std::optional<absl::Time> ParseDate(const Value& input, const RenderOptions& options) {
  const std::string text = input.ToText();
  if (text == "now" || text == "today") return options.now;
  if (input.As<int64_t>() != nullptr ||
      (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)) {
    const std::optional<int64_t> seconds = input.ToInteger();
    return seconds.has_value() ? std::optional(absl::FromUnixSeconds(*seconds)) : std::nullopt;
  }
  for (const char* form : kDateForms) {
    absl::Time time;
    std::string ignored;
    if (absl::ParseTime(form, text, options.time_zone, &time, &ignored)) return time;
  }
  return std::nullopt;
}

// Whether `format` is of strftime's plain conversions: neither widths (a page of spaces for two
// characters) nor anything that a C library may add.
bool IsPlainFormat(std::string_view format) {
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    ++i;
    if (i < format.size() && (format[i] == '-' || format[i] == '^')) ++i;
    if (i >= format.size()) return false;
    if (std::string_view("aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%").find(format[i]) ==
        std::string_view::npos) {
      return false;
    }
  }
  return true;
}

// What is no date, or no format, leaves the input as it is.
Result Date(const Value& input, Arguments arguments, FilterContext& context) {
  const std::string format = arguments[0].ToText();
  if (input.IsNil() || format.empty()) return input;
  const std::optional<absl::Time> time = ParseDate(input, context.options);
  if (!time.has_value()) return input;
  if (!IsPlainFormat(format)) {
    return absl::InvalidArgumentError("the format holds a conversion that `date` does not know");
  }
  RONDO_RETURN_IF_ERROR(context.budget.ChargeText(format.size() * 16));
  return Value(absl::FormatTime(format, *time, context.options.time_zone));
}

constexpr Filter kFilters[] = {
    {"abs", 0, 0, Abs},     {"at_least", 1, 1, AtLeast}, {"at_most", 1, 1, AtMost},
    {"ceil", 0, 0, Ceil},   {"date", 1, 1, Date},        {"divided_by", 1, 1, DividedBy},
    {"floor", 0, 0, Floor}, {"minus", 1, 1, Minus},      {"modulo", 1, 1, Modulo},
    {"plus", 1, 1, Plus},   {"round", 0, 1, Round},      {"times", 1, 1, Times},
};

}  // namespace

std::span<const Filter> NumberFilters() { return kFilters; }

}  // namespace rondo::liquid
