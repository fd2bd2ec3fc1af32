// The SMS gateway sender against real server processes: the kit's sink, and Kannel (bearerbox,
// smsbox and its fake SMSC).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "channels/sms/sms_gateway.h"
#include "tests/kit/sinks/sinks.h"

namespace rondo {
namespace {

using nlohmann::json;
using test::FreePort;
using test::Process;
using test::Sink;
using ::testing::HasSubstr;

SmsGatewayOptions GatewayAt(int port) {
  return {absl::StrFormat("http://127.0.0.1:%d/cgi-bin/sendsms", port), "rondo", "p&w", "Shop"};
}

std::unique_ptr<HttpClient> ClientFor(int port) {
  HttpClientOptions options;
  options.allowed_private_addresses = {absl::StrFormat("127.0.0.1:%d", port)};
  return std::make_unique<HttpClient>(options);
}

SmsMessage Message(const std::string& text, const std::string& receipt_url = "") {
  return {PhoneNumber::Parse("+821012345678").value(), text, receipt_url};
}

TEST(SmsTest, ArrivesAtTheGatewayAsItWasWritten) {
  const auto sink = Sink::StartSms({});
  ASSERT_TRUE(sink.ok()) << sink.status();
  const auto client = ClientFor((*sink)->port());
  const std::string text = "10% & 더 = 안녕?#\n+1 https://go.example/t/c/x";
  const auto outcome = SendSms(*client, GatewayAt((*sink)->port()), Message(text));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->status, SendStatus::kAccepted);
  const json entry = (*sink)->Ledger().at(0);
  EXPECT_EQ(entry["text"], text);
  EXPECT_EQ(entry["to"], "+821012345678");
  EXPECT_EQ(entry["from"], "Shop");
  EXPECT_EQ(entry["password"], "p&w");
  EXPECT_EQ(entry["coding"], "2");
}

TEST(SmsTest, TellsWhatBecameOfAMessage) {
  struct Case {
    const char* name;
    json rule;
    SendStatus want;
  };
  const Case cases[] = {
      {"throttled", {{"status", 429}}, SendStatus::kDeferred},
      {"refused", {{"status", 400}, {"body", "rejected"}}, SendStatus::kFailed},
      {"an error with status 200", {{"status", 200}, {"body", "no credit"}}, SendStatus::kFailed},
      {"broken", {{"status", 500}, {"accept", true}}, SendStatus::kUnknown},
      {"answer lost", {{"drop", true}, {"accept", true}}, SendStatus::kUnknown},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto sink = Sink::StartSms({.rules = json::array({c.rule})});
    ASSERT_TRUE(sink.ok());
    const auto client = ClientFor((*sink)->port());
    const auto outcome = SendSms(*client, GatewayAt((*sink)->port()), Message("x"));
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_STREQ(ToString(outcome->status), ToString(c.want)) << outcome->reply;
  }
}

TEST(SmsTest, DefersWhenNobodyListens) {
  const int port = FreePort();
  const auto client = ClientFor(port);
  EXPECT_EQ(SendSms(*client, GatewayAt(port), Message("x"))->status, SendStatus::kDeferred);
}

void Write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

// Kannel takes the message, its SMSC delivers it, and two receipts name it.
TEST(SmsTest, IsDeliveredByKannelAndComesBackAsReceipts) {
  const test::TempDir dir;
  const int admin = FreePort();
  const int boxes = FreePort();
  const int smsc = FreePort();
  const int http = FreePort();
  Write(dir.File("kannel.conf"),
        absl::StrFormat("group = core\nadmin-port = %d\nadmin-password = x\nsmsbox-port = %d\n"
                        "box-allow-ip = 127.0.0.1\ndlr-storage = internal\nstore-type = file\n"
                        "store-location = %s\n\n"
                        "group = smsc\nsmsc = fake\nsmsc-id = f\nport = %d\n"
                        "connect-allow-ip = 127.0.0.1\n\n"
                        "group = smsbox\nbearerbox-host = 127.0.0.1\nsendsms-port = %d\n\n"
                        "group = sendsms-user\nusername = rondo\npassword = p&w\n",
                        admin, boxes, dir.File("store"), smsc, http));
  // Receipts are requests to a web server: its log of requests is the record of them.
  const int receipts = FreePort();
  auto web = Process::Start({.argv = {"python3", "-u", "-m", "http.server", "--bind", "127.0.0.1",
                                      std::to_string(receipts)},
                             .working_directory = dir.path()});
  ASSERT_TRUE(web.ok() && web->AwaitPort(receipts).ok());
  const auto start = [&dir](std::vector<std::string> argv) {
    return Process::Start(
        {.argv = std::move(argv),
         .environment = {{"PATH", "/usr/sbin:/usr/bin:/bin:/usr/lib/kannel/test"}},
         .working_directory = dir.path()});
  };
  auto bearerbox = start({"bearerbox", "kannel.conf"});
  ASSERT_TRUE(bearerbox.ok() && bearerbox->AwaitPort(smsc).ok()) << bearerbox->Output();
  auto smsbox = start({"smsbox", "kannel.conf"});
  ASSERT_TRUE(smsbox.ok() && smsbox->AwaitPort(http).ok()) << smsbox->Output();
  auto centre = start({"fakesmsc", "-r", std::to_string(smsc), "-m", "0", "1 2 text nop"});
  ASSERT_TRUE(centre.ok());
  const auto client = ClientFor(http);
  const SmsMessage message =
      Message("Hello 1", absl::StrFormat("http://127.0.0.1:%d/t/dlr/5f3a-1", receipts));
  // Accepted at once; the centre may still be on its way.
  ASSERT_TRUE(test::Eventually([&] {
    const auto outcome = SendSms(*client, GatewayAt(http), message);
    return outcome.ok() && outcome->status == SendStatus::kAccepted;
  })) << smsbox->Output();
  EXPECT_TRUE(test::Eventually([&] {
    const std::string log = web->Output();
    return log.find("/t/dlr/5f3a-1?type=8") != std::string::npos &&
           log.find("/t/dlr/5f3a-1?type=1") != std::string::npos;
  })) << web->Output()
      << centre->Output();
  EXPECT_THAT(centre->Output(), HasSubstr("Hello"));
}

}  // namespace
}  // namespace rondo
