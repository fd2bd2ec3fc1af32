// The composition root: wires the log, the projection runtime, the services and the doors into one
// process. The only place that knows all services.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "app/config.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/log.h"

namespace rondo {

class Server {
 public:
  // Opens the data folder, replays what the services have not seen yet, goes live and opens the
  // doors. FAILED_PRECONDITION, saying what to do, for a folder in use, a newer format, an address
  // in use or not of this machine, a log that is not this folder's; INVALID_ARGUMENT for a
  // configuration that cannot be served; UNAVAILABLE if Kafka's broker does not answer; DATA_LOSS,
  // naming file and offset, for a log that is damaged or lacks what was acknowledged. `on_live` is
  // called once all is open, before addresses.json says so.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const Config& config, const std::function<void()>& on_live = [] {});
  ~Server();

  // As bound: `127.0.0.1:8080`.
  std::string http_address() const;
  std::string grpc_address() const;

  // The services of this process without a door, and the runtime beneath them: for benchmarks.
  Caller& caller();
  eventlog::Runtime& runtime();

  // Takes nothing new, answers what is in flight, ends effects, flushes. Idempotent.
  void Drain(absl::Duration grace);

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace rondo
