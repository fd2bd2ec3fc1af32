// URLs, by libcurl's parser: nothing here reads one by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo {

struct Url {
  std::string scheme;  // `http` or `https`.
  std::string host;    // As libcurl normalises it; an IPv6 address in brackets.
  uint16_t port = 0;   // The scheme's own if the URL names none.
  std::string path;    // Percent-encoded, starts with `/`.
  std::string query;   // Percent-encoded, without `?`.
};

// An absolute http(s) URL without user, password or control characters; else INVALID_ARGUMENT.
absl::StatusOr<Url> ParseUrl(std::string_view text);

// INVALID_ARGUMENT for a `%` without two hexadecimal digits after it, or for a NUL.
absl::StatusOr<std::string> PercentDecode(std::string_view text);
// Everything but unreserved characters (RFC 3986, 2.3).
std::string PercentEncode(std::string_view text);

// `a=1&b=x+y` in order, decoded (application/x-www-form-urlencoded). At most kQueryParametersMax.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query);
inline constexpr size_t kQueryParametersMax = 1000;

}  // namespace rondo
