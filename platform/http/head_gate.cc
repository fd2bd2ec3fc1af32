#include "platform/http/head_gate.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

absl::Status Refused(const char* reason) { return absl::InvalidArgumentError(reason); }

// RFC 9110, 5.6.2: tchar.
bool IsTokenCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!IsTokenCharacter(c)) return false;
  }
  return true;
}

// RFC 3986, 3.2.2 and 3.2.3, without percent-encoding: a name or address and a port.
bool IsHost(std::string_view text) {
  if (text.empty() || text.size() > 300) return false;
  for (const char c : text) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') ||
                         std::string_view("-._~:[]").find(c) != std::string_view::npos;
    if (!allowed) return false;
  }
  return true;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(absl::string_view(a.data(), a.size()),
                                absl::string_view(b.data(), b.size()));
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

absl::Status CheckRequestLine(std::string_view line, bool& is_http_1_1) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Refused("malformed request line");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method)) return Refused("malformed method");
  if (target.size() > kHttpTargetBytesMax) return Refused("target too long");
  const bool is_asterisk = target == "*" && method == "OPTIONS";
  if (!is_asterisk && (target.empty() || target.front() != '/')) {
    return Refused("the target must be a path");
  }
  for (const char c : target) {
    // A fragment never leaves a client; `\` is read as `/` by some.
    if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\') return Refused("malformed target");
  }
  is_http_1_1 = version == "HTTP/1.1";
  if (!is_http_1_1 && version != "HTTP/1.0") return Refused("only HTTP/1.1 is spoken here");
  return absl::OkStatus();
}

// What the headers say of routing and framing.
struct Seen {
  int hosts = 0;
  int content_lengths = 0;
  int transfer_encodings = 0;
  HttpHead head;
};

absl::Status CheckHeader(std::string_view line, Seen& seen) {
  // RFC 9112, 5.2: a server may reject obs-fold; proxies differ in how they read it.
  if (line.front() == ' ' || line.front() == '\t') return Refused("folded header");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Refused("header without a colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (!IsToken(name)) return Refused("malformed header name");
  if (EqualsIgnoringCase(name, "host")) {
    ++seen.hosts;
    if (!IsHost(value)) return Refused("malformed Host");
  } else if (EqualsIgnoringCase(name, "content-length")) {
    ++seen.content_lengths;
    // 18 digits cannot overflow.
    if (value.empty() || value.size() > 18 ||
        value.find_first_not_of("0123456789") != std::string_view::npos ||
        !absl::SimpleAtoi(absl::string_view(value.data(), value.size()),
                          &seen.head.content_length)) {
      return Refused("malformed Content-Length");
    }
    seen.head.framing = HttpBodyFraming::kContentLength;
  } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
    ++seen.transfer_encodings;
    if (value != "chunked") return Refused("the only Transfer-Encoding is chunked");
    seen.head.framing = HttpBodyFraming::kChunked;
  }
  return absl::OkStatus();
}

// RFC 9112, 2.2: bare CR is never a line's end; and no control character is data.
absl::Status CheckBytes(std::string_view head) {
  for (size_t i = 0; i < head.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(head[i]);
    if (c == '\r') {
      if (i + 1 == head.size() || head[i + 1] != '\n') return Refused("bare CR");
    } else if (c == '\n') {
      if (i == 0 || head[i - 1] != '\r') return Refused("bare LF");
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return Refused("control character");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<HttpHead> CheckHead(std::string_view head) {
  if (head.size() > kHttpHeadBytesMax) return Refused("head too long");
  if (head.size() < 4 || head.substr(head.size() - 4) != "\r\n\r\n")
    return Refused("head not ended");
  RONDO_RETURN_IF_ERROR(CheckBytes(head));
  head.remove_suffix(2);  // The empty line.

  const size_t line_end = head.find("\r\n");
  bool is_http_1_1 = false;
  RONDO_RETURN_IF_ERROR(CheckRequestLine(head.substr(0, line_end), is_http_1_1));
  head.remove_prefix(line_end + 2);
  Seen seen;
  size_t headers = 0;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    if (end == 0) return Refused("head ended early");
    if (++headers > kHttpHeadersMax) return Refused("too many headers");
    RONDO_RETURN_IF_ERROR(CheckHeader(head.substr(0, end), seen));
    head.remove_prefix(end + 2);
  }
  if (seen.hosts != 1) return Refused("exactly one Host is needed");
  if (seen.content_lengths > 1) return Refused("repeated Content-Length");
  if (seen.transfer_encodings > 1) return Refused("repeated Transfer-Encoding");
  if (seen.content_lengths > 0 && seen.transfer_encodings > 0) {
    return Refused("both Content-Length and Transfer-Encoding");
  }
  if (seen.transfer_encodings > 0 && !is_http_1_1) return Refused("HTTP/1.0 knows no chunks");
  return seen.head;
}

}  // namespace rondo
