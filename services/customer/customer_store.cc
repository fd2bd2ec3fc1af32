#include "services/customer/customer_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/stack_arena.h"
#include "platform/storage/key.h"

namespace rondo::customer {
namespace {

using rondo::log::v1::Record;
using storage::KeyBuilder;
using storage::KeyParser;

constexpr uint8_t kCustomerTable = 'c';
constexpr uint8_t kOwnerTable = 'k';
constexpr uint8_t kFactTable = 'f';
constexpr uint8_t kPastCycleTable = 'p';
constexpr uint8_t kErasedTable = 'e';
constexpr size_t kProfileBytes = 4'096;  // Room for a profile's parts, on the stack.

std::string TablePrefix(uint8_t table) { return KeyBuilder().Byte(table).Build(); }

uint64_t HashOfContact(std::string_view kind, const rondo::response::v1::ContactKey& contact,
                       std::string_view rest) {
  return Fnv1a(absl::StrFormat("%s|%s|%d|%s|%d|%s", kind, contact.campaign(), contact.cycle(),
                               contact.step(), contact.occurrence(), rest));
}

}  // namespace

std::string CustomerKey(CustomerId customer) {
  return KeyBuilder().Byte(kCustomerTable).U64(customer.value()).Build();
}
std::string OwnerKey(uint64_t key_hash) {
  return KeyBuilder().Byte(kOwnerTable).U64(key_hash).Build();
}
std::string FactKey(CustomerId customer, uint64_t fact) {
  return KeyBuilder().Byte(kFactTable).U64(customer.value()).U64(fact).Build();
}
std::string PastCycleKey(std::string_view campaign, int cycle) {
  return KeyBuilder()
      .Byte(kPastCycleTable)
      .String(campaign)
      .U32(static_cast<uint32_t>(cycle))
      .Build();
}
std::string ErasedKey(CustomerId customer) {
  return KeyBuilder().Byte(kErasedTable).U64(customer.value()).Build();
}

storage::KeyRange CustomersAfter(CustomerId after) {
  storage::KeyRange range = storage::PrefixRange(TablePrefix(kCustomerTable));
  // The least key above that of `after`.
  if (after.is_set()) range.begin = CustomerKey(after) + '\0';
  return range;
}

storage::KeyRange AllErased() { return storage::PrefixRange(TablePrefix(kErasedTable)); }

CustomerId CustomerOfKey(std::string_view key) {
  KeyParser parser(key);
  parser.Byte();
  return CustomerId(parser.U64());
}

std::string EncodeOwner(CustomerId owner) { return KeyBuilder().U64(owner.value()).Build(); }

absl::StatusOr<CustomerId> DecodeOwner(std::string_view stored) {
  KeyParser parser(stored);
  const CustomerId owner(parser.U64());
  if (!parser.ok()) return absl::DataLossError("an external key's owner does not decode");
  return owner;
}

std::string EncodeProfile(const Profile& profile) {
  eventlog::StackArena<kProfileBytes> arena;
  auto& state = arena.Make<rondo::state::v1::CustomerState>();
  state.set_party_type(static_cast<rondo::customer::v1::PartyType>(profile.kind));
  for (const Key& key : profile.keys) {
    auto& stored = *state.add_keys();
    stored.set_namespace_(key.name_space);
    stored.set_hash(key.hash);
    stored.set_value(key.value);
  }
  for (const AttributeValue& attribute : profile.attributes) {
    auto& stored = *state.add_attributes();
    stored.set_name(attribute.name);
    stored.set_value(attribute.value);
    stored.set_effective_time_micros(attribute.effective_micros);
  }
  for (const Consent& consent : profile.consents) {
    auto& stored = *state.add_consents();
    stored.set_channel(consent.channel);
    stored.set_purpose(consent.purpose);
    stored.set_business_unit(consent.business_unit);
    stored.set_granted(consent.granted);
    stored.set_effective_time_micros(consent.effective_micros);
    stored.set_source(consent.source);
    stored.set_text_version(consent.text_version);
  }
  state.set_create_time_micros(profile.create_micros);
  state.set_update_time_micros(profile.update_micros);
  state.set_erased(profile.erased);
  return state.SerializeAsString();
}

absl::StatusOr<Profile> DecodeProfile(std::string_view stored) {
  eventlog::StackArena<kProfileBytes> arena;
  auto& state = arena.Make<rondo::state::v1::CustomerState>();
  if (!state.ParseFromArray(stored.data(), static_cast<int>(stored.size()))) {
    return absl::DataLossError("a customer's state does not decode");
  }
  Profile profile;
  profile.kind = static_cast<PartyKind>(state.party_type());
  profile.keys.reserve(static_cast<size_t>(state.keys_size()));
  for (auto& key : *state.mutable_keys()) {
    profile.keys.push_back(
        {std::move(*key.mutable_namespace_()), key.hash(), std::move(*key.mutable_value())});
  }
  profile.attributes.reserve(static_cast<size_t>(state.attributes_size()));
  for (auto& attribute : *state.mutable_attributes()) {
    profile.attributes.push_back({std::move(*attribute.mutable_name()),
                                  std::move(*attribute.mutable_value()),
                                  attribute.effective_time_micros()});
  }
  for (const auto& consent : state.consents()) {
    profile.consents.push_back({.channel = consent.channel(),
                                .purpose = consent.purpose(),
                                .business_unit = consent.business_unit(),
                                .granted = consent.granted(),
                                .effective_micros = consent.effective_time_micros(),
                                .source = consent.source(),
                                .text_version = consent.text_version()});
  }
  profile.create_micros = state.create_time_micros();
  profile.update_micros = state.update_time_micros();
  profile.erased = state.erased();
  return profile;
}

Consent FromFact(const rondo::log::v1::ConsentFact& fact) {
  return {.channel = fact.channel(),
          .purpose = fact.purpose(),
          .business_unit = fact.business_unit(),
          .granted = fact.granted(),
          .effective_micros = fact.effective_time_micros(),
          .source = fact.source(),
          .text_version = fact.text_version()};
}

void ToFact(const Consent& consent, rondo::log::v1::ConsentFact& fact) {
  fact.set_channel(consent.channel);
  fact.set_purpose(consent.purpose);
  fact.set_business_unit(consent.business_unit);
  fact.set_granted(consent.granted);
  fact.set_effective_time_micros(consent.effective_micros);
  fact.set_source(consent.source);
  fact.set_text_version(consent.text_version);
}

std::optional<uint64_t> FactOf(const Record& record) {
  if (record.source() != kImportSource) return std::nullopt;
  switch (record.body_case()) {
    case Record::kEventTracked:
      return Fnv1a("event|" + record.event_tracked().message_id());
    case Record::kContactPlanned:
      return HashOfContact("contact", record.contact_planned().contact(), "");
    case Record::kResponseAttributed: {
      const auto& response = record.response_attributed();
      return HashOfContact("response", response.contact(),
                           absl::StrCat(response.goal(), "|", record.event_time_micros()));
    }
    default:
      return std::nullopt;
  }
}

absl::StatusOr<Profile> CustomerQueries::Read(CustomerId customer) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> stored, get_(CustomerKey(customer)));
  if (!stored.has_value()) return Profile();
  return DecodeProfile(*stored);
}

absl::StatusOr<CustomerId> CustomerQueries::OwnerOf(uint64_t key_hash) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> stored, get_(OwnerKey(key_hash)));
  if (!stored.has_value()) return CustomerId();
  return DecodeOwner(*stored);
}

absl::StatusOr<bool> CustomerQueries::Has(std::string_view key) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> stored, get_(key));
  return stored.has_value();
}

absl::StatusOr<bool> CustomerQueries::HasFact(CustomerId customer, uint64_t fact) const {
  return Has(FactKey(customer, fact));
}

absl::StatusOr<bool> CustomerQueries::IsPastCycleComplete(std::string_view campaign,
                                                          int cycle) const {
  RONDO_ASSIGN_OR_RETURN(const auto value, get_(PastCycleKey(campaign, cycle)));
  return value == kPastCycleComplete;
}

absl::StatusOr<bool> CustomerQueries::HasPastCycle(std::string_view campaign, int cycle) const {
  return Has(PastCycleKey(campaign, cycle));
}

}  // namespace rondo::customer
