#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "channels/email/email_address.h"
#include "channels/email/email_message.h"
#include "channels/email/smtp_sender.h"
#include "platform/core/field_error.h"

namespace rondo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

EmailAddress Address(std::string_view text) { return EmailAddress::Parse(text).value(); }

TEST(EmailAddressTest, TakesWhatMailServersTake) {
  for (const char* good : {"a@b", "ann.lee+tag@mail.example.com", "o'neil@example.co.kr",
                           "x_y-z=1/2@xn--bcher-kva.example", "1@2.3"}) {
    EXPECT_TRUE(EmailAddress::Parse(good).ok()) << good;
  }
  const EmailAddress address = Address("Ann@Example.com");
  EXPECT_EQ(address.local_part(), "Ann");
  EXPECT_EQ(address.domain(), "Example.com");
}

TEST(EmailAddressTest, RefusesWhateverCouldBecomeASecondCommandOrHeader) {
  const std::string_view nul("a\0@b.example", 12);
  for (const std::string_view bad : {std::string_view("a@b.example>\r\nRCPT TO:<evil@c.example"),
                                     std::string_view("a@b\r\n"),
                                     std::string_view("a@b\n"),
                                     std::string_view("\ra@b"),
                                     nul,
                                     std::string_view("a b@c"),
                                     std::string_view("a@b c"),
                                     std::string_view("<a@b>"),
                                     std::string_view("a@b>"),
                                     std::string_view("a,b@c"),
                                     std::string_view("\"a\"@b"),
                                     std::string_view("a@[127.0.0.1]"),
                                     std::string_view("a@b@c.example,"),
                                     std::string_view(".a@b"),
                                     std::string_view("a.@b"),
                                     std::string_view("a..b@c"),
                                     std::string_view("@b"),
                                     std::string_view("a@"),
                                     std::string_view("a@-b"),
                                     std::string_view("a@b-.c"),
                                     std::string_view("a@b..c"),
                                     std::string_view("a@b."),
                                     std::string_view("ü@b"),
                                     std::string_view("a@bücher.example"),
                                     std::string_view("")}) {
    EXPECT_FALSE(EmailAddress::Parse(bad).ok()) << bad;
  }
  EXPECT_FALSE(EmailAddress::Parse(std::string(65, 'a') + "@b").ok());
  EXPECT_FALSE(EmailAddress::Parse("a@" + std::string(64, 'b')).ok());
}

RC_GTEST_PROP(EmailAddressTest, NeverHoldsALineEndOrABracket, (const std::string& text)) {
  const auto parsed = EmailAddress::Parse("a" + text + "@b.example");
  if (!parsed.ok()) return;
  RC_ASSERT(parsed->text().find_first_of(std::string("\r\n\0<> ,;:\"", 10)) == std::string::npos);
}

TEST(VerpTest, CarriesTheIdInTheLocalPart) {
  EXPECT_EQ(VerpReturnPath(Address("bounces@go.example"), "5f3a-9")->text(),
            "bounces+5f3a-9@go.example");
  EXPECT_FALSE(VerpReturnPath(Address("bounces@go.example"), "a@b").ok());
  EXPECT_FALSE(VerpReturnPath(Address("bounces@go.example"), std::string(60, 'a')).ok());
}

