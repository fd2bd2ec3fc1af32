// What the doors (gRPC, REST) have in common: how a call comes in and how it is accounted for.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/call_metrics.h"
#include "platform/rpc/log.h"

namespace rondo {

// What a caller shows of itself: the metadata (or HTTP header) `authorization`, and its address.
struct Credentials {
  std::string authorization;
  std::string peer;
};
// Returns who it is; UNAUTHENTICATED refuses the call.
using Authenticator = std::function<absl::StatusOr<Principal>(const Credentials&)>;

// All outlive the door.
struct DoorParts {
  Executor& executor;  // Runs the handlers.
  const Clock& clock;
  CallMetrics& metrics;
  const Log& log;
};

// One call, as it is accounted for.
struct CallRecord {
  std::string_view door;    // "grpc", "http".
  std::string_view method;  // The RPC's full name.
  std::string_view trace_id;
  absl::Status status;
  absl::Duration took;
};

// Counts the call; logs it as debug if it went well, as info if the caller erred, as a warning,
// with the message, if we did.
void Account(const DoorParts& parts, const CallRecord& record);

// A trace id from outside if it is 1 to 128 characters of [A-Za-z0-9._:-], else a new random one.
std::string TraceIdOr(std::string_view given);

// Metadata key and HTTP header of the trace id.
inline constexpr char kTraceIdHeader[] = "x-request-id";

}  // namespace rondo
