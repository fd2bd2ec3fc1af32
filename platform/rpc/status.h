// absl::Status inside, google.rpc.Status at the doors (AIP-193).
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"

namespace grpc {
class Status;
}

namespace rondo {

// What a caller told UNAVAILABLE or RESOURCE_EXHAUSTED should wait before it tries again.
inline constexpr absl::Duration kRetryDelay = absl::Seconds(1);

// With details: BadRequest from field violations (core/field_error.h), ErrorInfo{reason: the code's
// name, domain: "rondo"}, RequestInfo if `trace_id` is not empty, RetryInfo where a retry may help.
google::rpc::Status ToRpcStatus(const absl::Status& status, std::string_view trace_id);
grpc::Status ToGrpcStatus(const absl::Status& status, std::string_view trace_id);

// The reverse; field violations survive.
absl::Status FromRpcStatus(const google::rpc::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace rondo
