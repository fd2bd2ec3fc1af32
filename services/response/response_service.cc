#include "services/response/response_service.h"

#include <optional>
#include <variant>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/response/event_check.h"
#include "services/response/response_store.h"

namespace rondo::response {
namespace {

// The declared event types and their code lists, as the projection has them.
class DeclaredTypes {
 public:
  explicit DeclaredTypes(std::unique_ptr<storage::Reader> state) : state_(std::move(state)) {}

  // nullptr if the type is not declared.
  absl::StatusOr<const statepb::DeclaredEventType*> Find(const std::string& type) {
    const auto known = types_.find(type);
    if (known != types_.end()) return known->second ? &*known->second : nullptr;
    RONDO_ASSIGN_OR_RETURN(const auto stored, state_->Get(KeyOfEventType(type)));
    std::optional<statepb::DeclaredEventType> declared;
    if (stored.has_value()) {
      RONDO_ASSIGN_OR_RETURN(declared, Decode<statepb::DeclaredEventType>(*stored));
    }
    const auto& kept = types_.emplace(type, std::move(declared)).first->second;
    return kept ? &*kept : nullptr;
  }

  // The first field of an event of this type whose code is not in the field's code list.
  absl::StatusOr<std::optional<EventFault>> FindUnknownCode(
      const statepb::DeclaredEventType& type, const rondo::log::v1::EventTracked& event) {
    for (const statepb::UsedCodeList& used : type.code_lists()) {
      for (const auto& field : type.event_type().fields()) {
        if (field.code_list() != used.name()) continue;
        for (const auto& given : event.fields()) {
          if (given.name() != field.name() || !given.value().has_string_value()) continue;
          RONDO_ASSIGN_OR_RETURN(auto fault, Check(used.name(), given));
          if (fault.has_value()) return fault;
        }
      }
    }
    return std::nullopt;
  }

 private:
  absl::StatusOr<std::optional<EventFault>> Check(const std::string& list,
                                                  const rondo::type::v1::Field& given) {
    const std::string& code = given.value().string_value();
    RONDO_ASSIGN_OR_RETURN(const auto known, state_->Get(KeyOfCode(list, code)));
    if (known.has_value()) return std::nullopt;
    const auto [codes, is_new] = codes_.try_emplace(list);
    if (is_new) {
      RONDO_ASSIGN_OR_RETURN(const auto all, ReadCodes(list, *state_->Scan(CodesOf(list))));
      for (const rules::Code& each : all) codes->second.push_back(each.code);
    }
    return UnknownCode(absl::StrFormat("event.fields[%s]", given.name()), "a code of " + list, code,
                       codes->second);
  }

