// What the customer service keeps: keys, codec, queries.
//
// Of one partition (the runtime prefixes its keys), first byte the table:
//   c customer:u64                      CustomerState
//   k hash:u64                          owner:u64        which customer owns an external key
//   f customer:u64 fact:u64             (empty)          an imported event, contact or response
//   p campaign:string cycle:u32         (empty)          an imported campaign's cycle
//   e customer:u64                      (empty)          erased: its data key must not exist
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "platform/core/id.h"
#include "platform/storage/store.h"
#include "rondo/log/v1/customers.pb.h"
#include "rondo/log/v1/record.pb.h"
#include "rondo/state/v1/customer.pb.h"
#include "services/customer/domain/profile.h"

namespace rondo::customer {

std::string CustomerKey(CustomerId customer);
std::string OwnerKey(uint64_t key_hash);
std::string FactKey(CustomerId customer, uint64_t fact);
std::string PastCycleKey(std::string_view campaign, int cycle);
// The value at PastCycleKey once all rows of the cycle are in; empty before.
inline constexpr std::string_view kPastCycleComplete = "complete";
std::string ErasedKey(CustomerId customer);
// All customers of a partition after `after` (unset: all), in the order of their ids.
storage::KeyRange CustomersAfter(CustomerId after);
storage::KeyRange AllErased();
CustomerId CustomerOfKey(std::string_view key);

std::string EncodeOwner(CustomerId owner);
absl::StatusOr<CustomerId> DecodeOwner(std::string_view stored);
std::string EncodeProfile(const Profile& profile);
// DATA_LOSS if the bytes are none of EncodeProfile's.
absl::StatusOr<Profile> DecodeProfile(std::string_view stored);

Consent FromFact(const rondo::log::v1::ConsentFact& fact);
void ToFact(const Consent& consent, rondo::log::v1::ConsentFact& fact);

// Names an imported event, contact or response within its customer: a repeat has the same fact.
// nullopt for records that are no imported facts.
std::optional<uint64_t> FactOf(const rondo::log::v1::Record& record);

// Records of this source are an import's.
inline constexpr std::string_view kImportSource = "import";

// Queries over one partition's state, or over what Apply sees of it. `get` must outlive it.
class CustomerQueries {
 public:
  using Get = std::function<absl::StatusOr<std::optional<std::string>>(std::string_view key)>;
  explicit CustomerQueries(Get get) : get_(std::move(get)) {}

  // A profile with create_micros 0 if the customer is not known.
  absl::StatusOr<Profile> Read(CustomerId customer) const;
  // Unset if nobody owns the key.
  absl::StatusOr<CustomerId> OwnerOf(uint64_t key_hash) const;
  absl::StatusOr<bool> HasFact(CustomerId customer, uint64_t fact) const;
  // A past cycle is known, and all of it was imported.
  absl::StatusOr<bool> HasPastCycle(std::string_view campaign, int cycle) const;
  absl::StatusOr<bool> IsPastCycleComplete(std::string_view campaign, int cycle) const;

 private:
  absl::StatusOr<bool> Has(std::string_view key) const;
  Get get_;
};

}  // namespace rondo::customer
