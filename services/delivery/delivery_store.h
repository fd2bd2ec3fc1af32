// Keys, values and queries of delivery's state, per partition.
//
//   contact       = customer:u64 campaign:string cycle:u32 step:string occurrence:u32
//   0x01 contact            -> ContactState
//   0x02 customer:u64       -> RecipientState
//   0x03 channel:string time:i64 contact -> nothing; ready to be claimed, oldest first
//   0x04 contact            -> nothing; claimed without an outcome
//   0x05 contact            -> nothing; in doubt
//   0x06 name:string        -> definitions of policies (catalog::DefinitionTable)
//   0x07 campaign cycle:u32 -> the campaign's definition, frozen for the cycle
//   0x08 campaign           -> the campaign's state
//   0x09                    -> ContactCounts
//   0x0a campaign contact   -> nothing; waits for a paused campaign
//   0x0b                    -> epoch:i64, of the newest owner
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/id.h"
#include "platform/storage/store.h"
#include "rondo/campaign/v1/campaign.pb.h"
#include "rondo/response/v1/event.pb.h"
#include "rondo/state/v1/delivery.pb.h"

namespace rondo::delivery {

namespace statepb = ::rondo::state::v1;

inline constexpr uint8_t kPolicyTable = 0x06;

// The channels that there are; contacts of any other are suppressed.
inline constexpr std::string_view kChannels[] = {"email", "sms", "web"};

// `contact` of the grammar above.
std::string ContactKeyOf(CustomerId customer, const rondo::response::v1::ContactKey& contact);

std::string KeyOfContact(std::string_view contact);
storage::KeyRange ContactsOf(CustomerId customer);
std::string KeyOfRecipient(CustomerId customer);
std::string KeyOfReady(std::string_view channel, int64_t time_micros, std::string_view contact);
std::string KeyOfClaimed(std::string_view contact);
std::string KeyOfInDoubt(std::string_view contact);
std::string KeyOfCycle(std::string_view campaign, int32_t cycle);
std::string KeyOfCampaign(std::string_view campaign);
std::string KeyOfPaused(std::string_view campaign, std::string_view contact);
storage::KeyRange PausedOf(std::string_view campaign);
std::string KeyOfCounts();
std::string KeyOfEpoch();

// Reads of a partition's state by effects and handlers. DATA_LOSS for what does not decode.
absl::StatusOr<std::optional<statepb::ContactState>> ReadContact(const storage::Reader& state,
                                                                 std::string_view contact);
absl::StatusOr<std::optional<rondo::campaign::v1::Campaign>> ReadCycle(const storage::Reader& state,
                                                                       std::string_view campaign,
                                                                       int32_t cycle);
// Nothing known of the customer: an empty one.
absl::StatusOr<statepb::RecipientState> ReadRecipient(const storage::Reader& state,
                                                      CustomerId customer);
// UNSPECIFIED for a campaign that has not moved.
absl::StatusOr<rondo::campaign::v1::CampaignState> ReadCampaignState(const storage::Reader& state,
                                                                     std::string_view campaign);
absl::StatusOr<rondo::campaign::v1::CampaignState> ParseCampaignState(
    const std::optional<std::string>& bytes);
absl::StatusOr<statepb::ContactCounts> ReadCounts(const storage::Reader& state);
absl::StatusOr<int64_t> ReadEpoch(const storage::Reader& state);
struct ReadyEntry {
  int64_t time_micros = 0;  // When it became ready.
  std::string contact;
};
// Contacts of a channel that are ready since `from_micros` or later, oldest first, at most `limit`.
absl::StatusOr<std::vector<ReadyEntry>> ReadReady(const storage::Reader& state,
                                                  std::string_view channel, int64_t from_micros,
                                                  size_t limit);
// Keys of contacts in doubt from `after` (exclusive), at most `limit`.
absl::StatusOr<std::vector<std::string>> ReadInDoubt(const storage::Reader& state,
                                                     std::string_view after, size_t limit);

}  // namespace rondo::delivery