  std::unique_ptr<storage::Reader> state_;
  std::map<std::string, std::optional<statepb::DeclaredEventType>> types_;
  std::map<std::string, std::vector<std::string>> codes_;  // For suggestions.
};

void Reject(int index, EventFault fault, pb::IngestEventsResponse& response) {
  pb::RejectedEvent& rejected = *response.add_rejected();
  rejected.set_index(index);
  rejected.set_field(std::move(fault.field));
  // The answer is kept as a record, whose size is bounded; what is wrong with so many is known by
  // then.
  if (response.rejected_size() <= kRejectionReasonsMax)
    rejected.set_reason(std::move(fault.reason));
}

}  // namespace

absl::StatusOr<pb::IngestEventsResponse> ResponseHandlers::IngestEvents(
    const CallInfo& call, const pb::IngestEventsRequest& request) {
  if (request.events_size() > kMaxEvents) {
    return FieldError("events", absl::StrFormat("at most %d in a call", kMaxEvents));
  }
  if (call.request_id.size() > kMaxRequestIdBytes) {
    return FieldError("request_id", "at most 128 bytes: a UUID");
  }
  if (!call.request_id.empty()) {
    RONDO_ASSIGN_OR_RETURN(auto first, FirstAnswer(call.request_id));
    if (first.has_value()) {
      // It may stand in the log unsynced.
      if (request.synced()) RONDO_RETURN_IF_ERROR(runtime_.log().Sync());
      return *std::move(first);
    }
  }
  pb::IngestEventsResponse response;
  RONDO_ASSIGN_OR_RETURN(Records by_partition, Check(call, request, response));
  const auto durability =
      request.synced() ? eventlog::Durability::kSynced : eventlog::Durability::kWritten;
  for (auto& [partition, records] : by_partition) {
    RONDO_RETURN_IF_ERROR(
        runtime_.log().Append(partition, absl::MakeSpan(records), durability).status());
    response.set_accepted(response.accepted() + static_cast<int64_t>(records.size()));
  }
  if (call.request_id.empty()) return response;
  return Keep(call.request_id, std::move(response), durability);
}

absl::StatusOr<ResponseHandlers::Records> ResponseHandlers::Check(
    const CallInfo& call, const pb::IngestEventsRequest& request,
    pb::IngestEventsResponse& response) {
  Records by_partition;
  Resolved resolved;
  RONDO_ASSIGN_OR_RETURN(auto state, runtime_.ReadState("response", 0));
  DeclaredTypes declared(std::move(state));
  for (int i = 0; i < request.events_size(); ++i) {
    const pb::CustomerEvent& given = request.events(i);
    RONDO_ASSIGN_OR_RETURN(const auto* type, declared.Find(given.event().type()));
    auto checked =
        ToRecord(given.event(), type == nullptr ? nullptr : &type->event_type(), clock_.Now());
    if (auto* record = std::get_if<eventlog::LogRecord>(&checked); record && type != nullptr) {
      RONDO_ASSIGN_OR_RETURN(auto fault, declared.FindUnknownCode(*type, record->event_tracked()));
      if (fault.has_value()) checked = *std::move(fault);
    }
    if (auto* fault = std::get_if<EventFault>(&checked)) {
      Reject(i, std::move(*fault), response);
      continue;
    }
    const auto customer = Resolve(call, given.customer(), resolved);
    if (absl::IsNotFound(customer.status()) || absl::IsInvalidArgument(customer.status())) {
      Reject(i, {"customer", std::string(customer.status().message())}, response);
      continue;
    }
    RONDO_RETURN_IF_ERROR(customer.status());
    auto& record = std::get<eventlog::LogRecord>(checked);
    record.set_party(customer->value());
    // Should the answer be lost, the same call again counts it once.
    auto& tracked = *record.mutable_event_tracked();
    if (tracked.message_id().empty() && !call.request_id.empty()) {
      tracked.set_message_id(absl::StrFormat("request|%s|%d", call.request_id, i));
    }
    by_partition[PartitionOf(*customer, runtime_.partition_count())].push_back(std::move(record));
  }
  return by_partition;
}

absl::StatusOr<std::optional<pb::IngestEventsResponse>> ResponseHandlers::FirstAnswer(
    const std::string& request_id) const {
  const int partition = eventlog::PartitionOfHash(Fnv1a(request_id), runtime_.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState("response", partition));
  RONDO_ASSIGN_OR_RETURN(const auto stored, state->Get(KeyOfAnswer(request_id)));
  if (!stored.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(auto answer, Decode<pb::IngestEventsResponse>(*stored));
  return std::optional(std::move(answer));
}

absl::StatusOr<pb::IngestEventsResponse> ResponseHandlers::Keep(const std::string& request_id,
                                                                pb::IngestEventsResponse response,
                                                                eventlog::Durability durability) {
  eventlog::LogRecord record;
  record.set_source("api");
  record.set_request_id(request_id);
  *record.mutable_ingest_answered()->mutable_answer() = response;
  const int partition = eventlog::PartitionOfHash(Fnv1a(request_id), runtime_.partition_count());
  RONDO_RETURN_IF_ERROR(
      runtime_.Submit("response", partition, std::move(record), durability).status());
  RONDO_ASSIGN_OR_RETURN(auto first, FirstAnswer(request_id));
  return first.has_value() ? *std::move(first) : std::move(response);
}

absl::StatusOr<rondo::customer::v1::Customer> ResponseHandlers::FindCustomer(
    const CallInfo& call, const std::string& name) {
  if (name.starts_with("customers/")) {
    rondo::customer::v1::GetCustomerRequest get;
    get.set_name(name);
    return Call<rondo::customer::v1::Customer>(caller_, call, get);
  }
  const size_t colon = name.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == name.size()) {
    return absl::InvalidArgumentError("`customers/{customer}` or `namespace:value`");
  }
  rondo::customer::v1::LookupCustomerRequest lookup;
  lookup.mutable_key()->set_namespace_(name.substr(0, colon));
  lookup.mutable_key()->set_value(name.substr(colon + 1));
  return Call<rondo::customer::v1::Customer>(caller_, call, lookup);
}

absl::StatusOr<CustomerId> ResponseHandlers::Resolve(const CallInfo& call, const std::string& name,
                                                     Resolved& resolved) {
  const auto known = resolved.find(name);
  if (known != resolved.end()) return known->second;
  const auto customer = FindCustomer(call, name);
  absl::StatusOr<CustomerId> id =
      absl::NotFoundError("nobody is known by this name or key: import the customer first");
  if (customer.ok()) {
    id = ParseCustomerName(customer->name());
  } else if (!absl::IsNotFound(customer.status())) {
    id = customer.status();
  }
  return resolved.emplace(name, std::move(id)).first->second;
}

absl::StatusOr<pb::ListTimelineResponse> ResponseHandlers::ListTimeline(
    const CallInfo&, const pb::ListTimelineRequest& request) {
  const auto customer = ParseCustomerName(request.customer());
  if (!customer.ok())
    return FieldError("customer", "`customers/{customer}`, 16 hexadecimal digits");
  RONDO_ASSIGN_OR_RETURN(const int size,
                         PageSize(request.page_size(), kDefaultTimelinePage, kMaxTimelinePage));
  RONDO_ASSIGN_OR_RETURN(const std::string cursor, page_tokens_.Decode(request));
  const int partition = PartitionOf(*customer, runtime_.partition_count());
  // An exact read: all that is in the log now, with what was attributed because of it.
  RONDO_RETURN_IF_ERROR(runtime_.AwaitSettled("response"));
  RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState("response", partition));
  RONDO_ASSIGN_OR_RETURN(TimelinePage page, ReadTimeline(*state, *customer, cursor, size));
  pb::ListTimelineResponse response;
  for (pb::TimelineEntry& entry : page.entries) *response.add_entries() = std::move(entry);
  response.set_next_page_token(page_tokens_.Encode(request, page.next));
  return response;
}

}  // namespace rondo::response
