#include "platform/http/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "platform/core/clock.h"
#include "platform/http/http_server.h"

namespace rondo {
namespace {

class HttpClientTest : public ::testing::Test {
 protected:
  void Serve(HttpHandler handler) {
    server_ = *HttpServer::Start({.address = {.host = "127.0.0.1", .port = 0}}, std::move(handler),
                                 executor_);
    base_ = "http://" + ToString(server_->address());
  }
  HttpClientOptions Allowing() const {
    return {.allowed_private_addresses = {ToString(server_->address())}};
  }

  SystemClock clock_;
  ThreadPoolExecutor executor_{2, clock_};
  std::unique_ptr<HttpServer> server_;
  std::string base_;
};

TEST_F(HttpClientTest, SendsAndReceives) {
  Serve([](const HttpRequest& request) {
    HttpResponse response = MakeResponse(
        202, "text/plain",
        absl::StrCat(request.method, " ", request.path, "?", request.query, " ", request.body, " ",
                     std::string(FindHeader(request.headers, "X-Key")), " ",
                     std::string(FindHeader(request.headers, "Content-Type"))));
    response.headers.emplace_back("X-Answer", "yes");
    return response;
  });
  HttpClient client(Allowing());
  const absl::StatusOr<HttpResponse> response =
      client.Send({.method = "POST",
                   .url = base_ + "/a?b=c",
                   .headers = {{"X-Key", "k"}, {"Content-Type", "application/json"}},
                   .body = "{}"});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->body, "POST /a?b=c {} k application/json");
  EXPECT_EQ(FindHeader(response->headers, "x-answer"), "yes");
  for (const std::string method : {"GET", "HEAD", "DELETE", "PUT"}) {
    SCOPED_TRACE(method);
    EXPECT_TRUE(client.Send({.method = method, .url = base_ + "/"}).ok());
  }
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  Serve([&](const HttpRequest&) {
    HttpResponse response = MakeResponse(302, "text/plain", "");
    response.headers.emplace_back("Location", "http://127.0.0.1:1/");
    return response;
  });
  EXPECT_EQ(HttpClient(Allowing()).Send({.url = base_})->status, 302);
}

TEST_F(HttpClientTest, DoesNotReachPrivateNetworksUnlessAllowed) {
  Serve([](const HttpRequest&) { return MakeResponse(200, "text/plain", ""); });
  HttpClient client({});
  const std::string port = absl::StrCat(":", server_->address().port, "/");
  // The second is 127.0.0.1 in another spelling, the third by a name.
  for (const std::string host :
       {"127.0.0.1", "0x7f.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    SCOPED_TRACE(host);
    EXPECT_EQ(client.Send({.url = "http://" + host + port}).status().code(),
              absl::StatusCode::kPermissionDenied);
  }
}

TEST_F(HttpClientTest, KnowsGuardedAddresses) {
  for (const std::string ip :
       {"10.1.2.3", "169.254.169.254", "172.31.0.1", "192.168.1.1", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
        "2002:a00:1::", "no address"}) {
    EXPECT_TRUE(IsGuardedAddress(ip)) << ip;
  }
  for (const std::string ip : {"8.8.8.8", "172.32.0.1", "9.255.255.255", "2606:4700::1111"}) {
    EXPECT_FALSE(IsGuardedAddress(ip)) << ip;
  }
}

TEST_F(HttpClientTest, RefusesOtherSchemesAndInjectedHeaders) {
  Serve([](const HttpRequest&) { return MakeResponse(200, "text/plain", ""); });
  HttpClient client(Allowing());
  for (const std::string url :
       {"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://a.test/", "smtp://a.test"}) {
    EXPECT_EQ(client.Send({.url = url}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(client.Send({.url = base_, .headers = {{"X-A", "b\r\nX-Evil: 1"}}, .body = ""})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(HttpClientTest, HoldsItsLimitsOnSizeAndTime) {
  Serve([this](const HttpRequest& request) {
    if (request.path == "/slow")
      executor_.Await([] { return false; }, clock_.Now() + absl::Milliseconds(400));
    return MakeResponse(200, "text/plain", std::string(1001, 'x'));
  });
  HttpClientOptions options = Allowing();
  options.response_bytes_max = 1000;
  options.timeout = absl::Milliseconds(150);
  HttpClient client(options);
  EXPECT_EQ(client.Send({.url = base_ + "/"}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(client.Send({.url = base_ + "/slow"}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(HttpClientTest, TellsWhatWasCertainlyNotSent) {
  Serve([](const HttpRequest&) { return MakeResponse(200, "text/plain", ""); });
  HttpClient client(Allowing());
  server_->Drain(absl::Seconds(1));
  EXPECT_EQ(client.Send({.url = base_}).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rondo
