#include "tests/sim/simulate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"

namespace rondo::sim {
namespace {

// Takes results as they come, and tells them in the order of their seeds.
class Teller {
 public:
  Teller(uint64_t first_seed, std::ostream* trace, std::ostream& out,
         const std::function<std::string(uint64_t)>& replay)
      : next_(first_seed), trace_(trace), out_(out), replay_(replay) {}

  void Add(uint64_t seed, WorldResult result) {
    const std::lock_guard lock(mutex_);
    early_.emplace(seed, std::move(result));
    for (auto it = early_.begin(); it != early_.end() && it->first == next_; ++next_) {
      Tell(it->first, it->second);
      it = early_.erase(it);
    }
  }
  const SimulateSummary& summary() const { return summary_; }

 private:
  void Tell(uint64_t seed, const WorldResult& result) {
    if (trace_ != nullptr) *trace_ << result.trace;
    summary_.crashes += result.crashes;
    summary_.received += result.received;
    summary_.records += result.records;
    summary_.people += result.people;
    summary_.held_out += result.held_out;
    if (result.violation.empty()) return;
    out_ << absl::StrFormat("seed %d: %s\n  replay: %s\n", seed, result.violation, replay_(seed));
    if (summary_.failed++ > 0) return;
    summary_.first_failed_seed = seed;
    summary_.first_violation = result.violation;
  }

  std::mutex mutex_;
  uint64_t next_;
  std::map<uint64_t, WorldResult> early_;
  std::ostream* const trace_;
  std::ostream& out_;
  const std::function<std::string(uint64_t)>& replay_;
  SimulateSummary summary_;
};

}  // namespace

bool SimulateSummary::HoldoutIsKept() const {
  const auto n = static_cast<double>(people);
  const double deviation = std::sqrt(n * kHoldout * (1.0 - kHoldout));
  return std::abs(static_cast<double>(held_out) - n * kHoldout) <= 6.0 * deviation;
}

SimulateSummary Simulate(const SimulateOptions& options, const DeploymentChoice& choice,
                         const std::function<std::string(uint64_t seed)>& replay,
                         std::ostream& out) {
  Teller teller(options.seed, options.trace, out, replay);
  std::atomic<int> next = 0;
  const auto work = [&] {
    for (int world = next++; world < options.worlds; world = next++) {
      const uint64_t seed = options.seed + static_cast<uint64_t>(world);
      const bool keep_trace = options.trace != nullptr;
      teller.Add(seed,
                 RunWorld({.seed = seed, .keep_trace = keep_trace, .miniature = options.miniature},
                          choice));
    }
  };
  const int wanted =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (int i = 0; i < std::clamp(wanted, 1, options.worlds); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return teller.summary();
}

}  // namespace rondo::sim
