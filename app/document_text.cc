#include "app/document_text.h"

#include <google/api/field_behavior.pb.h>

#include <charconv>

#include "absl/strings/str_format.h"

namespace rondo {

std::string_view KindOf(std::string_view resource_name) {
  for (const DocumentKind& kind : kDocumentKinds) {
    if (resource_name.starts_with(kind.collection)) return kind.name;
  }
  return "";
}

std::string EnumPrefix(const google::protobuf::EnumDescriptor& type) {
  std::string first(type.value(0)->name());
  first.resize(first.size() - std::string_view("UNSPECIFIED").size());
  return first;
}

bool IsSetByServer(const google::protobuf::FieldDescriptor& field) {
  if (field.name() == "etag") return true;
  const auto& options = field.options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) == google::api::OUTPUT_ONLY)
      return true;
  }
  return false;
}

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  const absl::Duration kLongest = absl::Hours(24) * 36525;
  absl::Duration total;
  std::string_view rest = text;
  while (!rest.empty()) {
    int64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc() || count < 0 || end == rest.data() + rest.size()) break;
    const char unit = *end;
    const absl::Duration one = unit == 'w'   ? absl::Hours(24 * 7)
                               : unit == 'd' ? absl::Hours(24)
                               : unit == 'h' ? absl::Hours(1)
                               : unit == 'm' ? absl::Minutes(1)
                               : unit == 's' ? absl::Seconds(1)
                                             : absl::ZeroDuration();
    if (one == absl::ZeroDuration()) break;
    total += one * count;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  }
  if (text.empty() || !rest.empty() || total > kLongest) {
    return absl::InvalidArgumentError("expected a duration such as 14d, 36h, 90m, 45s or 1d12h");
  }
  return total;
}

std::string FormatDurationText(absl::Duration duration) {
  int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds == 0) return "0s";
  std::string text;
  for (const auto& [unit, size] : {std::pair{'d', int64_t{86400}}, std::pair{'h', int64_t{3600}},
                                   std::pair{'m', int64_t{60}}, std::pair{'s', int64_t{1}}}) {
    if (seconds >= size) text += absl::StrFormat("%d%c", seconds / size, unit);
    seconds %= size;
  }
  return text;
}

}  // namespace rondo
