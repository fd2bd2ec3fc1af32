// RFM: scores every customer with purchases and appends what changed.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "platform/eventlog/runtime.h"

namespace rondo::insight {

struct RefreshedSignals {
  int64_t scored = 0;   // Customers with purchases.
  int64_t changed = 0;  // Customers whose scores were appended.
};

// Scores are quintiles over all customers (stats/rfm.h), as of all that is in the log now. Two
// refreshes at once append the same values twice, which changes nothing.
absl::StatusOr<RefreshedSignals> RefreshSignals(eventlog::Runtime& runtime);

}  // namespace rondo::insight
