// The gateway through a real socket, before handlers that remember what they were told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "platform/core/field_error.h"
#include "platform/http/http_client.h"
#include "platform/http/raw_client.h"
#include "platform/rpc/method_table.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/response/v1/response_service.pb.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "services/gateway/module.h"

namespace rondo {
namespace {

namespace customer_pb = customer::v1;
namespace response_pb = response::v1;
namespace targeting_pb = targeting::v1;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kFirefox[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

// Handlers of three services. Written by the executor's threads, read when a call has been
// answered.
class Recorder {
 public:
  absl::StatusOr<response_pb::IngestEventsResponse> IngestEvents(
      const CallInfo&, const response_pb::IngestEventsRequest& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!storage.ok()) return storage;
    ingested.push_back(request);
    response_pb::IngestEventsResponse response;
    response.set_accepted(request.events_size());
    return response;
  }

  absl::StatusOr<response_pb::ListTimelineResponse> ListTimeline(
      const CallInfo& call, const response_pb::ListTimelineRequest& request) {
    if (request.customer() == "customers/none") return absl::NotFoundError("no such customer");
    if (request.page_size() < 0)
      return FieldError("page_size", "must not be negative; 0 is the default");
    response_pb::ListTimelineResponse response;
    response_pb::TimelineEntry& entry = *response.add_entries();
    entry.mutable_time()->set_seconds(1'780'315'200);
    entry.mutable_response()->set_goal(request.customer());
    entry.mutable_response()->set_how(call.principal.name);
    entry.mutable_response()->set_value_minor_units(1'234'567'890'123);
    return response;
  }

  absl::StatusOr<customer_pb::Customer> RecordConsent(
      const CallInfo&, const customer_pb::RecordConsentRequest& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!storage.ok()) return storage;
    if (!person.ok()) return person;
    consents.push_back(request);
    return customer_pb::Customer();
  }

  absl::StatusOr<Stream<targeting_pb::SelectTargetsResponse>> SelectTargets(
      const CallInfo&, const targeting_pb::SelectTargetsRequest&) {
    if (targets < 0) return absl::FailedPreconditionError("no such audience");
    return Stream<targeting_pb::SelectTargetsResponse>(
        [n = 0, all = targets]() mutable
        -> absl::StatusOr<std::optional<targeting_pb::SelectTargetsResponse>> {
          if (n == all) return std::nullopt;
          targeting_pb::SelectTargetsResponse response;
          response.set_last(++n == all);
          return response;
        });
  }

  void Serve(MethodTable& table) {
    table.Serve("rondo.response.v1.ResponseService", *this, &Recorder::IngestEvents,
                &Recorder::ListTimeline);
    table.Serve("rondo.customer.v1.CustomerService", *this, &Recorder::RecordConsent);
    table.Serve("rondo.targeting.v1.TargetingService", *this, &Recorder::SelectTargets);
  }

  std::mutex mutex;
  absl::Status storage;
  absl::Status person;  // What the customer service says of whoever is asked about.
  std::vector<response_pb::IngestEventsRequest> ingested;
  std::vector<customer_pb::RecordConsentRequest> consents;
  int targets = 2;
};

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() { recorder_.Serve(table_); }

  void Start(GatewayOptions options = {}) {
    options.http.address = {.host = "127.0.0.1", .port = 0};
    options.services = table_.services();
    absl::StatusOr<std::unique_ptr<Gateway>> gateway =
        Gateway::Start(options, {.caller = caller_,
                                 .links = links_,
                                 .metrics = [this] { return RenderMetrics(registry_); },
                                 .door = {executor_, clock_, metrics_, log_},
                                 .ready = [this] { return ready_; },
                                 .clock = business_clock_});
    ASSERT_TRUE(gateway.ok()) << gateway.status();
    gateway_ = *std::move(gateway);
    client_ = std::make_unique<HttpClient>(
        HttpClientOptions{.allowed_private_addresses = {ToString(gateway_->address())}});
  }

