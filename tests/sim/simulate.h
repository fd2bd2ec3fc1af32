// Runs many worlds, each from its own seed, on several threads: `rondo simulate`, and the test.
// What is written is in the order of the seeds: the same options give the same bytes.
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
  int threads = 0;                // 0: as many as the machine has.
  std::ostream* trace = nullptr;  // Takes each world's trace; null keeps none.
  bool miniature = false;         // As in WorldOptions.
};

struct SimulateSummary {
  int failed = 0;
  uint64_t first_failed_seed = 0;
  std::string first_violation;
  int64_t crashes = 0;
  int64_t received = 0;
  int64_t records = 0;
  // Of the worlds that hold people out.
  int64_t people = 0;
  int64_t held_out = 0;

  // Whether as many were held out as the plans say, within six standard deviations: what no single
  // small world can tell.
  bool HoldoutIsKept() const;
};

// Runs the worlds. `out` is told each one that failed, with the command that replays it, which
// `replay` makes.
SimulateSummary Simulate(const SimulateOptions& options, const DeploymentChoice& choice,
                         const std::function<std::string(uint64_t seed)>& replay,
                         std::ostream& out);

}  // namespace rondo::sim
