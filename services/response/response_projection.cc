#include "services/response/response_projection.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/stack_arena.h"
#include "platform/rpc/timestamp.h"
#include "platform/storage/key.h"
#include "services/response/event_fields.h"

namespace rondo::response {
namespace {

using eventlog::ApplyContext;
using eventlog::LogRecord;
namespace logpb = ::rondo::log::v1;

constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
constexpr size_t kEventBytes = 2'048;  // Room for one event's parts, on the stack.

template <typename Message>
absl::StatusOr<std::optional<Message>> GetMessage(const std::string& key,
                                                  const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  if (!bytes.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(Message message, Decode<Message>(*bytes));
  return std::optional<Message>(std::move(message));
}

bool IsSame(const pb::ContactKey& a, const pb::ContactKey& b) {
  return ContactPart(a) == ContactPart(b);
}

// When it happened; records without a time happened when they were appended.
int64_t TimeOf(const LogRecord& record) {
  return record.event_time_micros() != 0 ? record.event_time_micros() : record.append_time_micros();
}

struct Answer {
  std::string goal;
  std::string how;
  GoalValue value = {};
};

void EmitResponse(CustomerId customer, const pb::StoredEvent& event,
                  const pb::StoredContact& contact, const Answer& answer, ApplyContext& context) {
  LogRecord record;
  record.set_party(customer.value());
  record.set_source("response");
  record.set_event_time_micros(ToMicros(event.event().event_time()));
  logpb::ResponseAttributed& response = *record.mutable_response_attributed();
  *response.mutable_contact() = contact.contact();
  response.set_cell(contact.cell());
  response.set_goal(answer.goal);
  response.set_how(answer.how);
  response.set_value_minor_units(answer.value.minor_units);
  response.set_value_unknown(!answer.value.is_known);
  response.set_machine(event.event().machine());
  response.set_due_time_micros(contact.due_time_micros());
  response.set_event_message_id(event.message_id());
  context.Emit(std::move(record));
}

absl::Status ApplyDelivery(const LogRecord& record, const pb::ContactKey& contact,
                           const std::string& state, const std::string& reason,
                           ApplyContext& context) {
  pb::TimelineEntry entry;
  *entry.mutable_time() = ToTimestamp(TimeOf(record));
  *entry.mutable_delivery()->mutable_contact() = contact;
  entry.mutable_delivery()->set_state(state);
  entry.mutable_delivery()->set_reason(reason);
  context.Put(KeyOfEntry(CustomerId(record.party()), TimeOf(record), EntryKind::kDelivery,
                         ContactPart(contact) + state),
              entry.SerializeAsString());
  return absl::OkStatus();
}

absl::Status ApplyOutcome(const LogRecord& record, ApplyContext& context) {
  const logpb::DeliveryOutcome& outcome = record.delivery_outcome();
  const auto apply = [&](const char* state, const std::string& reason) {
    return ApplyDelivery(record, outcome.contact(), state, reason, context);
  };
  switch (outcome.state()) {
    case logpb::DELIVERY_STATE_SENT:
      return apply("sent", "");
    case logpb::DELIVERY_STATE_DELIVERED:
      return apply("delivered", "");
    case logpb::DELIVERY_STATE_FAILED:
    case logpb::DELIVERY_STATE_BOUNCED:
      return apply("bounced", outcome.code());
    case logpb::DELIVERY_STATE_IN_DOUBT:
      return apply("in_doubt", "");
    case logpb::DELIVERY_STATE_UNKNOWN:
      return apply("unknown", "");
    default:
      return absl::OkStatus();  // Deferred: it is tried again.
  }
}

absl::Status ApplyResponse(const LogRecord& record, ApplyContext& context) {
  const logpb::ResponseAttributed& response = record.response_attributed();
  pb::TimelineEntry entry;
  *entry.mutable_time() = ToTimestamp(TimeOf(record));
  *entry.mutable_response()->mutable_contact() = response.contact();
  entry.mutable_response()->set_goal(response.goal());
  entry.mutable_response()->set_how(response.how());
  entry.mutable_response()->set_value_minor_units(response.value_minor_units());
  entry.mutable_response()->set_value_unknown(response.value_unknown());
  const std::string unique = storage::KeyBuilder()
                                 .Raw(ContactPart(response.contact()))
                                 .String(response.goal())
                                 .Raw(response.event_message_id())
                                 .Build();
  context.Put(KeyOfEntry(CustomerId(record.party()), TimeOf(record), EntryKind::kResponse, unique),
              entry.SerializeAsString());
  return absl::OkStatus();
}

// Returns how many keys there were.
absl::StatusOr<int64_t> DeleteAll(const std::vector<storage::KeyRange>& ranges,
                                  ApplyContext& context) {
  std::vector<std::string> keys;
  for (const storage::KeyRange& range : ranges) {
    const auto rows = context.Scan(range);
    for (; rows->Valid(); rows->Next()) keys.emplace_back(rows->key());
    RONDO_RETURN_IF_ERROR(rows->status());
  }
  for (const std::string& key : keys) context.Delete(key);
  return static_cast<int64_t>(keys.size());
}

absl::StatusOr<int64_t> GetNumber(const std::string& key, int64_t otherwise,
                                  const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  return bytes.has_value() ? storage::KeyParser(*bytes).I64() : otherwise;
}

void PutNumber(const std::string& key, int64_t number, ApplyContext& context) {
  context.Put(key, storage::KeyBuilder().I64(number).view());
}

absl::Status AddToWaiting(int64_t change, ApplyContext& context) {
  if (change == 0) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const int64_t waiting, GetNumber(KeyOfWaitingCount(), 0, context));
  if (waiting + change == 0) {
    // As if none had ever waited: states do not depend on the order of arrival.
    context.Delete(KeyOfWaitingCount());
  } else {
    PutNumber(KeyOfWaitingCount(), waiting + change, context);
  }
  return absl::OkStatus();
}

absl::Status ApplyErased(CustomerId customer, ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const int64_t waiting, DeleteAll({WaitingOf(customer)}, context));
  RONDO_RETURN_IF_ERROR(AddToWaiting(-waiting, context));
  context.Put(KeyOfErased(customer), "");
  return DeleteAll(AllOf(customer), context).status();
}

absl::Status ApplyAnswered(const LogRecord& record, ApplyContext& context) {
  const std::string key = KeyOfAnswer(record.request_id());
  RONDO_ASSIGN_OR_RETURN(const auto known, context.Get(key));
  if (known.has_value()) return absl::OkStatus();  // The first answer holds.
  context.Put(key, record.ingest_answered().answer().SerializeAsString());
  context.SetTimer(context.partition_time() + kAnswersKept, key, "");
  return absl::OkStatus();
}

absl::Status StoreCodeList(const logpb::Definition& definition, ApplyContext& context) {
  RONDO_RETURN_IF_ERROR(DeleteAll({CodesOf(definition.name())}, context).status());
  if (definition.deleted()) {
    context.Delete(KeyOfCodeList(definition.name()));
    return absl::OkStatus();
  }
  for (const auto& code : definition.code_list().codes()) {
    context.Put(KeyOfCode(definition.name(), code.code()), code.parent());
  }
  PutNumber(KeyOfCodeList(definition.name()), definition.version(), context);
  return absl::OkStatus();
}

// With the current versions of the code lists that its fields use.
absl::StatusOr<std::string> Declare(const rondo::customer::v1::EventType& type,
                                    const ApplyContext& context) {
  std::set<std::string> lists;
  for (const auto& field : type.fields()) lists.insert(field.code_list());
  lists.erase("");
  statepb::DeclaredEventType declared;
  *declared.mutable_event_type() = type;
  for (const std::string& list : lists) {
    RONDO_ASSIGN_OR_RETURN(const int64_t version, GetNumber(KeyOfCodeList(list), 0, context));
    if (version == 0) continue;  // Gone.
    statepb::UsedCodeList& used = *declared.add_code_lists();
    used.set_name(list);
    used.set_version(version);
  }
  return declared.SerializeAsString();
}

// The declared event types, from all attribute sets in the order of their names; of a type that is
// declared twice the first counts.
absl::Status ApplyDefinition(const logpb::Definition& definition, ApplyContext& context) {
  const bool is_set = definition.name().starts_with(catalog::kAttributeSets);
  if (!is_set && !definition.name().starts_with(catalog::kCodeLists)) return absl::OkStatus();
  const std::string key = KeyOfAttributeSet(definition.name());
  if (!is_set) {
    RONDO_RETURN_IF_ERROR(StoreCodeList(definition, context));
  } else if (definition.deleted()) {
    context.Delete(key);
  } else {
    context.Put(key, definition.attribute_set().SerializeAsString());
  }
  RONDO_RETURN_IF_ERROR(DeleteAll({EventTypes()}, context).status());
  std::map<std::string, std::string> types;
  const auto sets = context.Scan(AttributeSets());
  for (; sets->Valid(); sets->Next()) {
    RONDO_ASSIGN_OR_RETURN(const auto set,
                           Decode<rondo::customer::v1::AttributeSet>(sets->value()));
    for (const auto& type : set.event_types()) {
      if (types.contains(type.name())) continue;
      RONDO_ASSIGN_OR_RETURN(types[type.name()], Declare(type, context));
    }
  }
  RONDO_RETURN_IF_ERROR(sets->status());
  for (const auto& [name, type] : types) context.Put(KeyOfEventType(name), type);
  return absl::OkStatus();
}

bool IsDueBefore(const pb::StoredContact& a, const pb::StoredContact& b) {
  if (a.due_time_micros() != b.due_time_micros()) return a.due_time_micros() < b.due_time_micros();
  return ContactPart(a.contact()) < ContactPart(b.contact());
}

// One row holds the contacts that events may still answer; what is older than those of a full row
// gets a key of its own.
absl::Status AddDue(CustomerId customer, const pb::StoredContact& contact, ApplyContext& context) {
  const std::string key = KeyOfLastDue(customer);
  RONDO_ASSIGN_OR_RETURN(const auto stored, GetMessage<pb::DueContacts>(key, context));
  pb::DueContacts row = stored.value_or(pb::DueContacts());
  auto& contacts = *row.mutable_contacts();
  *contacts.Add() = contact;
  for (int i = contacts.size() - 1; i > 0 && IsDueBefore(contacts[i], contacts[i - 1]); --i) {
    contacts.SwapElements(i, i - 1);
  }
  if (contacts.size() > kDueContactsInRowMax) {
    const pb::StoredContact& oldest = contacts[0];
    context.Put(KeyOfDue(customer, oldest.due_time_micros(), oldest.contact()),
                oldest.SerializeAsString());
    if (!row.has_older() || oldest.due_time_micros() > row.older_until_micros()) {
      row.set_older_until_micros(oldest.due_time_micros());
    }
    row.set_has_older(true);
    contacts.erase(contacts.begin());
  }
  context.Put(key, row.SerializeAsString());
  return absl::OkStatus();
}

// Contacts that were due in [from, to], oldest first.
absl::StatusOr<std::vector<pb::StoredContact>> DueBetween(CustomerId customer, int64_t from_micros,
                                                          int64_t to_micros,
                                                          const ApplyContext& context) {
  std::vector<pb::StoredContact> due;
  RONDO_ASSIGN_OR_RETURN(const auto row,
                         GetMessage<pb::DueContacts>(KeyOfLastDue(customer), context));
  if (!row.has_value()) return due;
  if (row->has_older() && from_micros <= row->older_until_micros()) {
    const auto older = context.Scan(OlderDueBetween(customer, from_micros, to_micros));
    for (; older->Valid(); older->Next()) {
      RONDO_ASSIGN_OR_RETURN(due.emplace_back(), Decode<pb::StoredContact>(older->value()));
    }
    RONDO_RETURN_IF_ERROR(older->status());
  }
  for (const pb::StoredContact& contact : row->contacts()) {
    const int64_t time = contact.due_time_micros();
    if (time >= from_micros && time <= to_micros) due.push_back(contact);
  }
  return due;
}

// Direct events that came before their contact.
absl::Status AnswerWaiting(CustomerId customer, const pb::StoredContact& contact,
                           ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const int64_t waiting, GetNumber(KeyOfWaitingCount(), 0, context));
  if (waiting == 0) return absl::OkStatus();
  std::vector<std::string> answered;
  const auto rows = context.Scan(WaitingFor(customer, contact.contact()));
  for (; rows->Valid(); rows->Next()) {
    RONDO_ASSIGN_OR_RETURN(const auto event, Decode<pb::StoredEvent>(rows->value()));
    EmitResponse(customer, event, contact, {event.event().type(), "token"}, context);
    answered.emplace_back(rows->key());
  }
  RONDO_RETURN_IF_ERROR(rows->status());
  for (const std::string& key : answered) context.Delete(key);
  return AddToWaiting(-static_cast<int64_t>(answered.size()), context);
}

}  // namespace