  HttpResponse Send(const std::string& method, const std::string& path,
                    const std::string& body = "", HttpHeaders headers = {}) {
    if (!body.empty() && FindHeader(headers, "content-type").empty()) {
      headers.emplace_back("Content-Type", "application/json");
    }
    if (FindHeader(headers, "user-agent").empty()) headers.emplace_back("User-Agent", kFirefox);
    const absl::StatusOr<HttpResponse> response =
        client_->Send({.method = method,
                       .url = "http://" + ToString(gateway_->address()) + path,
                       .headers = headers,
                       .body = body});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(HttpResponse{.status = 0});
  }

  LinkToken Token(LinkPurpose purpose) const {
    LinkToken token{.purpose = purpose,
                    .channel = LinkChannel::kEmail,
                    .customer = CustomerId(0x00f3c2a9d41b7e60),
                    .campaign = "campaigns/spring",
                    .cycle = 2,
                    .cell = "mail-10"};
    if (purpose == LinkPurpose::kClick) {
      token.link_number = 1;
      token.target = "https://shop.test/a?b=c";
    }
    return token;
  }
  std::string Sign(const LinkToken& token) const { return *links_.Sign(token); }

  // Fields of the last event, by name.
  std::map<std::string, std::string> LastFields() {
    std::map<std::string, std::string> fields;
    for (const auto& field : recorder_.ingested.back().events(0).event().fields()) {
      fields[field.name()] = field.value().has_string_value()
                                 ? field.value().string_value()
                                 : absl::StrCat(field.value().int_value());
    }
    return fields;
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  ManualClock business_clock_{absl::FromUnixSeconds(1'780'315'200)};  // 2026-06-01T12:00:00Z
  ThreadPoolExecutor executor_{2, clock_};
  prometheus::Registry registry_;
  CallMetrics metrics_{registry_};
  std::ostringstream log_text_;
  Log log_{clock_, log_text_};
  Recorder recorder_;
  MethodTable table_;
  LocalCaller caller_{table_};
  LinkTokens links_ = *LinkTokens::Create({DeriveLinkKey(InstanceKey{7}, 1)});
  absl::Status ready_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<HttpClient> client_;
};

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// What the REST API says, in full: a change is read as a diff.
TEST_F(GatewayTest, AnswersAsItsGoldenFileSays) {
  Start();
  const struct {
    const char* method;
    const char* path;
    const char* body;
  } kCalls[] = {
      {"GET", "/api/v1/customers/00f3c2a9d41b7e60/timeline?pageSize=10", ""},
      {"GET", "/api/v1/customers/none/timeline", ""},
      {"GET", "/api/v1/customers/a/timeline?page_size=-1", ""},
      {"GET", "/api/v1/customers/a/timeline?pageSize=many", ""},
      {"GET", "/api/v1/customers/00f3c2a9d41b7e60", ""},
      {"POST", "/api/v1/events:ingest",
       R"({"events": [{"customer": "crm:1", "event": {"type": "page_view", "eventTime": "2026-06-01T12:00:00Z",
           "fields": [{"name": "url", "value": {"stringValue": "/a"}}]}}]})"},
      {"POST", "/api/v1/events:ingest", R"({"events": [{"customer": 1, "events": {}}]})"},
      {"POST", "/api/v1/events:ingest", "{"},
      {"DELETE", "/api/v1/events:ingest", ""},
      {"GET", "/api/v1/nothing", ""},
      {"POST", "/api/v1/targets:select", "{}"},
  };
  std::string transcript;
  for (const auto& call : kCalls) {
    const HttpResponse response =
        Send(call.method, call.path, call.body, {{"X-Request-Id", "trace-1"}});
    absl::StrAppend(&transcript, call.method, " ", call.path, call.body[0] == '\0' ? "" : "\n",
                    call.body, "\n", response.status, "\n",
                    nlohmann::ordered_json::parse(response.body).dump(2), "\n\n");
  }
  const std::string golden = "services/gateway/testing/rest.golden";
  if (std::getenv("RONDO_UPDATE_GOLDEN") != nullptr) std::ofstream(golden) << transcript;
  EXPECT_EQ(transcript, ReadFile(golden))
      << "if that is meant: RONDO_UPDATE_GOLDEN=1, and read the diff";
}

