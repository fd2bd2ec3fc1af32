#include "services/response/response_store.h"

#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::response {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;
using storage::KeyRange;
using storage::PrefixRange;

constexpr uint8_t kTimeline = 'T';
constexpr uint8_t kMessages = 'M';
constexpr uint8_t kContacts = 'O';
constexpr uint8_t kDue = 'U';
constexpr uint8_t kWaiting = 'W';
constexpr uint8_t kWaitingCount = 'N';
constexpr uint8_t kNewestEvent = 'X';
constexpr uint8_t kEarly = 'E';
constexpr uint8_t kCycles = 'C';
constexpr uint8_t kLongestWindow = 'L';
constexpr uint8_t kAttributeSets = 'A';
constexpr uint8_t kEventTypes = 'F';
constexpr uint8_t kCodeLists = 'V';
constexpr uint8_t kCodes = 'K';
constexpr uint8_t kErased = 'Z';
constexpr uint8_t kAnswers = 'Q';

KeyBuilder Start(uint8_t table, CustomerId customer) {
  KeyBuilder builder;
  builder.Byte(table).U64(customer.value());
  return builder;
}

KeyBuilder Start(uint8_t table, std::string_view campaign, int32_t cycle) {
  KeyBuilder builder;
  builder.Byte(table).String(campaign).U32(static_cast<uint32_t>(cycle));
  return builder;
}

}  // namespace

std::string ContactPart(const pb::ContactKey& contact) {
  return KeyBuilder()
      .String(contact.campaign())
      .U32(static_cast<uint32_t>(contact.cycle()))
      .String(contact.step())
      .U32(static_cast<uint32_t>(contact.occurrence()))
      .Build();
}

std::string KeyOfEntry(CustomerId customer, int64_t time_micros, EntryKind kind,
                       std::string_view unique) {
  return Start(kTimeline, customer)
      .I64Descending(time_micros)
      .Byte(static_cast<uint8_t>(0xff - static_cast<uint8_t>(kind)))
      .Raw(unique)
      .Build();
}

KeyRange TimelineOf(CustomerId customer) { return PrefixRange(Start(kTimeline, customer).view()); }

KeyRange TimelineBetween(CustomerId customer, int64_t from_micros, int64_t to_micros) {
  return {Start(kTimeline, customer).I64Descending(to_micros).Build(),
          PrefixRange(Start(kTimeline, customer).I64Descending(from_micros).view()).end};
}

std::optional<EntryKind> KindOf(std::string_view timeline_key) {
  KeyParser parser(timeline_key);
  const uint8_t table = parser.Byte();
  parser.U64();
  parser.I64Descending();
  const uint8_t kind = parser.Byte();
  if (!parser.ok() || table != kTimeline) return std::nullopt;
  return static_cast<EntryKind>(0xff - kind);
}

