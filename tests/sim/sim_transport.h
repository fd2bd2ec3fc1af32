// The mail sink as the simulated world has it: slow, refusing, losing replies.
#pragma once

#include <functional>

#include "platform/core/rng.h"
#include "tests/sim/deployment.h"
#include "tests/sim/machine.h"

namespace rondo::sim {

// For one thread. A message reaches the sink only if the process lives until its last byte is sent;
// `received` then runs, whatever becomes of the process.
class SimTransport final : public Transport {
 public:
  using Received = std::function<void(const Message& message, absl::Time begun)>;
  SimTransport(uint64_t seed, Machine& machine, Received received)
      : rng_(seed ^ 0x736d7470u), machine_(machine), received_(std::move(received)) {}

  void Send(const Message& message, Done done) override;

 private:
  Rng rng_;
  Machine& machine_;
  Received received_;
};

}  // namespace rondo::sim