TEST_F(GatewayTest, StreamsAnArrayOrALineEach) {
  Start();
  const auto select = [&](const HttpHeaders& headers) {
    return Send("POST", "/api/v1/targets:select", "{}", headers);
  };
  EXPECT_EQ(json::parse(select({}).body).size(), 2u);
  const HttpResponse lines = select({{"Accept", "application/x-ndjson"}});
  EXPECT_EQ(FindHeader(lines.headers, "content-type"), "application/x-ndjson");
  EXPECT_EQ(std::count(lines.body.begin(), lines.body.end(), '\n'), 2);
  recorder_.targets = 0;
  EXPECT_EQ(json::parse(select({}).body), json::array());
  EXPECT_EQ(select({{"Accept", "application/x-ndjson"}}).body, "");
  recorder_.targets = -1;
  EXPECT_EQ(select({}).status, 400);
}

TEST_F(GatewayTest, AnswersHeadsAndWrongMethods) {
  Start();
  EXPECT_EQ(Send("HEAD", "/api/v1/customers/a/timeline").status, 200);
  const HttpResponse refused = Send("PUT", "/api/v1/customers/a/timeline");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(FindHeader(refused.headers, "allow"), "GET");
}

TEST_F(GatewayTest, CarriesTheTraceIdBothWays) {
  Start();
  EXPECT_EQ(
      FindHeader(Send("GET", "/api/v1/customers/a/timeline", "", {{"X-Request-Id", "t-9"}}).headers,
                 "x-request-id"),
      "t-9");
}

TEST_F(GatewayTest, TellsToRetryWhileStorageRefuses) {
  Start();
  recorder_.storage = absl::UnavailableError("the disk is full; free some space");
  for (const HttpResponse& response :
       {Send("POST", "/api/v1/events:ingest", "{}"),
        Send("GET", "/t/c/" + Sign(Token(LinkPurpose::kClick))),
        Send("GET", "/t/o/" + Sign(Token(LinkPurpose::kOpen)) + ".gif"),
        Send("POST", "/t/u/" + Sign(Token(LinkPurpose::kUnsubscribe)), "confirm=yes",
             {{"Content-Type", "application/x-www-form-urlencoded"}})}) {
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(FindHeader(response.headers, "retry-after"), "1");
  }
  recorder_.storage = absl::OkStatus();
  EXPECT_EQ(Send("GET", "/t/c/" + Sign(Token(LinkPurpose::kClick))).status, 302);
}

TEST_F(GatewayTest, SaysWhetherItIsReady) {
  Start();
  EXPECT_EQ(Send("GET", "/healthz").status, 200);
  EXPECT_EQ(Send("GET", "/readyz").status, 200);
  ready_ = absl::UnavailableError("replaying partition 3");
  const HttpResponse response = Send("GET", "/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("replaying partition 3"));
}

TEST_F(GatewayTest, GoesOnAnsweringWhileItIsNoLongerReady) {
  Start();
  gateway_->StopBeingReady();
  EXPECT_EQ(Send("GET", "/readyz").status, 503);
  EXPECT_EQ(Send("GET", "/healthz").status, 200);
  EXPECT_EQ(Send("POST", "/api/v1/events:ingest", "{}").status, 200);
}

TEST_F(GatewayTest, ShowsMetricsAndOpenApi) {
  Start();
  Send("GET", "/api/v1/customers/a/timeline");
  Send("GET", "/t/o/" + Sign(Token(LinkPurpose::kOpen)) + ".gif");
  const std::string metrics = Send("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("method=\"rondo.response.v1.ResponseService.ListTimeline\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("method=\"t/open\"} 1"));
  EXPECT_EQ(json::parse(Send("GET", "/openapi.json").body).at("openapi"), "3.0.3");
}

