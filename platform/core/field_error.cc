#include "platform/core/field_error.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace rondo {
namespace {

constexpr char kPayloadUrl[] = "rondo/field-violations";
// Neither can stand in a field's path or in a message that we write.
constexpr char kUnitSeparator = '\x1f';
constexpr char kRecordSeparator = '\x1e';

}  // namespace

absl::Status FieldViolations::ToStatus() const {
  if (violations_.empty()) return absl::OkStatus();
  std::string message;
  std::string payload;
  for (const FieldViolation& violation : violations_) {
    if (!message.empty()) message += "\n";
    message += violation.field + ": " + violation.description;
    if (!payload.empty()) payload += kRecordSeparator;
    payload += violation.field + kUnitSeparator + violation.description;
  }
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

absl::Status FieldError(std::string_view field, std::string_view description) {
  FieldViolations violations;
  violations.Add(std::string(field), std::string(description));
  return violations.ToStatus();
}

std::vector<FieldViolation> ViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return violations;
  const std::string text(*payload);
  for (absl::string_view entry : absl::StrSplit(text, kRecordSeparator)) {
    const std::vector<std::string> parts =
        absl::StrSplit(entry, absl::MaxSplits(kUnitSeparator, 1));
    if (parts.size() == 2) violations.push_back({parts[0], parts[1]});
  }
  return violations;
}

}  // namespace rondo
