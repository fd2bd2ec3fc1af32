#include "services/delivery/transport.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "channels/email/email_message.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::delivery {
namespace {

struct Mailbox {
  std::string name;
  EmailAddress address;
};

// `status` as one of the fields of a transport; what it says stays.
absl::Status As(std::string_view field, const absl::Status& status) {
  const std::vector<FieldViolation> violations = ViolationsOf(status);
  if (!violations.empty()) return FieldError(field, violations[0].description);
  return FieldError(field, std::string_view(status.message().data(), status.message().size()));
}

// What of a request to an SMS gateway is wrong: SmsRequestUrl names its own fields.
absl::Status AsSmsField(const absl::Status& status) {
  const std::vector<FieldViolation> violations = ViolationsOf(status);
  const std::string field = violations.empty() ? "" : violations[0].field;
  if (field == "sender") return As(kSenderField, status);
  return As(field == "url" || field == "receipt_url" ? kChannelField : kContentField, status);
}

// `Shop <news@shop.example>` or `news@shop.example`.
absl::StatusOr<Mailbox> ParseMailbox(std::string_view text) {
  std::string name;
  const size_t open = text.rfind('<');
  if (open != std::string_view::npos && text.ends_with('>')) {
    name = std::string(text.substr(0, open));
    absl::StripAsciiWhitespace(&name);
    text = text.substr(open + 1, text.size() - open - 2);
  }
  const auto address = EmailAddress::Parse(text);
  if (!address.ok()) return FieldError(kSenderField, "expected `Name <name@example.com>`");
  return Mailbox{std::move(name), *address};
}

}  // namespace

absl::Status CheckMailbox(std::string_view text) {
  RONDO_ASSIGN_OR_RETURN(const Mailbox mailbox, ParseMailbox(text));
  const bool is_one_line = std::none_of(mailbox.name.begin(), mailbox.name.end(),
                                        [](unsigned char c) { return absl::ascii_iscntrl(c); });
  return is_one_line ? absl::OkStatus() : FieldError(kSenderField, "a name is one line");
}

absl::StatusOr<std::unique_ptr<SmtpTransport>> SmtpTransport::Create(
    SmtpOptions options, const std::string& return_path) {
  auto address = EmailAddress::Parse(return_path);
  if (!address.ok()) return FieldError("smtp.return_path", "not an address of the form name@host");
  RONDO_ASSIGN_OR_RETURN(auto sender, SmtpSender::Create(std::move(options)));
  return std::unique_ptr<SmtpTransport>(new SmtpTransport(*std::move(address), std::move(sender)));
}

absl::Status SmtpTransport::Send(const Outbound& message, Done done) {
  const auto recipient = EmailAddress::Parse(message.recipient);
  if (!recipient.ok()) return As(kRecipientField, recipient.status());
  Mailbox from{"", return_path_};
  if (!message.sender.empty()) {
    RONDO_ASSIGN_OR_RETURN(from, ParseMailbox(message.sender));
  }
  const auto return_path = VerpReturnPath(return_path_, message.id);
  if (!return_path.ok()) return As(kChannelField, return_path.status());
  const EmailMessage mail{.from = from.address,
                          .from_name = from.name,
                          .to = *recipient,
                          .to_name = "",
                          .reply_to = std::nullopt,
                          .subject = message.subject,
                          .text = message.text,
                          .html = message.html,
                          .message_id = message.message_id,
                          .rondo_id = message.id,
                          .date = message.date,
                          .unsubscribe_url = message.unsubscribe_url,
                          .unsubscribe_address = std::nullopt};
  auto data = WriteMime(mail);
  if (!data.ok()) return As(kContentField, data.status());
  return sender_->Send({*return_path, *recipient, *std::move(data), nullptr}, std::move(done));
}

absl::Status SmsTransport::Send(const Outbound& message, Done done) {
  auto phone = PhoneNumber::Parse(message.recipient);
  if (!phone.ok()) return As(kRecipientField, phone.status());
  SmsGatewayOptions options = options_;
  if (!message.sender.empty()) options.sender = message.sender;
  SmsMessage sms{*std::move(phone), message.text, message.receipt_url};
  // What cannot be put into a request is said now, not later.
  if (const auto url = SmsRequestUrl(options, sms); !url.ok()) return AsSmsField(url.status());
  executor_.Post([this, options = std::move(options), sms = std::move(sms),
                  done = std::move(done)] {
    const auto outcome = SendSms(client_, options, sms);
    done(outcome.ok()
             ? *outcome
             : SendOutcome{SendStatus::kFailed, 0, std::string(outcome.status().message()), {}});
  });
  return absl::OkStatus();
}

}  // namespace rondo::delivery
