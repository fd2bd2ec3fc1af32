#include "platform/core/listen_address.h"

#include <arpa/inet.h>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace rondo {
namespace {

enum class Reach { kNoAddress, kLoopback, kOthers };

Reach ReachOf(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127 ? Reach::kLoopback : Reach::kOthers;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&v6) ? Reach::kLoopback : Reach::kOthers;
  }
  return Reach::kNoAddress;
}

absl::Status NoAddress(std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text),
                   "\": write an address to listen on as 127.0.0.1:8080 or [::1]:8080"));
}

}  // namespace

absl::StatusOr<ListenAddress> ParseLoopbackAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return NoAddress(text);
  std::string host(text.substr(0, colon));
  const std::string port_text(text.substr(colon + 1));
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string::npos) return NoAddress(text);
  } else if (host.find(':') != std::string::npos) {
    return NoAddress(text);
  }
  if (host == "localhost") host = "127.0.0.1";

  uint32_t port = 0;
  const bool digits_only = port_text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits_only || !absl::SimpleAtoi(port_text, &port) || port > 65535) return NoAddress(text);
  switch (ReachOf(host)) {
    case Reach::kNoAddress:
      return NoAddress(text);
    case Reach::kOthers:
      return absl::FailedPreconditionError(absl::StrCat(
          "refused to listen on ", std::string(text),
          ": other machines can reach it and there is no login yet; listen on 127.0.0.1 "
          "or [::1] and put a proxy that authenticates before it"));
    case Reach::kLoopback:
      break;
  }
  return ListenAddress{.host = host, .port = static_cast<uint16_t>(port)};
}

std::string ToString(const ListenAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return is_v6 ? absl::StrCat("[", address.host, "]:", address.port)
               : absl::StrCat(address.host, ":", address.port);
}

}  // namespace rondo
