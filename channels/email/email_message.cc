#include "channels/email/email_message.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

constexpr size_t kHeaderLineMax = 76;
constexpr size_t kLineMax = 76;
constexpr size_t kHeaderTextMax = 2'000;
// 39 bytes become 52 characters of base64, with `=?UTF-8?B?` and `?=` 64: a line with `Subject: `.
constexpr size_t kWordBytesMax = 39;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

// The length of the UTF-8 sequence at `at`, 0 if it is none (RFC 3629: no overlongs, no
// surrogates).
size_t SequenceLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const size_t left = text.size() - at;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || left < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[at + i])) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

// C0, DEL, C1 (NEL among them), U+2028 and U+2029: whatever some program takes for a line's end.
bool HoldsControl(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      return true;
    if (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029") return true;
  }
  return false;
}

void CheckHeaderText(std::string_view field, std::string_view text, FieldViolations* violations) {
  if (text.size() > kHeaderTextMax) violations->Add(std::string(field), "at most 2,000 bytes");
  if (!IsUtf8(text)) violations->Add(std::string(field), "must be UTF-8");
  if (HoldsControl(text)) violations->Add(std::string(field), "no line ends or control characters");
}

// RFC 5322, 3.6.4: `dot-atom@dot-atom`, of what an address may hold too.
bool IsMessageId(std::string_view id) {
  const auto address = EmailAddress::Parse(id);
  return address.ok();
}

bool IsHeaderUrl(std::string_view url) {
  return (url.starts_with("https://") || url.starts_with("http://")) && url.size() <= 4'096 &&
         std::all_of(url.begin(), url.end(), [](char c) {
           return c > 0x20 && c < 0x7F && c != '<' && c != '>' && c != '"' && c != ',';
         });
}

absl::Status Check(const EmailMessage& message) {
  FieldViolations violations;
  CheckHeaderText("from_name", message.from_name, &violations);
  CheckHeaderText("to_name", message.to_name, &violations);
  CheckHeaderText("subject", message.subject, &violations);
  if (!IsMessageId(message.message_id))
    violations.Add("message_id", "of the form x@y, no brackets");
  const std::string& id = message.rondo_id;
  if (id.size() > 200 ||
      !std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7F; })) {
    violations.Add("rondo_id", "at most 200 printable ASCII characters");
  }
  if (!message.unsubscribe_url.empty() && !IsHeaderUrl(message.unsubscribe_url)) {
    violations.Add("unsubscribe_url", "an http(s) address");
  }
  if (message.text.empty() && message.html.empty()) violations.Add("text", "a body is missing");
  if (!IsUtf8(message.text)) violations.Add("text", "must be UTF-8");
  if (!IsUtf8(message.html)) violations.Add("html", "must be UTF-8");
  return violations.ToStatus();
}

bool IsPlainPhrase(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == ' ' || c == '-' || c == '\'';
  });
}

// RFC 2047, 2: `text` as encoded words of whole characters, one a line.
std::string EncodedWords(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.size(), at + kWordBytesMax);
    while (end < text.size() && end > at + 1 && IsContinuation(text[end])) --end;
    if (!out.empty()) out += "\r\n ";
    const absl::string_view word(text.data() + at, end - at);
    out += "=?UTF-8?B?" + absl::Base64Escape(word) + "?=";
    at = end;
  }
  return out;
}

// `Name <address>` for From and To. A name that is not plain words becomes encoded words, never a
// quoted string: no quoting rule, nothing to escape wrongly.
std::string Mailbox(std::string_view name, const EmailAddress& address) {
  if (name.empty()) return address.text();
  const bool plain = IsPlainPhrase(name) && name.size() <= kHeaderLineMax - 20;
  const std::string shown = plain ? std::string(name) : EncodedWords(name);
  return shown + "\r\n <" + address.text() + ">";
}

