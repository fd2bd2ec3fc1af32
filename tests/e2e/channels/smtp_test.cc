// The SMTP sender against real server processes: Postfix's smtp-sink, and the scripted one of the
// kit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "channels/email/email_message.h"
#include "channels/email/smtp_sender.h"
#include "tests/kit/sinks/sinks.h"

namespace rondo {
namespace {

using nlohmann::json;
using test::LedgerDetail;
using test::Sink;
using ::testing::HasSubstr;

EmailAddress Address(std::string_view text) { return EmailAddress::Parse(text).value(); }

EmailMessage MessageTo(const std::string& to) {
  return {
      .from = Address("shop@example.com"),
      .from_name = "Mö, Shop",
      .to = Address(to),
      .to_name = "김 민수",
      .reply_to = std::nullopt,
      .subject =
          "10% für Sie — 감사합니다, und noch ein sehr langer Betreff, der gefaltet werden muss",
      .text = "Hello\n.\n..dots\nFrom here\n안녕하세요 " + std::string(2'000, 'x') + "\n",
      .html = "<p>안녕 =</p>\r\n.\r\n<p>.</p>",
      .message_id = "5f3a@mail.example.com",
      .rondo_id = "c1.2.3",
      .date = absl::FromUnixSeconds(1'785'000'000),
      .unsubscribe_url = "https://go.example/t/u/x",
      .unsubscribe_address = std::nullopt};
}

SmtpEnvelope EnvelopeTo(const std::string& to) {
  return {Address("bounces+5f3a@go.example"), Address(to), WriteMime(MessageTo(to)).value(),
          nullptr};
}

SmtpOptions OptionsFor(int port) {
  SmtpOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.helo_name = "test.example";
  options.sessions_max = 2;
  return options;
}

// Sends one message and waits for its end.
SendOutcome SendOne(SmtpSender& sender, SmtpEnvelope envelope) {
  std::atomic<bool> finished = false;
  SendOutcome result;
  const absl::Status queued = sender.Send(std::move(envelope), [&](const SendOutcome& outcome) {
    result = outcome;
    finished = true;
  });
  EXPECT_TRUE(queued.ok()) << queued;
  EXPECT_TRUE(test::Eventually([&] { return finished.load(); }, absl::Seconds(60)));
  return result;
}

TEST(SmtpTest, DeliversByteForByteWhatWasWritten) {
  const auto sink = Sink::StartSmtp({.detail = LedgerDetail::kFull});
  ASSERT_TRUE(sink.ok()) << sink.status();
  const auto sender = SmtpSender::Create(OptionsFor((*sink)->port())).value();
  SmtpEnvelope envelope = EnvelopeTo("ann@example.org");
  // Dots at the start of lines, as no writer of ours makes them.
  envelope.data += "\r\n.\r\n..\r\n.x\r\nend\r\n";
  const std::string data = envelope.data;
  const SendOutcome outcome = SendOne(*sender, std::move(envelope));
  EXPECT_EQ(outcome.status, SendStatus::kAccepted);
  EXPECT_EQ(outcome.code, 250);
  EXPECT_THAT(outcome.reply, HasSubstr("queued as 1"));
  const auto ledger = (*sink)->Ledger();
  ASSERT_EQ(ledger.size(), 1u);
  EXPECT_EQ(ledger[0]["data"].get<std::string>(), data);
  EXPECT_EQ(ledger[0]["mail_from"], "bounces+5f3a@go.example");
  EXPECT_EQ(ledger[0]["rcpt"], json::array({"ann@example.org"}));
  EXPECT_EQ(ledger[0]["message_id"], "5f3a@mail.example.com");
  EXPECT_EQ(ledger[0]["rondo_id"], "c1.2.3");
}

TEST(SmtpTest, IsReadByAnotherMailLibraryAsItWasMeant) {
  const auto sink = Sink::StartSmtp({.detail = LedgerDetail::kDecoded});
  ASSERT_TRUE(sink.ok()) << sink.status();
  const auto sender = SmtpSender::Create(OptionsFor((*sink)->port())).value();
  const EmailMessage message = MessageTo("ann@example.org");
  ASSERT_EQ(SendOne(*sender, EnvelopeTo("ann@example.org")).status, SendStatus::kAccepted);
  const json entry = (*sink)->Ledger().at(0);
  EXPECT_EQ(entry["subject"], message.subject);
  EXPECT_EQ(absl::StrReplaceAll(entry["text"].get<std::string>(), {{"\r\n", "\n"}}), message.text);
  EXPECT_EQ(entry["html"], "<p>안녕 =</p>\r\n.\r\n<p>.</p>\r\n");
  EXPECT_EQ(entry["headers"]["list-unsubscribe"], "<https://go.example/t/u/x>");
  EXPECT_EQ(entry["headers"]["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
}

struct Failure {
  const char* name;
  json rule;
  SendStatus status;
  int code;
  size_t in_ledger;
};

TEST(SmtpTest, TellsWhatBecameOfAMessageAtEachVerb) {
  const Failure failures[] = {
      {"greylisted", {{"at", "rcpt"}, {"code", 451}}, SendStatus::kDeferred, 451, 0},
      {"unknown user", {{"at", "rcpt"}, {"code", 550}}, SendStatus::kFailed, 550, 0},
      {"sender refused", {{"at", "mail"}, {"code", 553}}, SendStatus::kFailed, 553, 0},
      {"busy at data", {{"at", "data"}, {"code", 452}}, SendStatus::kDeferred, 452, 0},
      {"refused at data", {{"at", "data"}, {"code", 554}}, SendStatus::kFailed, 554, 0},
      {"spam", {{"at", "dot"}, {"code", 554}}, SendStatus::kFailed, 554, 0},
      {"full", {{"at", "dot"}, {"code", 452}}, SendStatus::kDeferred, 452, 0},
      {"closing at mail", {{"at", "mail"}, {"code", 421}}, SendStatus::kDeferred, 421, 0},
      {"banner refused", {{"at", "connect"}, {"code", 554}}, SendStatus::kDeferred, 0, 0},
      {"dropped at rcpt", {{"at", "rcpt"}, {"drop", true}}, SendStatus::kDeferred, 0, 0},
      {"dropped at data", {{"at", "data"}, {"drop", true}}, SendStatus::kDeferred, 0, 0},
      {"dropped after the dot", {{"at", "dot"}, {"drop", true}}, SendStatus::kUnknown, 0, 0},
      {"accepted, reply lost",
       {{"at", "dot"}, {"drop", true}, {"accept", true}},
       SendStatus::kUnknown,
       0,
       1},
  };
  for (const Failure& failure : failures) {
    SCOPED_TRACE(failure.name);
    const auto sink = Sink::StartSmtp({.rules = json::array({failure.rule})});
    ASSERT_TRUE(sink.ok()) << sink.status();
    const auto sender = SmtpSender::Create(OptionsFor((*sink)->port())).value();
    const SendOutcome outcome = SendOne(*sender, EnvelopeTo("ann@example.org"));
    EXPECT_STREQ(ToString(outcome.status), ToString(failure.status)) << outcome.reply;
    EXPECT_EQ(outcome.code, failure.code) << outcome.reply;
    EXPECT_EQ((*sink)->Ledger().size(), failure.in_ledger);
  }
}

TEST(SmtpTest, DefersWhatIsCutInTheMiddleOfItsBody) {
  const auto sink = Sink::StartSmtp({.rules = json::array({{{"at", "body"}}})});
  ASSERT_TRUE(sink.ok());
  const auto sender = SmtpSender::Create(OptionsFor((*sink)->port())).value();
  SmtpEnvelope envelope = EnvelopeTo("ann@example.org");
  for (int i = 0; i < 400'000; ++i) envelope.data += "a line that is long enough\r\n";  // 11 MB.
  EXPECT_EQ(SendOne(*sender, std::move(envelope)).status, SendStatus::kDeferred);
}

TEST(SmtpTest, GoesOnWithTheNextMessageAfterAFailedOne) {
  const auto sink =
      Sink::StartSmtp({.rules = json::array({{{"at", "rcpt"}, {"match", "bad"}, {"code", 550}},
                                             {{"at", "dot"}, {"match", "lost"}, {"drop", true}}})});
  ASSERT_TRUE(sink.ok());
  SmtpOptions options = OptionsFor((*sink)->port());
  options.sessions_max = 1;
  const auto sender = SmtpSender::Create(options).value();
  EXPECT_EQ(SendOne(*sender, EnvelopeTo("bad@example.org")).status, SendStatus::kFailed);
  EXPECT_EQ(SendOne(*sender, EnvelopeTo("ann@example.org")).status, SendStatus::kAccepted);
  EXPECT_EQ(SendOne(*sender, EnvelopeTo("lost@example.org")).status, SendStatus::kUnknown);
  EXPECT_EQ(SendOne(*sender, EnvelopeTo("bob@example.org")).status, SendStatus::kAccepted);
  EXPECT_EQ((*sink)->Ledger().size(), 2u);
}

TEST(SmtpTest, SendsNoFinalDotUnlessAllowedTo) {
  const auto sink = Sink::StartSmtp({});
  ASSERT_TRUE(sink.ok());
  const auto sender = SmtpSender::Create(OptionsFor((*sink)->port())).value();
  SmtpEnvelope envelope = EnvelopeTo("ann@example.org");
  envelope.before_final_dot = [] { return false; };
  const SendOutcome outcome = SendOne(*sender, std::move(envelope));
  EXPECT_EQ(outcome.status, SendStatus::kDeferred);
  EXPECT_EQ(outcome.code, 0);
  int asked = 0;
  envelope = EnvelopeTo("bob@example.org");
  envelope.before_final_dot = [&] { return ++asked > 0; };
  EXPECT_EQ(SendOne(*sender, std::move(envelope)).status, SendStatus::kAccepted);
  EXPECT_EQ(asked, 1);
  const auto ledger = (*sink)->Ledger();
  ASSERT_EQ(ledger.size(), 1u);
  EXPECT_EQ(ledger[0]["rcpt"][0], "bob@example.org");
}

TEST(SmtpTest, DefersWhenNobodyListens) {
  const auto sender = SmtpSender::Create(OptionsFor(test::FreePort())).value();
  const SendOutcome outcome = SendOne(*sender, EnvelopeTo("ann@example.org"));
  EXPECT_EQ(outcome.status, SendStatus::kDeferred);
  EXPECT_EQ(outcome.code, 0);
}

TEST(SmtpTest, EndsQueuedMessagesAsDeferredAndSilentOnesAsUnknownWhenItGoes) {
  const auto sink = Sink::StartSmtp(
      {.rules = json::array({{{"at", "dot"}, {"delay_ms", 60'000}, {"drop", true}}})});
  ASSERT_TRUE(sink.ok());
  SmtpOptions options = OptionsFor((*sink)->port());
  options.sessions_max = 1;
  options.drain_timeout = absl::Milliseconds(300);
  auto sender = SmtpSender::Create(options).value();
  std::atomic<bool> at_dot = false;
  std::atomic<int> unknown = 0;
  std::atomic<int> deferred = 0;
  for (int i = 0; i < 3; ++i) {
    SmtpEnvelope envelope = EnvelopeTo("ann@example.org");
    envelope.before_final_dot = [&] { return at_dot = true; };
    const absl::Status queued = sender->Send(std::move(envelope), [&](const SendOutcome& outcome) {
      ++(outcome.status == SendStatus::kUnknown ? unknown : deferred);
    });
    ASSERT_TRUE(queued.ok());
  }
  ASSERT_TRUE(test::Eventually([&] { return at_dot.load(); }));
  sender.reset();
  EXPECT_EQ(unknown, 1);
  EXPECT_EQ(deferred, 2);
}

TEST(SmtpTest, RefusesMoreThanItsQueueHolds) {
  SmtpOptions options = OptionsFor(test::FreePort());
  options.queue_max = 1;
  options.sessions_max = 1;
  const auto sink = Sink::StartSmtp(
      {.rules = json::array({{{"at", "mail"}, {"delay_ms", 60'000}, {"drop", true}}}),
       .port = options.port});
  ASSERT_TRUE(sink.ok());
  const auto sender = SmtpSender::Create(options).value();
  absl::Status last;
  for (int i = 0; i < 3 && last.ok(); ++i) {
    last = sender->Send(EnvelopeTo("ann@example.org"), [](const SendOutcome&) {});
  }
  EXPECT_EQ(last.code(), absl::StatusCode::kResourceExhausted);
}

// A certificate for 127.0.0.1, with its key in the same file, that is its own authority.
std::string MakeCertificate(const test::TempDir& dir) {
  const std::string file = dir.File("server.pem");
  auto openssl = test::Process::Start(
      {.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-subj", "/CN=sink.example", "-addext",
                "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out", dir.File("cert.pem")}});
  EXPECT_TRUE(openssl.ok() && openssl->Wait().value_or(1) == 0);
  std::ofstream(file, std::ios::app) << std::ifstream(dir.File("cert.pem")).rdbuf();
  return file;
}

TEST(SmtpTest, SpeaksTlsAndSaysWhoItIs) {
  const test::TempDir dir;
  const std::string certificate = MakeCertificate(dir);
  for (const auto& [name, tls] : {std::pair("starttls", SmtpOptions::Tls::kStartTls),
                                  std::pair("implicit", SmtpOptions::Tls::kImplicit)}) {
    SCOPED_TRACE(name);
    const auto sink = Sink::StartSmtp({.arguments = {"--tls", name, "--certificate", certificate,
                                                     "--user", "rondo", "--password", "p&w 더"}});
    ASSERT_TRUE(sink.ok()) << sink.status();
    SmtpOptions options = OptionsFor((*sink)->port());
    options.tls = tls;
    options.ca_file = dir.File("cert.pem");
    options.user = "rondo";
    options.password = "p&w 더";
    const auto sender = SmtpSender::Create(options).value();
    for (int i = 0; i < 3; ++i) {  // On one connection or several.
      const SendOutcome outcome = SendOne(*sender, EnvelopeTo("ann@example.org"));
      EXPECT_EQ(outcome.status, SendStatus::kAccepted) << outcome.code << " " << outcome.reply;
    }
    const auto ledger = (*sink)->Ledger();
    ASSERT_EQ(ledger.size(), 3u);
    EXPECT_EQ(ledger[0]["tls"], true);
    EXPECT_EQ(ledger[0]["user"], "rondo");
  }
}

TEST(SmtpTest, SendsNothingWhereTlsOrAuthenticationFails) {
  const test::TempDir dir;
  const std::string certificate = MakeCertificate(dir);
  const auto sink =
      Sink::StartSmtp({.arguments = {"--tls", "starttls", "--certificate", certificate, "--user",
                                     "rondo", "--password", "right"}});
  const auto plain = Sink::StartSmtp({});
  ASSERT_TRUE(sink.ok() && plain.ok());
  SmtpOptions good = OptionsFor((*sink)->port());
  good.tls = SmtpOptions::Tls::kStartTls;
  good.ca_file = dir.File("cert.pem");
  good.user = "rondo";
  good.password = "right";
  const auto outcome_of = [](const SmtpOptions& options) {
    return SendOne(*SmtpSender::Create(options).value(), EnvelopeTo("ann@example.org"));
  };
  SmtpOptions options = good;
  options.ca_file.clear();  // Nobody vouches for it.
  EXPECT_EQ(outcome_of(options).status, SendStatus::kDeferred);
  options.verify_certificate = false;
  EXPECT_EQ(outcome_of(options).status, SendStatus::kAccepted);
  options = good;
  options.host = "localhost";  // Not the name in the certificate.
  EXPECT_EQ(outcome_of(options).status, SendStatus::kDeferred);
  options = good;
  options.password = "wrong";
  const SendOutcome refused = outcome_of(options);
  EXPECT_EQ(refused.status, SendStatus::kDeferred);
  EXPECT_EQ(refused.code, 0) << "it is no word on the message";
  EXPECT_THAT(refused.reply, HasSubstr("535"));
  EXPECT_THAT(refused.reply, ::testing::Not(HasSubstr("wrong")));
  options = good;
  options.user.clear();  // The server asks for a login at MAIL.
  const SendOutcome asked = outcome_of(options);
  EXPECT_EQ(asked.status, SendStatus::kDeferred);
  EXPECT_EQ(asked.code, 0) << "it is no word on the message";
  EXPECT_THAT(asked.reply, HasSubstr("530"));
  options = good;
  options.port = (*plain)->port();  // Does not offer TLS: gets no password and no message.
  EXPECT_EQ(outcome_of(options).status, SendStatus::kDeferred);
  EXPECT_EQ((*plain)->Ledger().size(), 0u);
  EXPECT_EQ((*sink)->Ledger().size(), 1u);
  options.tls = SmtpOptions::Tls::kNone;
  EXPECT_EQ(SmtpSender::Create(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SmtpTest, KeepsUpWithPostfixesSinkOnFewConnections) {
  constexpr int kMessages = 5'000;
  const int port = test::FreePort();
  std::vector<std::string> argv = {"smtp-sink", "-c"};
  if (geteuid() == 0) argv.insert(argv.end(), {"-u", "nobody"});  // It refuses to run as root.
  argv.insert(argv.end(), {"127.0.0.1:" + std::to_string(port), "1000"});
  auto server = test::Process::Start(
      {.argv = std::move(argv), .environment = {{"PATH", "/usr/sbin:/usr/bin:/bin"}}});
  ASSERT_TRUE(server.ok());
  ASSERT_TRUE(server->AwaitPort(port).ok()) << server->Output();
  SmtpOptions options = OptionsFor(port);
  options.sessions_max = 4;
  options.queue_max = kMessages;
  const auto sender = SmtpSender::Create(options).value();
  std::atomic<int> accepted = 0;
  std::atomic<int> finished = 0;
  const SmtpEnvelope envelope = EnvelopeTo("ann@example.org");
  const absl::Time start = absl::Now();
  for (int i = 0; i < kMessages; ++i) {
    const absl::Status queued = sender->Send(envelope, [&](const SendOutcome& outcome) {
      accepted += outcome.status == SendStatus::kAccepted ? 1 : 0;
      ++finished;
    });
    ASSERT_TRUE(queued.ok());
  }
  ASSERT_TRUE(test::Eventually([&] { return finished == kMessages; }, absl::Seconds(100)));
  EXPECT_EQ(accepted, kMessages);
  std::printf("%.0f messages/s of %d bytes over 4 connections\n",
              kMessages / absl::ToDoubleSeconds(absl::Now() - start),
              static_cast<int>(envelope.data.size()));
}

}  // namespace
}  // namespace rondo
