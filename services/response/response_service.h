// Response's handlers: translate and validate, nothing else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/clock.h"
#include "platform/core/id.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/page_token.h"
#include "rondo/response/v1/response_service.pb.h"

namespace rondo::response {

inline constexpr int kMaxEvents = 5'000;
// Refused events of a call beyond these are named without the reason.
inline constexpr int kRejectionReasonsMax = 1'000;
inline constexpr size_t kMaxRequestIdBytes = 128;
inline constexpr int kDefaultTimelinePage = 100;
inline constexpr int kMaxTimelinePage = 1'000;

// Thread-safe. What it is given outlives it.
class ResponseHandlers {
 public:
  // `caller` reaches the customer service, which knows whose an external key is.
  ResponseHandlers(eventlog::Runtime& runtime, Caller& caller, const Clock& clock,
                   const PageTokens& page_tokens)
      : runtime_(runtime), caller_(caller), clock_(clock), page_tokens_(page_tokens) {}

  // Answers once the events survive a crash (or, if asked, loss of power). RESOURCE_EXHAUSTED when
  // the disk is full, UNAVAILABLE on I/O errors: then some may be stored, none is acknowledged, and
  // the same call again counts each message id once. A repeat of a request id within 24 hours gets
  // the first answer; events of such a call without a message id have one made of it.
  absl::StatusOr<rondo::response::v1::IngestEventsResponse> IngestEvents(
      const CallInfo& call, const rondo::response::v1::IngestEventsRequest& request);
  absl::StatusOr<rondo::response::v1::ListTimelineResponse> ListTimeline(
      const CallInfo& call, const rondo::response::v1::ListTimelineRequest& request);

 private:
  using Resolved = std::map<std::string, absl::StatusOr<CustomerId>>;

  absl::StatusOr<rondo::customer::v1::Customer> FindCustomer(const CallInfo& call,
                                                             const std::string& name);
  // NOT_FOUND or INVALID_ARGUMENT are the event's fault, others the call's.
  absl::StatusOr<CustomerId> Resolve(const CallInfo& call, const std::string& name,
                                     Resolved& resolved);

  // The records of the events that are right, by partition; the others are rejected in `response`.
  using Records = std::map<int, std::vector<eventlog::LogRecord>>;
  absl::StatusOr<Records> Check(const CallInfo& call,
                                const rondo::response::v1::IngestEventsRequest& request,
                                rondo::response::v1::IngestEventsResponse& response);
  absl::StatusOr<std::optional<rondo::response::v1::IngestEventsResponse>> FirstAnswer(
      const std::string& request_id) const;
  // Keeps `response` for repeats; the answer that was kept first.
  absl::StatusOr<rondo::response::v1::IngestEventsResponse> Keep(
      const std::string& request_id, rondo::response::v1::IngestEventsResponse response,
      eventlog::Durability durability);

  eventlog::Runtime& runtime_;
  Caller& caller_;
  const Clock& clock_;
  const PageTokens& page_tokens_;
};

}  // namespace rondo::response
