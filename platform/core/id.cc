#include "platform/core/id.h"

#include <charconv>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"

namespace rondo {
namespace {
constexpr std::string_view kCollection = "customers/";
constexpr size_t kDigits = 16;
}  // namespace

std::string ToResourceName(CustomerId id) { return absl::StrFormat("customers/%016x", id.value()); }

absl::StatusOr<CustomerId> ParseCustomerName(std::string_view name) {
  const auto refuse = [] {
    return FieldError("name", "expected customers/ and 16 lower-case hexadecimal digits");
  };
  if (!name.starts_with(kCollection)) return refuse();
  const std::string_view digits = name.substr(kCollection.size());
  if (digits.size() != kDigits ||
      digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return refuse();
  }
  uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (value == 0) return refuse();
  return CustomerId(value);
}

}  // namespace rondo
