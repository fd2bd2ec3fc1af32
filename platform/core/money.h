// Amounts of money: integer minor units and an ISO 4217 code. Never floating point.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rondo {

struct Money {
  std::string currency;     // ISO 4217, upper case: `KRW`.
  int64_t minor_units = 0;  // 12.34 EUR is 1234; 12 KRW is 12.
  friend bool operator==(const Money&, const Money&) = default;
};

// Decimal places of a currency in ISO 4217 (KRW 0, EUR 2, KWD 3). INVALID_ARGUMENT unless
// `currency` is three upper-case letters.
absl::StatusOr<int> MinorUnitDigits(std::string_view currency);

// "12.50", "EUR" -> 1250. INVALID_ARGUMENT for anything but an optional sign, digits and at most
// the currency's decimal places, or beyond int64.
absl::StatusOr<Money> ParseMoney(std::string_view amount, std::string_view currency);

// 1250 EUR -> "12.50".
std::string FormatAmount(const Money& money);

// OUT_OF_RANGE on overflow; INVALID_ARGUMENT for different currencies.
absl::StatusOr<Money> Add(const Money& a, const Money& b);

}  // namespace rondo
