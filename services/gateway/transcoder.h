// HTTP to RPC and back, for every RPC with a google.api.http annotation: one generic transcoder
// over descriptors. Nothing packaged does that in C++ (grpc-gateway generates Go).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/api/http.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "platform/http/message.h"
#include "services/gateway/domain/path_template.h"

namespace rondo {

// One binding of one RPC.
struct RestRoute {
  const google::protobuf::MethodDescriptor* rpc = nullptr;
  std::string http_method;  // `GET`.
  PathTemplate path;
  std::string path_text;  // As annotated.
  std::string body;       // Empty: none; `*`: the whole request; else the field that it fills.
};

// All bindings of `rpc`. INVALID_ARGUMENT, naming the RPC, for an annotation that cannot be served:
// a malformed path, an unknown field, `response_body`, a custom method.
absl::StatusOr<std::vector<RestRoute>> RoutesOf(const google::protobuf::MethodDescriptor& rpc);

// A request as its RPC takes it.
struct RestCall {
  const google::protobuf::MethodDescriptor* rpc = nullptr;
  std::unique_ptr<google::protobuf::Message> request;
};

// Immutable; thread-safe.
class Transcoder {
 public:
  // Routes of all RPCs of `services` (full names, linked into this binary).
  static absl::StatusOr<Transcoder> Create(const std::vector<std::string>& services);

  // The call that `http` asks for. NOT_FOUND if no route has the path; UNIMPLEMENTED if one has,
  // but not this method; INVALID_ARGUMENT, naming the field, for what does not fit the request's
  // type. Fields come from the body, then the path, then the query (dotted paths, repeated names;
  // JSON names or those of the proto).
  absl::StatusOr<RestCall> Decode(const HttpRequest& http) const;

  // Methods that some route has for `path`, comma-separated: the header Allow.
  std::string AllowedMethods(std::string_view path) const;

 private:
  explicit Transcoder(std::vector<RestRoute> routes) : routes_(std::move(routes)) {}
  std::vector<RestRoute> routes_;  // Those with a verb first.
};

// Whether fields without presence stand in JSON at their defaults: a funnel's 0 is a figure.
enum class JsonDefaults { kWritten, kLeftOut };

// Proto's JSON with lowerCamelCase names. INTERNAL for what has no JSON: a Timestamp outside years
// 1 to 9999.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message,
                                   JsonDefaults defaults = JsonDefaults::kWritten);

// google.rpc.Code to HTTP's status (google/rpc/code.proto).
int HttpStatusOf(absl::StatusCode code);

// google.rpc.Status as JSON under the HTTP status of its code, with Retry-After where a retry may
// help.
HttpResponse ErrorResponse(const absl::Status& status, std::string_view trace_id);

}  // namespace rondo
