// How a rendered message leaves: the interface that the composition root gives channels to, and the
// simulator its own world.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "channels/email/smtp_sender.h"
#include "channels/outcome.h"
#include "channels/sms/sms_gateway.h"
#include "platform/core/executor.h"
#include "platform/core/id.h"
#include "platform/http/http_client.h"
#include "rondo/response/v1/event.pb.h"

namespace rondo::delivery {

// A message, whole: nothing is looked up after this.
struct Outbound {
  CustomerId customer;
  rondo::response::v1::ContactKey contact;
  std::string id;          // DeliveryId: the same for each attempt.
  std::string message_id;  // `ID@domain` for e-mail, the id for others.
  std::string recipient;   // An e-mail address; a phone number in E.164.
  std::string sender;      // `Shop <news@shop.example>`, a number or a name; may be empty.
  std::string subject;
  std::string text;
  std::string html;
  std::string unsubscribe_url;  // Empty for messages that need none.
  std::string receipt_url;      // Of an SMS: where the gateway says what became of it.
  std::string click_url;        // Of a web offer: tracked; empty if the offer leads nowhere.
  absl::Time date;
};

// The fields that a transport's INVALID_ARGUMENT names: why it can never take the message.
inline constexpr char kRecipientField[] = "recipient";
// INVALID_ARGUMENT unless `text` is `Shop <news@shop.example>` or `news@shop.example`.
absl::Status CheckMailbox(std::string_view text);

inline constexpr char kSenderField[] = "sender";    // Of the template, or of the configuration.
inline constexpr char kContentField[] = "content";  // Subject, text, HTML.
inline constexpr char kChannelField[] = "channel";  // The channel's own configuration.

class Transport {
 public:
  using Done = std::function<void(const SendOutcome&)>;
  virtual ~Transport() = default;

  // Takes `message` and calls `done` once, from any thread, possibly before it returns. An error
  // (the message cannot be sent by this channel at all: INVALID_ARGUMENT, naming one of the fields
  // above; too much is waiting: RESOURCE_EXHAUSTED) instead of a call.
  virtual absl::Status Send(const Outbound& message, Done done) = 0;
};

// E-mail over SMTP.
class SmtpTransport final : public Transport {
 public:
  // `return_path` gets the contact's id: `bounces+ID@domain`. INVALID_ARGUMENT for wrong options.
  static absl::StatusOr<std::unique_ptr<SmtpTransport>> Create(SmtpOptions options,
                                                               const std::string& return_path);
  absl::Status Send(const Outbound& message, Done done) override;

 private:
  SmtpTransport(EmailAddress return_path, std::unique_ptr<SmtpSender> sender)
      : return_path_(std::move(return_path)), sender_(std::move(sender)) {}
  EmailAddress return_path_;
  std::unique_ptr<SmtpSender> sender_;
};

// SMS over an HTTP gateway. Requests run on `executor`; both outlive it.
class SmsTransport final : public Transport {
 public:
  SmsTransport(SmsGatewayOptions options, HttpClient& client, Executor& executor)
      : options_(std::move(options)), client_(client), executor_(executor) {}
  absl::Status Send(const Outbound& message, Done done) override;

 private:
  SmsGatewayOptions options_;
  HttpClient& client_;
  Executor& executor_;
};

}  // namespace rondo::delivery
