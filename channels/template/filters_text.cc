// Filters of text. Characters are code points; upper and lower case follow Unicode's root locale.
#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "channels/template/filters.h"
#include "platform/core/status_macros.h"

namespace rondo::liquid {
namespace {

using Arguments = std::span<const Value>;
using Result = absl::StatusOr<Value>;

constexpr std::string_view kSpace = " \t\r\n\v\f";

std::string Utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

Result Upcase(const Value& input, Arguments, FilterContext&) {
  return Value(Utf8(icu::UnicodeString::fromUTF8(input.ToText()).toUpper(icu::Locale::getRoot())));
}

Result Downcase(const Value& input, Arguments, FilterContext&) {
  return Value(Utf8(icu::UnicodeString::fromUTF8(input.ToText()).toLower(icu::Locale::getRoot())));
}

Result Capitalize(const Value& input, Arguments, FilterContext&) {
  const std::string text = input.ToText();
  const size_t rest = CharacterOffset(text, 1);
  const auto first = icu::UnicodeString::fromUTF8(text.substr(0, rest));
  const auto others = icu::UnicodeString::fromUTF8(text.substr(rest));
  const icu::Locale& root = icu::Locale::getRoot();
  return Value(
      Utf8(icu::UnicodeString(first).toUpper(root) + icu::UnicodeString(others).toLower(root)));
}

Result Append(const Value& input, Arguments arguments, FilterContext&) {
  return Value(input.ToText() + arguments[0].ToText());
}

Result Prepend(const Value& input, Arguments arguments, FilterContext&) {
  return Value(arguments[0].ToText() + input.ToText());
}

enum class Which : uint8_t { kAll, kFirst, kLast };

// `text` with `from` replaced by `to`. An empty `from` stands before each character and at the end.
absl::StatusOr<std::string> ReplaceIn(const std::string& text, const std::string& from,
                                      const std::string& to, Which which, Budget& budget) {
  if (which == Which::kLast) {
    const size_t at = text.rfind(from);
    if (at == std::string::npos) return text;
    return text.substr(0, at) + to + text.substr(at + from.size());
  }
  std::string out;
  size_t at = 0;
  while (true) {
    const size_t found = text.find(from, at);
    if (found == std::string::npos) break;
    out.append(text, at, found - at);
    out += to;
    at = found + from.size();
    if (out.size() > budget.bytes_max()) return budget.ChargeText(out.size());
    RONDO_RETURN_IF_ERROR(budget.Charge(1));
    if (which == Which::kFirst) break;
    if (!from.empty()) continue;
    if (at >= text.size()) break;
    const size_t next = at + CharacterOffset(std::string_view(text).substr(at), 1);
    out.append(text, at, next - at);
    at = next;
  }
  out.append(text, at);
  return out;
}

Result ReplaceWith(const Value& input, Arguments arguments, Which which, FilterContext& context) {
  const std::string to = arguments.size() > 1 ? arguments[1].ToText() : "";
  RONDO_ASSIGN_OR_RETURN(std::string text, ReplaceIn(input.ToText(), arguments[0].ToText(), to,
                                                     which, context.budget));
  return Value(std::move(text));
}

Result Replace(const Value& input, Arguments arguments, FilterContext& context) {
  return ReplaceWith(input, arguments, Which::kAll, context);
}
Result ReplaceFirst(const Value& input, Arguments arguments, FilterContext& context) {
  return ReplaceWith(input, arguments, Which::kFirst, context);
}
Result ReplaceLast(const Value& input, Arguments arguments, FilterContext& context) {
  return ReplaceWith(input, arguments, Which::kLast, context);
}
Result Remove(const Value& input, Arguments arguments, FilterContext& context) {
  return ReplaceWith(input, arguments.first(1), Which::kAll, context);
}
Result RemoveFirst(const Value& input, Arguments arguments, FilterContext& context) {
  return ReplaceWith(input, arguments.first(1), Which::kFirst, context);
}
Result RemoveLast(const Value& input, Arguments arguments, FilterContext& context) {
  return ReplaceWith(input, arguments.first(1), Which::kLast, context);
}

Result Strip(const Value& input, Arguments, FilterContext&) {
  std::string text = input.ToText();
  absl::StripAsciiWhitespace(&text);
  return Value(std::move(text));
}
Result LeftStrip(const Value& input, Arguments, FilterContext&) {
  std::string text = input.ToText();
  absl::StripLeadingAsciiWhitespace(&text);
  return Value(std::move(text));
}
Result RightStrip(const Value& input, Arguments, FilterContext&) {
  std::string text = input.ToText();
  absl::StripTrailingAsciiWhitespace(&text);
  return Value(std::move(text));
}

Result StripNewlines(const Value& input, Arguments, FilterContext&) {
  std::string text = input.ToText();
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return Value(std::move(text));
}

Result NewlineToBr(const Value& input, Arguments, FilterContext& context) {
  const auto* given = input.As<Text>();
  const bool is_html = given != nullptr && given->is_html;
  std::string text = input.ToText();
  if (context.escape == AutoEscape::kHtml && !is_html) text = EscapeHtml(text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out += text[i] == '\n' ? "<br />\n" : std::string(1, text[i]);
  }
  return Value(Text{std::move(out), true});
}

// What stands between `open` and `close` goes, with them.
void EraseBetween(std::string& text, std::string_view open, std::string_view close) {
  size_t at = 0;
  while ((at = text.find(open, at)) != std::string::npos) {
    const size_t end = text.find(close, at + open.size());
    if (end == std::string::npos) return;
    text.erase(at, end + close.size() - at);
  }
}

// As Liquid does: scripts, comments, styles, then tags. For looks, not for safety: its result is
// escaped like anything else.
Result StripHtml(const Value& input, Arguments, FilterContext&) {
  std::string text = input.ToText();
  EraseBetween(text, "<script", "</script>");
  EraseBetween(text, "<!--", "-->");
  EraseBetween(text, "<style", "</style>");
  EraseBetween(text, "<", ">");
  return Value(std::move(text));
}

Result Escape(const Value& input, Arguments, FilterContext&) {
  return Value(Text{EscapeHtml(input.ToText()), true});
}

// Whether an entity begins at `at`: `&name;`, `&#1;`, `&#x1;`.
bool EntityAt(std::string_view text, size_t at) {
  const size_t end = text.find(';', at);
  if (end == std::string_view::npos || end - at > 32) return false;
  std::string_view inside = text.substr(at + 1, end - at - 1);
  if (inside.starts_with('#')) inside.remove_prefix(1);
  return !inside.empty() && std::all_of(inside.begin(), inside.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
}

Result EscapeOnce(const Value& input, Arguments, FilterContext&) {
  const std::string text = input.ToText();
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '&' && EntityAt(text, i)) {
      out += '&';
    } else {
      out += EscapeHtml(std::string_view(text).substr(i, 1));
    }
  }
  return Value(Text{std::move(out), true});
}

Result Raw(const Value& input, Arguments, FilterContext&) {
  return Value(Text{input.ToText(), true});
}

Result UrlEncode(const Value& input, Arguments, FilterContext&) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : input.ToText()) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15u];
    }
  }
  return Value(std::move(out));
}

