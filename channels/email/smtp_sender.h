// Sends messages over SMTP by libcurl: some sessions to one smart host, connections reused.
//
// What can be promised over SMTP is little (RFC 1047): if the reply to the final dot is lost,
// nobody knows. So each message ends as accepted, deferred, failed or unknown, and unknown only if
// the whole message had been given to the connection. Nothing is ever sent twice by the sender
// itself.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "channels/email/email_address.h"
#include "channels/outcome.h"

namespace rondo {

struct SmtpOptions {
  std::string host = {};  // Name or address of the smart host.
  int port = 25;
  enum class Tls {
    kNone,
    kStartTls,  // Required: a server that does not offer it gets nothing.
    kImplicit,  // TLS from the first byte; by custom on port 465.
  } tls = Tls::kNone;
  std::string ca_file = {};        // PEM; empty: the system's authorities.
  bool verify_certificate = true;  // That an authority vouches for it, and that it names `host`.
  std::string user = {};           // Empty: no AUTH. Needs TLS.
  std::string password = {};
  std::string helo_name = "localhost";
  int sessions_max = 4;     // Connections at once, 1 to 64.
  size_t queue_max = 1000;  // Messages waiting for a session; beyond it Send refuses.
  absl::Duration connect_timeout = absl::Seconds(30);
  // RFC 5321, 4.5.3.2: 10 minutes for the final reply; a shorter one makes duplicates.
  absl::Duration reply_timeout = absl::Minutes(10);
  // No byte of the body taken for so long: the message is deferred. RFC 5321: 3 minutes a block.
  absl::Duration stall_timeout = absl::Minutes(3);
  // How long the destructor waits for replies to final dots already sent.
  absl::Duration drain_timeout = absl::Seconds(10);
};

struct SmtpEnvelope {
  EmailAddress return_path;
  EmailAddress recipient;  // One a message, so that each has its own result.
  std::string data;        // From WriteMime.
  // Asked once, after the last byte of the body and before the final dot; false abandons the
  // message, which ends as kDeferred with code 0. Runs on the session's thread: while it waits,
  // only that session waits. Null means go.
  std::function<bool()> before_final_dot;
};

// Thread-safe.
class SmtpSender {
 public:
  using Done = std::function<void(const SendOutcome&)>;

  // INVALID_ARGUMENT for options out of range.
  static absl::StatusOr<std::unique_ptr<SmtpSender>> Create(SmtpOptions options);

  // Queued messages and those not yet whole on the wire end as kDeferred; those whose reply does
  // not come within drain_timeout as kUnknown.
  ~SmtpSender();

  SmtpSender(const SmtpSender&) = delete;
  SmtpSender& operator=(const SmtpSender&) = delete;

  // Queues one message. `done` runs once, on a session's thread. RESOURCE_EXHAUSTED, without
  // calling `done`, if the queue is full. What the server refuses before it hears of a message
  // (banner, EHLO, AUTH, or 530: a login is required) ends as kDeferred with code 0, as where
  // nobody answers: its code and words are the outcome's reply.
  absl::Status Send(SmtpEnvelope envelope, Done done);

 private:
  struct State;
  explicit SmtpSender(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rondo
