#include "platform/rpc/status.h"

#include <grpcpp/support/status.h>
#include <simdjson.h>

#include "google/protobuf/util/time_util.h"
#include "google/rpc/error_details.pb.h"
#include "platform/core/field_error.h"

namespace rondo {
namespace {

// gRPC sends message and details as HTTP/2 trailers, and peers refuse trailers beyond 8 KiB; base64
// makes the details longer by a third.
constexpr size_t kGrpcMessageBytesMax = 1000;
constexpr size_t kGrpcDetailsBytesMax = 4000;

std::string Utf8(absl::string_view text) {
  std::string copy(text);
  if (simdjson::validate_utf8(copy.data(), copy.size())) return copy;
  for (char& c : copy) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return copy;
}

// The first bytes of `text`, at most `max`, without cutting a character in two.
std::string Head(std::string text, size_t max) {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
  return text.substr(0, max);
}

// The last field violations go first when all do not fit.
bool DropSomeViolations(google::rpc::Status& status) {
  for (auto& detail : *status.mutable_details()) {
    google::rpc::BadRequest bad_request;
    if (!detail.UnpackTo(&bad_request) || bad_request.field_violations().empty()) continue;
    const int kept = bad_request.field_violations_size() / 2;
    bad_request.mutable_field_violations()->DeleteSubrange(
        kept, bad_request.field_violations_size() - kept);
    detail.PackFrom(bad_request);
    return true;
  }
  return false;
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status, std::string_view trace_id) {
  google::rpc::Status rpc;
  rpc.set_code(static_cast<int>(status.code()));
  if (status.ok()) return rpc;
  rpc.set_message(Utf8(status.message()));

  google::rpc::ErrorInfo info;
  info.set_reason(absl::StatusCodeToString(status.code()));
  info.set_domain("rondo");
  rpc.add_details()->PackFrom(info);

  google::rpc::BadRequest bad_request;
  for (const FieldViolation& violation : ViolationsOf(status)) {
    google::rpc::BadRequest::FieldViolation& out = *bad_request.add_field_violations();
    out.set_field(Utf8(violation.field));
    out.set_description(Utf8(violation.description));
  }
  if (!bad_request.field_violations().empty()) rpc.add_details()->PackFrom(bad_request);

  if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) {
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() = google::protobuf::util::TimeUtil::MillisecondsToDuration(
        absl::ToInt64Milliseconds(kRetryDelay));
    rpc.add_details()->PackFrom(retry);
  }
  if (!trace_id.empty()) {
    google::rpc::RequestInfo request;
    request.set_request_id(Utf8(absl::string_view(trace_id.data(), trace_id.size())));
    rpc.add_details()->PackFrom(request);
  }
  return rpc;
}

grpc::Status ToGrpcStatus(const absl::Status& status, std::string_view trace_id) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status rpc = ToRpcStatus(status, trace_id);
  rpc.set_message(Head(rpc.message(), kGrpcMessageBytesMax));
  while (rpc.ByteSizeLong() > kGrpcDetailsBytesMax && DropSomeViolations(rpc)) {
  }
  if (rpc.ByteSizeLong() > kGrpcDetailsBytesMax) rpc.clear_details();
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), rpc.message(),
                      rpc.SerializeAsString());
}

absl::Status FromRpcStatus(const google::rpc::Status& rpc) {
  if (rpc.code() == 0) return absl::OkStatus();
  const bool is_known =
      rpc.code() > 0 && rpc.code() <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  const auto code =
      is_known ? static_cast<absl::StatusCode>(rpc.code()) : absl::StatusCode::kUnknown;
  if (code == absl::StatusCode::kInvalidArgument) {
    FieldViolations violations;
    for (const google::protobuf::Any& detail : rpc.details()) {
      google::rpc::BadRequest bad_request;
      if (!detail.UnpackTo(&bad_request)) continue;
      for (const auto& violation : bad_request.field_violations()) {
        violations.Add(violation.field(), violation.description());
      }
    }
    if (!violations.empty()) return violations.ToStatus();
  }
  return absl::Status(code, rpc.message());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status rpc;
  if (!rpc.ParseFromString(status.error_details()) ||
      rpc.code() != static_cast<int>(status.error_code())) {
    rpc.Clear();
    rpc.set_code(static_cast<int>(status.error_code()));
    rpc.set_message(status.error_message());
  }
  return FromRpcStatus(rpc);
}

}  // namespace rondo
