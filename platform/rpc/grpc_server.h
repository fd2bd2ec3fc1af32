// The gRPC door: serves a MethodTable with health checks and reflection.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/listen_address.h"
#include "platform/rpc/door.h"
#include "platform/rpc/method_table.h"

namespace rondo {

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
  // Listens and serves `methods`, which outlives the server. FAILED_PRECONDITION, naming the
  // address, if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(GrpcServerOptions options,
                                                           const MethodTable& methods,
                                                           const DoorParts& parts);
  virtual ~GrpcServer() = default;

  // As bound: the port is never 0.
  virtual const ListenAddress& address() const = 0;

  // Health answers NOT_SERVING, new calls get UNAVAILABLE; returns when those in flight are
  // answered, or cancels them after `grace`. Idempotent. The destructor drains with a grace of one
  // second.
  virtual void Drain(absl::Duration grace) = 0;
};

}  // namespace rondo
