// string_ext's format (cel-spec, extensions: strings).
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rules/functions.h"
#include "rules/number.h"
#include "rules/text.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

constexpr int kMaxPrecision = 100;

// Bytes as text: whatever is not UTF-8 becomes U+FFFD, once for all that is adjacent.
void AppendBytes(std::string_view bytes, std::string* out) {
  bool replaced = false;
  for (size_t at = 0; at < bytes.size();) {
    const size_t start = at;
    const bool invalid = NextCodePoint(bytes, &at) == kInvalidCodePoint;
    if (!invalid) {
      out->append(bytes.substr(start, at - start));
    } else if (!replaced) {
      AppendCodePoint(0xFFFD, out);
    }
    replaced = invalid;
  }
}

// Appends `value` as %s shows it; false when the type cannot be shown or the text grows too long.
bool AppendText(const Value& value, size_t limit, std::string* out);

bool AppendItems(const Value& list, size_t limit, std::string* out) {
  *out += "[";
  for (const Value& item : list.items()) {
    if (&item != list.items().data()) *out += ", ";
    if (!AppendText(item, limit, out)) return false;
  }
  *out += "]";
  return true;
}

// Entries in the order of their keys' texts.
bool AppendEntries(const Value& map, size_t limit, std::string* out) {
  std::vector<std::pair<std::string, const Value*>> entries;
  for (const MapEntry& entry : map.entries()) {
    std::string key;
    if (!AppendText(entry.key, limit, &key)) return false;
    entries.emplace_back(std::move(key), &entry.value);
  }
  std::ranges::sort(entries);
  *out += "{";
  for (const auto& [key, value] : entries) {
    absl::StrAppend(out, &key == &entries[0].first ? "" : ", ", key, ": ");
    if (!AppendText(*value, limit, out)) return false;
  }
  *out += "}";
  return true;
}

bool AppendText(const Value& value, size_t limit, std::string* out) {
  if (out->size() > limit) return false;
  switch (value.kind()) {
    case Kind::kNull:
      *out += "null";
      return true;
    case Kind::kBool:
      *out += value.boolean() ? "true" : "false";
      return true;
    case Kind::kInt:
      absl::StrAppend(out, value.integer());
      return true;
    case Kind::kUint:
      absl::StrAppend(out, value.natural());
      return true;
    case Kind::kDouble:
      *out += ShortestDouble(value.real());
      return true;
    case Kind::kString:
    case Kind::kType:
      *out += value.text();
      return true;
    case Kind::kBytes:
      AppendBytes(value.text(), out);
      return true;
    case Kind::kTimestamp:
      *out += FormatTimestamp(value.seconds(), value.nanos());
      return true;
    case Kind::kDuration:
      *out += FormatDuration(value.seconds(), value.nanos());
      return true;
    case Kind::kList:
      return AppendItems(value, limit, out);
    case Kind::kMap:
      return AppendEntries(value, limit, out);
    default:
      return false;
  }
}

Value Refuse(Frame& frame, std::string_view what, const Value& value) {
  return frame.Fail(ErrorCode::kInvalidArgument,
                    absl::StrCat("error during formatting: ", std::string(what), ", was given ",
                                 std::string(TypeNameOf(value))));
}

std::string InBase(uint64_t value, bool negative, unsigned base, bool upper) {
  std::string out;
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  do {
    out.push_back(digits[value % base]);
    value /= base;
  } while (value > 0);
  if (negative) out.push_back('-');
  std::ranges::reverse(out);
  return out;
}

// Of an int or uint.
std::string WholeInBase(const Value& value, unsigned base, bool upper) {
  if (value.is(Kind::kUint)) return InBase(value.natural(), false, base, upper);
  const int64_t v = value.integer();
  return InBase(v < 0 ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v), v < 0, base,
                upper);
}

bool IsWhole(const Value& value) { return value.is(Kind::kInt) || value.is(Kind::kUint); }

