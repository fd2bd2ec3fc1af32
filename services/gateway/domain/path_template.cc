#include "services/gateway/domain/path_template.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "platform/core/status_macros.h"
#include "platform/http/url.h"

namespace rondo {
namespace {

absl::Status Malformed(std::string_view text, const char* reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("path template ", std::string(text), ": ", reason));
}

bool IsLiteral(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("-_.~").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

// Reads `a/*/**` at the front of `rest`, up to `}`, `:` or, outside a variable, `{`.
absl::Status ParseSegments(std::string_view text, std::string_view& rest, PathTemplate& out) {
  while (true) {
    const size_t end = std::min(rest.find_first_of("/}:{"), rest.size());
    const std::string segment(rest.substr(0, end));
    if (!out.segments.empty() && out.segments.back().kind == PathTemplate::Kind::kRest) {
      return Malformed(text, "** must be last");
    }
    if (segment == "*") {
      out.segments.push_back({.kind = PathTemplate::Kind::kOne});
    } else if (segment == "**") {
      out.segments.push_back({.kind = PathTemplate::Kind::kRest});
    } else if (IsLiteral(segment)) {
      out.segments.push_back({.kind = PathTemplate::Kind::kLiteral, .literal = segment});
    } else {
      return Malformed(text, "expected a name, * or **");
    }
    rest.remove_prefix(end);
    if (rest.empty() || rest.front() != '/') return absl::OkStatus();
    if (rest.size() > 1 && rest[1] == '{') return absl::OkStatus();
    rest.remove_prefix(1);
  }
}

// Reads `{name=campaigns/*}` or `{name}`.
absl::Status ParseVariable(std::string_view text, std::string_view& rest, PathTemplate& out) {
  rest.remove_prefix(1);
  const size_t end = rest.find_first_of("=}");
  if (end == std::string_view::npos) return Malformed(text, "} is missing");
  PathTemplate::Variable variable{.field_path = std::string(rest.substr(0, end)),
                                  .begin = out.segments.size()};
  if (variable.field_path.empty()) return Malformed(text, "a variable needs a field");
  const bool has_segments = rest[end] == '=';
  rest.remove_prefix(end + 1);
  if (has_segments) {
    RONDO_RETURN_IF_ERROR(ParseSegments(text, rest, out));
    if (rest.empty() || rest.front() != '}') return Malformed(text, "} is missing");
    rest.remove_prefix(1);
  } else {
    out.segments.push_back({.kind = PathTemplate::Kind::kOne});
  }
  variable.end = out.segments.size();
  out.variables.push_back(std::move(variable));
  return absl::OkStatus();
}

// The value of segments [begin, end) of a path; nullopt if malformed.
std::optional<std::string> Value(const std::vector<std::string>& segments, size_t begin,
                                 size_t end) {
  const bool is_one = end - begin == 1;
  std::string value;
  for (size_t i = begin; i < end; ++i) {
    // Twice encoded, an encoded slash comes out of decoding as it was.
    const std::string encoded =
        is_one ? segments[i]
               : absl::StrReplaceAll(segments[i], {{"%2F", "%252F"}, {"%2f", "%252f"}});
    const absl::StatusOr<std::string> decoded = PercentDecode(encoded);
    if (!decoded.ok()) return std::nullopt;
    absl::StrAppend(&value, i == begin ? "" : "/", *decoded);
  }
  return value;
}

}  // namespace

absl::StatusOr<PathTemplate> ParsePathTemplate(std::string_view text) {
  PathTemplate out;
  std::string_view rest = text;
  while (!rest.empty() && rest.front() == '/') {
    rest.remove_prefix(1);
    if (!out.segments.empty() && out.segments.back().kind == PathTemplate::Kind::kRest) {
      return Malformed(text, "** must be last");
    }
    if (!rest.empty() && rest.front() == '{') {
      RONDO_RETURN_IF_ERROR(ParseVariable(text, rest, out));
    } else {
      RONDO_RETURN_IF_ERROR(ParseSegments(text, rest, out));
    }
  }
  if (out.segments.empty()) return Malformed(text, "must start with /");
  if (!rest.empty() && rest.front() == ':') {
    out.verb = std::string(rest.substr(1));
    if (!IsLiteral(out.verb)) return Malformed(text, "malformed verb");
    rest = {};
  }
  if (!rest.empty()) return Malformed(text, "something follows its end");
  return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> MatchPath(
    const PathTemplate& path_template, std::string_view path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  path.remove_prefix(1);
  if (!path_template.verb.empty()) {
    const std::string suffix = ":" + path_template.verb;
    if (path.size() <= suffix.size() || !path.ends_with(suffix)) return std::nullopt;
    path.remove_suffix(suffix.size());
  }
  const std::vector<std::string> segments =
      absl::StrSplit(absl::string_view(path.data(), path.size()), '/');
  const size_t wanted = path_template.segments.size();
  const bool has_rest = path_template.segments.back().kind == PathTemplate::Kind::kRest;
  // `**` matches no segment too.
  if (has_rest ? segments.size() + 1 < wanted : segments.size() != wanted) return std::nullopt;
  for (size_t i = 0; i < (has_rest ? wanted - 1 : wanted); ++i) {
    const PathTemplate::Segment& segment = path_template.segments[i];
    if (segments[i].empty()) return std::nullopt;
    if (segment.kind == PathTemplate::Kind::kLiteral && segments[i] != segment.literal)
      return std::nullopt;
  }
  std::vector<std::pair<std::string, std::string>> values;
  for (const PathTemplate::Variable& variable : path_template.variables) {
    const bool is_last = has_rest && variable.end == wanted;
    std::optional<std::string> value =
        Value(segments, variable.begin, is_last ? segments.size() : variable.end);
    if (!value.has_value()) return std::nullopt;
    values.emplace_back(variable.field_path, *std::move(value));
  }
  return values;
}

}  // namespace rondo
