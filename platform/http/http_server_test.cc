#include "platform/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "absl/strings/str_cat.h"
#include "platform/core/clock.h"
#include "platform/http/raw_client.h"

namespace rondo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Answers what it was asked, so that a test sees how a request was read.
HttpResponse Echo(const HttpRequest& request) {
  return MakeResponse(
      200, "text/plain",
      absl::StrCat(request.method, " ", request.path, " ? ", request.query, " [", request.body,
                   "] a=", std::string(FindHeader(request.headers, "X-A"))));
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServer& Start(HttpHandler handler, HttpServerOptions options = {}) {
    options.address = {.host = "127.0.0.1", .port = 0};
    absl::StatusOr<std::unique_ptr<HttpServer>> server =
        HttpServer::Start(options, std::move(handler), executor_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    return *server_;
  }

  // The whole answer to `bytes`, sent over a connection of their own.
  std::string Exchange(std::string_view bytes) {
    RawClient client(server_->address());
    client.Send(bytes);
    return client.ReadToEnd();
  }

  SystemClock clock_;
  ThreadPoolExecutor executor_{4, clock_};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, BindsAFreePortAndSaysWhich) { EXPECT_NE(Start(Echo).address().port, 0); }

TEST_F(HttpServerTest, RefusesAPortInUseByName) {
  HttpServerOptions options{.address = Start(Echo).address()};
  const absl::Status status = HttpServer::Start(options, Echo, executor_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(ToString(options.address)));
}

TEST_F(HttpServerTest, RefusesAnAddressThatOthersReach) {
  HttpServerOptions options{.address = {.host = "0.0.0.0", .port = 0}};
  EXPECT_EQ(HttpServer::Start(options, Echo, executor_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(HttpServerTest, HandsOverRequestsAsSent) {
  Start(Echo);
  const std::string answer = Exchange(
      "POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nx-a: 1\r\nContent-Length: 3\r\nConnection: "
      "close\r\n\r\nxyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("POST /a%20b ? c=d [xyz] a=1"));
}

TEST_F(HttpServerTest, ReadsChunkedBodiesAndLeavesTrailersOut) {
  Start(Echo);
  const std::string answer = Exchange(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "2\r\nab\r\n1;e=f\r\nc\r\n0\r\nX-A: trailer\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("[abc] a="));
  EXPECT_THAT(answer, Not(HasSubstr("trailer")));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Start(Echo);
  const std::string answer = Exchange(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz"
      "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const size_t first = answer.find("GET /1");
  const size_t second = answer.find("POST /2 ?  [z]");
  const size_t third = answer.find("GET /3");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  Start(Echo);
  const std::string answer = Exchange("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: "));
  EXPECT_THAT(answer, Not(HasSubstr("HEAD /")));
}

// What the gate refuses never reaches the handler, and nothing sent after it is read as a request.
TEST_F(HttpServerTest, ClosesOnSmugglingInputWithoutReadingOn) {
  std::atomic<int> handled = 0;
  Start([&](const HttpRequest& request) {
    ++handled;
    return Echo(request);
  });
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string headers :
       {"Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Host: x\r\nContent-Length: 4, 4\r\n",
        "Host: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n",
        "Host: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: 4\r\n",
        "Host: x\r\nTransfer-Encoding: chunked, identity\r\n", "Host: x\r\nX-A: b\r\n c\r\n", "",
        "Host: x\r\nHost: y\r\n"}) {
    SCOPED_TRACE(headers);
    const std::string answer = Exchange("POST / HTTP/1.1\r\n" + headers + "\r\n" + smuggled);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(answer, Not(HasSubstr("smuggled")));
  }
  EXPECT_EQ(handled, 0);
}

TEST_F(HttpServerTest, RefusesLongChunkExtensionsAndBrokenChunks) {
  Start(Echo);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(Exchange(head + "1;" + std::string(2000, 'a') + "\r\nx\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange(head + "1;" + std::string(20'000, 'a') + "\r\nx\r\n0\r\n\r\n"),
              Not(HasSubstr("200 OK")));
  EXPECT_THAT(Exchange(head + "zz\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, HoldsItsLimitOnBodies) {
  Start(Echo, {.body_bytes_max = 10});
  EXPECT_THAT(Exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Exchange("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "b\r\nabcdefghijk\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: "
                       "close\r\n\r\n0123456789"),
              HasSubstr("[0123456789]"));
}

TEST_F(HttpServerTest, RefusesLongHeads) {
  Start(Echo);
  EXPECT_THAT(
      Exchange("GET / HTTP/1.1\r\nHost: x\r\nX-A: " + std::string(40'000, 'a') + "\r\n\r\n"),
      StartsWith("HTTP/1.1 4"));
}

// A slow loris keeps sending a byte now and then; its head has one deadline all the same.
TEST_F(HttpServerTest, EndsDrippingHeadsAndServesOthersMeanwhile) {
  Start(Echo, {.head_timeout = absl::Milliseconds(300)});
  RawClient slow(server_->address());
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nX-A: " + std::string(100, 'a');
  const absl::Time start = absl::Now();
  for (const char c : head) {
    slow.Send(std::string(1, c));
    slow.ReadUntil("x", absl::Milliseconds(20));
    if (slow.closed()) break;
  }
  const absl::Duration took = absl::Now() - start;
  EXPECT_LT(took, absl::Milliseconds(20) * static_cast<int>(head.size()));
  EXPECT_THAT(Exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, EndsIdleConnectionsAndSlowBodies) {
  Start(Echo, {.head_timeout = absl::Milliseconds(200),
               .body_timeout = absl::Milliseconds(200),
               .idle_timeout = absl::Milliseconds(200)});
  RawClient silent(server_->address());
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_TRUE(silent.closed());
  RawClient idle(server_->address());
  idle.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(idle.ReadToEnd(), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(idle.closed());
  EXPECT_EQ(Exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"), "");
}

TEST_F(HttpServerTest, RefusesConnectionsAndRequestsBeyondItsLimits) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::promise<void> entered;
  Start(
      [&, first = std::make_shared<std::atomic<bool>>(true)](const HttpRequest& request) {
        if (first->exchange(false)) {
          entered.set_value();
          released.wait();
        }
        return Echo(request);
      },
      {.connections_max = 2, .requests_in_flight_max = 1});
  RawClient busy(server_->address());
  busy.Send("GET /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  entered.get_future().wait();
  RawClient second(server_->address());
  second.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string refused = second.ReadUntil("\r\n\r\n");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(Exchange(""), HasSubstr("too many connections"));
  release.set_value();
  EXPECT_THAT(busy.ReadToEnd(), HasSubstr("GET /busy"));
}

TEST_F(HttpServerTest, StreamsABodyAsItIsMade) {
  Start([](const HttpRequest&) {
    HttpResponse response = MakeResponse(200, "application/x-ndjson", "");
    response.stream = [n = 0]() mutable -> absl::StatusOr<std::optional<std::string>> {
      if (n == 3) return std::nullopt;
      return absl::StrCat("{\"n\":", n++, "}\n");
    };
    return response;
  });
  const std::string answer = Exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(answer,
              HasSubstr("8\r\n{\"n\":0}\n\r\n8\r\n{\"n\":1}\n\r\n8\r\n{\"n\":2}\n\r\n0\r\n\r\n"));
  EXPECT_THAT(Exchange("GET / HTTP/1.0\r\nHost: x\r\n\r\n"),
              HasSubstr("\r\n\r\n{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n"));
}

TEST_F(HttpServerTest, CutsAStreamThatFails) {
  Start([](const HttpRequest&) {
    HttpResponse response = MakeResponse(200, "text/plain", "");
    response.stream = [n = 0]() mutable -> absl::StatusOr<std::optional<std::string>> {
      if (n++ == 1) return absl::DataLossError("gone");
      return std::string("part");
    };
    return response;
  });
  const std::string answer = Exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("part"));
  EXPECT_THAT(answer, Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(HttpServerTest, NeverSendsAHeaderThatAHandlerBroke) {
  Start([](const HttpRequest&) {
    HttpResponse response = MakeResponse(200, "text/plain", "");
    response.headers.emplace_back("Location", "/\r\nSet-Cookie: evil=1");
    return response;
  });
  const std::string answer = Exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie")));
}

TEST_F(HttpServerTest, DrainAnswersWhatHasArrivedAndClosesTheRest) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::promise<void> entered;
  Start([&](const HttpRequest& request) {
    entered.set_value();
    released.wait();
    return Echo(request);
  });
  RawClient idle(server_->address());
  ASSERT_TRUE(idle.connected());
  RawClient busy(server_->address());
  busy.Send("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();

  std::future<void> drained =
      std::async(std::launch::async, [&] { server_->Drain(absl::Seconds(10)); });
  idle.ReadToEnd();
  EXPECT_TRUE(idle.closed());
  // The door is shut before the last answer is out.
  EXPECT_FALSE(RawClient(server_->address()).connected());
  release.set_value();
  const std::string answer = busy.ReadToEnd();
  EXPECT_THAT(answer, HasSubstr("GET /busy"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  drained.get();
}

TEST_F(HttpServerTest, DrainCutsAConnectionThatWillNotEnd) {
  Start(Echo);
  RawClient stuck(server_->address());
  stuck.Send("GET / HTTP/1.1\r\nHost: ");
  EXPECT_EQ(stuck.ReadUntil("x", absl::Milliseconds(50)), "");
  server_->Drain(absl::Milliseconds(50));
  stuck.ReadToEnd();
  EXPECT_TRUE(stuck.closed());
}

}  // namespace
}  // namespace rondo
