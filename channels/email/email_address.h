// An e-mail address that is safe to put into an SMTP command or a header.
//
// libcurl hands whatever it is given to the server: a recipient that holds CR LF becomes a second
// command. So nothing here takes a raw string for an address: an EmailAddress exists only if Parse
// made it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rondo {

class EmailAddress {
 public:
  // RFC 5321, 4.1.2, without quoted local parts, address literals and SMTPUTF8: a dot-string of at
  // most 64 bytes, `@`, a domain of letter-digit-hyphen labels (an international domain is given as
  // its A-labels, `xn--…`), at most 254 bytes together. INVALID_ARGUMENT otherwise; the message
  // does not repeat the address.
  static absl::StatusOr<EmailAddress> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  std::string_view local_part() const { return std::string_view(text_).substr(0, at_); }
  std::string_view domain() const { return std::string_view(text_).substr(at_ + 1); }

  friend bool operator==(const EmailAddress&, const EmailAddress&) = default;

 private:
  EmailAddress(std::string text, size_t at) : text_(std::move(text)), at_(at) {}
  std::string text_;
  size_t at_;
};

// The return path that carries the contact: `bounces+ID@domain` for base `bounces@domain` (VERP).
// A bounce names it even where it drops every header. `id` is of letters, digits and hyphens;
// INVALID_ARGUMENT otherwise or if the local part becomes longer than 64 bytes.
absl::StatusOr<EmailAddress> VerpReturnPath(const EmailAddress& base, std::string_view id);

}  // namespace rondo
