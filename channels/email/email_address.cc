#include "channels/email/email_address.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "platform/core/field_error.h"

namespace rondo {
namespace {

constexpr size_t kLocalPartMax = 64;
constexpr size_t kAddressMax = 254;
constexpr size_t kLabelMax = 63;

bool IsAlnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// RFC 5321, 4.1.2: Atom *("." Atom).
bool IsDotString(std::string_view text) {
  if (text.empty() || text.size() > kLocalPartMax || text.front() == '.' || text.back() == '.') {
    return false;
  }
  if (text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsAlnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
  });
}

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kLabelMax && label.front() != '-' &&
         label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) { return IsAlnum(c) || c == '-'; });
}

bool IsDomain(std::string_view domain) {
  while (true) {
    const size_t dot = domain.find('.');
    if (!IsLabel(domain.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    domain.remove_prefix(dot + 1);
  }
}

}  // namespace

absl::StatusOr<EmailAddress> EmailAddress::Parse(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos || text.size() > kAddressMax ||
      !IsDotString(text.substr(0, at)) || !IsDomain(text.substr(at + 1))) {
    return FieldError("email", "not an address of the form name@example.com");
  }
  return EmailAddress(std::string(text), at);
}

absl::StatusOr<EmailAddress> VerpReturnPath(const EmailAddress& base, std::string_view id) {
  const bool plain = !id.empty() && std::all_of(id.begin(), id.end(),
                                                [](char c) { return IsAlnum(c) || c == '-'; });
  if (!plain) return FieldError("id", "letters, digits and hyphens");
  std::string text(base.local_part());
  text += "+" + std::string(id) + "@" + std::string(base.domain());
  auto address = EmailAddress::Parse(text);
  if (!address.ok()) return FieldError("id", "too long for a return path: 64 bytes with its base");
  return address;
}

}  // namespace rondo
