#include "services/customer/customer_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/catalog/definition_update.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"
#include "platform/storage/key.h"
#include "services/customer/customer_projection.h"
#include "services/customer/domain/identity.h"
#include "services/customer/row_import.h"
#include "services/customer/schema_use.h"

namespace rondo::customer {
namespace {

using eventlog::LogRecord;
using rondo::type::v1::Value;

absl::StatusOr<Value> OpenValue(std::string_view stored, std::string_view field,
                                CustomerId customer, const std::optional<DataKey>& key) {
  Value value;
  if (!value.ParseFromArray(stored.data(), static_cast<int>(stored.size()))) {
    return absl::DataLossError("a stored value does not decode");
  }
  if (value.kind_case() != Value::kSealedValue) return value;
  if (!key.has_value()) return Value();  // Its key was destroyed: nobody can read it any more.
  RONDO_ASSIGN_OR_RETURN(const std::string text,
                         Unseal(*key, customer, field, value.sealed_value()));
  if (!value.ParseFromString(text)) return absl::DataLossError("a sealed value does not decode");
  return value;
}

absl::Status NotKnown() { return absl::NotFoundError("no such customer"); }

}  // namespace

CustomerHandlers::CustomerHandlers(Parts parts)
    : parts_(parts), page_tokens_(parts_.instance_key) {}

absl::StatusOr<Profile> CustomerHandlers::ReadProfile(CustomerId customer) const {
  RONDO_ASSIGN_OR_RETURN(
      const std::unique_ptr<storage::Reader> state,
      parts_.runtime.ReadState(kServiceName,
                               PartitionOf(customer, parts_.runtime.partition_count())));
  return CustomerQueries([&](std::string_view key) { return state->Get(key); }).Read(customer);
}

absl::StatusOr<pb::Customer> CustomerHandlers::ToProto(CustomerId customer,
                                                       const Profile& profile) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<DataKey> key, parts_.keys.Get(customer));
  pb::Customer out;
  out.set_name(ToResourceName(customer));
  out.set_party_type(static_cast<pb::PartyType>(profile.kind));
  for (const Key& stored : profile.keys) {
    RONDO_ASSIGN_OR_RETURN(const Value value,
                           OpenValue(stored.value, "key:" + stored.name_space, customer, key));
    pb::ExternalKey& external = *out.add_keys();
    external.set_namespace_(stored.name_space);
    external.set_value(value.string_value());
  }
  for (const AttributeValue& stored : profile.attributes) {
    if (stored.value.empty()) continue;
    RONDO_ASSIGN_OR_RETURN(Value value, OpenValue(stored.value, stored.name, customer, key));
    auto& field = *out.add_attributes();
    field.set_name(stored.name);
    *field.mutable_value() = std::move(value);
  }
  for (const Consent& stored : profile.consents) {
    pb::Consent& consent = *out.add_consents();
    consent.set_channel(stored.channel);
    consent.set_purpose(stored.purpose);
    consent.set_business_unit(stored.business_unit);
    consent.set_granted(stored.granted);
    *consent.mutable_effective_time() = ToTimestamp(stored.effective_micros);
    consent.set_source(stored.source);
    consent.set_text_version(stored.text_version);
  }
  *out.mutable_create_time() = ToTimestamp(profile.create_micros);
  *out.mutable_update_time() = ToTimestamp(profile.update_micros);
  out.set_erased(profile.erased);
  return out;
}

absl::StatusOr<pb::Customer> CustomerHandlers::ReadCustomer(CustomerId customer) const {
  RONDO_RETURN_IF_ERROR(parts_.runtime.AwaitEnd(
      kServiceName, PartitionOf(customer, parts_.runtime.partition_count())));
  RONDO_ASSIGN_OR_RETURN(const Profile profile, ReadProfile(customer));
  if (profile.create_micros == 0) return NotKnown();
  return ToProto(customer, profile);
}

absl::StatusOr<pb::Customer> CustomerHandlers::GetCustomer(const CallInfo&,
                                                           const pb::GetCustomerRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(request.name()));
  return ReadCustomer(customer);
}

