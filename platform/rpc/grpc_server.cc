// gRPC's callback API with one adapter for all RPCs: a grpc::Service made from a service's
// descriptor whose methods take and give bytes. Handlers run on the executor, never on gRPC's own
// threads.
#include "platform/rpc/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <condition_variable>
#include <list>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "platform/rpc/status.h"

namespace rondo {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using Bytes = grpc::SerializationTraits<Message>;

constexpr int kConnectionAgeMaxMs = 3'600'000;
constexpr int kPingIntervalMinMs = 10'000;
constexpr int kPingStrikesMax = 2;

// What the adapters share.
struct Door {
  GrpcServerOptions options;
  const DoorParts parts;
  std::mutex mutex = {};
  std::condition_variable call_ended = {};
  int in_flight = 0;
  bool is_draining = false;
};

std::string_view FindMetadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

// One call: admitted once, accounted for once.
class ServedCall {
 public:
  ServedCall(Door& door, const Method& method, const grpc::CallbackServerContext& context)
      : door_(door), method_(method), arrived_(door.parts.clock.Now()) {
    {
      const std::lock_guard<std::mutex> lock(door_.mutex);
      is_within_limit_ = ++door_.in_flight <= door_.options.calls_in_flight_max;
      is_draining_ = door_.is_draining;
    }
    info_.trace_id = TraceIdOr(FindMetadata(context, kTraceIdHeader));
    info_.peer = context.peer();
    authorization_ = FindMetadata(context, "authorization");
    const auto deadline = context.deadline();
    if (deadline != std::chrono::system_clock::time_point::max()) {
      info_.deadline = absl::FromChrono(deadline);
    }
  }
  ~ServedCall() {
    const std::lock_guard<std::mutex> lock(door_.mutex);
    --door_.in_flight;
    door_.call_ended.notify_all();
  }

  // OK if the call may run; fills what the handler is told.
  absl::Status Admit() {
    if (is_draining_) return absl::UnavailableError("the server is going down; try again");
    if (!is_within_limit_) return absl::ResourceExhaustedError("too many calls at once; try again");
    if (info_.deadline == absl::InfiniteFuture()) {
      if (door_.options.deadline == GrpcServerOptions::Deadline::kRequired) {
        return absl::InvalidArgumentError("set a deadline: calls without one are refused");
      }
      info_.deadline = arrived_ + door_.options.default_timeout;
    }
    if (door_.options.authenticator) {
      RONDO_ASSIGN_OR_RETURN(
          info_.principal, door_.options.authenticator({std::string(authorization_), info_.peer}));
    }
    return absl::OkStatus();
  }

  // On the executor: the request, if it is still of use to the caller.
  absl::StatusOr<std::unique_ptr<Message>> Parse(const grpc::ByteBuffer& bytes) {
    if (door_.parts.clock.Now() >= info_.deadline) {
      return absl::DeadlineExceededError("the deadline passed before the call's turn came");
    }
    std::unique_ptr<Message> request = NewMessage(*method_.descriptor->input_type());
    grpc::ByteBuffer copy(bytes);  // Deserialize consumes it; copies share the bytes.
    if (!Bytes::Deserialize(&copy, request.get()).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the request is no ", method_.descriptor->input_type()->full_name()));
    }
    info_.request_id = RequestIdOf(*request);
    return request;
  }

  grpc::Status Finish(const absl::Status& status) {
    Account(door_.parts, {.door = "grpc",
                          .method = method_.descriptor->full_name(),
                          .trace_id = info_.trace_id,
                          .status = status,
                          .took = door_.parts.clock.Now() - arrived_});
    return ToGrpcStatus(status, info_.trace_id);
  }

  const Method& method() const { return method_; }
  const CallInfo& info() const { return info_; }
  Executor& executor() { return door_.parts.executor; }

 private:
  Door& door_;
  const Method& method_;
  const absl::Time arrived_;
  bool is_within_limit_ = false;
  bool is_draining_ = false;
  std::string authorization_;
  CallInfo info_;
};

grpc::Status AnswerUnary(ServedCall& call, const grpc::ByteBuffer& request_bytes,
                         grpc::ByteBuffer& response_bytes) {
  absl::StatusOr<std::unique_ptr<Message>> request = call.Parse(request_bytes);
  if (!request.ok()) return call.Finish(request.status());
  const std::unique_ptr<Message> response = NewMessage(*call.method().descriptor->output_type());
  const absl::Status status = call.method().unary(call.info(), **request, *response);
  if (status.ok()) {
    bool own_buffer = false;
    const grpc::Status serialized = Bytes::Serialize(*response, &response_bytes, &own_buffer);
    if (!serialized.ok())
      return call.Finish(absl::InternalError("the response does not serialise"));
  }
  return call.Finish(status);
}

grpc::ServerUnaryReactor* ServeUnary(Door& door, const Method& method,
                                     grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto call = std::make_shared<ServedCall>(door, method, *context);
  if (const absl::Status admitted = call->Admit(); !admitted.ok()) {
    reactor->Finish(call->Finish(admitted));
    return reactor;
  }
  // gRPC keeps context, request and response until Finish.
  door.parts.executor.Post([call = std::move(call), reactor, request, response]() mutable {
    const grpc::Status status = AnswerUnary(*call, *request, *response);
    call.reset();
    reactor->Finish(status);
  });
  return reactor;
}

// Pulls the handler's next message when the last one has been written, so that a slow reader holds
// one message. Deletes itself.
class StreamReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  StreamReactor(Door& door, const Method& method, grpc::CallbackServerContext* context,
                const grpc::ByteBuffer* request)
      : call_(std::make_unique<ServedCall>(door, method, *context)) {
    if (const absl::Status admitted = call_->Admit(); !admitted.ok()) {
      End(admitted);
      return;
    }
    call_->executor().Post([this, request] { Begin(*request); });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError("the caller went away"));
    call_->executor().Post([this] { Next(); });
  }
  void OnDone() override { delete this; }

 private:
  void Begin(const grpc::ByteBuffer& bytes) {
    absl::StatusOr<std::unique_ptr<Message>> request = call_->Parse(bytes);
    if (!request.ok()) return End(request.status());
    request_ = *std::move(request);
    absl::StatusOr<AnyStream> pull = call_->method().stream(call_->info(), *request_);
    if (!pull.ok()) return End(pull.status());
    pull_ = *std::move(pull);
    Next();
  }

  void Next() {
    const std::unique_ptr<Message> message = NewMessage(*call_->method().descriptor->output_type());
    const absl::StatusOr<bool> more = pull_(*message);
    if (!more.ok()) return End(more.status());
    if (!*more) return End(absl::OkStatus());
    bool own_buffer = false;
    buffer_.Clear();
    if (!Bytes::Serialize(*message, &buffer_, &own_buffer).ok()) {
      return End(absl::InternalError("a message of the stream does not serialise"));
    }
    StartWrite(&buffer_);
  }

  // Ends the call; `this` may be gone when it returns.
  void End(const absl::Status& status) {
    const grpc::Status grpc_status = call_->Finish(status);
    pull_ = nullptr;
    call_.reset();
    Finish(grpc_status);
  }

  std::unique_ptr<ServedCall> call_;
  std::unique_ptr<Message> request_;  // The stream may refer to it.
  AnyStream pull_;
  grpc::ByteBuffer buffer_;
};

