// The gRPC door: serves a MethodTable with health checks and reflection.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/core/listen_address.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/call_metrics.h"
#include "platform/rpc/log.h"
#include "platform/rpc/method_table.h"

namespace rondo {

// What a caller shows of itself: the metadata (or HTTP header) `authorization`, and its address.
struct Credentials {
  std::string authorization;
  std::string peer;
};
// Returns who it is; UNAUTHENTICATED refuses the call.
using Authenticator = std::function<absl::StatusOr<Principal>(const Credentials&)>;

// What both doors share. All outlive the server.
struct DoorParts {
  const MethodTable& methods;
  Executor& executor;  // Runs the handlers.
  const Clock& clock;
  CallMetrics& metrics;
  const Log& log;
};

struct GrpcServerOptions {
  ListenAddress address = {};       // Loopback; port 0 is a free one.
  int message_bytes_max = 4 << 20;  // Either way.
  int calls_in_flight_max = 1024;   // Beyond: RESOURCE_EXHAUSTED.
  int streams_per_connection_max = 256;
  // INVALID_ARGUMENT for a call without a deadline; otherwise it gets `default_timeout`.
  enum class Deadline { kRequired, kDefaulted } deadline = Deadline::kRequired;
  absl::Duration default_timeout = absl::Seconds(30);
  Authenticator authenticator = {};  // Unset: everyone is Principal{}.
};

class GrpcServer {
 public:
  // Listens and serves. FAILED_PRECONDITION, naming the address, if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(GrpcServerOptions options,
                                                           const DoorParts& parts);
  virtual ~GrpcServer() = default;

  // As bound: the port is never 0.
  virtual const ListenAddress& address() const = 0;

  // Health answers NOT_SERVING, new calls get UNAVAILABLE; returns when those in flight are
  // answered, or cancels them after `grace`. Idempotent. The destructor drains with a grace of one
  // second.
  virtual void Drain(absl::Duration grace) = 0;
};

// A printable trace id from outside (1 to 128 characters of [A-Za-z0-9._:-]), else a new random
// one.
std::string TraceIdOr(std::string_view given);

}  // namespace rondo
