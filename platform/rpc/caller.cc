#include "platform/rpc/caller.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/support/sync_stream.h>

#include "absl/strings/str_cat.h"
#include "platform/rpc/door.h"
#include "platform/rpc/status.h"

namespace rondo {
namespace {

using google::protobuf::Message;
using google::protobuf::MessageLite;
using google::protobuf::MethodDescriptor;

absl::Status NotServed(const MethodDescriptor& method) {
  return absl::UnimplementedError(absl::StrCat(method.full_name(), " is not served here"));
}

// A call made within another: same trace, deadline and principal, but its own request id.
CallInfo Nested(const CallInfo& call, const Message& request) {
  return {.request_id = RequestIdOf(request),
          .deadline = call.deadline,
          .peer = "",
          .principal = call.principal,
          .trace_id = call.trace_id};
}

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

void Prepare(const CallInfo& call, grpc::ClientContext& context) {
  if (!call.trace_id.empty()) context.AddMetadata(kTraceIdHeader, call.trace_id);
  const auto deadline =
      call.deadline == absl::InfiniteFuture()
          ? std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kDefaultCallTimeout)
          : absl::ToChronoTime(call.deadline);
  context.set_deadline(deadline);
}

// A stream that is being read. Dropping it unread cancels the call.
struct ReadStream {
  explicit ReadStream(std::string p) : path(std::move(p)) {}
  ~ReadStream() {
    if (reader == nullptr || is_finished) return;
    context.TryCancel();
    grpc::ByteBuffer rest;
    while (reader->Read(&rest)) {
    }
    reader->Finish();
  }
  const std::string path;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader;
  bool is_finished = false;
};

}  // namespace

absl::Status LocalCaller::CallUnary(const CallInfo& call, const MethodDescriptor& method,
                                    const Message& request, Message& response) {
  const Method* served = table_.Find(method);
  if (served == nullptr || !served->unary) return NotServed(method);
  return served->unary(Nested(call, request), request, response);
}

absl::StatusOr<AnyStream> LocalCaller::CallStream(const CallInfo& call,
                                                  const MethodDescriptor& method,
                                                  const Message& request) {
  const Method* served = table_.Find(method);
  if (served == nullptr || !served->stream) return NotServed(method);
  // A handler's stream may refer to its request, which the caller need not keep.
  const std::shared_ptr<Message> kept(request.New());
  kept->CopyFrom(request);
  RONDO_ASSIGN_OR_RETURN(AnyStream pull, served->stream(Nested(call, request), *kept));
  return AnyStream([kept, pull = std::move(pull)](Message& next) { return pull(next); });
}

GrpcCaller::GrpcCaller(std::string_view target)
    : channel_(grpc::CreateChannel(std::string(target), grpc::InsecureChannelCredentials())) {}
GrpcCaller::~GrpcCaller() = default;

absl::Status GrpcCaller::CallUnary(const CallInfo& call, const MethodDescriptor& method,
                                   const Message& request, Message& response) {
  const std::string path = PathOf(method);
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
  grpc::ClientContext context;
  Prepare(call, context);
  return FromGrpcStatus(
      grpc::internal::BlockingUnaryCall<Message, Message, MessageLite, MessageLite>(
          channel_.get(), rpc, &context, request, &response));
}

absl::StatusOr<AnyStream> GrpcCaller::CallStream(const CallInfo& call,
                                                 const MethodDescriptor& method,
                                                 const Message& request) {
  auto stream = std::make_shared<ReadStream>(PathOf(method));
  Prepare(call, stream->context);
  const grpc::internal::RpcMethod rpc(stream->path.c_str(),
                                      grpc::internal::RpcMethod::SERVER_STREAMING);
  stream->reader.reset(grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(
      channel_.get(), rpc, &stream->context, request));
  return AnyStream([stream, channel = channel_](Message& next) -> absl::StatusOr<bool> {
    if (stream->is_finished) return false;
    grpc::ByteBuffer bytes;
    if (stream->reader->Read(&bytes)) {
      if (!grpc::SerializationTraits<Message>::Deserialize(&bytes, &next).ok()) {
        return absl::InternalError("a message of the stream does not parse");
      }
      return true;
    }
    stream->is_finished = true;
    RONDO_RETURN_IF_ERROR(FromGrpcStatus(stream->reader->Finish()));
    return false;
  });
}

const MethodDescriptor& MethodTaking(const google::protobuf::Descriptor& request) {
  const google::protobuf::FileDescriptor& file = *request.file();
  for (int s = 0; s < file.service_count(); ++s) {
    for (int m = 0; m < file.service(s)->method_count(); ++m) {
      if (file.service(s)->method(m)->input_type() == &request) return *file.service(s)->method(m);
    }
  }
  RONDO_CHECK(!"no RPC in the request's file takes it");
  std::abort();
}

}  // namespace rondo
