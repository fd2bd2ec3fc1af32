// Runs many worlds, each from its own seed, on several threads: `rondo simulate`, and the test.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "tests/sim/world.h"

namespace rondo::sim {

struct SimulateOptions {
  uint64_t seed = 1;  // Of the first world; the others follow.
  int worlds = 1;
  int threads = 0;     // 0: as many as the machine has.
  bool trace = false;  // Print each world's trace.
};

struct SimulateSummary {
  int failed = 0;
  uint64_t first_failed_seed = 0;
  std::string first_violation;
  int64_t crashes = 0;
  int64_t received = 0;
  int64_t records = 0;
};

// `replay` makes the command that replays one seed: it is printed for each failed one.
SimulateSummary Simulate(const SimulateOptions& options, const DeploymentChoice& choice,
                         const std::function<std::string(uint64_t seed)>& replay,
                         std::ostream& out);

}  // namespace rondo::sim
