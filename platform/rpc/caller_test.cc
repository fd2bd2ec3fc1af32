#include "platform/rpc/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/core/clock.h"
#include "platform/rpc/testing/echo_handlers.h"

namespace rondo {
namespace {

using rpc::testing::CountRequest;
using rpc::testing::CountResponse;
using rpc::testing::EchoRequest;
using rpc::testing::EchoResponse;
using rpc::testing::ForgetRequest;
using rpc::testing::Note;
using ::testing::ElementsAre;

class LocalCallerTest : public ::testing::Test {
 protected:
  LocalCallerTest() { handlers_.Serve(table_); }

  SystemClock clock_;
  ThreadPoolExecutor executor_{1, clock_};
  EchoHandlers handlers_{executor_};
  MethodTable table_;
  LocalCaller caller_{table_};
};

TEST_F(LocalCallerTest, CallsTheFunctionThatTakesTheRequest) {
  EchoRequest request;
  request.set_text("hello");
  const auto response = Call<EchoResponse>(caller_, {.trace_id = "t1"}, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->text(), "hello");
  EXPECT_EQ(response->trace_id(), "t1");
}

// Otherwise a nested write would get the first answer of the outer one.
TEST_F(LocalCallerTest, PassesTheTraceOnButNotTheRequestId) {
  EchoRequest request;
  const CallInfo outer{.request_id = "outer", .trace_id = "t1"};
  EXPECT_EQ(Call<EchoResponse>(caller_, outer, request)->request_id(), "");
  request.set_request_id("own");
  EXPECT_EQ(Call<EchoResponse>(caller_, outer, request)->request_id(), "own");
}

TEST_F(LocalCallerTest, PassesErrorsOn) {
  EchoRequest request;
  request.set_text("error:5");
  EXPECT_EQ(Call<EchoResponse>(caller_, {}, request).status(), absl::NotFoundError("as asked"));
}

TEST_F(LocalCallerTest, PullsStreams) {
  CountRequest request;
  request.set_to(3);
  auto stream = CallStream<CountResponse>(caller_, {}, request);
  ASSERT_TRUE(stream.ok());
  request.Clear();  // The stream keeps its own.
  std::vector<int> numbers;
  while (true) {
    const auto next = (*stream)();
    ASSERT_TRUE(next.ok());
    if (!next->has_value()) break;
    numbers.push_back((*next)->number());
  }
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3));
}

TEST_F(LocalCallerTest, SaysWhatNobodyServes) {
  EXPECT_EQ(Call<Note>(caller_, {}, ForgetRequest()).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_THAT(table_.Unserved(), ElementsAre("rondo.rpc.testing.EchoService.Forget"));
  EXPECT_THAT(table_.services(), ElementsAre("rondo.rpc.testing.EchoService"));
}

}  // namespace
}  // namespace rondo
