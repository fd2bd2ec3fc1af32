// The HTTP/1.1 door, on Boost.Beast. No TLS, no upgrade: a proxy stands before it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/executor.h"
#include "platform/core/listen_address.h"
#include "platform/http/message.h"

namespace rondo {

struct HttpServerOptions {
  ListenAddress address = {};         // Loopback; port 0 is a free one.
  size_t body_bytes_max = 4 << 20;    // Beyond: 413.
  int connections_max = 4096;         // Beyond: 503 and closed.
  int requests_in_flight_max = 1024;  // Beyond: 503 with Retry-After.
  absl::Duration head_timeout =
      absl::Seconds(10);  // From a head's first byte to its last, then closed.
  absl::Duration body_timeout = absl::Seconds(30);  // For a whole body, and for each write.
  absl::Duration idle_timeout = absl::Seconds(60);  // Between requests.
};

// Answers one request; may block. Runs on the server's executor.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  // Listens and serves. FAILED_PRECONDITION, naming the address, if it cannot be bound. `executor`
  // outlives the server.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options,
                                                           HttpHandler handler, Executor& executor);
  virtual ~HttpServer() = default;

  // As bound: the port is never 0.
  virtual const ListenAddress& address() const = 0;

  // Stops listening, closes idle connections, answers what has arrived with `Connection: close`;
  // returns when all are closed, or cuts them after `grace`. Idempotent. The destructor drains with
  // a grace of one second.
  virtual void Drain(absl::Duration grace) = 0;
};

}  // namespace rondo
