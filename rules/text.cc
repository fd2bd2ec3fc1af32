#include "rules/text.h"

#include <arpa/inet.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rondo::rules {

char32_t NextCodePoint(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t start = (*at)++;
  const uint8_t first = byte(start);
  if (first < 0x80) return first;
  const int extra = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first > 0xF4 || start + static_cast<size_t>(extra) >= text.size()) {
    return kInvalidCodePoint;
  }
  char32_t code = first & (0x3F >> extra);
  for (int i = 1; i <= extra; ++i) {
    const uint8_t next = byte(start + static_cast<size_t>(i));
    if ((next & 0xC0) != 0x80) return kInvalidCodePoint;
    code = code << 6 | (next & 0x3F);
  }
  constexpr char32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[extra] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
    return kInvalidCodePoint;
  }
  *at = start + static_cast<size_t>(extra) + 1;
  return code;
}

void AppendCodePoint(char32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
    return;
  }
  if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | code >> 6));
  } else {
    if (code < 0x10000) {
      out->push_back(static_cast<char>(0xE0 | code >> 12));
    } else {
      out->push_back(static_cast<char>(0xF0 | code >> 18));
      out->push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    }
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
  }
  out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (NextCodePoint(text, &at) == kInvalidCodePoint) return false;
  }
  return true;
}

size_t CodePointCount(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (c & 0xC0) != 0x80;
  return count;
}

size_t ByteOffset(std::string_view text, size_t index) {
  size_t at = 0;
  while (index > 0 && at < text.size()) {
    ++at;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
    --index;
  }
  return at;
}

bool IsWhiteSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

namespace {

void AppendEscaped(uint8_t c, std::string* out) {
  switch (c) {
    case '\n':
      *out += "\\n";
      return;
    case '\r':
      *out += "\\r";
      return;
    case '\t':
      *out += "\\t";
      return;
    case '\\':
      *out += "\\\\";
      return;
    case '\'':
      *out += "\\'";
      return;
    default:
      absl::StrAppendFormat(out, "\\x%02x", c);
  }
}

bool NeedsEscape(uint8_t c) { return c < 0x20 || c == 0x7F || c == '\\' || c == '\''; }

}  // namespace

std::string QuoteLiteral(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (NeedsEscape(byte)) {
      AppendEscaped(byte, &out);
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

std::string QuoteBytesLiteral(std::string_view bytes) {
  std::string out = "'";
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (NeedsEscape(byte) || byte >= 0x80) {
      AppendEscaped(byte, &out);
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

std::string FormatIp(const IpData& ip) {
  char buffer[INET6_ADDRSTRLEN];
  const char* text =
      inet_ntop(ip.length == 4 ? AF_INET : AF_INET6, ip.bytes, buffer, sizeof(buffer));
  return text == nullptr ? "" : text;
}

}  // namespace rondo::rules
