// One e-mail as values, and its bytes on the wire (RFC 5322, MIME).
//
// The bytes depend on nothing but the values: the boundary is made of the Message-ID, so that the
// same contact rendered again gives the same message. That is why neither libcurl's nor GMime's
// writer is used: both draw their boundaries from randomness of their own. Lines end in CR LF, are
// at most 998 bytes, and no bare CR or LF leaves.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "channels/email/email_address.h"

namespace rondo {

struct EmailMessage {
  EmailAddress from;
  std::string from_name;  // UTF-8, may be empty.
  EmailAddress to;
  std::string to_name;
  std::optional<EmailAddress> reply_to;
  std::string subject;  // UTF-8, one line.
  std::string text;     // UTF-8 body; either this or `html` may be empty, not both.
  std::string html;
  std::string message_id;  // Without angle brackets: `5f3a…@mail.example.com`.
  std::string rondo_id;    // X-Rondo-Id: names the contact to whoever reads a bounce.
  absl::Time date;
  std::string unsubscribe_url;  // https for one-click; empty for messages that need none.
  std::optional<EmailAddress> unsubscribe_address;  // mailto: of List-Unsubscribe, optional.
};

// The message with CR LF line ends, not yet dot-stuffed (the sender does that).
// INVALID_ARGUMENT, naming the field, for control characters (U+2028, U+2029 and NEL included) or
// invalid UTF-8 in a header, for a Message-ID that is not `x@y`, for an unsubscribe address that is
// not http(s), for no body.
absl::StatusOr<std::string> WriteMime(const EmailMessage& message);

// RFC 2047: `text` as it may stand in an unstructured header or a display name, folded into lines
// of at most 76 bytes; plain if it is short printable ASCII.
std::string EncodeHeaderText(std::string_view text);

// RFC 2045, 6.7. CR LF, LF and CR in `text` all become CR LF.
std::string QuotedPrintable(std::string_view text);

}  // namespace rondo
