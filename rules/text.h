// UTF-8 and quoting, for literals and the string functions. Positions are code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rules/value.h"

namespace rondo::rules {

inline constexpr char32_t kInvalidCodePoint = 0xFFFFFFFF;

// The code point at text[*at], and moves *at past it; kInvalidCodePoint (one byte on) for anything
// that RFC 3629 forbids: overlong forms, surrogates, beyond U+10FFFF.
char32_t NextCodePoint(std::string_view text, size_t* at);
void AppendCodePoint(char32_t code_point, std::string* out);
bool IsUtf8(std::string_view text);
size_t CodePointCount(std::string_view text);
// Byte offset of code point `index`, at most text.size(). `text` must be UTF-8.
size_t ByteOffset(std::string_view text, size_t index);
// Unicode's White_Space property.
bool IsWhiteSpace(char32_t code_point);

// A CEL literal in single quotes, control characters escaped.
std::string QuoteLiteral(std::string_view text);
std::string QuoteBytesLiteral(std::string_view bytes);

// "10.0.0.1", "2001:db8::68"; without the prefix length.
std::string FormatIp(const IpData& ip);

}  // namespace rondo::rules