absl::StatusOr<pb::Customer> CustomerHandlers::LookupCustomer(
    const CallInfo&, const pb::LookupCustomerRequest& request) {
  RONDO_RETURN_IF_ERROR(ValidateKey("key", request.key().namespace_(), request.key().value()));
  const uint64_t hash =
      HashOfKey(parts_.instance_key, request.key().namespace_(), request.key().value());
  const int partition = eventlog::PartitionOfHash(hash, parts_.runtime.partition_count());
  RONDO_RETURN_IF_ERROR(parts_.runtime.AwaitEnd(kServiceName, partition));
  RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Reader> state,
                         parts_.runtime.ReadState(kServiceName, partition));
  RONDO_ASSIGN_OR_RETURN(const CustomerId owner, CustomerQueries([&](std::string_view key) {
                                                   return state->Get(key);
                                                 }).OwnerOf(hash));
  if (!owner.is_set()) return absl::NotFoundError("no customer has this key");
  return ReadCustomer(owner);
}

absl::StatusOr<pb::BatchGetCustomersResponse> CustomerHandlers::BatchGetCustomers(
    const CallInfo&, const pb::BatchGetCustomersRequest& request) {
  if (request.names_size() > kMaxBatchGet) {
    return FieldError("names", absl::StrCat("expected at most ", kMaxBatchGet));
  }
  pb::BatchGetCustomersResponse response;
  for (const std::string& name : request.names()) {
    RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(name));
    RONDO_ASSIGN_OR_RETURN(const Profile profile, ReadProfile(customer));
    if (profile.create_micros == 0) continue;
    RONDO_ASSIGN_OR_RETURN(*response.add_customers(), ToProto(customer, profile));
  }
  return response;
}

absl::StatusOr<pb::ListCustomersResponse> CustomerHandlers::ListCustomers(
    const CallInfo&, const pb::ListCustomersRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  RONDO_ASSIGN_OR_RETURN(const std::string cursor, page_tokens_.Decode(request));
  CustomerId after(cursor.empty() ? 0 : storage::KeyParser(cursor).U64());
  RONDO_RETURN_IF_ERROR(parts_.runtime.AwaitEnd(kServiceName));
  pb::ListCustomersResponse response;
  // Partitions are ranges of slots, so their order is that of the ids.
  const int partitions = parts_.runtime.partition_count();
  for (int partition = PartitionOf(after, partitions); partition < partitions; ++partition) {
    RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Reader> state,
                           parts_.runtime.ReadState(kServiceName, partition));
    const auto customers = state->Scan(CustomersAfter(after));
    for (; customers->Valid(); customers->Next()) {
      if (response.customers_size() == page_size) {
        response.set_next_page_token(
            page_tokens_.Encode(request, storage::KeyBuilder().U64(after.value()).view()));
        return response;
      }
      after = CustomerOfKey(customers->key());
      RONDO_ASSIGN_OR_RETURN(const Profile profile, DecodeProfile(customers->value()));
      RONDO_ASSIGN_OR_RETURN(*response.add_customers(), ToProto(after, profile));
    }
    RONDO_RETURN_IF_ERROR(customers->status());
  }
  return response;
}

