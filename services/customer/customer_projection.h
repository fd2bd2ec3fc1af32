// Records to state: who the customers are, which keys they own, which imported facts are known.
//
// A ProfileChanged claims its keys: one whose hash lies in this partition at once (so is the first
// key of a new customer, whose id is that hash), others by KeyClaimed in the partition of their
// hash, where the first in log order wins. An erased customer takes no more changes and its keys
// are released by KeyClaimed with customer 0.
#pragma once

#include "platform/eventlog/projection.h"

namespace rondo::customer {

inline constexpr std::string_view kServiceName = "customer";

// Stateless: one thread a partition, any number of partitions.
class CustomerProjection final : public eventlog::Projection {
 public:
  std::string_view name() const override { return kServiceName; }
  int state_version() const override { return 1; }

  // FAILED_PRECONDITION for a change of an erased customer, ALREADY_EXISTS for a claim of a key
  // that another customer owns.
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
};

}  // namespace rondo::customer
