#include "services/customer/customer_projection.h"

#include <optional>
#include <utility>

#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "services/customer/customer_store.h"

namespace rondo::customer {
namespace {

using eventlog::ApplyContext;
using eventlog::LogRecord;

CustomerQueries QueriesOf(const ApplyContext& context) {
  return CustomerQueries([&context](std::string_view key) { return context.Get(key); });
}

// Emits a claim of (or, for an unset owner, the party's release of) a key to where its hash lies.
void EmitClaim(uint64_t hash, CustomerId party, CustomerId owner, const LogRecord& cause,
               ApplyContext& context) {
  LogRecord record;
  record.set_party(party.value());
  record.set_source(std::string(kServiceName));
  record.set_event_time_micros(cause.event_time_micros());
  record.mutable_key_claimed()->set_hash(hash);
  record.mutable_key_claimed()->set_customer(owner.value());
  context.EmitTo(eventlog::PartitionOfHash(hash, context.partition_count()), std::move(record));
}

bool IsHere(uint64_t hash, const ApplyContext& context) {
  return eventlog::PartitionOfHash(hash, context.partition_count()) == context.partition();
}

// The first claim in log order wins.
absl::Status Claim(uint64_t hash, CustomerId customer, ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const CustomerId owner, QueriesOf(context).OwnerOf(hash));
  if (owner == customer) return absl::OkStatus();
  if (owner.is_set()) return absl::AlreadyExistsError("another customer owns this key");
  context.Put(OwnerKey(hash), EncodeOwner(customer));
  return absl::OkStatus();
}

// Takes over the keys that `change` names; true if one was new. A key that another customer of this
// partition owns stays theirs.
absl::StatusOr<bool> TakeKeys(const rondo::log::v1::ProfileChanged& change, CustomerId customer,
                              const LogRecord& record, Profile& profile, ApplyContext& context) {
  bool changed = false;
  for (const auto& fact : change.keys()) {
    if (HasKey(profile, fact.hash())) continue;
    if (IsHere(fact.hash(), context)) {
      const absl::Status claimed = Claim(fact.hash(), customer, context);
      if (absl::IsAlreadyExists(claimed)) continue;
      RONDO_RETURN_IF_ERROR(claimed);
    } else {
      EmitClaim(fact.hash(), customer, customer, record, context);
    }
    profile.keys.push_back({fact.namespace_(), fact.hash(), fact.value().SerializeAsString()});
    changed = true;
  }
  return changed;
}

absl::Status ApplyChange(const LogRecord& record, ApplyContext& context) {
  const CustomerId customer(record.party());
  const rondo::log::v1::ProfileChanged& change = record.profile_changed();
  RONDO_ASSIGN_OR_RETURN(Profile profile, QueriesOf(context).Read(customer));
  if (profile.erased) return absl::FailedPreconditionError("the customer is erased");

  RONDO_ASSIGN_OR_RETURN(bool changed, TakeKeys(change, customer, record, profile, context));
  const auto kind = static_cast<PartyKind>(change.party_type());
  if (kind != PartyKind::kUnspecified && kind != profile.kind) {
    profile.kind = kind;
    changed = true;
  }
  for (const auto& field : change.attributes()) {
    changed |= FoldAttribute(
        profile, {field.name(), field.value().SerializeAsString(), change.effective_time_micros()});
  }
  for (const auto& fact : change.consents()) changed |= Fold(profile.consents, FromFact(fact));

  const int64_t now = ToMicros(context.partition_time());
  const bool is_new = profile.create_micros == 0;
  if (!changed && !is_new) return absl::OkStatus();
  if (is_new) profile.create_micros = now;
  profile.update_micros = now;
  context.Put(CustomerKey(customer), EncodeProfile(profile));
  return absl::OkStatus();
}

absl::Status ApplyErasure(const LogRecord& record, ApplyContext& context) {
  const CustomerId customer(record.party());
  RONDO_ASSIGN_OR_RETURN(const Profile profile, QueriesOf(context).Read(customer));
  if (profile.create_micros == 0) return absl::NotFoundError("the customer is not known");
  if (profile.erased) return absl::OkStatus();
  for (const Key& key : profile.keys) {
    if (IsHere(key.hash, context)) {
      context.Delete(OwnerKey(key.hash));
    } else {
      EmitClaim(key.hash, customer, CustomerId(), record, context);
    }
  }
  context.Put(CustomerKey(customer),
              EncodeProfile(Erase(profile, ToMicros(context.partition_time()))));
  context.Put(ErasedKey(customer), "");
  return absl::OkStatus();
}

absl::Status ApplyClaim(const LogRecord& record, ApplyContext& context) {
  const rondo::log::v1::KeyClaimed& claim = record.key_claimed();
  if (claim.customer() != 0) return Claim(claim.hash(), CustomerId(claim.customer()), context);
  // A release: only the owner's own.
  RONDO_ASSIGN_OR_RETURN(const CustomerId owner, QueriesOf(context).OwnerOf(claim.hash()));
  if (owner == CustomerId(record.party())) context.Delete(OwnerKey(claim.hash()));
  return absl::OkStatus();
}

}  // namespace

absl::Status CustomerProjection::Apply(const LogRecord& record, ApplyContext& context) {
  switch (record.body_case()) {
    case LogRecord::kProfileChanged:
      return ApplyChange(record, context);
    case LogRecord::kCustomerErased:
      return ApplyErasure(record, context);
    case LogRecord::kKeyClaimed:
      return ApplyClaim(record, context);
    case LogRecord::kCycleStarted:
      if (record.source() == kImportSource) {
        context.Put(PastCycleKey(record.cycle_started().campaign().name(),
                                 record.cycle_started().cycle().number()),
                    "");
      }
      return absl::OkStatus();
    case LogRecord::kCyclePlanned:
      if (record.source() == kImportSource) {
        context.Put(PastCycleKey(record.cycle_planned().campaign(), record.cycle_planned().cycle()),
                    kPastCycleComplete);
      }
      return absl::OkStatus();
    default:
      if (const std::optional<uint64_t> fact = FactOf(record)) {
        context.Put(FactKey(CustomerId(record.party()), *fact), "");
      }
      return absl::OkStatus();
  }
}

}  // namespace rondo::customer
