// What the text of definitions says in words of its own, for reading (documents.cc) and for writing
// (document_writer.cc): kinds, enum values, durations.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "platform/catalog/resource_name.h"

namespace rondo {

struct DocumentKind {
  std::string_view name;
  std::string_view collection;
  std::string_view body_field;  // Of rondo.log.v1.Definition.
};
inline constexpr std::array<DocumentKind, 7> kDocumentKinds = {{
    {"CodeList", catalog::kCodeLists, "code_list"},
    {"AttributeSet", catalog::kAttributeSets, "attribute_set"},
    {"Segment", catalog::kSegments, "segment"},
    {"Offer", catalog::kOffers, "offer"},
    {"Template", catalog::kTemplates, "template"},
    {"Campaign", catalog::kCampaigns, "campaign"},
    {"Policy", catalog::kPolicies, "policy"},
}};

// `Campaign` for `campaigns/…`; empty for an unknown collection.
std::string_view KindOf(std::string_view resource_name);

// `ALLOCATION_` of ALLOCATION_UNSPECIFIED: what text leaves out of an enum's values.
std::string EnumPrefix(const google::protobuf::EnumDescriptor& type);

// Whether the server sets the field: output-only ones, and etags.
bool IsSetByServer(const google::protobuf::FieldDescriptor& field);

// `14d`, `1d12h30m`, `0s`. INVALID_ARGUMENT otherwise, or beyond 100 years.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);
// The shortest that ParseDuration reads back; whole seconds.
std::string FormatDurationText(absl::Duration duration);

}  // namespace rondo
