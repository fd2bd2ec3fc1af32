#include "platform/catalog/resource_name.h"

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"

namespace rondo::catalog {
namespace {

constexpr size_t kIdMax = 63;

}  // namespace

bool IsResourceId(std::string_view id) {
  return !id.empty() && id.size() <= kIdMax && id.front() >= 'a' && id.front() <= 'z' &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

bool IsResourceName(std::string_view name, std::string_view collection) {
  return name.starts_with(collection) && IsResourceId(name.substr(collection.size()));
}

absl::Status CheckResourceName(std::string_view name, std::string_view collection,
                               std::string_view field) {
  if (IsResourceName(name, collection)) return absl::OkStatus();
  return FieldError(field,
                    absl::StrFormat("expected %s and a name of at most %d lower-case letters, "
                                    "digits and hyphens, a letter first",
                                    collection, kIdMax));
}

}  // namespace rondo::catalog
