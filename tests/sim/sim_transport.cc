#include "tests/sim/sim_transport.h"

namespace rondo::sim {

void SimTransport::Send(const Message& message, Done done) {
  const absl::Time begun = machine_.clock().Now();
  const double fate = rng_.Uniform();
  // Mostly some seconds, sometimes hours.
  const absl::Duration takes = rng_.Chance(0.03) ? absl::Hours(1) + absl::Seconds(rng_.Below(7'200))
                                                 : absl::Milliseconds(1 + rng_.Below(5'000));
  const auto answer = [this, done, takes](SendStatus status, int code) {
    machine_.executor().PostAt(machine_.clock().Now() + takes,
                               [done, status, code] { done({.status = status, .code = code}); });
  };
  if (fate < 0.10) return answer(SendStatus::kDeferred, 451);
  if (fate < 0.14) return answer(SendStatus::kFailed, 550);
  const bool reply_is_lost = fate < 0.18;
  machine_.executor().PostAt(begun + takes, [this, message, begun, answer, reply_is_lost] {
    if (machine_.crashed()) return;  // The connection broke before the last byte.
    received_(message, begun);
    answer(reply_is_lost ? SendStatus::kUnknown : SendStatus::kAccepted, reply_is_lost ? 0 : 250);
  });
}

}  // namespace rondo::sim
