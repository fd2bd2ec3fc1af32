#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "channels/sms/sms_gateway.h"
#include "channels/sms/sms_text.h"

namespace rondo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Length {
  const char* name;
  std::string text;
  SmsAlphabet alphabet;
  int units;
  size_t parts;
};

std::string Times(int n, const std::string& text) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(SegmentSmsTest, CountsAsTheStandardDoes) {
  const Length lengths[] = {
      {"empty", "", SmsAlphabet::kGsm7, 0, 1},
      {"one full part", Times(160, "a"), SmsAlphabet::kGsm7, 160, 1},
      {"one more", Times(161, "a"), SmsAlphabet::kGsm7, 161, 2},
      {"two full parts", Times(306, "a"), SmsAlphabet::kGsm7, 306, 2},
      {"third part", Times(307, "a"), SmsAlphabet::kGsm7, 307, 3},
      {"Euro counts two", Times(80, "€"), SmsAlphabet::kGsm7, 160, 1},
      {"escapes not split", "a" + Times(76, "[]") + Times(5, "["), SmsAlphabet::kGsm7, 315, 3},
      {"umlauts and Greek capitals", "äöüßÄÖÜÑ£ΔΩ", SmsAlphabet::kGsm7, 11, 1},
      {"backtick is not in it", "`", SmsAlphabet::kUcs2, 1, 1},
      {"one full part of Korean", Times(70, "안"), SmsAlphabet::kUcs2, 70, 1},
      {"one more Korean", Times(71, "안"), SmsAlphabet::kUcs2, 71, 2},
      {"a curly quote costs much", Times(159, "a") + "\u2019", SmsAlphabet::kUcs2, 160, 3},
      {"emoji count two", Times(35, "😀"), SmsAlphabet::kUcs2, 70, 1},
      {"emoji not split", Times(66, "a") + Times(3, "😀"), SmsAlphabet::kUcs2, 72, 2},
  };
  for (const Length& length : lengths) {
    SCOPED_TRACE(length.name);
    const auto segments = SegmentSms(length.text).value();
    EXPECT_EQ(segments.alphabet, length.alphabet);
    EXPECT_EQ(segments.units, length.units);
    EXPECT_EQ(segments.parts.size(), length.parts);
  }
}

TEST(SegmentSmsTest, RefusesWhatNoPhoneCanShow) {
  EXPECT_FALSE(SegmentSms("\xff").ok());
  EXPECT_FALSE(SegmentSms(std::string("a\0b", 3)).ok());
  EXPECT_FALSE(SegmentSms(Times(153 * 256, "a")).ok());
}

RC_GTEST_PROP(SegmentSmsTest, PartsTogetherAreTheText, (const std::vector<bool>& picks)) {
  std::string text;
  for (const bool pick : picks) text += pick ? "😀" : "a€";
  const auto segments = SegmentSms(text).value();
  RC_ASSERT(std::accumulate(segments.parts.begin(), segments.parts.end(), std::string()) == text);
}

SmsGatewayOptions Gateway() {
  return {"http://127.0.0.1:13013/cgi-bin/sendsms", "u ser", "p&w", "Shop"};
}
SmsMessage Message(const std::string& text) {
  return {PhoneNumber::Parse("+821012345678").value(), text, "https://go.example/t/dlr/5f3a-1"};
}

TEST(PhoneNumberTest, IsE164AndNothingElse) {
  for (const char* bad : {"", "+", "821012345678", "+0123456789", "+8210 1234",
                          "+82101234567890123", "+8210&to=+1900", "+82101234\r\n", "+1234567"}) {
    EXPECT_FALSE(PhoneNumber::Parse(bad).ok()) << bad;
  }
}