Value AppendHex(Frame& frame, const Value& value, bool upper, std::string* out) {
  if (IsWhole(value)) {
    *out += WholeInBase(value, 16, upper);
  } else if (value.is(Kind::kString) || value.is(Kind::kBytes)) {
    std::string hex =
        absl::BytesToHexString(absl::string_view(value.text().data(), value.text().size()));
    if (upper) absl::AsciiStrToUpper(&hex);
    *out += hex;
  } else {
    return Refuse(frame, "only integers, byte buffers, and strings can be formatted as hex", value);
  }
  return Value::Null();
}

Value AppendFloat(Frame& frame, const Value& value, char verb, int precision, std::string* out) {
  double number = 0;
  if (value.is(Kind::kDouble)) {
    number = value.real();
  } else if (value.is(Kind::kInt)) {
    number = static_cast<double>(value.integer());
  } else if (value.is(Kind::kUint)) {
    number = static_cast<double>(value.natural());
  } else {
    return Refuse(frame,
                  verb == 'f' ? "fixed-point clause can only be used on doubles"
                              : "scientific clause can only be used on doubles",
                  value);
  }
  if (!std::isfinite(number)) {
    *out += ShortestDouble(number);
  } else if (verb == 'f') {
    absl::StrAppendFormat(out, "%.*f", precision, number);
  } else {
    absl::StrAppendFormat(out, "%.*e", precision, number);
  }
  return Value::Null();
}

// Appends one clause; null, or the error.
Value AppendClause(Frame& frame, char verb, int precision, const Value& value, std::string* out) {
  switch (verb) {
    case 's':
      if (AppendText(value, Arena::kDefaultLimitBytes / 8, out)) return Value::Null();
      return Refuse(frame, "string clause cannot show this", value);
    case 'd':
      if (IsWhole(value)) {
        *out += WholeInBase(value, 10, false);
        return Value::Null();
      }
      if (value.is(Kind::kDouble)) {
        *out += ShortestDouble(value.real());
        return Value::Null();
      }
      return Refuse(frame, "decimal clause can only be used on integers", value);
    case 'f':
    case 'e':
      return AppendFloat(frame, value, verb, precision, out);
    case 'x':
    case 'X':
      return AppendHex(frame, value, verb == 'X', out);
    case 'o':
      if (!IsWhole(value)) return Refuse(frame, "octal clause can only be used on integers", value);
      *out += WholeInBase(value, 8, false);
      return Value::Null();
    case 'b':
      if (value.is(Kind::kBool)) {
        *out += value.boolean() ? "1" : "0";
        return Value::Null();
      }
      if (!IsWhole(value)) {
        return Refuse(frame, "only integers and bools can be formatted as binary", value);
      }
      *out += WholeInBase(value, 2, false);
      return Value::Null();
    default:
      return frame.Fail(
          ErrorCode::kInvalidArgument,
          absl::StrCat("unrecognized formatting clause \"%", std::string(1, verb), "\""));
  }
}

}  // namespace

Value FormatString(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kString) || !args[1].is(Kind::kList))
    return frame.NoOverload("format", args);
  const std::string_view pattern = args[0].text();
  const std::span<const Value> values = args[1].items();
  std::string out;
  size_t next = 0;
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '%') {
      out.push_back(pattern[at]);
      continue;
    }
    if (++at < pattern.size() && pattern[at] == '%') {
      out.push_back('%');
      continue;
    }
    int precision = 6;
    if (at < pattern.size() && pattern[at] == '.') {
      precision = -1;
      while (++at < pattern.size() && pattern[at] >= '0' && pattern[at] <= '9') {
        precision = std::min(std::max(precision, 0) * 10 + (pattern[at] - '0'), kMaxPrecision + 1);
      }
    }
    if (at >= pattern.size() || precision < 0 || precision > kMaxPrecision) {
      return frame.Fail(ErrorCode::kInvalidArgument, "malformed formatting clause");
    }
    if (next >= values.size()) {
      return frame.Fail(ErrorCode::kInvalidArgument, absl::StrCat("index ", next, " out of range"));
    }
    const Value failed = AppendClause(frame, pattern[at], precision, values[next++], &out);
    if (failed.is_error()) return failed;
    if (!frame.arena.Fits(out.size()))
      return frame.Fail(ErrorCode::kLimit, "the text is too large");
  }
  return frame.NewString(out);
}

}  // namespace rondo::rules
