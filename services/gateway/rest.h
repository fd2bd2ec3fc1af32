// /api/: REST over the same handlers as gRPC.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/http/message.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/door.h"
#include "services/gateway/transcoder.h"

namespace rondo {

// Thread-safe.
class Rest {
 public:
  Rest(Transcoder transcoder, Caller& caller, const DoorParts& parts, absl::Duration call_timeout,
       Authenticator authenticator);

  // Answers any request whose path is the API's. Unary answers are JSON; an RPC that streams
  // answers with an array, or with a message a line for `Accept: application/x-ndjson`.
  HttpResponse Handle(const HttpRequest& http) const;

 private:
  absl::StatusOr<HttpResponse> Answer(const HttpRequest& http, CallInfo& info,
                                      std::string& rpc_name) const;
  absl::StatusOr<HttpResponse> AnswerStream(const HttpRequest& http, const CallInfo& info,
                                            const RestCall& call) const;

  const Transcoder transcoder_;
  Caller& caller_;
  const DoorParts parts_;
  const absl::Duration call_timeout_;
  const Authenticator authenticator_;
};

}  // namespace rondo
