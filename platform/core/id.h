// Strong 64-bit ids, and the slots that customers' ids carry.
//
// A party's id is 12 slot bits, then 52 bits of a keyed hash of its first external key. The slot
// alone says which partition holds the party's log, so that id to partition is computed and never
// looked up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rondo {

// Ids of different kinds do not convert into each other: swapped arguments do not compile.
template <typename Tag>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(uint64_t value) : value_(value) {}
  constexpr uint64_t value() const { return value_; }
  // 0 is never issued.
  constexpr bool is_set() const { return value_ != 0; }
  friend constexpr auto operator<=>(Id, Id) = default;
  template <typename H>
  friend H AbslHashValue(H state, Id id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  uint64_t value_ = 0;
};

// A customer in the wide sense: a person, an organisation or a household.
using CustomerId = Id<struct CustomerTag>;

inline constexpr int kSlotBits = 12;
inline constexpr int kSlotCount = 1 << kSlotBits;

// In [0, kSlotCount).
constexpr int SlotOf(CustomerId id) { return static_cast<int>(id.value() >> (64 - kSlotBits)); }

// The partition, in [0, partition_count), whose range of slots holds `slot`.
constexpr int PartitionOfSlot(int slot, int partition_count) {
  return static_cast<int>(static_cast<int64_t>(slot) * partition_count / kSlotCount);
}
constexpr int PartitionOf(CustomerId id, int partition_count) {
  return PartitionOfSlot(SlotOf(id), partition_count);
}

// `customers/00f3c2a9d41b7e60`: the resource name; 16 lower-case hexadecimal digits.
std::string ToResourceName(CustomerId id);
// INVALID_ARGUMENT unless `name` is what ToResourceName writes.
absl::StatusOr<CustomerId> ParseCustomerName(std::string_view name);

}  // namespace rondo
