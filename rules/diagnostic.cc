#include "rules/diagnostic.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "platform/core/field_error.h"
#include "rules/text.h"

namespace rondo::rules {
namespace {

constexpr char kPayloadUrl[] = "rondo/rule-diagnostics";
constexpr char kUnitSeparator = '\x1f';
constexpr char kRecordSeparator = '\x1e';
// Of a source line in a caret text, in code points.
constexpr size_t kLineShown = 120;
constexpr size_t kDiagnosticsInMessage = 5;

std::string_view LineOf(std::string_view source, int line) {
  for (int i = 1; i < line; ++i) {
    const size_t end = source.find('\n');
    if (end == std::string_view::npos) return {};
    source.remove_prefix(end + 1);
  }
  return source.substr(0, source.find('\n'));
}

}  // namespace

std::string_view ToString(Phase phase) {
  switch (phase) {
    case Phase::kInput:
      return "input";
    case Phase::kParse:
      return "parse";
    case Phase::kCheck:
      return "check";
    case Phase::kEval:
      return "eval";
  }
  return "eval";
}

Diagnostic DiagnosticAt(Phase phase, std::string_view source, int32_t offset, std::string message) {
  const size_t end = std::min(source.size(), static_cast<size_t>(std::max(offset, 0)));
  const std::string_view before = source.substr(0, end);
  const size_t line_start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  Diagnostic diagnostic{.phase = phase, .message = std::move(message)};
  diagnostic.line = 1 + static_cast<int>(std::ranges::count(before, '\n'));
  diagnostic.column = 1 + static_cast<int>(CodePointCount(before.substr(line_start)));
  return diagnostic;
}

std::string CaretText(const Diagnostic& diagnostic, std::string_view source) {
  std::string_view line = LineOf(source, diagnostic.line);
  auto column = static_cast<size_t>(std::max(diagnostic.column, 1)) - 1;
  if (column >= kLineShown) {
    const size_t cut = column - kLineShown / 2;
    line.remove_prefix(ByteOffset(line, cut));
    column -= cut;
  }
  line = line.substr(0, ByteOffset(line, kLineShown));
  std::string shown(line);
  // A tab or a control character would move the caret.
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return absl::StrFormat("%d:%d: %s\n | %s\n | %s^", diagnostic.line, diagnostic.column,
                         diagnostic.message, shown, std::string(column, '.'));
}

absl::Status ToStatus(const std::vector<Diagnostic>& diagnostics, std::string_view source) {
  if (diagnostics.empty()) return absl::OkStatus();
  std::string message;
  std::string payload;
  FieldViolations violations;
  for (size_t i = 0; i < diagnostics.size(); ++i) {
    const Diagnostic& d = diagnostics[i];
    if (i < kDiagnosticsInMessage) {
      absl::StrAppend(&message, message.empty() ? "" : "\n", CaretText(d, source));
    }
    if (i > 0) payload += kRecordSeparator;
    absl::StrAppend(&payload, static_cast<int>(d.phase), std::string(1, kUnitSeparator), d.line,
                    std::string(1, kUnitSeparator), d.column, std::string(1, kUnitSeparator),
                    d.message);
    violations.Add(absl::StrFormat("expression:%d:%d", d.line, d.column), d.message);
  }
  absl::Status status = absl::InvalidArgumentError(message);
  const absl::Status with_fields = violations.ToStatus();
  with_fields.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& fields) { status.SetPayload(url, fields); });
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

std::vector<Diagnostic> DiagnosticsOf(const absl::Status& status) {
  std::vector<Diagnostic> diagnostics;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return diagnostics;
  const std::string text(*payload);
  for (absl::string_view entry : absl::StrSplit(text, kRecordSeparator)) {
    const std::vector<std::string> parts =
        absl::StrSplit(entry, absl::MaxSplits(kUnitSeparator, 3));
    Diagnostic d;
    int phase = 0;
    if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &phase) ||
        !absl::SimpleAtoi(parts[1], &d.line) || !absl::SimpleAtoi(parts[2], &d.column)) {
      continue;
    }
    d.phase = static_cast<Phase>(phase);
    d.message = parts[3];
    diagnostics.push_back(std::move(d));
  }
  return diagnostics;
}

}  // namespace rondo::rules