EmailMessage Message() {
  EmailMessage message{.from = Address("shop@example.com"),
                       .from_name = "Shop",
                       .to = Address("ann@example.org"),
                       .to_name = "Ann Lee",
                       .reply_to = std::nullopt,
                       .subject = "Ten percent for you",
                       .text = "Hello Ann,\nsee https://go.example/t/c/x\n",
                       .html = "<p>Hello Ann</p>",
                       .message_id = "5f3a@mail.example.com",
                       .rondo_id = "c1.2.3",
                       .date = absl::FromUnixSeconds(1'785'000'000),
                       .unsubscribe_url = "https://go.example/t/u/x",
                       .unsubscribe_address = std::nullopt};
  return message;
}

TEST(MimeTest, WritesTheSameBytesForTheSameMessage) {
  EXPECT_EQ(WriteMime(Message()).value(), WriteMime(Message()).value());
}

TEST(MimeTest, OffersOneClickUnsubscribe) {
  const std::string mime = WriteMime(Message()).value();
  EXPECT_THAT(mime, HasSubstr("List-Unsubscribe: \r\n <https://go.example/t/u/x>\r\n"));
  EXPECT_THAT(mime, HasSubstr("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
  EmailMessage plain = Message();
  plain.unsubscribe_url.clear();
  EXPECT_THAT(WriteMime(plain).value(), Not(HasSubstr("List-Unsubscribe")));
}

TEST(MimeTest, RefusesHeadersThatAreMoreThanOneLine) {
  const auto violation = [](const EmailMessage& message) {
    const auto violations = ViolationsOf(WriteMime(message).status());
    return violations.empty() ? "" : violations[0].field;
  };
  for (const char* bad : {"Ann\r\nBcc: x@y", "Ann\nx", "Ann\rx", "Ann\u2028x", "Ann\u2029x",
                          "Ann\u0085x", "Ann\x01", "Ann\x7f", "\xff", "\xed\xa0\x80", "\xc0\x80"}) {
    EmailMessage message = Message();
    message.to_name = bad;
    EXPECT_EQ(violation(message), "to_name");
    message = Message();
    message.subject = bad;
    EXPECT_EQ(violation(message), "subject");
    message = Message();
    message.from_name = bad;
    EXPECT_EQ(violation(message), "from_name");
  }
  EmailMessage message = Message();
  message.subject = std::string("a\0b", 3);
  EXPECT_EQ(violation(message), "subject");
  message = Message();
  message.message_id = "x@y>\r\nBcc: a@b";
  EXPECT_EQ(violation(message), "message_id");
  message = Message();
  message.rondo_id = "a b";
  EXPECT_EQ(violation(message), "rondo_id");
  message = Message();
  message.unsubscribe_url = "https://x.example/>,<https://evil.example";
  EXPECT_EQ(violation(message), "unsubscribe_url");
  message = Message();
  message.text.clear();
  message.html.clear();
  EXPECT_EQ(violation(message), "text");
}

// Properties of every message on the wire.
void ExpectWireForm(const std::string& mime) {
  size_t line = 0;
  for (size_t i = 0; i < mime.size(); ++i) {
    const auto byte = static_cast<unsigned char>(mime[i]);
    RC_ASSERT(byte < 0x80 && byte != 0);
    if (mime[i] == '\r') RC_ASSERT(i + 1 < mime.size() && mime[i + 1] == '\n');
    if (mime[i] == '\n') {
      RC_ASSERT(i > 0 && mime[i - 1] == '\r');
      line = 0;
    } else {
      RC_ASSERT(++line <= 999);
    }
  }
  RC_ASSERT(mime.ends_with("\r\n"));
}

RC_GTEST_PROP(MimeTest, IsAsciiWithWholeLineEndsAndShortLinesWhateverTheBodies,
              (const std::vector<uint16_t>& characters)) {
  std::string body;
  for (const uint16_t c : characters) {  // Any code point below the surrogates, as UTF-8.
    const auto code = static_cast<unsigned>(c % 0xD800u);
    if (code < 0x80) {
      body += static_cast<char>(code);
    } else if (code < 0x800) {
      body += static_cast<char>(0xC0u | code >> 6);
      body += static_cast<char>(0x80u | (code & 0x3Fu));
    } else {
      body += static_cast<char>(0xE0u | code >> 12);
      body += static_cast<char>(0x80u | (code >> 6 & 0x3Fu));
      body += static_cast<char>(0x80u | (code & 0x3Fu));
    }
  }
  EmailMessage message = Message();
  message.text = "x" + body;
  message.html = "<p>" + body + "</p>";
  ExpectWireForm(WriteMime(message).value());
}

TEST(QuotedPrintableTest, FollowsTheRulesOfRfc2045) {
  EXPECT_EQ(QuotedPrintable("a=b"), "a=3Db\r\n");
  EXPECT_EQ(QuotedPrintable("é\nx \ny\t"), "=C3=A9\r\nx=20\r\ny=09\r\n");
  EXPECT_EQ(QuotedPrintable("a\rb\r\nc\nd"), "a\r\nb\r\nc\r\nd\r\n");
  EXPECT_EQ(QuotedPrintable(".\n..\nFrom x"), "=2E\r\n=2E.\r\n=46rom x\r\n");
  const std::string folded = QuotedPrintable(std::string(200, 'x'));
  EXPECT_EQ(folded.find("=\r\n"), 75u);
}

TEST(HeaderTextTest, EncodesWholeCharactersOnly) {
  EXPECT_EQ(EncodeHeaderText("Ten percent, for you!"), "Ten percent, for you!");
  EXPECT_EQ(EncodeHeaderText("안녕"), "=?UTF-8?B?7JWI64WV?=");
  EXPECT_THAT(EncodeHeaderText("=?UTF-8?B?x?="), Not(HasSubstr("?x?")));
  std::string many;
  for (int i = 0; i < 40; ++i) many += "안";
  const std::string encoded = EncodeHeaderText(many);
  EXPECT_THAT(encoded, HasSubstr("?=\r\n =?UTF-8?B?"));
}

TEST(SmtpOptionsTest, AreChecked) {
  EXPECT_FALSE(SmtpSender::Create({.host = ""}).ok());
  EXPECT_FALSE(SmtpSender::Create({.host = "h/../x"}).ok());
  EXPECT_FALSE(SmtpSender::Create({.host = "h", .helo_name = "a\r\nQUIT"}).ok());
  EXPECT_FALSE(SmtpSender::Create({.host = "h", .sessions_max = 0}).ok());
  EXPECT_FALSE(SmtpSender::Create({.host = "h", .port = 0}).ok());
}

}  // namespace
}  // namespace rondo
