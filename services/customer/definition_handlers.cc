// The handlers of what is defined: attribute sets and code lists.
#include <utility>

#include "platform/catalog/definition_update.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "services/customer/code_list.h"
#include "services/customer/customer_service.h"
#include "services/customer/schema_use.h"

namespace rondo::customer {
namespace {

pb::AttributeSet FromDefinition(const catalog::Definition& definition) {
  pb::AttributeSet set = definition.attribute_set();
  set.set_name(definition.name());
  set.set_version(definition.version());
  set.set_etag(catalog::EtagOf(definition.version()));
  return set;
}

pb::CodeList ToCodeList(const catalog::Definition& definition) {
  pb::CodeList list = definition.code_list();
  list.set_name(definition.name());
  list.set_version(definition.version());
  list.set_etag(catalog::EtagOf(definition.version()));
  return list;
}

}  // namespace

absl::StatusOr<pb::AttributeSet> CustomerHandlers::PutAttributeSet(
    const pb::AttributeSet& set, const catalog::PutOptions& options) {
  catalog::Definition definition;
  definition.set_name(set.name());
  *definition.mutable_attribute_set() = set;
  // What the answer adds is no content.
  definition.mutable_attribute_set()->clear_etag();
  definition.mutable_attribute_set()->clear_version();
  for (std::string& code_list : CodeListsOf(set)) definition.add_references(std::move(code_list));
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition put,
                         parts_.catalog.Put(std::move(definition), options));
  return FromDefinition(put);
}

absl::StatusOr<pb::AttributeSet> CustomerHandlers::CreateAttributeSet(
    const CallInfo& call, const pb::CreateAttributeSetRequest& request) {
  RONDO_RETURN_IF_ERROR(ValidateAttributeSet(request.attribute_set()));
  RONDO_RETURN_IF_ERROR(parts_.schema.CheckAgainstOthers(request.attribute_set()));
  if (request.validate_only()) return request.attribute_set();
  return PutAttributeSet(
      request.attribute_set(),
      {.expected_version = 0, .request_id = call.request_id, .author = call.principal.name});
}

absl::StatusOr<pb::AttributeSet> CustomerHandlers::GetAttributeSet(
    const CallInfo&, const pb::GetAttributeSetRequest& request) {
  if (!request.name().starts_with(catalog::kAttributeSets)) {
    return FieldError("name", "expected attributeSets/ and a name");
  }
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition,
                         parts_.catalog.Get(request.name(), request.version()));
  return FromDefinition(definition);
}

absl::StatusOr<pb::ListAttributeSetsResponse> CustomerHandlers::ListAttributeSets(
    const CallInfo&, const pb::ListAttributeSetsRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  RONDO_ASSIGN_OR_RETURN(const std::string after, page_tokens_.Decode(request));
  const catalog::Page page = parts_.catalog.List(catalog::kAttributeSets, after, page_size);
  pb::ListAttributeSetsResponse response;
  for (const catalog::Definition& definition : page.definitions) {
    *response.add_attribute_sets() = FromDefinition(definition);
  }
  response.set_next_page_token(page_tokens_.Encode(request, page.next_after));
  return response;
}

absl::StatusOr<pb::AttributeSet> CustomerHandlers::UpdateAttributeSet(
    const CallInfo& call, const pb::UpdateAttributeSetRequest& request) {
  RONDO_ASSIGN_OR_RETURN(
      const auto update,
      catalog::ReadUpdate(parts_.catalog, request.attribute_set(), request,
                          [](const auto& current) { return current.attribute_set(); }));
  RONDO_RETURN_IF_ERROR(ValidateAttributeSet(update.resource));
  RONDO_RETURN_IF_ERROR(parts_.schema.CheckAgainstOthers(update.resource));
  RONDO_RETURN_IF_ERROR(CheckUsers(parts_.catalog, update.resource));
  if (request.validate_only()) return update.resource;
  return PutAttributeSet(update.resource, {.expected_version = update.expected_version,
                                           .request_id = call.request_id,
                                           .author = call.principal.name});
}

absl::StatusOr<pb::CodeList> CustomerHandlers::PutCodeList(const pb::CodeList& list,
                                                           const catalog::PutOptions& options) {
  catalog::Definition definition;
  definition.set_name(list.name());
  *definition.mutable_code_list() = list;
  // What the answer adds is no content.
  definition.mutable_code_list()->clear_etag();
  definition.mutable_code_list()->clear_version();
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition put,
                         parts_.catalog.Put(std::move(definition), options));
  return ToCodeList(put);
}

absl::StatusOr<pb::CodeList> CustomerHandlers::CreateCodeList(
    const CallInfo& call, const pb::CreateCodeListRequest& request) {
  RONDO_RETURN_IF_ERROR(ValidateCodeList(request.code_list()));
  if (request.validate_only()) return request.code_list();
  return PutCodeList(
      request.code_list(),
      {.expected_version = 0, .request_id = call.request_id, .author = call.principal.name});
}

absl::StatusOr<pb::CodeList> CustomerHandlers::GetCodeList(const CallInfo&,
                                                           const pb::GetCodeListRequest& request) {
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kCodeLists, "name"));
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition,
                         parts_.catalog.Get(request.name(), request.version()));
  return ToCodeList(definition);
}

absl::StatusOr<pb::ListCodeListsResponse> CustomerHandlers::ListCodeLists(
    const CallInfo&, const pb::ListCodeListsRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  RONDO_ASSIGN_OR_RETURN(const std::string after, page_tokens_.Decode(request));
  const catalog::Page page = parts_.catalog.List(catalog::kCodeLists, after, page_size);
  pb::ListCodeListsResponse response;
  for (const catalog::Definition& definition : page.definitions) {
    *response.add_code_lists() = ToCodeList(definition);
  }
  response.set_next_page_token(page_tokens_.Encode(request, page.next_after));
  return response;
}

absl::StatusOr<pb::CodeList> CustomerHandlers::UpdateCodeList(
    const CallInfo& call, const pb::UpdateCodeListRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const auto update,
                         catalog::ReadUpdate(parts_.catalog, request.code_list(), request,
                                             [](const auto& now) { return now.code_list(); }));
  RONDO_RETURN_IF_ERROR(ValidateCodeList(update.resource));
  RONDO_RETURN_IF_ERROR(CheckUsers(parts_.catalog, update.resource));
  if (request.validate_only()) return update.resource;
  return PutCodeList(update.resource, {.expected_version = update.expected_version,
                                       .request_id = call.request_id,
                                       .author = call.principal.name});
}

absl::StatusOr<google::protobuf::Empty> CustomerHandlers::DeleteCodeList(
    const CallInfo& call, const pb::DeleteCodeListRequest& request) {
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kCodeLists, "name"));
  RONDO_ASSIGN_OR_RETURN(const int64_t version, catalog::VersionOf(request.etag()));
  RONDO_RETURN_IF_ERROR(parts_.catalog.Remove(
      request.name(),
      {.expected_version = version, .request_id = call.request_id, .author = call.principal.name}));
  return google::protobuf::Empty();
}

}  // namespace rondo::customer