absl::Status CustomerHandlers::Append(std::vector<RowImport::Records>& records,
                                      std::vector<eventlog::Position>& written) {
  for (size_t partition = 0; partition < records.size(); ++partition) {
    const absl::Span<LogRecord> all = absl::MakeSpan(records[partition]);
    for (size_t from = 0; from < all.size(); from += eventlog::kMaxAppendRecords) {
      const absl::Span<LogRecord> part = all.subspan(from, eventlog::kMaxAppendRecords);
      RONDO_ASSIGN_OR_RETURN(const int64_t first,
                             parts_.runtime.log().Append(static_cast<int>(partition), part,
                                                         eventlog::Durability::kWritten));
      written.push_back(
          {static_cast<int>(partition), first + static_cast<int64_t>(part.size()) - 1});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<pb::ImportCustomersResponse> CustomerHandlers::ImportCustomers(
    const CallInfo&, const pb::ImportCustomersRequest& request) {
  if (request.rows_size() > kMaxImportRows) {
    return FieldError("rows", absl::StrCat("expected at most ", kMaxImportRows));
  }
  if (request.history_complete() && !request.rows().empty()) {
    // Partitions are appended to one after another: no row may come after another partition's end.
    return FieldError("history_complete", "say so in a request of its own, after the last rows");
  }
  const std::shared_ptr<const Schema> schema = parts_.schema.Current();
  RowImport import({.runtime = parts_.runtime,
                    .keys = parts_.keys,
                    .schema = *schema,
                    .instance_key = parts_.instance_key,
                    .now = parts_.clock.Now()});
  std::vector<eventlog::Position> written;
  absl::Status imported = import.Plan(request, [&](std::vector<RowImport::Records>& records) {
    return request.validate_only() ? absl::OkStatus() : Append(records, written);
  });
  // Rows that say nothing new too: what they say may have been written by a call that was to be
  // synced and failed.
  if (imported.ok() && request.synced() && !request.validate_only()) {
    imported = parts_.runtime.log().Sync();
  }
  // Also of a call that failed later on: the same call again plans on what this one has written.
  for (const eventlog::Position& position : written) {
    imported.Update(parts_.runtime.Await(kServiceName, position));
  }
  RONDO_RETURN_IF_ERROR(imported);
  return import.response();
}

LogRecord CustomerHandlers::Command(CustomerId customer, const std::string& request_id) const {
  LogRecord record;
  record.set_party(customer.value());
  record.set_source("api");
  record.set_event_time_micros(ToMicros(parts_.clock.Now()));
  record.set_request_id(request_id);
  return record;
}

absl::StatusOr<pb::Customer> CustomerHandlers::RecordConsent(
    const CallInfo& call, const pb::RecordConsentRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(request.name()));
  if (request.consents().empty()) return FieldError("consents", "expected at least one");
  RONDO_RETURN_IF_ERROR(ReadCustomer(customer).status());
  LogRecord record = Command(customer, call.request_id);
  auto& change = *record.mutable_profile_changed();
  change.set_effective_time_micros(record.event_time_micros());
  for (int i = 0; i < request.consents_size(); ++i) {
    const pb::Consent& said = request.consents(i);
    if (said.channel().empty() || said.purpose().empty()) {
      return FieldError(absl::StrCat("consents[", i, "]"),
                        "expected a channel and a purpose, or *");
    }
    const int64_t said_micros = ToMicros(said.effective_time());
    if (said_micros > record.event_time_micros() + kEffectiveAheadMaxMicros) {
      return FieldError(absl::StrCat("consents[", i, "].effective_time"), kEffectiveAhead);
    }
    auto& fact = *change.add_consents();
    fact.set_channel(said.channel());
    fact.set_purpose(said.purpose());
    fact.set_business_unit(said.business_unit());
    fact.set_granted(said.granted());
    // Nobody has said it later than now: a clock ahead must not outlast the next opt-out.
    fact.set_effective_time_micros(said.has_effective_time()
                                       ? std::min(said_micros, record.event_time_micros())
                                       : record.event_time_micros());
    fact.set_source(said.source().empty() ? "api" : said.source());
    fact.set_text_version(said.text_version());
  }
  RONDO_RETURN_IF_ERROR(parts_.runtime
                            .Submit(kServiceName,
                                    PartitionOf(customer, parts_.runtime.partition_count()),
                                    std::move(record), eventlog::Durability::kSynced)
                            .status());
  return ReadCustomer(customer);
}

absl::StatusOr<google::protobuf::Empty> CustomerHandlers::EraseCustomer(
    const CallInfo& call, const pb::EraseCustomerRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(request.name()));
  RONDO_RETURN_IF_ERROR(parts_.runtime.AwaitEnd(
      kServiceName, PartitionOf(customer, parts_.runtime.partition_count())));
  RONDO_ASSIGN_OR_RETURN(const Profile profile, ReadProfile(customer));
  if (profile.create_micros == 0) return NotKnown();
  LogRecord record = Command(customer, call.request_id);
  auto& erased = *record.mutable_customer_erased();
  for (const Key& key : profile.keys) erased.add_key_hashes(key.hash);
  RONDO_RETURN_IF_ERROR(parts_.runtime
                            .Submit(kServiceName,
                                    PartitionOf(customer, parts_.runtime.partition_count()),
                                    std::move(record), eventlog::Durability::kSynced)
                            .status());
  RONDO_RETURN_IF_ERROR(parts_.keys.Destroy(customer));
  return google::protobuf::Empty();
}

absl::Status CustomerHandlers::DestroyKeysOfErased() {
  for (int partition = 0; partition < parts_.runtime.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Reader> state,
                           parts_.runtime.ReadState(kServiceName, partition));
    const auto erased = state->Scan(AllErased());
    for (; erased->Valid(); erased->Next()) {
      const CustomerId customer = CustomerOfKey(erased->key());
      RONDO_ASSIGN_OR_RETURN(const std::optional<DataKey> key, parts_.keys.Get(customer));
      if (key.has_value()) RONDO_RETURN_IF_ERROR(parts_.keys.Destroy(customer));
    }
    RONDO_RETURN_IF_ERROR(erased->status());
  }
  return absl::OkStatus();
}

}  // namespace rondo::customer
