// Structured logs: one JSON object a line, control characters escaped, so that no input can forge a
// line. Values are identifiers, codes and figures, never a person's data or a secret.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "platform/core/clock.h"

namespace spdlog {
class logger;
}

namespace rondo {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, double, bool> value;
};

// Thread-safe.
class Log {
 public:
  // To standard error.
  explicit Log(const Clock& clock, LogLevel least = LogLevel::kInfo);
  // To `out`, which outlives it: for tests.
  Log(const Clock& clock, std::ostream& out, LogLevel least = LogLevel::kInfo);

  // {"time":"2026-12-01T01:02:03.456789Z","level":"info","event":"rpc","method":...}
  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const;

 private:
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace rondo