bool IsDirect(std::string_view event_type) {
  constexpr std::string_view kDirect[] = {"open",   "click",     "unsubscribe",
                                          "bounce", "complaint", "delivered"};
  return std::find(std::begin(kDirect), std::end(kDirect), event_type) != std::end(kDirect);
}

absl::Status ResponseProjection::Apply(const LogRecord& record, ApplyContext& context) {
  switch (record.body_case()) {
    case LogRecord::kEventTracked:
    case LogRecord::kContactPlanned:
    case LogRecord::kDeliveryAttempted:
    case LogRecord::kDeliveryOutcome:
    case LogRecord::kContactSuppressed:
    case LogRecord::kResponseAttributed: {
      // A link in an old mail still works after erasure, and what was on its way arrives; none of
      // it is kept.
      const bool is_erased = ErasedHere(context).contains(record.party());
      return is_erased ? absl::OkStatus() : ApplyOfPerson(record, context);
    }
    case LogRecord::kCycleStarted:
      return ApplyCycle(record.cycle_started(), context);
    case LogRecord::kDefinitionActivated:
      return ApplyDefinition(record.definition_activated().definition(), context);
    case LogRecord::kIngestAnswered:
      return ApplyAnswered(record, context);
    case LogRecord::kCustomerErased:
      RONDO_RETURN_IF_ERROR(ApplyErased(CustomerId(record.party()), context));
      ErasedHere(context).insert(record.party());
      return absl::OkStatus();
    default:
      return absl::OkStatus();
  }
}

