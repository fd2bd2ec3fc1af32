// Functions of strings (cel-spec: standard definitions; extensions: strings). Positions count code
// points.
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "re2/re2.h"
#include "rules/functions.h"
#include "rules/text.h"

namespace rondo::rules {
namespace {

bool AllStrings(std::span<const Value> args, size_t count) {
  return args.size() >= count &&
         std::ranges::all_of(args.first(count), [](const Value& v) { return v.is(Kind::kString); });
}

// As std::string_view::find, in time linear in `text`: glibc's memmem searches both ways.
size_t Find(std::string_view text, std::string_view what, size_t from = 0) {
  if (from > text.size()) return std::string_view::npos;
  if (what.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, what.data(), what.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

Value Contains(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 2)) return frame.NoOverload("contains", args);
  return Value::Bool(Find(args[0].text(), args[1].text()) != std::string_view::npos);
}

Value StartsWith(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 2)) return frame.NoOverload("startsWith", args);
  return Value::Bool(args[0].text().starts_with(args[1].text()));
}

Value EndsWith(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 2)) return frame.NoOverload("endsWith", args);
  return Value::Bool(args[0].text().ends_with(args[1].text()));
}

// RE2 runs in time linear in the text; the pattern's size is bounded, and its program by RE2.
Value Matches(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 2)) return frame.NoOverload("matches", args);
  if (args[1].text().size() > frame.limits.pattern_bytes) {
    return frame.Fail(ErrorCode::kInvalidArgument, "the pattern is too long");
  }
  // Compiled for this one time: up to 20 ms for the largest that RE2 takes.
  constexpr int64_t kCompileSteps = 2'000;
  if (!frame.Spend(kCompileSteps + PatternSteps(args[0].text()))) return frame.OverLimit();
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  const RE2 pattern(re2::StringPiece(args[1].text().data(), args[1].text().size()), options);
  if (!pattern.ok()) {
    return frame.Fail(ErrorCode::kInvalidArgument,
                      absl::StrCat("invalid pattern: ", pattern.error()));
  }
  return Value::Bool(
      RE2::PartialMatch(re2::StringPiece(args[0].text().data(), args[0].text().size()), pattern));
}

Value OutOfRange(Frame& frame, int64_t index) {
  return frame.Fail(ErrorCode::kInvalidArgument, absl::StrCat("index out of range: ", index));
}

Value CharAt(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kString) || !args[1].is(Kind::kInt))
    return frame.NoOverload("charAt", args);
  const std::string_view text = args[0].text();
  const int64_t index = args[1].integer();
  const auto count = static_cast<int64_t>(CodePointCount(text));
  if (index < 0 || index > count) return OutOfRange(frame, index);
  if (index == count) return Value::String({});
  const size_t start = ByteOffset(text, static_cast<size_t>(index));
  return Value::String(text.substr(start, ByteOffset(text.substr(start), 1)));
}

Value IndexOf(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 2) || (args.size() == 3 && !args[2].is(Kind::kInt))) {
    return frame.NoOverload("indexOf", args);
  }
  const std::string_view text = args[0].text();
  const int64_t from = args.size() == 3 ? args[2].integer() : 0;
  if (from < 0 || from > static_cast<int64_t>(CodePointCount(text))) return OutOfRange(frame, from);
  const size_t at = Find(text, args[1].text(), ByteOffset(text, static_cast<size_t>(from)));
  if (at == std::string_view::npos) return Value::Int(-1);
  return Value::Int(static_cast<int64_t>(CodePointCount(text.substr(0, at))));
}

Value LastIndexOf(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 2) || (args.size() == 3 && !args[2].is(Kind::kInt))) {
    return frame.NoOverload("lastIndexOf", args);
  }
  const std::string_view text = args[0].text();
  size_t from = std::string_view::npos;
  if (args.size() == 3) {
    const int64_t index = args[2].integer();
    if (index < 0 || index > static_cast<int64_t>(CodePointCount(text))) {
      return OutOfRange(frame, index);
    }
    from = ByteOffset(text, static_cast<size_t>(index));
  }
  // rfind compares at every place.
  const auto product = static_cast<int64_t>(text.size() * args[1].text().size() / 4096);
  if (!frame.Spend(product)) return frame.OverLimit();
  const size_t at = text.rfind(args[1].text(), from);
  if (at == std::string_view::npos) return Value::Int(-1);
  return Value::Int(static_cast<int64_t>(CodePointCount(text.substr(0, at))));
}

