// What an Update call asks to write: the whole resource, or some fields of the current one.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/util/field_mask_util.h"
#include "platform/catalog/catalog.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::catalog {

template <typename Resource>
struct DefinitionUpdate {
  Resource resource;
  int64_t expected_version = -1;  // As PutOptions has it.
};

// Reads an Update request as AIP-134 has it: with an update_mask the fields that it names come from
// the request (`*`: all) and the others from the current version, which then must still be the
// current one when it is written. NOT_FOUND if there is none, unless allow_missing;
// INVALID_ARGUMENT for an etag that none is, or for a mask that names no field of the resource.
// `content(definition)` is the resource in a definition.
template <typename Resource, typename Request, typename Content>
absl::StatusOr<DefinitionUpdate<Resource>> ReadUpdate(const Catalog& catalog, const Resource& given,
                                                      const Request& request,
                                                      const Content& content) {
  using google::protobuf::util::FieldMaskUtil;
  DefinitionUpdate<Resource> update{.resource = given};
  RONDO_ASSIGN_OR_RETURN(update.expected_version, VersionOf(given.etag()));
  const absl::StatusOr<Definition> current = catalog.Get(given.name());
  const bool is_new = absl::IsNotFound(current.status()) && request.allow_missing();
  if (!is_new) RONDO_RETURN_IF_ERROR(current.status());
  if (request.update_mask().paths().empty()) return update;
  const auto& paths = request.update_mask().paths();
  if (paths.size() == 1 && paths[0] == "*") return update;  // All of it, as without a mask.
  for (const std::string& path : paths) {
    if (FieldMaskUtil::IsValidPath<Resource>(path)) continue;
    return FieldError("update_mask", absl::StrFormat("%s is no field of %s", path,
                                                     Resource::descriptor()->full_name()));
  }
  if (is_new) return update;
  Resource merged = content(*current);
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(given, request.update_mask(), options, &merged);
  merged.set_name(given.name());
  update.resource = std::move(merged);
  if (update.expected_version < 0) update.expected_version = current->version();
  return update;
}

}  // namespace rondo::catalog
