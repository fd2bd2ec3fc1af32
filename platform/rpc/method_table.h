// The RPCs that this process serves: each is a plain function, found by its descriptor.
//
// One table stands behind every door: gRPC (grpc_server.h), REST (services/gateway) and calls
// between services of one process (caller.h). It is filled at start and only read afterwards.
//
//   absl::StatusOr<pb::Campaign> CampaignHandlers::GetCampaign(const CallInfo&, const
//   pb::GetCampaignRequest&); table.Serve("rondo.campaign.v1.CampaignService", handlers,
//   &CampaignHandlers::GetCampaign, ...);
//
// A function is bound to the RPC that takes its request: each RPC has its own request type.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/call_info.h"

namespace rondo {

// A stream of answers is pulled: each call gives the next message, nullopt at the end. A caller
// that pulls no more simply drops it. Messages are at most kStreamChunkBytesMax.
template <typename Response>
using Stream = std::function<absl::StatusOr<std::optional<Response>>()>;

inline constexpr size_t kStreamChunkBytesMax = 1 << 20;

// The same without the type: fills `next` and returns true, or false at the end.
using AnyStream = std::function<absl::StatusOr<bool>(google::protobuf::Message& next)>;

// One RPC and its function; exactly one of `unary` and `stream` is set.
struct Method {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  std::function<absl::Status(const CallInfo&, const google::protobuf::Message& request,
                             google::protobuf::Message& response)>
      unary;
  std::function<absl::StatusOr<AnyStream>(const CallInfo&,
                                          const google::protobuf::Message& request)>
      stream;
};

namespace rpc_internal {

template <typename T>
struct StreamOf {
  static constexpr bool kIsStream = false;
  using Response = T;
};
template <typename T>
struct StreamOf<Stream<T>> {
  static constexpr bool kIsStream = true;
  using Response = T;
};

}  // namespace rpc_internal

// Thread-safe once filled.
class MethodTable {
 public:
  // Serves RPCs of `service` (full name, linked into this binary) by member functions
  // `absl::StatusOr<Response>(const CallInfo&, const Request&)`, or
  // `absl::StatusOr<Stream<Response>>` for RPCs that stream. `handlers` outlives the table. A
  // function that fits no RPC is our own bug. RPCs left out answer UNIMPLEMENTED.
  template <typename Handlers, typename... Functions>
  void Serve(std::string_view service, Handlers& handlers, Functions... functions) {
    AddService(service);
    (Bind(service, handlers, functions), ...);
  }

  // nullptr if this process does not serve it.
  const Method* Find(const google::protobuf::MethodDescriptor& descriptor) const;

  // Full names, sorted.
  const std::vector<std::string>& services() const { return services_; }
  // RPCs of served services that no function answers, sorted full names.
  std::vector<std::string> Unserved() const;

 private:
  template <typename Handlers, typename Class, typename Result, typename Request>
  void Bind(std::string_view service, Handlers& handlers,
            absl::StatusOr<Result> (Class::*function)(const CallInfo&, const Request&)) {
    BindFunction<Result, Request>(
        service, [&handlers, function](const CallInfo& call, const Request& request) {
          return (handlers.*function)(call, request);
        });
  }
  template <typename Handlers, typename Class, typename Result, typename Request>
  void Bind(std::string_view service, Handlers& handlers,
            absl::StatusOr<Result> (Class::*function)(const CallInfo&, const Request&) const) {
    BindFunction<Result, Request>(
        service, [&handlers, function](const CallInfo& call, const Request& request) {
          return (handlers.*function)(call, request);
        });
  }

  template <typename Result, typename Request, typename Function>
  void BindFunction(std::string_view service, Function function) {
    using Response = typename rpc_internal::StreamOf<Result>::Response;
    Method method;
    if constexpr (rpc_internal::StreamOf<Result>::kIsStream) {
      method.stream = [function](
                          const CallInfo& call,
                          const google::protobuf::Message& request) -> absl::StatusOr<AnyStream> {
        RONDO_ASSIGN_OR_RETURN(Stream<Response> pull,
                               function(call, static_cast<const Request&>(request)));
        return AnyStream(
            [pull = std::move(pull)](google::protobuf::Message& next) -> absl::StatusOr<bool> {
              RONDO_ASSIGN_OR_RETURN(std::optional<Response> message, pull());
              if (!message.has_value()) return false;
              static_cast<Response&>(next) = *std::move(message);
              return true;
            });
      };
    } else {
      method.unary = [function](const CallInfo& call, const google::protobuf::Message& request,
                                google::protobuf::Message& response) -> absl::Status {
        absl::StatusOr<Response> answer = function(call, static_cast<const Request&>(request));
        if (!answer.ok()) return std::move(answer).status();
        static_cast<Response&>(response) = *std::move(answer);
        return absl::OkStatus();
      };
    }
    Add(service, *Request::descriptor(), *Response::descriptor(), std::move(method));
  }

  void AddService(std::string_view service);
  void Add(std::string_view service, const google::protobuf::Descriptor& request,
           const google::protobuf::Descriptor& response, Method method);

  std::map<std::string, Method> methods_;  // By the RPC's full name.
  std::vector<std::string> services_;
};

// The request's field `request_id`; empty if it has none.
std::string RequestIdOf(const google::protobuf::Message& request);

// An empty message of a type linked into this binary.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type);

}  // namespace rondo
