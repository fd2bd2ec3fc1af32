#include "tests/sim/simulate.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"

namespace rondo::sim {

SimulateSummary Simulate(const SimulateOptions& options, const DeploymentChoice& choice,
                         const std::function<std::string(uint64_t seed)>& replay,
                         std::ostream& out) {
  SimulateSummary summary;
  std::mutex mutex;
  std::atomic<int> next = 0;
  const auto work = [&] {
    for (int world = next++; world < options.worlds; world = next++) {
      const uint64_t seed = options.seed + static_cast<uint64_t>(world);
      const WorldResult result = RunWorld({.seed = seed, .keep_trace = options.trace}, choice);
      const std::lock_guard lock(mutex);
      out << result.trace;
      summary.crashes += result.crashes;
      summary.received += result.received;
      summary.records += result.records;
      if (result.violation.empty()) continue;
      out << absl::StrFormat("seed %d: %s\n  replay: %s\n", seed, result.violation, replay(seed));
      if (summary.failed++ == 0 || seed < summary.first_failed_seed) {
        summary.first_failed_seed = seed;
        summary.first_violation = result.violation;
      }
    }
  };
  const int wanted =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (int i = 0; i < std::clamp(wanted, 1, options.worlds); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return summary;
}

}  // namespace rondo::sim