absl::Status ResponseProjection::ApplyOfPerson(const LogRecord& record, ApplyContext& context) {
  switch (record.body_case()) {
    case LogRecord::kEventTracked:
      return ApplyEvent(record, context);
    case LogRecord::kContactPlanned:
      return ApplyContact(record, context);
    case LogRecord::kDeliveryAttempted:
      return ApplyDelivery(record, record.delivery_attempted().contact(), "attempted", "", context);
    case LogRecord::kDeliveryOutcome:
      return ApplyOutcome(record, context);
    case LogRecord::kContactSuppressed:
      // What the policy would have done to a control contact is not a thing that happened.
      if (record.contact_suppressed().shadow()) return absl::OkStatus();
      return ApplyDelivery(record, record.contact_suppressed().contact(), "suppressed",
                           record.contact_suppressed().reason(), context);
    default:
      return ApplyResponse(record, context);
  }
}

absl::Status ResponseProjection::Loaded(int partition, int64_t next_offset,
                                        const storage::Reader& state) {
  static_cast<void>(next_offset);
  const auto place = static_cast<size_t>(partition);
  if (erased_.size() <= place) erased_.resize(place + 1);
  erased_[place].clear();
  const storage::KeyRange range = AllErased();
  const auto rows = state.Scan(range);
  for (; rows->Valid(); rows->Next()) {
    storage::KeyParser parser(rows->key().substr(range.begin.size()));
    erased_[place].insert(parser.U64());
    if (!parser.ok()) return absl::DataLossError("response: an erased customer's key is damaged");
  }
  return rows->status();
}