Result UrlDecode(const Value& input, Arguments, FilterContext&) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  const std::string text = input.ToText();
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return Value(std::move(out));
}

absl::StatusOr<size_t> LengthArgument(Arguments arguments, size_t if_absent) {
  if (arguments.empty()) return if_absent;
  const std::optional<int64_t> length = arguments[0].ToInteger();
  if (!length.has_value()) return absl::InvalidArgumentError("the length must be a whole number");
  return static_cast<size_t>(std::max<int64_t>(*length, 0));
}

Result Truncate(const Value& input, Arguments arguments, FilterContext&) {
  if (input.IsNil()) return Value();
  RONDO_ASSIGN_OR_RETURN(const size_t length, LengthArgument(arguments, 50));
  const std::string end = arguments.size() > 1 ? arguments[1].ToText() : "...";
  const std::string text = input.ToText();
  if (CharacterCount(text) <= length) return Value(text);
  const size_t end_length = CharacterCount(end);
  const size_t kept = length > end_length ? length - end_length : 0;
  return Value(text.substr(0, CharacterOffset(text, kept)) + end);
}

Result TruncateWords(const Value& input, Arguments arguments, FilterContext&) {
  if (input.IsNil()) return Value();
  RONDO_ASSIGN_OR_RETURN(size_t length, LengthArgument(arguments, 15));
  length = std::max<size_t>(length, 1);
  const std::string end = arguments.size() > 1 ? arguments[1].ToText() : "...";
  const std::string text = input.ToText();
  const std::vector<std::string> words =
      absl::StrSplit(text, absl::ByAnyChar(kSpace.data()), absl::SkipWhitespace());
  if (words.size() <= length) return Value(text);
  std::string out;
  for (size_t i = 0; i < length; ++i) out += (i == 0 ? "" : " ") + words[i];
  return Value(out + end);
}

constexpr Filter kFilters[] = {
    {"append", 1, 1, Append},
    {"capitalize", 0, 0, Capitalize},
    {"downcase", 0, 0, Downcase},
    {"escape", 0, 0, Escape},
    {"escape_once", 0, 0, EscapeOnce},
    {"lstrip", 0, 0, LeftStrip},
    {"newline_to_br", 0, 0, NewlineToBr},
    {"prepend", 1, 1, Prepend},
    {"raw", 0, 0, Raw},
    {"remove", 1, 1, Remove},
    {"remove_first", 1, 1, RemoveFirst},
    {"remove_last", 1, 1, RemoveLast},
    {"replace", 1, 2, Replace},
    {"replace_first", 1, 2, ReplaceFirst},
    {"replace_last", 2, 2, ReplaceLast},
    {"rstrip", 0, 0, RightStrip},
    {"strip", 0, 0, Strip},
    {"strip_html", 0, 0, StripHtml},
    {"strip_newlines", 0, 0, StripNewlines},
    {"truncate", 0, 2, Truncate},
    {"truncatewords", 0, 2, TruncateWords},
    {"upcase", 0, 0, Upcase},
    {"url_decode", 0, 0, UrlDecode},
    {"url_encode", 0, 0, UrlEncode},
};

}  // namespace

std::span<const Filter> TextFilters() { return kFilters; }

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace rondo::liquid
