// What a handler knows of the call beside its request.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace rondo {

// Who calls. Without an authenticator everyone on this machine is `local`.
struct Principal {
  std::string name = "local";
  friend bool operator==(const Principal&, const Principal&) = default;
};

struct CallInfo {
  // The request's own field `request_id`: a repeat within 24 hours gets the first answer. Empty:
  // the caller wants no such promise.
  std::string request_id = {};
  // The answer is worthless after this instant; what waits, waits no longer.
  absl::Time deadline = absl::InfiniteFuture();
  std::string peer = {};  // `127.0.0.1:41234`; empty for calls within the process.
  Principal principal = {};
  // Names the outermost call in all logs and flows through nested calls (metadata and HTTP header
  // `x-request-id`). Never a key to anything.
  std::string trace_id = {};
};

}  // namespace rondo
