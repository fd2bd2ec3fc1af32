#include "services/delivery/delivery_store.h"

#include "absl/strings/numbers.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::delivery {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

enum class Table : uint8_t {
  kContact = 0x01,
  kRecipient = 0x02,
  kReady = 0x03,
  kClaimed = 0x04,
  kInDoubt = 0x05,
  kCycle = 0x07,
  kCampaign = 0x08,
  kCounts = 0x09,
  kPaused = 0x0a,
  kEpoch = 0x0b,
};

KeyBuilder In(Table table) {
  KeyBuilder key;
  key.Byte(static_cast<uint8_t>(table));
  return key;
}

template <typename Message>
absl::StatusOr<std::optional<Message>> Read(const storage::Reader& state, const std::string& key) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, state.Get(key));
  if (!bytes.has_value()) return std::nullopt;
  Message message;
  if (!message.ParseFromString(*bytes)) {
    return absl::DataLossError("delivery: a stored value does not decode");
  }
  return message;
}

}  // namespace

std::string ContactKeyOf(CustomerId customer, const rondo::response::v1::ContactKey& contact) {
  return KeyBuilder()
      .U64(customer.value())
      .String(contact.campaign())
      .U32(static_cast<uint32_t>(contact.cycle()))
      .String(contact.step())
      .U32(static_cast<uint32_t>(contact.occurrence()))
      .Build();
}

std::string KeyOfContact(std::string_view contact) {
  return In(Table::kContact).Raw(contact).Build();
}
storage::KeyRange ContactsOf(CustomerId customer) {
  return storage::PrefixRange(In(Table::kContact).U64(customer.value()).Build());
}
std::string KeyOfRecipient(CustomerId customer) {
  return In(Table::kRecipient).U64(customer.value()).Build();
}
std::string KeyOfReady(std::string_view channel, int64_t time_micros, std::string_view contact) {
  return In(Table::kReady).String(channel).I64(time_micros).Raw(contact).Build();
}
std::string KeyOfClaimed(std::string_view contact) {
  return In(Table::kClaimed).Raw(contact).Build();
}
std::string KeyOfInDoubt(std::string_view contact) {
  return In(Table::kInDoubt).Raw(contact).Build();
}
std::string KeyOfCycle(std::string_view campaign, int32_t cycle) {
  return In(Table::kCycle).String(campaign).U32(static_cast<uint32_t>(cycle)).Build();
}
std::string KeyOfCampaign(std::string_view campaign) {
  return In(Table::kCampaign).Raw(campaign).Build();
}
std::string KeyOfPaused(std::string_view campaign, std::string_view contact) {
  return In(Table::kPaused).String(campaign).Raw(contact).Build();
}
storage::KeyRange PausedOf(std::string_view campaign) {
  return storage::PrefixRange(In(Table::kPaused).String(campaign).Build());
}
std::string KeyOfCounts() { return In(Table::kCounts).Build(); }
std::string KeyOfEpoch() { return In(Table::kEpoch).Build(); }

absl::StatusOr<std::optional<statepb::ContactState>> ReadContact(const storage::Reader& state,
                                                                 std::string_view contact) {
  return Read<statepb::ContactState>(state, KeyOfContact(contact));
}

absl::StatusOr<std::optional<rondo::campaign::v1::Campaign>> ReadCycle(const storage::Reader& state,
                                                                       std::string_view campaign,
                                                                       int32_t cycle) {
  return Read<rondo::campaign::v1::Campaign>(state, KeyOfCycle(campaign, cycle));
}

absl::StatusOr<statepb::RecipientState> ReadRecipient(const storage::Reader& state,
                                                      CustomerId customer) {
  RONDO_ASSIGN_OR_RETURN(auto recipient,
                         Read<statepb::RecipientState>(state, KeyOfRecipient(customer)));
  return std::move(recipient).value_or(statepb::RecipientState());
}

absl::StatusOr<rondo::campaign::v1::CampaignState> ReadCampaignState(const storage::Reader& state,
                                                                     std::string_view campaign) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, state.Get(KeyOfCampaign(campaign)));
  return ParseCampaignState(bytes);
}

absl::StatusOr<rondo::campaign::v1::CampaignState> ParseCampaignState(
    const std::optional<std::string>& bytes) {
  int number = 0;
  if (bytes.has_value() && !absl::SimpleAtoi(*bytes, &number)) {
    return absl::DataLossError("delivery: a stored campaign's state does not decode");
  }
  return static_cast<rondo::campaign::v1::CampaignState>(number);
}

absl::StatusOr<statepb::ContactCounts> ReadCounts(const storage::Reader& state) {
  RONDO_ASSIGN_OR_RETURN(const auto counts, Read<statepb::ContactCounts>(state, KeyOfCounts()));
  return counts.value_or(statepb::ContactCounts());
}

absl::StatusOr<int64_t> ReadEpoch(const storage::Reader& state) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, state.Get(KeyOfEpoch()));
  return bytes.has_value() ? KeyParser(*bytes).I64() : 0;
}

absl::StatusOr<std::vector<ReadyEntry>> ReadReady(const storage::Reader& state,
                                                  std::string_view channel, int64_t from_micros,
                                                  size_t limit) {
  std::vector<ReadyEntry> entries;
  storage::KeyRange range = storage::PrefixRange(In(Table::kReady).String(channel).Build());
  range.begin = KeyOfReady(channel, from_micros, "");
  const auto cursor = state.Scan(range);
  for (; cursor->Valid() && entries.size() < limit; cursor->Next()) {
    KeyParser key(cursor->key());
    key.Byte();
    key.String();
    ReadyEntry& entry = entries.emplace_back();
    entry.time_micros = key.I64();
    entry.contact = key.Rest();
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return entries;
}

absl::StatusOr<std::vector<std::string>> ReadInDoubt(const storage::Reader& state,
                                                     std::string_view after, size_t limit) {
  std::vector<std::string> contacts;
  storage::KeyRange range = storage::PrefixRange(In(Table::kInDoubt).Build());
  if (!after.empty()) range.begin = KeyOfInDoubt(after) + std::string(1, '\0');
  const auto cursor = state.Scan(range);
  for (; cursor->Valid() && contacts.size() < limit; cursor->Next()) {
    contacts.emplace_back(cursor->key().substr(1));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return contacts;
}

}  // namespace rondo::delivery
