// How one service calls another: Call<Response>(caller, call, request). In one process it is a
// plain function call (LocalCaller, some 100 ns), else gRPC (GrpcCaller); the calling code is the
// same.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/method_table.h"

namespace grpc {
class Channel;
}

namespace rondo {

// Thread-safe.
class Caller {
 public:
  virtual ~Caller() = default;

  // `request` and `response` are of the RPC's generated types. UNIMPLEMENTED if nobody serves it.
  virtual absl::Status CallUnary(const CallInfo& call,
                                 const google::protobuf::MethodDescriptor& method,
                                 const google::protobuf::Message& request,
                                 google::protobuf::Message& response) = 0;
  virtual absl::StatusOr<AnyStream> CallStream(const CallInfo& call,
                                               const google::protobuf::MethodDescriptor& method,
                                               const google::protobuf::Message& request) = 0;
};

// Calls the functions of `table`, which outlives it.
class LocalCaller final : public Caller {
 public:
  explicit LocalCaller(const MethodTable& table) : table_(table) {}
  absl::Status CallUnary(const CallInfo& call, const google::protobuf::MethodDescriptor& method,
                         const google::protobuf::Message& request,
                         google::protobuf::Message& response) override;
  absl::StatusOr<AnyStream> CallStream(const CallInfo& call,
                                       const google::protobuf::MethodDescriptor& method,
                                       const google::protobuf::Message& request) override;

 private:
  const MethodTable& table_;
};

// Calls a server of grpc_server.h. An infinite deadline becomes `kDefaultCallTimeout` from now.
class GrpcCaller final : public Caller {
 public:
  // `target` is HOST:PORT. Connects when first used.
  explicit GrpcCaller(std::string_view target);
  ~GrpcCaller() override;
  absl::Status CallUnary(const CallInfo& call, const google::protobuf::MethodDescriptor& method,
                         const google::protobuf::Message& request,
                         google::protobuf::Message& response) override;
  absl::StatusOr<AnyStream> CallStream(const CallInfo& call,
                                       const google::protobuf::MethodDescriptor& method,
                                       const google::protobuf::Message& request) override;

 private:
  std::shared_ptr<grpc::Channel> channel_;
};

inline constexpr absl::Duration kDefaultCallTimeout = absl::Seconds(30);

// The RPC that takes `request`: it stands in the same file, and each RPC has its own request.
const google::protobuf::MethodDescriptor& MethodTaking(const google::protobuf::Descriptor& request);

// Calls the RPC that takes `Request`.
template <typename Response, typename Request>
absl::StatusOr<Response> Call(Caller& caller, const CallInfo& call, const Request& request) {
  static const google::protobuf::MethodDescriptor& method = MethodTaking(*Request::descriptor());
  RONDO_CHECK(method.output_type() == Response::descriptor() && !method.server_streaming());
  Response response;
  RONDO_RETURN_IF_ERROR(caller.CallUnary(call, method, request, response));
  return response;
}

// The same for an RPC that streams its answers.
template <typename Response, typename Request>
absl::StatusOr<Stream<Response>> CallStream(Caller& caller, const CallInfo& call,
                                            const Request& request) {
  static const google::protobuf::MethodDescriptor& method = MethodTaking(*Request::descriptor());
  RONDO_CHECK(method.output_type() == Response::descriptor() && method.server_streaming());
  RONDO_ASSIGN_OR_RETURN(AnyStream pull, caller.CallStream(call, method, request));
  return Stream<Response>([pull = std::move(pull)]() -> absl::StatusOr<std::optional<Response>> {
    Response next;
    RONDO_ASSIGN_OR_RETURN(const bool more, pull(next));
    if (!more) return std::nullopt;
    return next;
  });
}

}  // namespace rondo