TEST(SmsRequestTest, EncodesEveryParameter) {
  const std::string url = SmsRequestUrl(Gateway(), Message("10% & more = 안녕?#")).value();
  EXPECT_THAT(
      url,
      HasSubstr("?username=u%20ser&password=p%26w&from=Shop&to=%2B821012345678&text=10%25%20%26"));
  EXPECT_THAT(url, HasSubstr("&coding=2"));
  EXPECT_THAT(
      url,
      HasSubstr("&dlr-mask=31&dlr-url=https%3A%2F%2Fgo.example%2Ft%2Fdlr%2F5f3a-1%3Ftype%3D%25d"));
  EXPECT_THAT(SmsRequestUrl(Gateway(), Message("plain")).value(), HasSubstr("&coding=0"));
  SmsMessage quiet = Message("plain");
  quiet.receipt_url.clear();
  EXPECT_THAT(SmsRequestUrl(Gateway(), quiet).value(), Not(HasSubstr("dlr")));
}

TEST(SmsRequestTest, RefusesWhatItCannotCarry) {
  SmsMessage message = Message("x");
  message.receipt_url = "https://go.example/t/dlr?id=%d";
  EXPECT_FALSE(SmsRequestUrl(Gateway(), message).ok());
  SmsGatewayOptions options = Gateway();
  options.sender = "A name too long";
  EXPECT_FALSE(SmsRequestUrl(options, Message("x")).ok());
  options = Gateway();
  options.url += "?x";
  EXPECT_FALSE(SmsRequestUrl(options, Message("x")).ok());
}

TEST(SmsAnswerTest, DoesNotTakeEvery200ForAcceptance) {
  struct Case {
    int status;
    const char* body;
    SendStatus want;
  };
  const Case cases[] = {
      {202, "0: Accepted for delivery", SendStatus::kAccepted},
      {202, "3: Queued for later delivery", SendStatus::kAccepted},
      {202, "", SendStatus::kAccepted},
      {200, "0: Accepted for delivery", SendStatus::kAccepted},
      {200, "Sent.", SendStatus::kAccepted},
      {200, "Authorization failed for sendsms", SendStatus::kFailed},
      {200, "", SendStatus::kFailed},
      {200, "4: Temporal failure, try again later.", SendStatus::kDeferred},
      {400, "Missing receiver number, rejected", SendStatus::kFailed},
      {403, "Authorization failed", SendStatus::kDeferred},
      {429, "slow down", SendStatus::kDeferred},
      {500, "", SendStatus::kUnknown},
      {502, "", SendStatus::kUnknown},
      {503, "Temporal failure", SendStatus::kDeferred},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_STREQ(ToString(ClassifySmsAnswer(c.status, c.body).status), ToString(c.want))
        << c.status;
  }
}

TEST(SmsReceiptTest, IsReadFromItsQuery) {
  const auto receipt = ParseSmsReceipt({{"type", "8"}, {"answer", "ACK/\r\n"}}).value();
  EXPECT_EQ(receipt, (SmsReceipt{SmsReceiptKind::kAcceptedByCentre, "ACK/"}));
  EXPECT_FALSE(ParseSmsReceipt({{"answer", "ACK"}}).ok());
  EXPECT_FALSE(ParseSmsReceipt({{"type", "3"}}).ok());
  EXPECT_FALSE(ParseSmsReceipt({{"type", "one"}}).ok());
  EXPECT_FALSE(ParseSmsReceipt({{"type", "1"}, {"type", "1"}}).ok());
}

TEST(SmsReceiptTest, FoldsToTheSameEndWhateverTheOrder) {
  using enum SmsReceiptKind;
  EXPECT_EQ(FoldReceipts(std::nullopt, kBuffered), kBuffered);
  EXPECT_EQ(FoldReceipts(kBuffered, kAcceptedByCentre), kAcceptedByCentre);
  EXPECT_EQ(FoldReceipts(kAcceptedByCentre, kDelivered), kDelivered);
  EXPECT_EQ(FoldReceipts(kDelivered, kAcceptedByCentre), kDelivered);
  EXPECT_EQ(FoldReceipts(kFailed, kBuffered), kFailed);
  EXPECT_EQ(FoldReceipts(kDelivered, kFailed), kDelivered);
}

}  // namespace
}  // namespace rondo
