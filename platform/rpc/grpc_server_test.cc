#include "platform/rpc/grpc_server.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <future>
#include <sstream>

#include "platform/rpc/caller.h"
#include "platform/rpc/status.h"
#include "platform/rpc/testing/echo_handlers.h"

namespace rondo {
namespace {

using rpc::testing::CountRequest;
using rpc::testing::CountResponse;
using rpc::testing::EchoRequest;
using rpc::testing::EchoResponse;
using ::testing::HasSubstr;

class GrpcServerTest : public ::testing::Test {
 protected:
  void Start(GrpcServerOptions options = {}) {
    handlers_.Serve(table_);
    options.address = {.host = "127.0.0.1", .port = 0};
    absl::StatusOr<std::unique_ptr<GrpcServer>> server = GrpcServer::Start(options, table_, parts_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    caller_ = std::make_unique<GrpcCaller>(ToString(server_->address()));
  }

  // A unary call by path, as a client of another make sends it.
  grpc::Status RawCall(const std::string& path, grpc::ClientContext& context,
                       const std::string& request, std::string* response = nullptr) {
    const auto channel =
        grpc::CreateChannel(ToString(server_->address()), grpc::InsecureChannelCredentials());
    const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    const grpc::Slice slice(request);
    const grpc::ByteBuffer in(&slice, 1);
    grpc::ByteBuffer out;
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(channel.get(), method,
                                                                              &context, in, &out);
    grpc::Slice flat;
    if (status.ok() && response != nullptr && out.DumpToSingleSlice(&flat).ok()) {
      response->assign(reinterpret_cast<const char*>(flat.begin()), flat.size());
    }
    return status;
  }

  EchoRequest Say(const std::string& text) {
    EchoRequest request;
    request.set_text(text);
    return request;
  }

  SystemClock clock_;
  ThreadPoolExecutor executor_{4, clock_};
  prometheus::Registry registry_;
  CallMetrics metrics_{registry_};
  std::ostringstream log_text_;
  Log log_{clock_, log_text_, LogLevel::kDebug};
  DoorParts parts_{executor_, clock_, metrics_, log_};
  EchoHandlers handlers_{executor_};
  MethodTable table_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<GrpcCaller> caller_;
};

constexpr char kEchoPath[] = "/rondo.rpc.testing.EchoService/Echo";

TEST_F(GrpcServerTest, CarriesACallWithItsIdsThroughToTheLog) {
  Start();
  EchoRequest request = Say("hello");
  request.set_request_id("r1");
  const auto response = Call<EchoResponse>(*caller_, {.trace_id = "trace-1"}, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->text(), "hello");
  EXPECT_EQ(response->request_id(), "r1");
  EXPECT_EQ(response->trace_id(), "trace-1");
  EXPECT_EQ(response->principal(), "local");
  server_->Drain(absl::Seconds(5));
  EXPECT_THAT(log_text_.str(), HasSubstr("\"trace_id\":\"trace-1\""));
  EXPECT_THAT(RenderMetrics(registry_),
              HasSubstr("rondo_rpc_calls_total{code=\"OK\",door=\"grpc\",method=\"rondo."
                        "rpc.testing.EchoService.Echo\"} 1"));
}

TEST_F(GrpcServerTest, CarriesErrorsWithTheirFields) {
  Start();
  EXPECT_EQ(Call<EchoResponse>(*caller_, {}, Say("error:9")).status(),
            absl::FailedPreconditionError("as asked"));
  const absl::Status status = Call<EchoResponse>(*caller_, {}, Say("field")).status();
  ASSERT_EQ(ViolationsOf(status).size(), 2u);
  EXPECT_EQ(ViolationsOf(status)[0].field, "cells[0].share");
}

TEST_F(GrpcServerTest, StreamsToItsEndOrToItsError) {
  Start();
  CountRequest request;
  request.set_to(1000);
  request.set_fail_after(990);
  auto stream = CallStream<CountResponse>(*caller_, {}, request);
  ASSERT_TRUE(stream.ok());
  for (int i = 1; i <= 990; ++i) {
    const auto next = (*stream)();
    ASSERT_TRUE(next.ok() && next->has_value());
    ASSERT_EQ((*next)->number(), i);
  }
  EXPECT_EQ((*stream)().status().code(), absl::StatusCode::kDataLoss);
  request.set_fail_after(0);
  request.set_to(0);
  stream = CallStream<CountResponse>(*caller_, {}, request);
  EXPECT_FALSE((*stream)()->has_value());
}

TEST_F(GrpcServerTest, EndsAStreamThatNobodyReads) {
  Start();
  CountRequest request;
  request.set_to(1'000'000'000);
  {
    auto stream = CallStream<CountResponse>(*caller_, {}, request);
    ASSERT_TRUE((*stream)().ok());
  }
  server_->Drain(absl::Seconds(60));
  EXPECT_THAT(log_text_.str(), HasSubstr("CANCELLED"));
}

TEST_F(GrpcServerTest, RequiresADeadlineUnlessToldOtherwise) {
  Start();
  grpc::ClientContext none;
  const grpc::Status refused = RawCall(kEchoPath, none, Say("x").SerializeAsString());
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("deadline"));
  EXPECT_EQ(handlers_.echoes, 0);
}

TEST_F(GrpcServerTest, GivesADeadlineWhereToldTo) {
  Start({.deadline = GrpcServerOptions::Deadline::kDefaulted});
  grpc::ClientContext none;
  EXPECT_TRUE(RawCall(kEchoPath, none, Say("x").SerializeAsString()).ok());
}

TEST_F(GrpcServerTest, RefusesBytesThatAreNoRequestAndUnknownMethods) {
  Start();
  const auto call = [&](const std::string& path, const std::string& bytes) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    return RawCall(path, context, bytes).error_code();
  };
  EXPECT_EQ(call(kEchoPath, "\xff\xff\xff"), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(call(kEchoPath, "\x0a\x01\xff"), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(call("/rondo.rpc.testing.EchoService/Forget", ""), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(call("/no.Such/Method", ""), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcServerTest, HoldsItsLimitOnMessages) {
  Start({.message_bytes_max = 1000});
  EXPECT_EQ(Call<EchoResponse>(*caller_, {}, Say(std::string(1001, 'x'))).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Call<EchoResponse>(*caller_, {}, Say(std::string(900, 'x'))).ok());
}

TEST_F(GrpcServerTest, HoldsItsLimitOnCallsInFlight) {
  Start({.calls_in_flight_max = 1});
  std::future<absl::Status> blocked = std::async(
      std::launch::async, [&] { return Call<EchoResponse>(*caller_, {}, Say("block")).status(); });
  while (handlers_.echoes == 0) std::this_thread::yield();
  EXPECT_EQ(Call<EchoResponse>(*caller_, {}, Say("x")).status().code(),
            absl::StatusCode::kResourceExhausted);
  handlers_.released = true;
  executor_.NotifyAll();
  EXPECT_TRUE(blocked.get().ok());
}

TEST_F(GrpcServerTest, AsksTheAuthenticator) {
  Start({.authenticator = [](const Credentials& credentials) -> absl::StatusOr<Principal> {
    if (credentials.authorization != "Bearer secret") return absl::UnauthenticatedError("log in");
    return Principal{"ann"};
  }});
  const auto call = [&](const char* authorization, std::string* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    context.AddMetadata("authorization", authorization);
    return RawCall(kEchoPath, context, Say("x").SerializeAsString(), response);
  };
  EXPECT_EQ(call("Bearer wrong", nullptr).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  std::string bytes;
  ASSERT_TRUE(call("Bearer secret", &bytes).ok());
  EchoResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  EXPECT_EQ(response.principal(), "ann");
}

TEST_F(GrpcServerTest, AnswersHealthAndReflection) {
  Start();
  grpc::ClientContext context;
  std::string response;
  // HealthCheckRequest{}; HealthCheckResponse{status: SERVING}.
  ASSERT_TRUE(RawCall("/grpc.health.v1.Health/Check", context, "", &response).ok());
  EXPECT_EQ(response, std::string("\x08\x01", 2));

  // ServerReflectionRequest{list_services: "*"}, whose answer names the services.
  const auto channel =
      grpc::CreateChannel(ToString(server_->address()), grpc::InsecureChannelCredentials());
  grpc::GenericStub stub(channel);
  grpc::ClientContext reflection_context;
  grpc::CompletionQueue queue;
  const auto stream =
      stub.PrepareCall(&reflection_context,
                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag = nullptr;
  bool ok = false;
  stream->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  const grpc::Slice slice(std::string("\x3a\x01*"));
  stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::ByteBuffer answer;
  stream->Read(&answer, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::Slice flat;
  ASSERT_TRUE(answer.DumpToSingleSlice(&flat).ok());
  EXPECT_THAT(std::string(reinterpret_cast<const char*>(flat.begin()), flat.size()),
              HasSubstr("rondo.rpc.testing.EchoService"));
  reflection_context.TryCancel();
  grpc::Status status;
  stream->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
}

TEST_F(GrpcServerTest, DrainAnswersWhatIsInFlightAndRefusesWhatComes) {
  Start();
  std::future<absl::Status> in_flight = std::async(
      std::launch::async, [&] { return Call<EchoResponse>(*caller_, {}, Say("block")).status(); });
  while (handlers_.echoes == 0) std::this_thread::yield();
  std::future<void> drained =
      std::async(std::launch::async, [&] { server_->Drain(absl::Seconds(30)); });
  // The door shuts some time after Drain was called, and stays shut.
  absl::Status refused;
  do {
    refused = Call<EchoResponse>(*caller_, {.deadline = clock_.Now() + absl::Seconds(5)}, Say("x"))
                  .status();
  } while (refused.ok());
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  handlers_.released = true;
  executor_.NotifyAll();
  EXPECT_TRUE(in_flight.get().ok());
  drained.get();
}

TEST_F(GrpcServerTest, RefusesAPortInUseAndAddressesThatOthersReach) {
  Start();
  const absl::Status in_use =
      GrpcServer::Start({.address = server_->address()}, table_, parts_).status();
  EXPECT_EQ(in_use.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(in_use.message()), HasSubstr(ToString(server_->address())));
  EXPECT_EQ(GrpcServer::Start({.address = {.host = "0.0.0.0", .port = 0}}, table_, parts_)
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rondo
