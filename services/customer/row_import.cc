#include "services/customer/row_import.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/core/clock.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"
#include "services/customer/domain/identity.h"

namespace rondo::customer {
namespace {

using eventlog::LogRecord;
using rondo::type::v1::Value;

LogRecord ImportedRecord(CustomerId customer, int64_t event_micros) {
  LogRecord record;
  record.set_party(customer.value());
  record.set_source(std::string(kImportSource));
  record.set_event_time_micros(event_micros);
  return record;
}

// What authenticates a sealed key beside its customer.
std::string FieldOfKey(std::string_view name_space) {
  return absl::StrFormat("key:%s", name_space);
}

// Whether the current value has the meaning of `value` already.
absl::StatusOr<bool> SameMeaning(const AttributeValue& current, const Value& value,
                                 CustomerId customer, const DataKey* key) {
  Value stored;
  if (!stored.ParseFromString(current.value)) {
    return absl::DataLossError("a stored attribute does not decode");
  }
  if (stored.kind_case() != Value::kSealedValue) {
    return current.value == value.SerializeAsString();
  }
  if (key == nullptr) return false;
  RONDO_ASSIGN_OR_RETURN(const std::string text,
                         Unseal(*key, customer, current.name, stored.sealed_value()));
  return text == value.SerializeAsString();
}

}  // namespace

RowImport::RowImport(Parts parts)
    : parts_(parts),
      readers_(parts.runtime.partition_count()),
      queries_(parts.runtime.partition_count()),
      records_(parts.runtime.partition_count()) {}

absl::Status RowImport::Plan(const pb::ImportCustomersRequest& request, const Take& take) {
  for (const pb::PastCampaign& past : request.campaigns()) past_[past.campaign().name()] = &past;
  RONDO_RETURN_IF_ERROR(PlanPastCycles(request));

  std::vector<Row> rows;
  rows.reserve(request.rows_size());
  const int64_t now = ToMicros(parts_.now);
  for (const pb::ImportRow& row : request.rows()) {
    if (const absl::Status valid = Validate(row); !valid.ok()) {
      Reject(row, valid);
      continue;
    }
    RONDO_ASSIGN_OR_RETURN(const CustomerId customer, Resolve(row.keys(0)));
    const bool says_when = row.has_effective_time();
    // Of two rows of one batch about one customer the later one holds.
    const int64_t effective =
        says_when ? ToMicros(row.effective_time()) : now + static_cast<int64_t>(rows.size());
    rows.push_back({&row, customer, effective, says_when});
  }
  RONDO_RETURN_IF_ERROR(LoadDataKeys(rows, !request.validate_only()));
  for (size_t at = 0; at < rows.size(); ++at) {
    RONDO_RETURN_IF_ERROR(PlanRow(rows[at], request.import_id()));
    if ((at + 1) % kRowsAtOnce == 0) RONDO_RETURN_IF_ERROR(GiveTo(take));
  }
  return GiveTo(take);
}

absl::Status RowImport::GiveTo(const Take& take) {
  RONDO_RETURN_IF_ERROR(take(records_));
  for (Records& records : records_) records.clear();
  return absl::OkStatus();
}

void RowImport::Reject(const pb::ImportRow& row, const absl::Status& why) {
  const std::vector<FieldViolation> violations = ViolationsOf(why);
  pb::RejectedRow& rejected = *response_.add_rejected();
  rejected.set_row(row.row());
  rejected.set_field(violations.empty() ? "" : violations[0].field);
  rejected.set_reason(violations.empty() ? std::string(why.message()) : violations[0].description);
}

absl::Status RowImport::Validate(const pb::ImportRow& row) const {
  if (row.keys_size() == 0) return FieldError("keys", "expected at least one key");
  for (int i = 0; i < row.keys_size(); ++i) {
    RONDO_RETURN_IF_ERROR(
        ValidateKey(absl::StrCat("keys[", i, "]"), row.keys(i).namespace_(), row.keys(i).value()));
  }
  for (const rondo::type::v1::Field& field : row.attributes()) {
    const pb::Attribute* attribute = parts_.schema.FindAttribute(field.name());
    if (attribute == nullptr) {
      return FieldError(field.name(), "no attribute set defines this attribute");
    }
    RONDO_RETURN_IF_ERROR(CheckValue(field.name(), parts_.schema, *attribute, field.value()));
  }
  const int64_t latest = ToMicros(parts_.now) + kEffectiveAheadMaxMicros;
  if (row.has_effective_time() && ToMicros(row.effective_time()) > latest) {
    return FieldError("effective_time", kEffectiveAhead);
  }
  for (int i = 0; i < row.consents_size(); ++i) {
    const std::string path = absl::StrCat("consents[", i, "]");
    if (row.consents(i).channel().empty() || row.consents(i).purpose().empty()) {
      return FieldError(path, "expected a channel and a purpose, or *");
    }
    if (row.consents(i).has_effective_time() &&
        ToMicros(row.consents(i).effective_time()) > latest) {
      return FieldError(path + ".effective_time", kEffectiveAhead);
    }
  }
  return ValidateFacts(row);
}

absl::Status RowImport::ValidateFacts(const pb::ImportRow& row) const {
  for (int i = 0; i < row.events_size(); ++i) {
    RONDO_RETURN_IF_ERROR(
        CheckEvent(absl::StrCat("events[", i, "]"), parts_.schema, row.events(i), parts_.now));
  }
  for (int i = 0; i < row.contacts_size(); ++i) {
    const pb::PastContact& contact = row.contacts(i);
    const std::string path = absl::StrCat("contacts[", i, "]");
    if (contact.cycle() < 1 || !contact.has_due_time()) {
      return FieldError(path, "expected a cycle from 1 and a due time");
    }
    const auto past = past_.find(contact.campaign());
    if (past == past_.end()) {
      return FieldError(path + ".campaign", "expected one of the request's campaigns");
    }
    const auto& cells = past->second->campaign().cells();
    if (std::none_of(cells.begin(), cells.end(),
                     [&](const auto& cell) { return cell.name() == contact.cell(); })) {
      return FieldError(path + ".cell", "expected one of the campaign's cells");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CustomerQueries*> RowImport::QueriesOf(int partition) {
  if (queries_[partition] == nullptr) {
    RONDO_ASSIGN_OR_RETURN(readers_[partition], parts_.runtime.ReadState("customer", partition));
    const storage::Reader* reader = readers_[partition].get();
    queries_[partition] = std::make_unique<CustomerQueries>(
        [reader](std::string_view key) { return reader->Get(key); });
  }
  return queries_[partition].get();
}

absl::StatusOr<CustomerId> RowImport::Resolve(const pb::ExternalKey& key) {
  const uint64_t hash = HashOfKey(parts_.instance_key, key.namespace_(), key.value());
  if (const auto at = owners_.find(hash); at != owners_.end()) return at->second;
  const int partition = eventlog::PartitionOfHash(hash, parts_.runtime.partition_count());
  RONDO_ASSIGN_OR_RETURN(CustomerQueries* const queries, QueriesOf(partition));
  RONDO_ASSIGN_OR_RETURN(CustomerId owner, queries->OwnerOf(hash));
  if (!owner.is_set()) {
    const auto taken = [&](CustomerId id) -> absl::StatusOr<bool> {
      RONDO_ASSIGN_OR_RETURN(const Profile* const profile, ProfileOf(id));
      return profile->create_micros != 0;
    };
    RONDO_ASSIGN_OR_RETURN(owner, FirstFreeId(hash, taken));
  }
  owners_[hash] = owner;
  return owner;
}

absl::StatusOr<Profile*> RowImport::ProfileOf(CustomerId customer) {
  if (const auto at = profiles_.find(customer); at != profiles_.end()) return &at->second;
  const int partition = PartitionOf(customer, parts_.runtime.partition_count());
  RONDO_ASSIGN_OR_RETURN(CustomerQueries* const queries, QueriesOf(partition));
  RONDO_ASSIGN_OR_RETURN(Profile profile, queries->Read(customer));
  return &profiles_.insert_or_assign(customer, std::move(profile)).first->second;
}

bool RowImport::HasPersonalData(const pb::ImportRow& row) const {
  const auto is_personal = [](const pb::ExternalKey& key) {
    return IsPersonalNamespace(key.namespace_());
  };
  const auto is_pii = [this](const rondo::type::v1::Field& field) {
    return parts_.schema.FindAttribute(field.name())->pii();
  };
  return std::any_of(row.keys().begin(), row.keys().end(), is_personal) ||
         std::any_of(row.attributes().begin(), row.attributes().end(), is_pii);
}

absl::Status RowImport::LoadDataKeys(const std::vector<Row>& rows, bool may_create) {
  std::vector<CustomerId> customers;
  for (const Row& row : rows) {
    if (HasPersonalData(*row.row)) customers.push_back(row.customer);
  }
  std::sort(customers.begin(), customers.end());
  customers.erase(std::unique(customers.begin(), customers.end()), customers.end());
  if (may_create) {
    RONDO_ASSIGN_OR_RETURN(const std::vector<DataKey> keys, parts_.keys.GetOrCreate(customers));
    for (size_t i = 0; i < customers.size(); ++i) data_keys_[customers[i]] = keys[i];
    return absl::OkStatus();
  }
  for (const CustomerId customer : customers) {
    RONDO_ASSIGN_OR_RETURN(const std::optional<DataKey> key, parts_.keys.Get(customer));
    if (key.has_value()) data_keys_[customer] = *key;
  }
  return absl::OkStatus();
}

absl::StatusOr<Value> RowImport::SealValue(CustomerId customer, std::string_view field,
                                           const Value& value) {
  const auto key = data_keys_.find(customer);
  // Only when checking without writing: what it would be sealed to is of no interest.
  if (key == data_keys_.end()) return value;
  Value sealed;
  sealed.set_sealed_value(
      Seal(key->second, customer, field, value.SerializeAsString(), parts_.keys.random()));
  return sealed;
}

absl::Status RowImport::PlanPastCycles(const pb::ImportCustomersRequest& request) {
  for (const pb::PastCampaign& past : request.campaigns()) {
    LogRecord record = ImportedRecord(CustomerId(), ToMicros(past.due_time()));
    auto& started = *record.mutable_cycle_started();
    *started.mutable_campaign() = past.campaign();
    started.mutable_cycle()->set_name(
        absl::StrCat(past.campaign().name(), "/cycles/", past.cycle()));
    started.mutable_cycle()->set_number(past.cycle());
    *started.mutable_cycle()->mutable_due_time() = past.due_time();
    for (const auto& cell : past.campaign().cells()) {
      auto& share = *started.mutable_cycle()->add_shares();
      share.set_cell(cell.name());
      share.set_share(cell.share());
    }
    for (int partition = 0; partition < parts_.runtime.partition_count(); ++partition) {
      RONDO_ASSIGN_OR_RETURN(CustomerQueries* const queries, QueriesOf(partition));
      RONDO_ASSIGN_OR_RETURN(const bool known,
                             queries->HasPastCycle(past.campaign().name(), past.cycle()));
      if (!known) records_[partition].push_back(record);
      if (!request.history_complete()) continue;
      RONDO_ASSIGN_OR_RETURN(const bool complete,
                             queries->IsPastCycleComplete(past.campaign().name(), past.cycle()));
      if (complete) continue;
      LogRecord planned = ImportedRecord(CustomerId(), ToMicros(past.due_time()));
      planned.mutable_cycle_planned()->set_campaign(past.campaign().name());
      planned.mutable_cycle_planned()->set_cycle(past.cycle());
      records_[partition].push_back(std::move(planned));
    }
  }
  return absl::OkStatus();
}

absl::Status RowImport::PlanRow(const Row& row, const std::string& import_id) {
  RONDO_ASSIGN_OR_RETURN(Profile* const profile, ProfileOf(row.customer));
  const bool is_new = profile->create_micros == 0;
  LogRecord record = ImportedRecord(row.customer, row.effective_micros);
  rondo::log::v1::ProfileChanged& change = *record.mutable_profile_changed();
  change.set_effective_time_micros(row.effective_micros);
  RONDO_RETURN_IF_ERROR(AddKeys(row, *profile, change));
  RONDO_RETURN_IF_ERROR(AddAttributes(row, *profile, change));
  AddConsents(row, *profile, change);
  const auto kind = PartyKind::kPerson;
  if (is_new) {
    change.set_party_type(static_cast<rondo::customer::v1::PartyType>(kind));
    profile->create_micros = row.effective_micros;
  }

  Records facts;
  AddEvents(row, import_id, facts);
  AddContacts(row, facts);

  std::vector<LogRecord>& out =
      records_[PartitionOf(row.customer, parts_.runtime.partition_count())];
  bool says_new = false;
  if (is_new || change.keys_size() + change.attributes_size() + change.consents_size() > 0) {
    if (data_keys_.contains(row.customer)) record.set_key_id(ToResourceName(row.customer));
    out.push_back(std::move(record));
    says_new = true;
  }
  for (LogRecord& fact : facts) {
    RONDO_ASSIGN_OR_RETURN(const bool is_new_fact, IsNewFact(row.customer, fact));
    if (!is_new_fact) continue;
    out.push_back(std::move(fact));
    says_new = true;
  }
  if (says_new) {
    response_.set_imported(response_.imported() + 1);
  } else {
    response_.set_unchanged(response_.unchanged() + 1);
  }
  return absl::OkStatus();
}

absl::Status RowImport::AddKeys(const Row& row, Profile& profile,
                                rondo::log::v1::ProfileChanged& change) {
  for (const pb::ExternalKey& key : row.row->keys()) {
    const uint64_t hash = HashOfKey(parts_.instance_key, key.namespace_(), key.value());
    if (HasKey(profile, hash)) continue;
    const auto known = owners_.find(hash);
    if (known == owners_.end()) {
      const int partition = eventlog::PartitionOfHash(hash, parts_.runtime.partition_count());
      RONDO_ASSIGN_OR_RETURN(CustomerQueries* const queries, QueriesOf(partition));
      RONDO_ASSIGN_OR_RETURN(const CustomerId owner, queries->OwnerOf(hash));
      // A key that another customer owns stays theirs.
      if (owner.is_set() && owner != row.customer) continue;
      owners_[hash] = row.customer;
    } else if (known->second != row.customer) {
      continue;
    }
    Value value;
    value.set_string_value(key.value());
    if (IsPersonalNamespace(key.namespace_())) {
      RONDO_ASSIGN_OR_RETURN(value, SealValue(row.customer, FieldOfKey(key.namespace_()), value));
    }
    auto& fact = *change.add_keys();
    fact.set_namespace_(key.namespace_());
    fact.set_hash(hash);
    *fact.mutable_value() = value;
    profile.keys.push_back({key.namespace_(), hash, value.SerializeAsString()});
  }
  return absl::OkStatus();
}

absl::Status RowImport::AddAttributes(const Row& row, Profile& profile,
                                      rondo::log::v1::ProfileChanged& change) {
  const auto key = data_keys_.find(row.customer);
  for (const rondo::type::v1::Field& field : row.row->attributes()) {
    const AttributeValue* current = FindAttribute(profile, field.name());
    const bool clears = field.value().kind_case() == Value::KIND_NOT_SET;
    if (current == nullptr && clears) continue;
    bool confirms = false;
    if (current != nullptr) {
      // A row without a time of its own repeats what is so; one with a time may confirm it later.
      if (current->effective_micros >= row.effective_micros && row.says_when) continue;
      RONDO_ASSIGN_OR_RETURN(const bool same,
                             SameMeaning(*current, field.value(), row.customer,
                                         key == data_keys_.end() ? nullptr : &key->second));
      if (same && !row.says_when) continue;
      confirms = same;
    }
    Value value = field.value();
    if (!clears && parts_.schema.FindAttribute(field.name())->pii()) {
      RONDO_ASSIGN_OR_RETURN(value, SealValue(row.customer, field.name(), value));
    }
    FoldAttribute(profile, {field.name(), value.SerializeAsString(), row.effective_micros});
    auto& out = *change.add_attributes();
    out.set_name(field.name());
    *out.mutable_value() = std::move(value);
    if (confirms) change.add_confirmed_attributes(field.name());
  }
  auto& confirmed = *change.mutable_confirmed_attributes();
  std::sort(confirmed.begin(), confirmed.end());
  return absl::OkStatus();
}

void RowImport::AddConsents(const Row& row, Profile& profile,
                            rondo::log::v1::ProfileChanged& change) const {
  for (const pb::Consent& given : row.row->consents()) {
    Consent consent = {
        .channel = given.channel(),
        .purpose = given.purpose(),
        .business_unit = given.business_unit(),
        .granted = given.granted(),
        .effective_micros =
            given.has_effective_time() ? ToMicros(given.effective_time()) : row.effective_micros,
        .source = given.source().empty() ? std::string(kImportSource) : given.source(),
        .text_version = given.text_version()};
    if (given.has_effective_time() || row.says_when) {
      // Nobody has said it later than now: a clock ahead must not outlast the next opt-out.
      consent.effective_micros = std::min(consent.effective_micros, ToMicros(parts_.now));
    } else {
      const bool repeats = std::any_of(
          profile.consents.begin(), profile.consents.end(), [&](const Consent& current) {
            return current.channel == consent.channel && current.purpose == consent.purpose &&
                   current.business_unit == consent.business_unit &&
                   current.granted == consent.granted;
          });
      if (repeats) continue;
    }
    if (Fold(profile.consents, consent)) ToFact(consent, *change.add_consents());
  }
}

void RowImport::AddEvents(const Row& row, const std::string& import_id, Records& out) const {
  int index = 0;
  for (const rondo::response::v1::Event& event : row.row->events()) {
    LogRecord record = ImportedRecord(row.customer, ToMicros(event.event_time()));
    auto& tracked = *record.mutable_event_tracked();
    tracked.set_type(event.type());
    tracked.set_message_id(!event.message_id().empty()
                               ? event.message_id()
                               : absl::StrCat(import_id, ":", row.row->row(), ":", index));
    std::vector<rondo::type::v1::Field> fields(event.fields().begin(), event.fields().end());
    std::sort(fields.begin(), fields.end(),
              [](const auto& a, const auto& b) { return a.name() < b.name(); });
    for (rondo::type::v1::Field& field : fields) *tracked.add_fields() = std::move(field);
    if (event.has_contact()) *tracked.mutable_contact() = event.contact();
    tracked.set_machine(event.machine());
    out.push_back(std::move(record));
    ++index;
  }
}

void RowImport::AddContacts(const Row& row, Records& out) const {
  for (const pb::PastContact& past : row.row->contacts()) {
    const int64_t due = ToMicros(past.due_time());
    LogRecord record = ImportedRecord(row.customer, due);
    auto& contact = *record.mutable_contact_planned();
    contact.mutable_contact()->set_campaign(past.campaign());
    contact.mutable_contact()->set_cycle(past.cycle());
    contact.set_cell(past.cell());
    contact.set_control(past.control());
    contact.set_channel(past.channel());
    contact.set_due_time_micros(due);
    contact.set_imported(true);
    for (const auto& cell : past_.at(past.campaign())->campaign().cells()) {
      if (cell.name() != past.cell()) continue;
      contact.set_assignment_probability(cell.share());
      contact.set_control(cell.control());
    }
    const rondo::response::v1::ContactKey which = contact.contact();
    out.push_back(std::move(record));
    for (const pb::PastResponse& response : past.responses()) {
      LogRecord answer = ImportedRecord(
          row.customer, response.has_event_time() ? ToMicros(response.event_time()) : due);
      auto& attributed = *answer.mutable_response_attributed();
      *attributed.mutable_contact() = which;
      attributed.set_cell(past.cell());
      attributed.set_goal(response.goal());
      attributed.set_how("imported");
      attributed.set_value_minor_units(response.value_minor_units());
      attributed.set_due_time_micros(due);
      out.push_back(std::move(answer));
    }
  }
}

absl::StatusOr<bool> RowImport::IsNewFact(CustomerId customer, const LogRecord& record) {
  const uint64_t fact = *FactOf(record);
  if (!new_facts_.insert({customer.value(), fact}).second) return false;
  RONDO_ASSIGN_OR_RETURN(CustomerQueries* const queries,
                         QueriesOf(PartitionOf(customer, parts_.runtime.partition_count())));
  RONDO_ASSIGN_OR_RETURN(const bool known, queries->HasFact(customer, fact));
  return !known;
}

}  // namespace rondo::customer
