// rondo with the population in it: catalogue, runtime and targeting on a log in memory, with a gRPC
// door, at the instant Population::Now().
//
// This is the seam to the engine: Fill is how the columns come in, Select is how a question is
// answered, PreviewSegment how it is asked from outside.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/targeting/targeting_projection.h"
#include "tests/bench/segments/population.h"

namespace rondo::bench {

class Shop {
 public:
  static constexpr int kPartitions = 8;

  // How the population comes in: straight into the tables, two partitions at a time; or record by
  // record through the log and the projection.
  enum class Path { kBulk, kLog };
  // The population must outlive it.
  Shop(const Population& population, Path path);
  ~Shop();

  // Stores a segment, in the service too, and keeps its members, as live segments will.
  absl::Status Define(const std::string& name, const std::string& rule);

  // Who the rule selects, in no order: from its text to ids in memory, compilation included.
  // `in_segment` is answered from the members that Define kept.
  absl::StatusOr<std::vector<CustomerId>> Select(const std::string& rule);

  struct Preview {
    int64_t selected = 0;
    absl::Duration took;
  };
  // The call through gRPC and loopback, with its default sample.
  absl::StatusOr<Preview> PreviewSegment(const std::string& rule);

  // Evaluations of a rule for one customer at a time, a second, on one thread: rows of 1,000
  // customers in memory, as a decision has them.
  absl::StatusOr<double> EvaluationsPerSecond(const std::string& rule, absl::Duration time);

  struct Latencies {
    std::vector<absl::Duration> previews;
    double updates_per_second = 0.0;  // Appended, and applied when the last preview ended.
  };
  // Previews one after another for `time`, while `updates_per_second` changes of one attribute are
  // appended to the log; 0: nothing is.
  absl::StatusOr<Latencies> PreviewWhileUpdating(const std::string& rule, int updates_per_second,
                                                 absl::Duration time);

  // Of the projection, in bytes.
  size_t memory_bytes() const;
  // Hash of all that rules can read.
  uint64_t Fingerprint() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rondo::bench