absl::Status ResponseProjection::OnTimer(absl::Time, std::string_view key, std::string_view,
                                         ApplyContext& context) {
  context.Delete(key);  // Of an answer: the only timers.
  return absl::OkStatus();
}

absl::Status ResponseProjection::ApplyEvent(const LogRecord& record, ApplyContext& context) {
  const logpb::EventTracked& tracked = record.event_tracked();
  const CustomerId customer(record.party());
  eventlog::StackArena<kEventBytes> arena;
  auto& stored = arena.Make<pb::StoredEvent>();
  stored.set_message_id(tracked.message_id().empty() ? absl::BytesToHexString(record.id())
                                                     : tracked.message_id());
  const std::string message_key = KeyOfMessage(customer, stored.message_id());
  RONDO_ASSIGN_OR_RETURN(const auto known, context.Get(message_key));
  if (known.has_value()) return absl::OkStatus();

  pb::Event& event = *stored.mutable_event();
  event.set_type(tracked.type());
  event.set_message_id(tracked.message_id());
  *event.mutable_event_time() = ToTimestamp(TimeOf(record));
  // Borrowed: an arena's message deletes none of its parts.
  for (const rondo::type::v1::Field& field : tracked.fields()) {
    event.mutable_fields()->UnsafeArenaAddAllocated(const_cast<rondo::type::v1::Field*>(&field));
  }
  if (tracked.has_contact()) *event.mutable_contact() = tracked.contact();
  event.set_machine(tracked.machine());
  event.set_source(record.source());
  context.Put(KeyOfEntry(customer, TimeOf(record), EntryKind::kEvent, stored.message_id()),
              stored.SerializeAsString());
  context.Put(message_key, "");
  RONDO_ASSIGN_OR_RETURN(const int64_t newest, GetNumber(KeyOfNewestEvent(), kNever, context));
  if (TimeOf(record) > newest) PutNumber(KeyOfNewestEvent(), TimeOf(record), context);
  return AnswerContacts(customer, stored, context);
}