TEST_F(GatewayTest, ProtectsEveryAnswer) {
  Start();
  for (const std::string path :
       {"/", "/none.js", "/api/v1/nothing", "/t/c/x", "/t/u/x", "/healthz", "/openapi.json"}) {
    SCOPED_TRACE(path);
    const HttpResponse response = Send("GET", path);
    EXPECT_EQ(FindHeader(response.headers, "x-content-type-options"), "nosniff");
    EXPECT_EQ(FindHeader(response.headers, "referrer-policy"), "no-referrer");
    EXPECT_EQ(FindHeader(response.headers, "x-frame-options"), "DENY");
    EXPECT_THAT(std::string(FindHeader(response.headers, "content-security-policy")),
                HasSubstr("frame-ancestors 'none'"));
  }
}

// Without login the browser's other pages are the ones to keep out.
TEST_F(GatewayTest, RefusesOtherSitesPages) {
  Start({.allowed_hosts = {"rondo.test"}});
  const std::string host = ToString(gateway_->address());
  const std::string path = "/api/v1/events:ingest";
  EXPECT_EQ(Send("POST", path, "{}", {{"Origin", "http://" + host}}).status, 200);
  EXPECT_EQ(
      Send("POST", path, "{}", {{"Host", "rondo.test"}, {"Origin", "https://rondo.test"}}).status,
      200);
  EXPECT_EQ(Send("GET", "/metrics", "", {{"Host", "Rondo.Test:8443"}}).status, 200);
  for (const char* origin :
       {"http://evil.test", "null", "http://127.0.0.1:1", "https://127.0.0.1", "x"}) {
    SCOPED_TRACE(origin);
    EXPECT_EQ(Send("POST", path, "{}", {{"Origin", origin}}).status, 403);
  }
  EXPECT_EQ(Send("POST", path, "{}", {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(Send("POST", path, "{}", {{"Content-Type", "text/plain"}}).status, 400);
  EXPECT_EQ(Send("GET", "/api/v1/customers/a/timeline", "", {{"Host", "evil.test"}}).status, 403);
  EXPECT_EQ(Send("GET", "/metrics", "", {{"Host", "evil.test:80"}}).status, 403);
  EXPECT_EQ(Send("GET", "/healthz", "", {{"Host", "evil.test"}}).status, 200);
}

TEST_F(GatewayTest, AsksTheAuthenticator) {
  Start({.authenticator = [](const Credentials& credentials) -> absl::StatusOr<Principal> {
    if (credentials.authorization != "Bearer secret") return absl::UnauthenticatedError("log in");
    return Principal{"ann"};
  }});
  EXPECT_EQ(Send("GET", "/api/v1/customers/a/timeline").status, 401);
  EXPECT_THAT(
      Send("GET", "/api/v1/customers/a/timeline", "", {{"Authorization", "Bearer secret"}}).body,
      HasSubstr("\"how\":\"ann\""));
}

TEST_F(GatewayTest, LogsAClickAndLeadsToItsTarget) {
  Start();
  const HttpResponse response =
      Send("GET", "/t/c/" + Sign(Token(LinkPurpose::kClick)) + "?u=https://evil.test");
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(FindHeader(response.headers, "location"), "https://shop.test/a?b=c");
  EXPECT_EQ(FindHeader(response.headers, "cache-control"), "no-store");
  ASSERT_EQ(recorder_.ingested.size(), 1u);
  const response_pb::CustomerEvent& logged = recorder_.ingested[0].events(0);
  EXPECT_EQ(logged.customer(), "customers/00f3c2a9d41b7e60");
  EXPECT_EQ(logged.event().type(), "click");
  EXPECT_EQ(logged.event().event_time().seconds(), 1'780'315'200);
  EXPECT_EQ(logged.event().source(), "tracking");
  EXPECT_FALSE(logged.event().machine());
  EXPECT_EQ(logged.event().contact().campaign(), "campaigns/spring");
  EXPECT_EQ(logged.event().contact().cycle(), 2);
  EXPECT_EQ(LastFields()["link"], "1");
  EXPECT_EQ(LastFields()["channel"], "email");
}

TEST_F(GatewayTest, MarksMachinesAndLeadsThemOnAllTheSame) {
  Start();
  const std::string path = "/t/c/" + Sign(Token(LinkPurpose::kClick));
  LinkToken second = Token(LinkPurpose::kClick);
  second.link_number = 2;
  const auto click = [&](const std::string& method, const std::string& at, HttpHeaders headers) {
    EXPECT_EQ(Send(method, at, "", std::move(headers)).status, 302);
    return recorder_.ingested.back().events(0).event().machine() ? LastFields()["machine_reason"]
                                                                 : "human";
  };
  EXPECT_EQ(click("GET", path, {}), "human");
  EXPECT_EQ(click("GET", "/t/c/" + Sign(second), {}), "burst");
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(click("HEAD", path, {}), "head");
  EXPECT_EQ(click("GET", path, {{"Sec-Purpose", "prefetch"}}), "prefetch");
  EXPECT_EQ(click("GET", path, {{"User-Agent", "Mozilla/5.0 (compatible; bingbot/2.0)"}}), "robot");
  // Every click is an event of its own.
  std::set<std::string> ids;
  for (const auto& request : recorder_.ingested) ids.insert(request.events(0).event().message_id());
  EXPECT_EQ(ids.size(), recorder_.ingested.size());
}

TEST_F(GatewayTest, AnswersAnOpenWithAPixel) {
  Start();
  const HttpResponse response = Send("GET", "/t/o/" + Sign(Token(LinkPurpose::kOpen)) + ".gif");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(FindHeader(response.headers, "content-type"), "image/gif");
  EXPECT_THAT(response.body, StartsWith("GIF89a"));
  EXPECT_EQ(FindHeader(response.headers, "cache-control"), "no-store");
  EXPECT_EQ(recorder_.ingested.back().events(0).event().type(), "open");
  EXPECT_EQ(LastFields()["open_class"], "direct");
}

// reliability.md 2.1: a scanner follows every link of a mail with GET and HEAD.
TEST_F(GatewayTest, UnsubscribesOnPostAlone) {
  Start();
  const std::string path = "/t/u/" + Sign(Token(LinkPurpose::kUnsubscribe));
  const HttpResponse page = Send("GET", path);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("<form method=\"post\">"));
  EXPECT_EQ(Send("HEAD", path).status, 200);
  EXPECT_EQ(Send("GET", path, "", {{"Sec-Purpose", "prefetch"}}).status, 200);
  const HttpHeaders form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(Send("POST", path, "List-Unsubscribe=Maybe", form).status, 400);
  EXPECT_EQ(Send("POST", path).status, 400);
  EXPECT_EQ(Send("PUT", path, "confirm=yes", form).status, 405);
  EXPECT_TRUE(recorder_.consents.empty());
  EXPECT_TRUE(recorder_.ingested.empty());

  // RFC 8058, 3.2: no cookie, no redirect, no login.
  EXPECT_EQ(Send("POST", path, "List-Unsubscribe=One-Click", form).status, 200);
  ASSERT_EQ(recorder_.consents.size(), 1u);
  const customer_pb::RecordConsentRequest& request = recorder_.consents[0];
  EXPECT_EQ(request.name(), "customers/00f3c2a9d41b7e60");
  EXPECT_EQ(request.consents(0).channel(), "email");
  EXPECT_EQ(request.consents(0).purpose(), "marketing");
  EXPECT_FALSE(request.consents(0).granted());
  EXPECT_EQ(request.consents(0).source(), "one-click");
  EXPECT_EQ(request.consents(0).effective_time().seconds(), 1'780'315'200);
  ASSERT_EQ(recorder_.ingested.size(), 1u);
  EXPECT_EQ(recorder_.ingested[0].events(0).event().type(), "unsubscribe");
  EXPECT_TRUE(recorder_.ingested[0].synced());

  EXPECT_EQ(Send("POST", path,
                 "--x\r\nContent-Disposition: form-data; "
                 "name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n",
                 {{"Content-Type", "multipart/form-data; boundary=x"}})
                .status,
            200);
  EXPECT_EQ(Send("POST", path, "confirm=yes", form).status, 200);
  ASSERT_EQ(recorder_.consents.size(), 3u);
  EXPECT_EQ(recorder_.consents[2].consents(0).source(), "unsubscribe-page");
  // The same words again are the same event.
  EXPECT_EQ(recorder_.ingested[2].events(0).event().message_id(),
            recorder_.ingested[0].events(0).event().message_id());
}

// A mail outlives the erasure of whom it went to: its way out must not end in an error.
TEST_F(GatewayTest, TellsWhoeverWasErasedThatTheyAreUnsubscribed) {
  Start();
  const std::string path = "/t/u/" + Sign(Token(LinkPurpose::kUnsubscribe));
  const HttpHeaders form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  for (const absl::Status& person : {absl::NotFoundError("no such customer"),
                                     absl::FailedPreconditionError("the customer is erased")}) {
    recorder_.person = person;
    EXPECT_EQ(Send("POST", path, "List-Unsubscribe=One-Click", form).status, 200) << person;
  }
  recorder_.person = absl::UnavailableError("starting");
  EXPECT_EQ(Send("POST", path, "List-Unsubscribe=One-Click", form).status, 503);
}

TEST_F(GatewayTest, TheWayOutWithdrawsThePurposeOfItsContact) {
  Start();
  LinkToken token = Token(LinkPurpose::kUnsubscribe);
  token.consent_purpose = "newsletter";
  const std::string path = "/t/u/" + Sign(token);
  EXPECT_THAT(Send("GET", path).body, HasSubstr("newsletter"));
  const HttpHeaders form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(Send("POST", path, "List-Unsubscribe=One-Click", form).status, 200);
  ASSERT_EQ(recorder_.consents.size(), 1u);
  EXPECT_EQ(recorder_.consents[0].consents(0).purpose(), "newsletter");
  EXPECT_EQ(recorder_.consents[0].consents(0).channel(), "email");
}

TEST_F(GatewayTest, TakesTheReceiptsOfAnSmsGateway) {
  Start();
  LinkToken token = Token(LinkPurpose::kReceipt);
  token.channel = LinkChannel::kSms;
  const std::string path = "/t/dlr/" + Sign(token);
  EXPECT_EQ(Send("GET", path + "?type=8&answer=ACK%2F").status, 200);
  EXPECT_EQ(Send("GET", path + "?type=1&answer=").status, 200);
  EXPECT_EQ(Send("GET", path + "?type=8&answer=again").status, 200);
  ASSERT_EQ(recorder_.ingested.size(), 3u);
  const response_pb::CustomerEvent& first = recorder_.ingested[0].events(0);
  EXPECT_EQ(first.customer(), "customers/00f3c2a9d41b7e60");
  EXPECT_EQ(first.event().type(), "receipt");
  EXPECT_EQ(first.event().contact().campaign(), "campaigns/spring");
  EXPECT_EQ(LastFields()["kind"], "8");
  EXPECT_EQ(LastFields()["channel"], "sms");
  // By message and kind: whoever stores it drops the repeat.
  EXPECT_NE(recorder_.ingested[1].events(0).event().message_id(), first.event().message_id());
  EXPECT_EQ(recorder_.ingested[2].events(0).event().message_id(), first.event().message_id());
}

TEST_F(GatewayTest, AnswersAReceiptOfNobodyWith200AndCountsIt) {
  Start();
  const std::string click = Sign(Token(LinkPurpose::kClick));
  const std::string receipt = Sign(Token(LinkPurpose::kReceipt));
  for (const std::string& path :
       {std::string("/t/dlr/"), "/t/dlr/" + click + "?type=1", "/t/dlr/" + receipt,
        "/t/dlr/" + receipt + "?type=3", "/t/dlr/" + receipt + "?type=1&type=2"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(Send("GET", path).status, 200);
  }
  EXPECT_TRUE(recorder_.ingested.empty());
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("t/receipt"));
  EXPECT_EQ(Send("POST", "/t/dlr/" + receipt + "?type=1").status, 405);
}

TEST_F(GatewayTest, AnswersEachForgedTokenAlike) {
  Start();
  const std::string good = Sign(Token(LinkPurpose::kClick));
  const std::string unknown = Send("GET", "/t/c/none").body;
  std::vector<std::string> paths = {"/t/",
                                    "/t/c/",
                                    "/t/x/" + good,
                                    "/t/u/" + good,
                                    "/t/o/" + good + ".gif",
                                    "/t/o/.gif",
                                    "/t/o/" + Sign(Token(LinkPurpose::kOpen)),
                                    "/t/c/" + Sign(Token(LinkPurpose::kUnsubscribe)),
                                    "/t/c/" + good + "/",
                                    "/t/c/" + good + "=",
                                    "/t/c/" + good.substr(0, good.size() - 1)};
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string flipped = good;
    flipped[i] = flipped[i] == 'A' ? 'B' : 'A';
    paths.push_back("/t/c/" + flipped);
  }
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const HttpResponse response = Send("GET", path);
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.body, unknown);
    EXPECT_EQ(FindHeader(response.headers, "location"), "");
  }
  EXPECT_TRUE(recorder_.ingested.empty());
}

class DashboardsTest : public GatewayTest {
 protected:
  DashboardsTest() {
    std::filesystem::create_directories(folder_ / "assets");
    std::ofstream(folder_ / "index.html") << "<title>dashboards</title>";
    std::ofstream(folder_ / "assets" / "a-1.js") << "let a;";
    std::filesystem::create_symlink("/etc/passwd", folder_ / "assets" / "link.txt");
  }
  ~DashboardsTest() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / absl::StrCat("dashboards-", getpid());
};

TEST_F(DashboardsTest, ServesItsFilesAndPages) {
  Start({.dashboards_dir = folder_.string()});
  const HttpResponse script = Send("GET", "/assets/a-1.js");
  EXPECT_EQ(script.body, "let a;");
  EXPECT_EQ(FindHeader(script.headers, "content-type"), "text/javascript; charset=utf-8");
  EXPECT_THAT(std::string(FindHeader(script.headers, "cache-control")), HasSubstr("immutable"));
  for (const std::string path : {"/", "/campaigns/spring"}) {
    EXPECT_EQ(Send("GET", path).body, "<title>dashboards</title>") << path;
  }
  const std::string etag(FindHeader(Send("GET", "/").headers, "etag"));
  EXPECT_EQ(Send("GET", "/", "", {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(Send("POST", "/", "{}").status, 405);
}

// reliability.md 2.2: sent as bytes, since a client would tidy them up.
TEST_F(DashboardsTest, GivesNothingBesideItsFiles) {
  Start({.dashboards_dir = folder_.string()});
  for (const std::string path :
       {"/assets/../../../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd", "/..%5c..%5cetc",
        "//etc/passwd.txt", "/assets/link.txt", "/assets/%00.js", "/assets/none.js"}) {
    SCOPED_TRACE(path);
    RawClient client(gateway_->address());
    client.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const std::string answer = client.ReadToEnd();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(answer, Not(HasSubstr("root:")));
  }
}

TEST_F(DashboardsTest, RefusesAFolderWithoutThem) {
  std::filesystem::remove(folder_ / "index.html");
  const absl::Status status =
      Gateway::Start({.http = {.address = {.host = "127.0.0.1", .port = 0}},
                      .dashboards_dir = folder_.string()},
                     {.caller = caller_,
                      .links = links_,
                      .metrics = [this] { return RenderMetrics(registry_); },
                      .door = {executor_, clock_, metrics_, log_},
                      .ready = [] { return absl::OkStatus(); },
                      .clock = business_clock_})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("index.html"));
}

}  // namespace
}  // namespace rondo
