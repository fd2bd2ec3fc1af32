// What became of one message at its channel's peer: the same four ends for e-mail and SMS.
#pragma once

#include <cstdint>
#include <string>

namespace rondo {

enum class SendStatus : uint8_t {
  kAccepted,  // The peer took responsibility (SMTP 2yz after the final dot, HTTP 2xx that says so).
  kDeferred,  // Certainly not taken, and may be tried again (4yz, no connection, throttled).
  kFailed,    // Certainly not taken, and trying again is of no use (5yz, refused number).
  kUnknown,   // Taken or not: lost after the message had been put on the wire whole. RFC 1047.
};

struct SendOutcome {
  SendStatus status = SendStatus::kUnknown;
  int code = 0;         // The peer's reply to this message (SMTP or HTTP); 0 if it gave none.
  std::string reply;    // The peer's words, at most 512 bytes, control characters as spaces.
  std::string peer_id;  // The peer's own id of the message, empty if it gives none.

  friend bool operator==(const SendOutcome&, const SendOutcome&) = default;
};

constexpr const char* ToString(SendStatus status) {
  switch (status) {
    case SendStatus::kAccepted:
      return "accepted";
    case SendStatus::kDeferred:
      return "deferred";
    case SendStatus::kFailed:
      return "failed";
    case SendStatus::kUnknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace rondo
