#include "rules/time_text.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "rules/value.h"

namespace rondo::rules {
namespace {

// ".5", or nothing; trailing zeros dropped.
std::string Fraction(int32_t nanos) {
  if (nanos == 0) return "";
  std::string text = absl::StrFormat(".%09d", nanos);
  while (text.back() == '0') text.pop_back();
  return text;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `count` digits off the front.
std::optional<int> TakeDigits(std::string_view* text, size_t count) {
  if (text->size() < count) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit((*text)[i])) return std::nullopt;
    value = value * 10 + ((*text)[i] - '0');
  }
  text->remove_prefix(count);
  return value;
}

bool Take(std::string_view* text, char expected) {
  if (text->empty() || text->front() != expected) return false;
  text->remove_prefix(1);
  return true;
}

// Decimals of a second, as nanoseconds; at most 9.
std::optional<int32_t> TakeNanos(std::string_view* text) {
  if (text->empty() || text->front() != '.') return 0;
  text->remove_prefix(1);
  int32_t nanos = 0;
  int digits = 0;
  while (!text->empty() && IsDigit(text->front())) {
    if (++digits > 9) return std::nullopt;
    nanos = nanos * 10 + (text->front() - '0');
    text->remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) nanos *= 10;
  return nanos;
}

// "Z", "+09:00": seconds east of UTC.
std::optional<int> TakeOffset(std::string_view* text) {
  if (Take(text, 'Z') || Take(text, 'z')) return 0;
  const bool east = !text->empty() && text->front() == '+';
  if (!east && (text->empty() || text->front() != '-')) return std::nullopt;
  text->remove_prefix(1);
  const std::optional<int> hours = TakeDigits(text, 2);
  if (!hours || !Take(text, ':')) return std::nullopt;
  const std::optional<int> minutes = TakeDigits(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int seconds = *hours * 3600 + *minutes * 60;
  return east ? seconds : -seconds;
}

// Nanoseconds of a unit of CEL's duration strings, taken off the front; 0 when none is there.
int64_t TakeUnit(std::string_view* text) {
  struct Unit {
    std::string_view name;
    int64_t nanos;
  };
  constexpr Unit kUnits[] = {{"ns", 1},
                             {"us", 1'000},
                             {"\u00b5s", 1'000},
                             {"ms", 1'000'000},
                             {"s", 1'000'000'000},
                             {"m", 60'000'000'000},
                             {"h", 3'600'000'000'000}};
  for (const Unit& unit : kUnits) {
    if (text->substr(0, unit.name.size()) != unit.name) continue;
    text->remove_prefix(unit.name.size());
    return unit.nanos;
  }
  return 0;
}

}  // namespace

std::string FormatTimestamp(int64_t seconds, int32_t nanos) {
  const absl::CivilSecond civil =
      absl::ToCivilSecond(absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d%sZ", civil.year(), civil.month(),
                         civil.day(), civil.hour(), civil.minute(), civil.second(),
                         Fraction(nanos));
}

std::optional<SecondsNanos> ParseTimestamp(std::string_view text) {
  const std::optional<int> year = TakeDigits(&text, 4);
  if (!year || !Take(&text, '-')) return std::nullopt;
  const std::optional<int> month = TakeDigits(&text, 2);
  if (!month || !Take(&text, '-')) return std::nullopt;
  const std::optional<int> day = TakeDigits(&text, 2);
  if (!day || (!Take(&text, 'T') && !Take(&text, 't'))) return std::nullopt;
  const std::optional<int> hour = TakeDigits(&text, 2);
  if (!hour || !Take(&text, ':')) return std::nullopt;
  const std::optional<int> minute = TakeDigits(&text, 2);
  if (!minute || !Take(&text, ':')) return std::nullopt;
  const std::optional<int> second = TakeDigits(&text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const absl::CivilSecond civil(*year, *month, *day, *hour, *minute, *second);
  if (civil.month() != *month || civil.day() != *day) return std::nullopt;  // 30 February.
  const std::optional<int32_t> nanos = TakeNanos(&text);
  if (!nanos) return std::nullopt;
  const std::optional<int> offset = TakeOffset(&text);
  if (!offset || !text.empty()) return std::nullopt;
  const int64_t seconds =
      absl::ToUnixSeconds(absl::FromCivil(civil, absl::UTCTimeZone())) - *offset;
  if (seconds < kMinTimestampSeconds || seconds > kMaxTimestampSeconds) return std::nullopt;
  return SecondsNanos{seconds, *nanos};
}

std::string FormatDuration(int64_t seconds, int32_t nanos) {
  if (seconds >= 0 || nanos == 0) return absl::StrFormat("%d%ss", seconds, Fraction(nanos));
  // -0.5 s is kept as (-1, 0.5e9).
  return absl::StrFormat("-%d%ss", -(seconds + 1), Fraction(kNanosPerSecond - nanos));
}

std::optional<SecondsNanos> ParseDuration(std::string_view text) {
  const bool negative = Take(&text, '-');
  if (!negative) Take(&text, '+');
  if (text == "0") return SecondsNanos{};
  if (text.empty()) return std::nullopt;
  __int128 total = 0;
  const __int128 limit = static_cast<__int128>(kMaxDurationSeconds) * kNanosPerSecond;
  while (!text.empty()) {
    size_t digits = 0;
    while (digits < text.size() && IsDigit(text[digits])) ++digits;
    const std::string_view whole = text.substr(0, digits);
    text.remove_prefix(digits);
    std::string_view decimals;
    if (Take(&text, '.')) {
      size_t count = 0;
      while (count < text.size() && IsDigit(text[count])) ++count;
      decimals = text.substr(0, count);
      text.remove_prefix(count);
    }
    if (whole.empty() && decimals.empty()) return std::nullopt;
    const int64_t unit = TakeUnit(&text);
    if (unit == 0) return std::nullopt;
    __int128 value = 0;
    for (const char c : whole) {
      value = value * 10 + (c - '0');
      if (value * unit > limit) return std::nullopt;
    }
    total += value * unit;
    for (__int128 scale = unit; const char c : decimals) {
      scale /= 10;
      total += scale * (c - '0');
    }
    if (total > limit) return std::nullopt;
  }
  if (negative) total = -total;
  auto seconds = static_cast<int64_t>(total / kNanosPerSecond);
  auto nanos = static_cast<int32_t>(total % kNanosPerSecond);
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  return SecondsNanos{seconds, nanos};
}

std::optional<int64_t> ParseWindowMicros(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  int64_t seconds_each = 0;
  switch (text.back()) {
    case 's':
      seconds_each = 1;
      break;
    case 'm':
      seconds_each = 60;
      break;
    case 'h':
      seconds_each = 3600;
      break;
    case 'd':
      seconds_each = 86400;
      break;
    case 'w':
      seconds_each = 7 * 86400;
      break;
    default:
      return std::nullopt;
  }
  text.remove_suffix(1);
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count <= 0) return std::nullopt;
  if (count > kMaxDurationSeconds / seconds_each) return std::nullopt;
  return count * seconds_each * 1'000'000;
}

}  // namespace rondo::rules