std::string KeyOfMessage(CustomerId customer, std::string_view message_id) {
  return Start(kMessages, customer).Raw(message_id).Build();
}
std::string KeyOfContact(CustomerId customer, const pb::ContactKey& contact) {
  return Start(kContacts, customer).Raw(ContactPart(contact)).Build();
}
std::string KeyOfDue(CustomerId customer, int64_t due_micros, const pb::ContactKey& contact) {
  return Start(kDue, customer).I64(due_micros).Raw(ContactPart(contact)).Build();
}
std::string KeyOfLastDue(CustomerId customer) { return Start(kDue, customer).Build(); }
KeyRange OlderDueBetween(CustomerId customer, int64_t from_micros, int64_t to_micros) {
  return {Start(kDue, customer).I64(from_micros).Build(),
          PrefixRange(Start(kDue, customer).I64(to_micros).view()).end};
}
std::string KeyOfWaiting(CustomerId customer, const pb::ContactKey& contact,
                         std::string_view message_id) {
  return Start(kWaiting, customer).Raw(ContactPart(contact)).Raw(message_id).Build();
}
KeyRange WaitingFor(CustomerId customer, const pb::ContactKey& contact) {
  return PrefixRange(Start(kWaiting, customer).Raw(ContactPart(contact)).view());
}
KeyRange WaitingOf(CustomerId customer) { return PrefixRange(Start(kWaiting, customer).view()); }
std::string KeyOfWaitingCount() { return KeyBuilder().Byte(kWaitingCount).Build(); }
std::string KeyOfNewestEvent() { return KeyBuilder().Byte(kNewestEvent).Build(); }
std::string KeyOfEarly(CustomerId customer, const pb::ContactKey& contact) {
  return Start(kEarly, contact.campaign(), contact.cycle())
      .U64(customer.value())
      .Raw(ContactPart(contact))
      .Build();
}
KeyRange EarlyOf(std::string_view campaign, int32_t cycle) {
  return PrefixRange(Start(kEarly, campaign, cycle).view());
}
std::string KeyOfCycle(std::string_view campaign, int32_t cycle) {
  return Start(kCycles, campaign, cycle).Build();
}
std::string KeyOfLongestWindow() { return KeyBuilder().Byte(kLongestWindow).Build(); }
std::string KeyOfAttributeSet(std::string_view name) {
  return KeyBuilder().Byte(kAttributeSets).Raw(name).Build();
}
KeyRange AttributeSets() { return PrefixRange(KeyBuilder().Byte(kAttributeSets).view()); }
std::string KeyOfEventType(std::string_view type) {
  return KeyBuilder().Byte(kEventTypes).Raw(type).Build();
}
KeyRange EventTypes() { return PrefixRange(KeyBuilder().Byte(kEventTypes).view()); }
std::string KeyOfCodeList(std::string_view list) {
  return KeyBuilder().Byte(kCodeLists).Raw(list).Build();
}
std::string KeyOfCode(std::string_view list, std::string_view code) {
  return KeyBuilder().Byte(kCodes).String(list).Raw(code).Build();
}
KeyRange CodesOf(std::string_view list) {
  return PrefixRange(KeyBuilder().Byte(kCodes).String(list).view());
}

absl::StatusOr<std::vector<rules::Code>> ReadCodes(std::string_view list, storage::Cursor& codes) {
  std::vector<rules::Code> all;
  const size_t prefix = CodesOf(list).begin.size();
  for (; codes.Valid(); codes.Next()) {
    all.push_back({std::string(codes.key().substr(prefix)), std::string(codes.value())});
  }
  RONDO_RETURN_IF_ERROR(codes.status());
  return all;
}

std::string KeyOfAnswer(std::string_view request_id) {
  return KeyBuilder().Byte(kAnswers).Raw(request_id).Build();
}

std::string KeyOfErased(CustomerId customer) { return Start(kErased, customer).Build(); }
KeyRange AllErased() { return PrefixRange(KeyBuilder().Byte(kErased).view()); }

std::vector<KeyRange> AllOf(CustomerId customer) {
  std::vector<KeyRange> ranges;
  for (const uint8_t table : {kTimeline, kMessages, kContacts, kDue, kWaiting}) {
    ranges.push_back(PrefixRange(Start(table, customer).view()));
  }
  return ranges;
}

absl::StatusOr<TimelinePage> ReadTimeline(const storage::Reader& state, CustomerId customer,
                                          std::string_view cursor, int size) {
  KeyRange range = TimelineOf(customer);
  if (!cursor.empty()) range.begin = cursor;
  TimelinePage page;
  const auto rows = state.Scan(range);
  for (; rows->Valid(); rows->Next()) {
    if (static_cast<int>(page.entries.size()) == size) {
      page.next = rows->key();
      return page;
    }
    if (KindOf(rows->key()) == EntryKind::kEvent) {
      RONDO_ASSIGN_OR_RETURN(pb::StoredEvent stored, Decode<pb::StoredEvent>(rows->value()));
      pb::TimelineEntry& entry = page.entries.emplace_back();
      *entry.mutable_time() = stored.event().event_time();
      *entry.mutable_event() = std::move(*stored.mutable_event());
    } else {
      RONDO_ASSIGN_OR_RETURN(pb::TimelineEntry entry, Decode<pb::TimelineEntry>(rows->value()));
      page.entries.push_back(std::move(entry));
    }
  }
  RONDO_RETURN_IF_ERROR(rows->status());
  return page;
}

}  // namespace rondo::response
