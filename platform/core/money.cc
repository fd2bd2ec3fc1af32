#include "platform/core/money.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

// ISO 4217, current list one: currencies whose minor unit is not 2.
constexpr std::array<std::string_view, 17> kNoDecimals = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY",
                                                          "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
                                                          "VND", "VUV", "XAF", "XOF", "XPF"};
constexpr std::array<std::string_view, 7> kThreeDecimals = {"BHD", "IQD", "JOD", "KWD",
                                                            "LYD", "OMR", "TND"};

absl::Status BadAmount(std::string_view currency, int digits) {
  return FieldError("amount",
                    absl::StrFormat("expected a decimal number with at most %d places for "
                                    "%s, within 64 bits of its minor unit",
                                    digits, currency));
}

}  // namespace

absl::StatusOr<int> MinorUnitDigits(std::string_view currency) {
  const bool is_code =
      currency.size() == 3 &&
      std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!is_code) return FieldError("currency", "expected an ISO 4217 code such as EUR");
  if (std::find(kNoDecimals.begin(), kNoDecimals.end(), currency) != kNoDecimals.end()) return 0;
  if (std::find(kThreeDecimals.begin(), kThreeDecimals.end(), currency) != kThreeDecimals.end()) {
    return 3;
  }
  return 2;
}

absl::StatusOr<Money> ParseMoney(std::string_view amount, std::string_view currency) {
  RONDO_ASSIGN_OR_RETURN(const int digits, MinorUnitDigits(currency));
  std::string_view rest = amount;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const size_t point = rest.find('.');
  std::string units(rest.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "" : rest.substr(point + 1));
  const bool shape_ok = !units.empty() && (point == std::string_view::npos || !fraction.empty()) &&
                        fraction.size() <= static_cast<size_t>(digits);
  if (!shape_ok) return BadAmount(currency, digits);
  fraction.resize(static_cast<size_t>(digits), '0');
  const std::string all = (negative ? "-" : "") + units + fraction;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), value);
  if (error != std::errc() || end != all.data() + all.size() || units[0] == '-') {
    return BadAmount(currency, digits);
  }
  return Money{.currency = std::string(currency), .minor_units = value};
}

std::string FormatAmount(const Money& money) {
  const int digits = MinorUnitDigits(money.currency).value_or(2);
  // Unsigned, so that the most negative amount has a magnitude.
  uint64_t magnitude = static_cast<uint64_t>(money.minor_units);
  if (money.minor_units < 0) magnitude = 0 - magnitude;
  std::string text = std::to_string(magnitude);
  if (digits > 0) {
    const auto places = static_cast<size_t>(digits);
    if (text.size() <= places) text.insert(0, places + 1 - text.size(), '0');
    text.insert(text.size() - places, ".");
  }
  return money.minor_units < 0 ? "-" + text : text;
}

absl::StatusOr<Money> Add(const Money& a, const Money& b) {
  if (a.currency != b.currency) {
    return absl::InvalidArgumentError(
        "amounts of different currencies do not add up: " + a.currency + " and " + b.currency);
  }
  Money sum = a;
  if (__builtin_add_overflow(a.minor_units, b.minor_units, &sum.minor_units)) {
    return absl::OutOfRangeError("the sum of two amounts exceeds 64 bits of its minor unit");
  }
  return sum;
}

}  // namespace rondo
