#include "channels/sms/sms_gateway.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "channels/sms/sms_text.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/http/url.h"

namespace rondo {
namespace {

constexpr size_t kWordsMax = 256;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// A number of up to 15 digits, or up to 11 letters, digits and spaces (TS 23.040, 9.1.2.5).
bool IsSender(std::string_view sender) {
  if (sender.empty()) return false;
  const std::string_view digits = sender.substr(sender.starts_with('+') ? 1 : 0);
  if (!digits.empty() && digits.size() <= 15 &&
      std::all_of(digits.begin(), digits.end(), IsDigit)) {
    return true;
  }
  return sender.size() <= 11 && std::all_of(sender.begin(), sender.end(), [](char c) {
           return IsAlnum(c) || c == ' ' || c == '-' || c == '.';
         });
}

std::string Words(std::string_view text) {
  std::string words(text.substr(0, kWordsMax));
  for (char& c : words) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  absl::StripTrailingAsciiWhitespace(&words);
  return words;
}

// How much a receipt says: 1, 2 and 16 are the end of it.
int Rank(SmsReceiptKind kind) {
  switch (kind) {
    case SmsReceiptKind::kBuffered:
      return 0;
    case SmsReceiptKind::kAcceptedByCentre:
      return 1;
    default:
      return 2;
  }
}

}  // namespace

absl::StatusOr<PhoneNumber> PhoneNumber::Parse(std::string_view text) {
  const bool fits = text.size() >= 9 && text.size() <= 16 && text.starts_with('+') &&
                    text[1] != '0' && std::all_of(text.begin() + 1, text.end(), IsDigit);
  if (!fits) return FieldError("phone", "E.164: `+` and 8 to 15 digits");
  return PhoneNumber(std::string(text));
}

absl::StatusOr<std::string> SmsRequestUrl(const SmsGatewayOptions& options,
                                          const SmsMessage& message) {
  FieldViolations violations;
  if (options.url.find_first_of("?# \r\n") != std::string::npos) {
    violations.Add("url", "an address without query");
  }
  if (!IsSender(options.sender)) {
    violations.Add("sender", "a number, or up to 11 letters and digits");
  }
  if (message.receipt_url.find_first_of("%?# \r\n") != std::string::npos) {
    violations.Add("receipt_url", "an address without query and without `%`");
  }
  RONDO_RETURN_IF_ERROR(violations.ToStatus());
  RONDO_ASSIGN_OR_RETURN(const SmsSegments segments, SegmentSms(message.text));
  std::string url =
      options.url + "?username=" + PercentEncode(options.user) +
      "&password=" + PercentEncode(options.password) + "&from=" + PercentEncode(options.sender) +
      "&to=" + PercentEncode(message.to.text()) + "&text=" + PercentEncode(message.text) +
      "&charset=UTF-8&coding=" + (segments.alphabet == SmsAlphabet::kUcs2 ? "2" : "0");
  if (!message.receipt_url.empty()) {
    // Kannel replaces %d by the receipt's kind and %A by the centre's answer; encoded once here, it
    // is that address for it.
    url += "&dlr-mask=31&dlr-url=" + PercentEncode(message.receipt_url + "?type=%d&answer=%A");
  }
  return url;
}

SendOutcome ClassifySmsAnswer(int http_status, std::string_view body) {
  SendOutcome outcome{SendStatus::kFailed, http_status, Words(body), {}};
  // Kannel's code stands before a colon; 0 is accepted, 3 queued for later.
  const size_t colon = body.find(':');
  int code = -1;
  const bool coded = colon != std::string_view::npos &&
                     absl::SimpleAtoi(absl::string_view(body.data(), colon), &code);
  if (http_status == 202 || http_status == 200) {
    const bool words_accept = absl::StartsWithIgnoreCase(std::string(body.substr(0, 4)), "sent");
    if (http_status == 202 ? !coded || code == 0 || code == 3
                           : (coded && (code == 0 || code == 3)) || words_accept) {
      outcome.status = SendStatus::kAccepted;
      return outcome;
    }
    // 4: "temporal failure, try again later".
    if (coded && code == 4) outcome.status = SendStatus::kDeferred;
    return outcome;
  }
  // 408 and 425 and 429: not taken, for now. 5xx: Kannel's 503 is "temporal failure".
  if (http_status == 408 || http_status == 425 || http_status == 429 || http_status == 503) {
    outcome.status = SendStatus::kDeferred;
  } else if (http_status == 401 || http_status == 403) {
    // Of us, not of this message: a wrong password must not fail a whole campaign for good.
    outcome.status = SendStatus::kDeferred;
  } else if (http_status >= 500) {
    // A gateway that broke may have passed the message on before.
    outcome.status = SendStatus::kUnknown;
  }
  return outcome;
}

absl::StatusOr<SendOutcome> SendSms(HttpClient& client, const SmsGatewayOptions& options,
                                    const SmsMessage& message) {
  RONDO_ASSIGN_OR_RETURN(const std::string url, SmsRequestUrl(options, message));
  const auto answer = client.Send({.url = url});
  if (answer.ok()) return ClassifySmsAnswer(answer->status, answer->body);
  const absl::StatusCode code = answer.status().code();
  const bool maybe_sent = code == absl::StatusCode::kUnknown ||
                          code == absl::StatusCode::kDeadlineExceeded ||
                          code == absl::StatusCode::kResourceExhausted;
  return SendOutcome{maybe_sent ? SendStatus::kUnknown : SendStatus::kDeferred,
                     0,
                     std::string(answer.status().message()),
                     {}};
}

absl::StatusOr<SmsReceiptKind> SmsReceiptKindOf(int64_t number) {
  for (const SmsReceiptKind kind :
       {SmsReceiptKind::kDelivered, SmsReceiptKind::kFailed, SmsReceiptKind::kBuffered,
        SmsReceiptKind::kAcceptedByCentre, SmsReceiptKind::kRefusedByCentre}) {
    if (static_cast<int64_t>(kind) == number) return kind;
  }
  return FieldError("type", "1, 2, 4, 8 or 16, once");
}

bool IsFinal(SmsReceiptKind kind) { return Rank(kind) == 2; }

absl::StatusOr<SmsReceipt> ParseSmsReceipt(
    const std::vector<std::pair<std::string, std::string>>& query) {
  const auto only = [&query](std::string_view name) -> const std::string* {
    const std::string* found = nullptr;
    for (const auto& [key, value] : query) {
      if (key != name) continue;
      if (found != nullptr) return nullptr;
      found = &value;
    }
    return found;
  };
  const std::string* type = only("type");
  int64_t number = 0;
  if (type == nullptr || !absl::SimpleAtoi(*type, &number)) number = 0;
  RONDO_ASSIGN_OR_RETURN(const SmsReceiptKind kind, SmsReceiptKindOf(number));
  const std::string* answer = only("answer");
  return SmsReceipt{kind, answer == nullptr ? "" : Words(*answer)};
}

SmsReceiptKind FoldReceipts(std::optional<SmsReceiptKind> known, SmsReceiptKind next) {
  return known.has_value() && Rank(*known) >= Rank(next) ? *known : next;
}

}  // namespace rondo