void PutHeader(std::string_view name, std::string_view value, std::string& out) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void PutPart(std::string_view type, std::string_view body, std::string& out) {
  PutHeader("Content-Type", "text/" + std::string(type) + "; charset=utf-8", out);
  PutHeader("Content-Transfer-Encoding", "quoted-printable", out);
  out += "\r\n";
  out += QuotedPrintable(body);
}

// RFC 2369 and RFC 8058, 2: both headers, one https address; mailto beside it.
void PutUnsubscribe(const EmailMessage& message, std::string& out) {
  std::string ways;
  if (!message.unsubscribe_url.empty()) ways = "<" + message.unsubscribe_url + ">";
  if (message.unsubscribe_address.has_value()) {
    if (!ways.empty()) ways += ",\r\n ";
    ways += "<mailto:" + message.unsubscribe_address->text() + "?subject=unsubscribe>";
  }
  if (ways.empty()) return;
  PutHeader("List-Unsubscribe", "\r\n " + ways, out);
  if (message.unsubscribe_url.starts_with("https://")) {
    PutHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click", out);
  }
}

}  // namespace

std::string EncodeHeaderText(std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  // "=?" in plain text would be read as an encoded word; a long line would need folding.
  if (plain && text.size() <= kHeaderLineMax - 20 && text.find("=?") == std::string_view::npos &&
      !text.starts_with(' ') && !text.ends_with(' ')) {
    return std::string(text);
  }
  return EncodedWords(text);
}

std::string QuotedPrintable(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  size_t line = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' || c == '\n') {
      if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      out += "\r\n";
      line = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\r' || text[i + 1] == '\n';
    const bool blank = (c == ' ' || c == '\t') && !ends_line;
    const bool plain = (c > 0x20 && c < 0x7F && c != '=') || blank;
    // A line may start neither with a dot nor with `From `: some relays still touch these.
    const bool guarded = line == 0 && (c == '.' || c == 'F');
    const size_t needed = plain && !guarded ? 1 : 3;
    if (line + needed > kLineMax - 1) {
      out += "=\r\n";
      line = 0;
    }
    if (needed == 1) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '=';
      out += kHex[byte >> 4];
      out += kHex[byte & 15u];
    }
    line += needed;
  }
  if (line > 0) out += "\r\n";
  return out;
}

absl::StatusOr<std::string> WriteMime(const EmailMessage& message) {
  RONDO_RETURN_IF_ERROR(Check(message));
  std::string out;
  out.reserve(1'024 + message.text.size() * 5 / 4 + message.html.size() * 5 / 4);
  // RFC 5322, 3.3; the zone is UTC whatever the reader's is.
  PutHeader("Date",
            absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", message.date, absl::UTCTimeZone()),
            out);
  PutHeader("From", Mailbox(message.from_name, message.from), out);
  PutHeader("To", Mailbox(message.to_name, message.to), out);
  if (message.reply_to.has_value()) PutHeader("Reply-To", message.reply_to->text(), out);
  PutHeader("Subject", EncodeHeaderText(message.subject), out);
  PutHeader("Message-ID", "<" + message.message_id + ">", out);
  if (!message.rondo_id.empty()) PutHeader("X-Rondo-Id", message.rondo_id, out);
  PutUnsubscribe(message, out);
  PutHeader("MIME-Version", "1.0", out);
  if (message.html.empty()) {
    PutPart("plain", message.text, out);
    return out;
  }
  if (message.text.empty()) {
    PutPart("html", message.html, out);
    return out;
  }
  // `=_` cannot stand in quoted-printable text (RFC 2045, 6.7), so the boundary is in no body.
  const std::string boundary = absl::StrFormat("=_rondo_%016x", Fnv1a(message.message_id));
  PutHeader("Content-Type", "multipart/alternative;\r\n boundary=\"" + boundary + "\"", out);
  out += "\r\n--" + boundary + "\r\n";
  PutPart("plain", message.text, out);
  out += "\r\n--" + boundary + "\r\n";
  PutPart("html", message.html, out);
  out += "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace rondo
