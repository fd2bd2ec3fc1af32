// What is wrong with a rule, and where: message, line, column and the caret below the place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace rondo::rules {

enum class Phase : uint8_t { kInput, kParse, kCheck, kEval };
// `input`, `parse`, `check`, `eval`.
std::string_view ToString(Phase phase);

struct Diagnostic {
  Phase phase = Phase::kParse;
  std::string message;  // With the way out: "did you mean `customer.tier`?".
  int line = 1;         // From 1.
  int column = 1;       // From 1, in code points.
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

// The diagnostic for byte `offset` of `source`; offsets outside mean the source's end or start.
Diagnostic DiagnosticAt(Phase phase, std::string_view source, int32_t offset, std::string message);

// "2:7: unknown attribute ...\n | customer.teir == 'gold'\n | .........^". Long lines are cut
// around the place.
std::string CaretText(const Diagnostic& diagnostic, std::string_view source);

// INVALID_ARGUMENT whose message is the caret text of the first diagnostics, which carries them for
// DiagnosticsOf, and a FieldViolation for each (field `expression:LINE:COLUMN`) for the door.
absl::Status ToStatus(const std::vector<Diagnostic>& diagnostics, std::string_view source);
// Empty when `status` is not of ToStatus.
std::vector<Diagnostic> DiagnosticsOf(const absl::Status& status);

}  // namespace rondo::rules
