// Templates of messages: a subset of Liquid, compiled once, rendered for each customer.
//
// The subset: output with filters, `if` / `elsif` / `else`, `unless`, `for` (limit, offset,
// reversed, forloop, else, break, continue), `assign`, `comment`, `#`, `raw`, whitespace control.
// Every other tag and every unknown filter is refused by Compile, with its line and column. A
// template reads nothing but the data it is given: no files, no environment, no clock.
//
// Library note: Debian has no Liquid for C++; inja is another language and overflows its stack on
// deeply nested input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"

namespace rondo::liquid {

enum class AutoEscape : uint8_t {
  kNone,  // Text: outputs are written as they are.
  kHtml,  // HTML: each output is escaped, unless a filter made it HTML (`escape`, `newline_to_br`).
};

enum class RawFilter : uint8_t {
  kRefused,  // `{{ x | raw }}` does not compile.
  kAllowed,  // Its author may write unescaped HTML: a role's right, checked by whoever compiles.
};

struct CompileOptions {
  AutoEscape escape = AutoEscape::kNone;
  RawFilter raw_filter = RawFilter::kRefused;
  size_t source_bytes_max = 1 << 20;
  int depth_max = 100;  // Of nested blocks.
};

struct RenderOptions {
  int64_t steps_max = 1'000'000;      // Nodes rendered, filters called, items walked.
  size_t output_bytes_max = 1 << 20;  // Of the output, and of any string made on the way.
  // What `'now' | date: ...` means, and the zone that `date` writes in.
  absl::Time now = absl::UnixEpoch();
  absl::TimeZone time_zone = absl::UTCTimeZone();
};

struct Program;  // The compiled form; template_program.h.

// Immutable after Compile, cheap to copy; thread-safe.
class Template {
 public:
  // INVALID_ARGUMENT with "line L, column C: what and the way out" (both from 1, columns in bytes)
  // for whatever is not in the subset or beyond a limit.
  static absl::StatusOr<Template> Compile(std::string_view source, const CompileOptions& options);

  // The message for `data`, an object. A missing variable writes nothing, as in Liquid.
  // INVALID_ARGUMENT with line and column for a wrong argument (division by zero, a limit that is
  // no number); RESOURCE_EXHAUSTED beyond a limit of `options`.
  absl::StatusOr<std::string> Render(const nlohmann::json& data,
                                     const RenderOptions& options) const;

  // The paths that the template reads from its data, sorted, without repeats: `customer.name`,
  // `offer`. An index by expression ends the path. Lets a definition be checked before launch.
  const std::vector<std::string>& Variables() const;

 private:
  explicit Template(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace rondo::liquid
