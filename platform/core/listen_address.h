// Where a door listens. Until there is a login, doors open on loopback only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rondo {

struct ListenAddress {
  std::string host;   // Numeric: `127.0.0.1` or `::1`.
  uint16_t port = 0;  // 0: a free port, chosen when bound.
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// "127.0.0.1:8080", "[::1]:0" or "localhost:8080". INVALID_ARGUMENT for what is no address;
// FAILED_PRECONDITION, with the reason, for one that other machines can reach.
absl::StatusOr<ListenAddress> ParseLoopbackAddress(std::string_view text);

// "127.0.0.1:8080", "[::1]:8080".
std::string ToString(const ListenAddress& address);

}  // namespace rondo