absl::Status ResponseProjection::AnswerContacts(CustomerId customer, const pb::StoredEvent& stored,
                                                ApplyContext& context) {
  const pb::Event& event = stored.event();
  if (IsDirect(event.type())) {
    if (!event.has_contact()) return absl::OkStatus();
    RONDO_ASSIGN_OR_RETURN(
        const auto contact,
        GetMessage<pb::StoredContact>(KeyOfContact(customer, event.contact()), context));
    if (contact.has_value()) {
      EmitResponse(customer, stored, *contact, {event.type(), "token"}, context);
    } else {
      context.Put(KeyOfWaiting(customer, event.contact(), stored.message_id()),
                  stored.SerializeAsString());
      RONDO_RETURN_IF_ERROR(AddToWaiting(1, context));
    }
  }
  RONDO_ASSIGN_OR_RETURN(const auto longest, context.Get(KeyOfLongestWindow()));
  if (!longest.has_value()) return absl::OkStatus();
  const int64_t time = ToMicros(event.event_time());
  RONDO_ASSIGN_OR_RETURN(
      const std::vector<pb::StoredContact> due,
      DueBetween(customer, time - storage::KeyParser(*longest).I64(), time, context));
  for (const pb::StoredContact& contact : due) {
    RONDO_ASSIGN_OR_RETURN(
        const auto goals,
        GetMessage<pb::CycleGoals>(
            KeyOfCycle(contact.contact().campaign(), contact.contact().cycle()), context));
    if (!goals.has_value()) continue;  // Answered when the cycle is known.
    RONDO_RETURN_IF_ERROR(MeetGoals(customer, stored, contact, *goals, context));
  }
  return absl::OkStatus();
}

absl::Status ResponseProjection::ApplyContact(const LogRecord& record, ApplyContext& context) {
  const logpb::ContactPlanned& planned = record.contact_planned();
  const CustomerId customer(record.party());
  const std::string key = KeyOfContact(customer, planned.contact());
  RONDO_ASSIGN_OR_RETURN(const auto known, context.Get(key));
  if (known.has_value()) return absl::OkStatus();

  pb::TimelineEntry entry;
  *entry.mutable_time() = ToTimestamp(planned.due_time_micros());
  *entry.mutable_contact()->mutable_contact() = planned.contact();
  entry.mutable_contact()->set_cell(planned.cell());
  entry.mutable_contact()->set_control(planned.control());
  entry.mutable_contact()->set_channel(planned.channel());
  context.Put(KeyOfEntry(customer, planned.due_time_micros(), EntryKind::kContact,
                         ContactPart(planned.contact())),
              entry.SerializeAsString());

  pb::StoredContact contact;
  *contact.mutable_contact() = planned.contact();
  contact.set_cell(planned.cell());
  contact.set_due_time_micros(planned.due_time_micros());
  contact.set_imported(planned.imported());
  context.Put(key, contact.SerializeAsString());

  RONDO_RETURN_IF_ERROR(AnswerWaiting(customer, contact, context));

  // The responses of a contact that was measured elsewhere come with it.
  if (planned.imported()) return absl::OkStatus();
  RONDO_RETURN_IF_ERROR(AddDue(customer, contact, context));
  RONDO_ASSIGN_OR_RETURN(
      const auto goals,
      GetMessage<pb::CycleGoals>(
          KeyOfCycle(planned.contact().campaign(), planned.contact().cycle()), context));
  if (goals.has_value()) return AnswerWithEvents(customer, contact, *goals, context);
  context.Put(KeyOfEarly(customer, planned.contact()), "");
  return absl::OkStatus();
}

