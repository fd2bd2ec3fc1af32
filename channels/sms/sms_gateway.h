// SMS through an HTTP gateway with Kannel's parameters (Kannel userguide, 6.3 "Using HTTP interface
// to smsbox"): the request, what its answer means, and delivery receipts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "channels/outcome.h"
#include "platform/http/http_client.h"

namespace rondo {

// E.164: `+` and 8 to 15 digits, the first not 0. What a number means is the customer service's
// part (libphonenumber); this only keeps anything else out of the request.
class PhoneNumber {
 public:
  static absl::StatusOr<PhoneNumber> Parse(std::string_view text);
  const std::string& text() const { return text_; }
  friend bool operator==(const PhoneNumber&, const PhoneNumber&) = default;

 private:
  explicit PhoneNumber(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct SmsGatewayOptions {
  std::string url;  // `http://127.0.0.1:13013/cgi-bin/sendsms`, no query.
  std::string user;
  std::string password;
  std::string sender;  // `from`: a number or up to 11 letters and digits.
};

struct SmsMessage {
  PhoneNumber to;
  std::string text;  // UTF-8.
  // Where receipts come back: an address of this message alone,
  // `https://go.example.com/t/dlr/TOKEN`, without query and `%`. Empty: none are asked for.
  std::string receipt_url;
};

// The GET request's address for `message`. INVALID_ARGUMENT, naming the field.
absl::StatusOr<std::string> SmsRequestUrl(const SmsGatewayOptions& options,
                                          const SmsMessage& message);

// What an HTTP answer of the gateway means. A 200 whose body is no acceptance is a failure: Kannel
// and others answer errors so. 202, and 200 "0: Accepted…", "3: Queued…" or "Sent.", are accepted;
// 401, 403, 408, 425, 429 and 503 deferred; other 5xx unknown, since the message may have gone on
// before.
SendOutcome ClassifySmsAnswer(int http_status, std::string_view body);

// Sends one message and waits. Without an answer: kDeferred if the request was certainly not sent,
// else kUnknown. INVALID_ARGUMENT, naming the field, for a message that cannot be sent.
absl::StatusOr<SendOutcome> SendSms(HttpClient& client, const SmsGatewayOptions& options,
                                    const SmsMessage& message);

enum class SmsReceiptKind : uint8_t {
  kDelivered = 1,
  kFailed = 2,
  kBuffered = 4,
  kAcceptedByCentre = 8,
  kRefusedByCentre = 16,
};

// INVALID_ARGUMENT, naming the field `type`, for any other number.
absl::StatusOr<SmsReceiptKind> SmsReceiptKindOf(int64_t number);

// Whether nothing more is to come: delivered, failed or refused.
bool IsFinal(SmsReceiptKind kind);

struct SmsReceipt {
  SmsReceiptKind kind = SmsReceiptKind::kBuffered;
  std::string answer;  // The centre's words, at most 256 bytes, may be empty.
  friend bool operator==(const SmsReceipt&, const SmsReceipt&) = default;
};

// Of the decoded query parameters of the request to SmsMessage::receipt_url: `type`, `answer`.
// INVALID_ARGUMENT if the type is missing, repeated or unknown.
absl::StatusOr<SmsReceipt> ParseSmsReceipt(
    const std::vector<std::pair<std::string, std::string>>& query);

// Receipts arrive twice and out of order: the one that says more wins (1, 2, 16 over 8 over 4), and
// among final ones the first.
SmsReceiptKind FoldReceipts(std::optional<SmsReceiptKind> known, SmsReceiptKind next);

}  // namespace rondo
