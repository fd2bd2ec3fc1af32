#include "services/gateway/rest.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/method_table.h"

namespace rondo {
namespace {

using google::protobuf::Message;

// A form of a foreign page can send text/plain or a form's types without being asked, but not JSON.
bool IsJson(const HttpRequest& http) {
  const std::string_view type = FindHeader(http.headers, "content-type");
  const std::string_view essence = type.substr(0, type.find(';'));
  return absl::EqualsIgnoreCase(
      absl::StripAsciiWhitespace(absl::string_view(essence.data(), essence.size())),
      "application/json");
}

HttpResponse MethodNotAllowed(const absl::Status& status, std::string_view trace_id,
                              std::string allowed) {
  HttpResponse response = ErrorResponse(status, trace_id);
  response.status = 405;
  response.headers.emplace_back("Allow", std::move(allowed));
  return response;
}

// Pulls messages and gives each as JSON: `[a,\nb]`, or a line each.
struct JsonStream {
  AnyStream pull;
  const google::protobuf::Descriptor* type;
  bool is_array;
  std::unique_ptr<Message> first;  // Pulled before the answer began.
  bool has_ended = false;          // Nothing is left to pull.
  bool has_begun = false;
  bool is_closed = false;  // Nothing is left to say.

  absl::StatusOr<std::optional<std::string>> Next() {
    if (is_closed) return std::nullopt;
    std::unique_ptr<Message> message = std::move(first);
    if (message == nullptr && !has_ended) {
      message = NewMessage(*type);
      RONDO_ASSIGN_OR_RETURN(const bool more, pull(*message));
      if (!more) message = nullptr;
    }
    const std::string_view opening = is_array && !has_begun ? "[" : "";
    if (message == nullptr) {
      is_closed = true;
      if (!is_array) return std::nullopt;
      return absl::StrCat(std::string(opening), "]\n");
    }
    RONDO_ASSIGN_OR_RETURN(const std::string json, ToJson(*message));
    const std::string before = !is_array ? "" : has_begun ? ",\n" : "[";
    has_begun = true;
    return absl::StrCat(before, json, is_array ? "" : "\n");
  }
};

}  // namespace

Rest::Rest(Transcoder transcoder, Caller& caller, const DoorParts& parts,
           absl::Duration call_timeout, Authenticator authenticator)
    : transcoder_(std::move(transcoder)),
      caller_(caller),
      parts_(parts),
      call_timeout_(call_timeout),
      authenticator_(std::move(authenticator)) {}

HttpResponse Rest::Handle(const HttpRequest& http) const {
  const absl::Time arrived = parts_.clock.Now();
  CallInfo info{.deadline = arrived + call_timeout_,
                .peer = http.peer,
                .trace_id = TraceIdOr(FindHeader(http.headers, kTraceIdHeader))};
  std::string rpc_name = "none";
  absl::StatusOr<HttpResponse> answer = Answer(http, info, rpc_name);
  Account(parts_, {.door = "http",
                   .method = rpc_name,
                   .trace_id = info.trace_id,
                   .status = answer.status(),
                   .took = parts_.clock.Now() - arrived});
  HttpResponse response;
  if (answer.ok()) {
    response = *std::move(answer);
  } else if (absl::IsUnimplemented(answer.status()) && rpc_name == "none") {
    response =
        MethodNotAllowed(answer.status(), info.trace_id, transcoder_.AllowedMethods(http.path));
  } else {
    response = ErrorResponse(answer.status(), info.trace_id);
  }
  response.headers.emplace_back("X-Request-Id", info.trace_id);
  return response;
}

absl::StatusOr<HttpResponse> Rest::Answer(const HttpRequest& http, CallInfo& info,
                                          std::string& rpc_name) const {
  if (!http.body.empty() && !IsJson(http)) {
    return absl::InvalidArgumentError("send the body as Content-Type: application/json");
  }
  if (authenticator_) {
    RONDO_ASSIGN_OR_RETURN(
        info.principal,
        authenticator_({.authorization = std::string(FindHeader(http.headers, "authorization")),
                        .peer = http.peer}));
  }
  RONDO_ASSIGN_OR_RETURN(const RestCall call, transcoder_.Decode(http));
  rpc_name = call.rpc->full_name();
  info.request_id = RequestIdOf(*call.request);
  if (call.rpc->server_streaming()) return AnswerStream(http, info, call);
  const std::unique_ptr<Message> response = NewMessage(*call.rpc->output_type());
  RONDO_RETURN_IF_ERROR(caller_.CallUnary(info, *call.rpc, *call.request, *response));
  RONDO_ASSIGN_OR_RETURN(std::string json, ToJson(*response));
  return MakeResponse(200, "application/json", std::move(json));
}

absl::StatusOr<HttpResponse> Rest::AnswerStream(const HttpRequest& http, const CallInfo& info,
                                                const RestCall& call) const {
  RONDO_ASSIGN_OR_RETURN(AnyStream pull, caller_.CallStream(info, *call.rpc, *call.request));
  // An error before the first message can still be told by the status.
  std::unique_ptr<Message> first = NewMessage(*call.rpc->output_type());
  RONDO_ASSIGN_OR_RETURN(const bool has_first, pull(*first));
  if (!has_first) first = nullptr;
  const bool is_array =
      !absl::StrContains(std::string(FindHeader(http.headers, "accept")), "application/x-ndjson");
  auto stream = std::make_shared<JsonStream>(JsonStream{.pull = std::move(pull),
                                                        .type = call.rpc->output_type(),
                                                        .is_array = is_array,
                                                        .first = std::move(first),
                                                        .has_ended = !has_first});
  HttpResponse response =
      MakeResponse(200, is_array ? "application/json" : "application/x-ndjson", "");
  response.stream = [stream] { return stream->Next(); };
  return response;
}

}  // namespace rondo