Value Substring(Frame& frame, std::span<const Value> args) {
  const bool fits = args[0].is(Kind::kString) && args[1].is(Kind::kInt) &&
                    (args.size() == 2 || args[2].is(Kind::kInt));
  if (!fits) return frame.NoOverload("substring", args);
  const std::string_view text = args[0].text();
  const auto count = static_cast<int64_t>(CodePointCount(text));
  const int64_t start = args[1].integer();
  const int64_t end = args.size() == 3 ? args[2].integer() : count;
  if (start < 0 || start > count) return OutOfRange(frame, start);
  if (end < 0 || end > count) return OutOfRange(frame, end);
  if (start > end) {
    return frame.Fail(ErrorCode::kInvalidArgument, "substring: the start is after the end");
  }
  const size_t from = ByteOffset(text, static_cast<size_t>(start));
  return Value::String(text.substr(from, ByteOffset(text, static_cast<size_t>(end)) - from));
}

// Maps the ASCII letters only, as the extension says.
Value MapAscii(Frame& frame, const Value& text, char first, char last, int shift) {
  if (!frame.arena.Fits(text.text().size())) {
    return frame.Fail(ErrorCode::kLimit, "the text is too large");
  }
  char* out = static_cast<char*>(frame.arena.Allocate(text.text().size()));
  std::ranges::transform(text.text(), out, [&](char c) {
    return c >= first && c <= last ? static_cast<char>(c + shift) : c;
  });
  return Value::String({out, text.text().size()});
}

Value LowerAscii(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 1)) return frame.NoOverload("lowerAscii", args);
  return MapAscii(frame, args[0], 'A', 'Z', 'a' - 'A');
}

Value UpperAscii(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 1)) return frame.NoOverload("upperAscii", args);
  return MapAscii(frame, args[0], 'a', 'z', 'A' - 'a');
}

// Occurrences do not overlap; the empty text stands between all characters.
Value Replace(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 3) || (args.size() == 4 && !args[3].is(Kind::kInt))) {
    return frame.NoOverload("replace", args);
  }
  const std::string_view text = args[0].text();
  const std::string_view from = args[1].text();
  const std::string_view to = args[2].text();
  int64_t left = args.size() == 4 ? args[3].integer() : -1;
  if (left < 0) left = std::numeric_limits<int64_t>::max();
  std::string out;
  size_t done = 0;
  for (size_t at = 0; left > 0 && at <= text.size(); --left) {
    const size_t found = Find(text, from, at);
    if (found == std::string_view::npos) break;
    out.append(text.substr(done, found - done)).append(to);
    if (!frame.arena.Fits(out.size()))
      return frame.Fail(ErrorCode::kLimit, "the text is too large");
    done = found + from.size();
    // Past the end after the empty text there.
    at = !from.empty() ? done : found + std::max<size_t>(1, ByteOffset(text.substr(found), 1));
  }
  return frame.NewString(out.append(text.substr(done)));
}

Value Split(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 2) || (args.size() == 3 && !args[2].is(Kind::kInt))) {
    return frame.NoOverload("split", args);
  }
  const std::string_view text = args[0].text();
  const std::string_view separator = args[1].text();
  int64_t limit = args.size() == 3 ? args[2].integer() : -1;
  if (limit < 0) limit = static_cast<int64_t>(text.size()) + 2;
  if (!frame.arena.Fits((text.size() + 1) * sizeof(Value))) {
    return frame.Fail(ErrorCode::kLimit, "the text is too large to split");
  }
  std::vector<Value> parts;
  size_t at = 0;
  while (limit > 0) {
    const bool last = static_cast<int64_t>(parts.size()) + 1 >= limit;
    size_t end = last ? std::string_view::npos : Find(text, separator, at);
    if (separator.empty() && !last) end = at + ByteOffset(text.substr(at), 1);
    if (end == std::string_view::npos || (separator.empty() && end >= text.size())) {
      // Splitting by "" gives the characters, so nothing for the empty text.
      if (!separator.empty() || at < text.size()) parts.push_back(Value::String(text.substr(at)));
      break;
    }
    parts.push_back(Value::String(text.substr(at, end - at)));
    at = end + separator.size();
  }
  return frame.NewList(parts);
}

