// /t/: what links in messages lead to. Clicks and opens become events; the way out of the list acts
// on POST alone.
//
//   GET  /t/c/TOKEN      302 to the target within the signed token; never to a parameter
//   GET  /t/o/TOKEN.gif  a pixel
//   GET  /t/u/TOKEN      a page with a button; changes nothing, so that scanners may follow it
//   POST /t/u/TOKEN      withdraws consent: RFC 8058's one-click, or the page's button
//   GET  /t/dlr/TOKEN?type=N&answer=TEXT
//                        a delivery receipt of an SMS gateway (Kannel userguide, 6.3.1); always
//                        200: one that is not ours is counted, and no gateway tries it again
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "channels/links/token.h"
#include "platform/http/message.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/door.h"
#include "rondo/response/v1/event.pb.h"
#include "services/gateway/domain/machine.h"

namespace rondo {

// Thread-safe.
class Tracking {
 public:
  // Names of calls, and of the events that have no other: each one new. Random ones, but in
  // simulations.
  using TraceIds = std::function<std::string()>;

  // Events and consents bear the time of `clock`; bursts and deadlines go by that of `parts`.
  Tracking(
      const LinkTokens& links, Caller& caller, const Clock& clock, const DoorParts& parts,
      absl::Duration call_timeout, TraceIds trace_ids = [] { return TraceIdOr(""); });

  // Answers a path below /t/. Whatever is no valid token gets one and the same 404, but receipts
  // 200. An event is
  // answered for once it is logged: while the log takes none, 503 with Retry-After.
  HttpResponse Handle(const HttpRequest& http);

 private:
  HttpResponse Click(const HttpRequest& http, std::string_view token, const CallInfo& call);
  HttpResponse Open(const HttpRequest& http, std::string_view token, const CallInfo& call);
  HttpResponse Unsubscribe(const HttpRequest& http, std::string_view token, const CallInfo& call);
  HttpResponse Receipt(const HttpRequest& http, std::string_view token, const CallInfo& call);
  absl::Status Withdraw(const LinkToken& link, std::string_view source, const CallInfo& call);
  absl::Status Ingest(const LinkToken& link, response::v1::Event event, const CallInfo& call);

  const LinkTokens& links_;
  Caller& caller_;
  const Clock& clock_;
  const DoorParts parts_;
  const absl::Duration call_timeout_;
  const TraceIds trace_ids_;
  ClickBursts bursts_;
};

}  // namespace rondo