class TableService final : public grpc::Service {
 public:
  TableService(const ServiceDescriptor& service, const MethodTable& methods, Door& door) {
    int index = 0;
    for (int i = 0; i < service.method_count(); ++i) {
      const Method* method = methods.Find(*service.method(i));
      if (method == nullptr) continue;  // gRPC answers UNIMPLEMENTED.
      AddOne(index++, *method, door);
    }
  }

 private:
  void AddOne(int index, const Method& method, Door& door) {
    const MethodDescriptor& rpc = *method.descriptor;
    // gRPC keeps the pointer.
    const std::string& path =
        paths_.emplace_back(absl::StrCat("/", rpc.service()->full_name(), "/", rpc.name()));
    const bool is_stream = rpc.server_streaming();
    AddMethod(new grpc::internal::RpcServiceMethod(path.c_str(),
                                                   is_stream
                                                       ? grpc::internal::RpcMethod::SERVER_STREAMING
                                                       : grpc::internal::RpcMethod::NORMAL_RPC,
                                                   nullptr));
    if (is_stream) {
      MarkMethodRawCallback(
          index,
          new grpc::internal::CallbackServerStreamingHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
              [&door, &method](grpc::CallbackServerContext* context,
                               const grpc::ByteBuffer* request) {
                return new StreamReactor(door, method, context, request);
              }));
      return;
    }
    MarkMethodRawCallback(
        index, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                   [&door, &method](grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
                     return ServeUnary(door, method, context, request, response);
                   }));
  }

  std::list<std::string> paths_;
};

class TableServer final : public GrpcServer {
 public:
  TableServer(GrpcServerOptions options, const DoorParts& parts)
      : door_{.options = std::move(options), .parts = parts} {}
  ~TableServer() override { Drain(absl::Seconds(1)); }

  absl::Status Listen(const MethodTable& methods) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    const GrpcServerOptions& options = door_.options;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(ToString(options.address), grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(options.message_bytes_max);
    builder.SetMaxSendMessageSize(options.message_bytes_max);
    // Without it a second server would share the port and get half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection_max);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionAgeMaxMs);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kPingIntervalMinMs);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax);
    const auto* pool = google::protobuf::DescriptorPool::generated_pool();
    for (const std::string& name : methods.services()) {
      services_.push_back(
          std::make_unique<TableService>(*pool->FindServiceByName(name), methods, door_));
      builder.RegisterService(services_.back().get());
    }
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot listen on ", ToString(options.address),
                       ": the port is in use or not ours; choose another, or end what uses it"));
    }
    for (const std::string& name : methods.services()) {
      server_->GetHealthCheckService()->SetServingStatus(name, true);
    }
    address_ = {.host = options.address.host, .port = static_cast<uint16_t>(port)};
    return absl::OkStatus();
  }

  const ListenAddress& address() const override { return address_; }

  void Drain(absl::Duration grace) override {
    if (server_ == nullptr) return;
    const auto deadline = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace);
    server_->GetHealthCheckService()->Shutdown();
    {
      // gRPC cancels calls that arrive while it shuts down, and a cancelled call is not one to
      // repeat: so they are answered UNAVAILABLE as long as there is something to wait for.
      std::unique_lock<std::mutex> lock(door_.mutex);
      door_.is_draining = true;
      door_.call_ended.wait_until(lock, deadline, [&] { return door_.in_flight == 0; });
    }
    server_->Shutdown(deadline);
    server_->Wait();
    server_ = nullptr;
  }

 private:
  Door door_;
  std::vector<std::unique_ptr<TableService>> services_;
  std::unique_ptr<grpc::Server> server_;
  ListenAddress address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcServerOptions options,
                                                              const MethodTable& methods,
                                                              const DoorParts& parts) {
  // The options may have been made without ParseLoopbackAddress.
  RONDO_RETURN_IF_ERROR(ParseLoopbackAddress(ToString(options.address)).status());
  auto server = std::make_unique<TableServer>(std::move(options), parts);
  RONDO_RETURN_IF_ERROR(server->Listen(methods));
  return server;
}

}  // namespace rondo