absl::Status ResponseProjection::ApplyCycle(const logpb::CycleStarted& started,
                                            ApplyContext& context) {
  const std::string& campaign = started.campaign().name();
  const int32_t cycle = started.cycle().number();
  const std::string key = KeyOfCycle(campaign, cycle);
  RONDO_ASSIGN_OR_RETURN(const auto known, context.Get(key));
  if (known.has_value()) return absl::OkStatus();
  pb::CycleGoals goals;
  *goals.mutable_goals() = started.campaign().goals();
  goals.set_currency(started.campaign().currency());
  context.Put(key, goals.SerializeAsString());

  RONDO_ASSIGN_OR_RETURN(const auto stored, context.Get(KeyOfLongestWindow()));
  int64_t longest = stored.has_value() ? storage::KeyParser(*stored).I64() : -1;
  for (const auto& goal : goals.goals()) longest = std::max(longest, ToMicros(goal.within()));
  if (longest >= 0) context.Put(KeyOfLongestWindow(), storage::KeyBuilder().I64(longest).view());

  // Contacts that came before their cycle.
  std::vector<std::string> early;
  const auto rows = context.Scan(EarlyOf(campaign, cycle));
  const size_t prefix = EarlyOf(campaign, cycle).begin.size();
  for (; rows->Valid(); rows->Next()) early.emplace_back(rows->key());
  RONDO_RETURN_IF_ERROR(rows->status());
  for (const std::string& early_key : early) {
    storage::KeyParser parser(std::string_view(early_key).substr(prefix));
    const CustomerId customer(parser.U64());
    pb::ContactKey contact_key;
    contact_key.set_campaign(parser.String());
    contact_key.set_cycle(static_cast<int32_t>(parser.U32()));
    contact_key.set_step(parser.String());
    contact_key.set_occurrence(static_cast<int32_t>(parser.U32()));
    RONDO_ASSIGN_OR_RETURN(const auto contact, GetMessage<pb::StoredContact>(
                                                   KeyOfContact(customer, contact_key), context));
    // An erased customer's contact is gone.
    if (contact.has_value()) {
      RONDO_RETURN_IF_ERROR(AnswerWithEvents(customer, *contact, goals, context));
    }
    context.Delete(early_key);
  }
  return absl::OkStatus();
}

absl::Status ResponseProjection::AnswerWithEvents(CustomerId customer,
                                                  const pb::StoredContact& contact,
                                                  const pb::CycleGoals& goals,
                                                  ApplyContext& context) {
  int64_t longest = -1;
  for (const auto& goal : goals.goals()) longest = std::max(longest, ToMicros(goal.within()));
  if (longest < 0) return absl::OkStatus();
  const int64_t due = contact.due_time_micros();
  // The ordinary case, a contact that is yet to come, costs no walk through the timeline.
  RONDO_ASSIGN_OR_RETURN(const int64_t newest, GetNumber(KeyOfNewestEvent(), kNever, context));
  if (newest < due) return absl::OkStatus();
  const auto rows = context.Scan(TimelineBetween(customer, due, due + longest));
  for (; rows->Valid(); rows->Next()) {
    if (KindOf(rows->key()) != EntryKind::kEvent) continue;
    RONDO_ASSIGN_OR_RETURN(const auto event, Decode<pb::StoredEvent>(rows->value()));
    RONDO_RETURN_IF_ERROR(MeetGoals(customer, event, contact, goals, context));
  }
  return rows->status();
}

absl::Status ResponseProjection::MeetGoals(CustomerId customer, const pb::StoredEvent& stored,
                                           const pb::StoredContact& contact,
                                           const pb::CycleGoals& goals, ApplyContext& context) {
  const pb::Event& event = stored.event();
  const bool named = event.has_contact() && IsSame(event.contact(), contact.contact());
  // A click on another campaign's mail says nothing of this contact.
  if (IsDirect(event.type()) && event.has_contact() && !named) return absl::OkStatus();
  const int64_t since_due = ToMicros(event.event_time()) - contact.due_time_micros();
  if (since_due < 0) return absl::OkStatus();
  for (const auto& goal : goals.goals()) {
    if (goal.event() != event.type() || since_due > ToMicros(goal.within())) continue;
    RONDO_ASSIGN_OR_RETURN(const auto declared, context.Get(KeyOfEventType(goal.event())));
    RONDO_ASSIGN_OR_RETURN(const auto ready,
                           goals_.Get(goal, goals.currency(), declared.value_or(""),
                                      [&context](const std::string& list) {
                                        return ReadCodes(list, *context.Scan(CodesOf(list)));
                                      }));
    if (!ready->goal.has_value()) continue;
    rules::Arena arena;
    const auto value = ready->goal->ValueIfMet(FactsOf(event, ready->fields, arena));
    if (!value.has_value()) continue;
    EmitResponse(customer, stored, contact, {goal.name(), named ? "token" : "window", *value},
                 context);
  }
  return absl::OkStatus();
}

}  // namespace rondo::response
