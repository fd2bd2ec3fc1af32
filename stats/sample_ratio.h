// Sample-ratio mismatch: whether customers arrived in the arms in the planned proportions. If they
// did not, the arms are not comparable, and no estimate from them can be trusted.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

namespace rondo::stats {

// Below this the report warns (Fabijan et al. 2019, KDD, use the same order of magnitude).
inline constexpr double kSampleRatioAlarm = 0.01;

// Pearson's chi-square p-value of `customers` per arm against `shares`, with arms - 1 degrees of
// freedom. Shares are relative weights above 0: {1, 1} is {0.5, 0.5}.
// INVALID_ARGUMENT for fewer than two arms, lists of different lengths, a negative count, or a
// share that is not a positive finite number; FAILED_PRECONDITION "not enough data" without any
// customer.
absl::StatusOr<double> SampleRatioPValue(std::span<const int64_t> customers,
                                         std::span<const double> shares);

}  // namespace rondo::stats