Value Join(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kList) || (args.size() == 2 && !args[1].is(Kind::kString))) {
    return frame.NoOverload("join", args);
  }
  const std::string_view separator = args.size() == 2 ? args[1].text() : std::string_view();
  size_t size = 0;
  for (const Value& item : args[0].items()) {
    if (!item.is(Kind::kString)) return frame.NoOverload("join", {&item, 1});
    size += item.text().size() + separator.size();
  }
  if (!frame.arena.Fits(size)) return frame.Fail(ErrorCode::kLimit, "the text is too large");
  std::string out;
  out.reserve(size);
  for (const Value& item : args[0].items()) {
    if (&item != args[0].items().data()) out.append(separator);
    out.append(item.text());
  }
  return frame.NewString(out);
}

Value Trim(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 1)) return frame.NoOverload("trim", args);
  const std::string_view text = args[0].text();
  size_t first = text.size();
  size_t last = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (IsWhiteSpace(NextCodePoint(text, &at))) continue;
    first = std::min(first, start);
    last = at;
  }
  return Value::String(first < last ? text.substr(first, last - first) : std::string_view());
}

Value Reverse(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 1)) return frame.NoOverload("reverse", args);
  const std::string_view text = args[0].text();
  std::string out(text.size(), '\0');
  size_t place = text.size();
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    NextCodePoint(text, &at);
    place -= at - start;
    std::ranges::copy(text.substr(start, at - start),
                      out.begin() + static_cast<std::ptrdiff_t>(place));
  }
  return frame.NewString(out);
}

// In double quotes, with the escapes of the extension's table.
Value Quote(Frame& frame, std::span<const Value> args) {
  if (!AllStrings(args, 1)) return frame.NoOverload("strings.quote", args);
  constexpr std::string_view kFrom = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kTo = "abfnrtv\\\"";
  std::string out = "\"";
  const std::string_view text = args[0].text();
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (NextCodePoint(text, &at) == kInvalidCodePoint) {
      AppendCodePoint(0xFFFD, &out);
      continue;
    }
    const size_t escape = at - start == 1 ? kFrom.find(text[start]) : std::string_view::npos;
    if (escape != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kTo[escape]);
    } else {
      out.append(text.substr(start, at - start));
    }
  }
  return frame.NewString(out + "\"");
}

constexpr FunctionRow kTable[] = {
    {"contains", true, "string, string", "bool", Contains},
    {"startsWith", true, "string, string", "bool", StartsWith},
    {"endsWith", true, "string, string", "bool", EndsWith},
    {"matches", true, "string, string", "bool", Matches},
    {"matches", false, "string, string", "bool", Matches},
    {"charAt", true, "string, int", "string", CharAt},
    {"indexOf", true, "string, string", "int", IndexOf},
    {"indexOf", true, "string, string, int", "int", IndexOf},
    {"lastIndexOf", true, "string, string", "int", LastIndexOf},
    {"lastIndexOf", true, "string, string, int", "int", LastIndexOf},
    {"substring", true, "string, int", "string", Substring},
    {"substring", true, "string, int, int", "string", Substring},
    {"lowerAscii", true, "string", "string", LowerAscii},
    {"upperAscii", true, "string", "string", UpperAscii},
    {"replace", true, "string, string, string", "string", Replace},
    {"replace", true, "string, string, string, int", "string", Replace},
    {"split", true, "string, string", "list(string)", Split},
    {"split", true, "string, string, int", "list(string)", Split},
    {"join", true, "list(string)", "string", Join},
    {"join", true, "list(string), string", "string", Join},
    {"trim", true, "string", "string", Trim},
    {"reverse", true, "string", "string", Reverse},
    {"format", true, "string, list(dyn)", "string", FormatString},
    {"strings.quote", false, "string", "string", Quote},
};

}  // namespace

std::span<const FunctionRow> StringTable() { return kTable; }

}  // namespace rondo::rules
