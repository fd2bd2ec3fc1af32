// Response's keys, values and queries. Layout: README.md.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/id.h"
#include "platform/storage/store.h"
#include "rondo/response/v1/response_service.pb.h"
#include "rondo/response/v1/response_state.pb.h"
#include "rondo/state/v1/response.pb.h"
#include "rules/environment.h"

namespace rondo::response {

namespace pb = ::rondo::response::v1;
namespace statepb = ::rondo::state::v1;

// What a timeline's entry is; of entries of one time the later kind is the newer.
enum class EntryKind : uint8_t { kContact = 1, kDelivery = 2, kEvent = 3, kResponse = 4 };

// Names a contact of a customer: the same for equal keys.
std::string ContactPart(const pb::ContactKey& contact);

// Timeline, newest first. `unique` tells entries of one time and kind apart.
std::string KeyOfEntry(CustomerId customer, int64_t time_micros, EntryKind kind,
                       std::string_view unique);
storage::KeyRange TimelineOf(CustomerId customer);
// Entries with times in [from, to].
storage::KeyRange TimelineBetween(CustomerId customer, int64_t from_micros, int64_t to_micros);
// The kind in a timeline's key; nullopt if it is none.
std::optional<EntryKind> KindOf(std::string_view timeline_key);

std::string KeyOfMessage(CustomerId customer, std::string_view message_id);
std::string KeyOfContact(CustomerId customer, const pb::ContactKey& contact);
// Contacts by due time: the last of a customer in one row, each of those before under its own key.
inline constexpr int kDueContactsInRowMax = 16;
std::string KeyOfLastDue(CustomerId customer);
std::string KeyOfDue(CustomerId customer, int64_t due_micros, const pb::ContactKey& contact);
storage::KeyRange OlderDueBetween(CustomerId customer, int64_t from_micros, int64_t to_micros);
// Events that name a contact which is not known yet.
std::string KeyOfWaiting(CustomerId customer, const pb::ContactKey& contact,
                         std::string_view message_id);
storage::KeyRange WaitingFor(CustomerId customer, const pb::ContactKey& contact);
storage::KeyRange WaitingOf(CustomerId customer);
std::string KeyOfWaitingCount();
std::string KeyOfNewestEvent();
// Contacts of a cycle which is not known yet.
std::string KeyOfEarly(CustomerId customer, const pb::ContactKey& contact);
storage::KeyRange EarlyOf(std::string_view campaign, int32_t cycle);
std::string KeyOfCycle(std::string_view campaign, int32_t cycle);
std::string KeyOfLongestWindow();
std::string KeyOfAttributeSet(std::string_view name);
storage::KeyRange AttributeSets();
std::string KeyOfEventType(std::string_view type);
storage::KeyRange EventTypes();
// A code list's version, and its codes: the values are the codes above them.
std::string KeyOfCodeList(std::string_view list);
std::string KeyOfCode(std::string_view list, std::string_view code);
storage::KeyRange CodesOf(std::string_view list);
// Present once the customer was erased: nothing is kept of them from then on.
std::string KeyOfErased(CustomerId customer);
storage::KeyRange AllErased();
// What a call with a request id was answered, for as long as a repeat gets that answer.
std::string KeyOfAnswer(std::string_view request_id);
// Everything about one customer that erasure removes.
std::vector<storage::KeyRange> AllOf(CustomerId customer);

// DATA_LOSS if a stored value does not decode.
template <typename Message>
absl::StatusOr<Message> Decode(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("response: a stored " + Message::descriptor()->name() +
                               " does not decode");
  }
  return message;
}

// A list's codes, from a cursor over CodesOf(list).
absl::StatusOr<std::vector<rules::Code>> ReadCodes(std::string_view list, storage::Cursor& codes);

struct TimelinePage {
  std::vector<pb::TimelineEntry> entries;
  std::string next;  // The key to continue at; empty on the last page.
};

// Up to `size` entries, newest first, from `cursor` on (empty: from the newest).
absl::StatusOr<TimelinePage> ReadTimeline(const storage::Reader& state, CustomerId customer,
                                          std::string_view cursor, int size);

}  // namespace rondo::response
