// Path templates of google.api.http: `/api/v1/{name=campaigns/*}:launch`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo {

struct PathTemplate {
  enum class Kind { kLiteral, kOne, kRest };  // `campaigns`, `*`, `**`.
  struct Segment {
    Kind kind = Kind::kLiteral;
    std::string literal = {};
    friend bool operator==(const Segment&, const Segment&) = default;
  };
  // A field of the request and the segments [begin, end) that give its value.
  struct Variable {
    std::string field_path;  // `campaign.name`.
    size_t begin = 0;
    size_t end = 0;
    friend bool operator==(const Variable&, const Variable&) = default;
  };
  std::vector<Segment> segments = {};  // kRest only as the last.
  std::vector<Variable> variables = {};
  std::string verb = {};  // `launch`; empty if there is none.
  friend bool operator==(const PathTemplate&, const PathTemplate&) = default;
};

// INVALID_ARGUMENT for what is no template (http.proto's grammar; variables do not nest).
absl::StatusOr<PathTemplate> ParsePathTemplate(std::string_view text);

// The values of the template's variables, in its order, if `path` (as sent) matches; else nullopt.
// A value of one segment is percent-decoded; of several, but for `%2F`, so that a slash within a
// segment stays apart from those between. Malformed percent-encoding matches nothing.
std::optional<std::vector<std::pair<std::string, std::string>>> MatchPath(
    const PathTemplate& path_template, std::string_view path);

}  // namespace rondo
