// The door for people, browsers and mail readers: REST and OpenAPI from the contract, tracking
// links, dashboards, health and metrics, all over one HTTP server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "channels/links/token.h"
#include "platform/core/clock.h"
#include "platform/core/listen_address.h"
#include "platform/http/http_server.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/door.h"

namespace rondo {

struct GatewayOptions {
  HttpServerOptions http = {};
  // Full names of the services whose RPCs are on /api/v1: MethodTable::services().
  std::vector<std::string> services = {};
  // Folder of the built dashboards, read once at start; empty: / says that there are none.
  std::string dashboards_dir = {};
  // Beside this machine's own names, who may stand in `Host` for the API and the dashboards.
  // Tracking answers to every name.
  std::vector<std::string> allowed_hosts = {};
  absl::Duration call_timeout = absl::Seconds(30);
  Authenticator authenticator = {};  // Unset: everyone is Principal{}.
};

// All outlive the gateway.
struct GatewayParts {
  Caller& caller;
  const LinkTokens& links;
  // The text of /metrics, in Prometheus' format.
  std::function<std::string()> metrics;
  DoorParts door;
  // OK when calls can be answered; else UNAVAILABLE with the reason, for /readyz.
  std::function<absl::Status()> ready;
  // The deployment's time, which events and consents bear; `door.clock` is for deadlines alone.
  const Clock& clock;
};

// Thread-safe.
class Gateway {
 public:
  // Listens and serves. What HttpServer::Start refuses; INVALID_ARGUMENT or NOT_FOUND, naming it,
  // for a dashboards folder that cannot be served.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(GatewayOptions options,
                                                        const GatewayParts& parts);
  virtual ~Gateway() = default;

  // As bound: the port is never 0.
  virtual const ListenAddress& address() const = 0;

  // /readyz answers 503 from now on, so that a load balancer turns away; the rest goes on.
  // Idempotent.
  virtual void StopBeingReady() = 0;

  // StopBeingReady, then HttpServer::Drain.
  virtual void Drain(absl::Duration grace) = 0;
};

}  // namespace rondo
