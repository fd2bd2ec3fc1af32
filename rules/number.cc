#include "rules/number.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace rondo::rules {
namespace {

template <typename T>
std::optional<T> ParseWhole(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool SameIgnoringCase(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(absl::string_view(a.data(), a.size()),
                                absl::string_view(b.data(), b.size()));
}

}  // namespace

std::string ShortestDouble(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  // CEL leaves the form open; exponents only below 1e-4 and from 1e21, so that sums of money read
  // well.
  const double size = std::fabs(value);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e21);
  char buffer[64];
  const auto result =
      std::to_chars(buffer, buffer + sizeof(buffer), value,
                    scientific ? std::chars_format::scientific : std::chars_format::fixed);
  return {buffer, result.ptr};
}

std::string DoubleLiteral(double value) {
  std::string text = ShortestDouble(value);
  if (text.find_first_of(".eNI") == std::string::npos) text += ".0";
  return text;
}

std::optional<int64_t> ParseInt(std::string_view text) { return ParseWhole<int64_t>(text); }

std::optional<uint64_t> ParseUint(std::string_view text) { return ParseWhole<uint64_t>(text); }

std::optional<double> ParseDouble(std::string_view text) {
  std::string_view size = text;
  const bool negative = !size.empty() && size.front() == '-';
  if (negative || (!size.empty() && size.front() == '+')) size.remove_prefix(1);
  if (size.empty()) return std::nullopt;
  if (SameIgnoringCase(size, "nan")) return std::numeric_limits<double>::quiet_NaN();
  if (SameIgnoringCase(size, "infinity") || SameIgnoringCase(size, "inf")) {
    const double infinity = std::numeric_limits<double>::infinity();
    return negative ? -infinity : infinity;
  }
  if (!absl::ascii_isdigit(static_cast<unsigned char>(size[0])) && size[0] != '.') {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), value);
  if (end != size.data() + size.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large becomes infinite and too small becomes zero in IEEE 754; from_chars does not say
    // which it was, the exponent's sign does.
    const size_t exponent = size.find_first_of("eE");
    const bool small = exponent != std::string_view::npos && size.find('-', exponent) != size.npos;
    value = small ? 0.0 : std::numeric_limits<double>::infinity();
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

}  // namespace rondo::rules
