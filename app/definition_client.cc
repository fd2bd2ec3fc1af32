#include "app/definition_client.h"

#include <google/protobuf/descriptor.h>

#include "absl/strings/str_format.h"
#include "app/document_text.h"
#include "app/documents.h"
#include "platform/core/status_macros.h"
#include "rondo/campaign/v1/campaign_service.pb.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/decision/v1/decision_service.pb.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "rondo/targeting/v1/targeting_service.pb.h"

namespace rondo {
namespace {

using log::v1::Definition;

// One kind's RPCs and where its content stands in a Definition, in requests and in lists.
#define RONDO_DEFINITION_KIND(Name, Package, Plural, collection_text, field, plural)       \
  struct Name##Kind {                                                                      \
    using Resource = Package::Name;                                                        \
    using GetRequest = Package::Get##Name##Request;                                        \
    using ListRequest = Package::List##Plural##Request;                                    \
    using ListResponse = Package::List##Plural##Response;                                  \
    using UpdateRequest = Package::Update##Name##Request;                                  \
    static constexpr std::string_view kCollection = collection_text;                       \
    static Resource& In(Definition& definition) { return *definition.mutable_##field(); }  \
    static const Resource& In(const Definition& definition) { return definition.field(); } \
    static Resource& In(UpdateRequest& request) { return *request.mutable_##field(); }     \
    static const auto& In(const ListResponse& response) { return response.plural(); }      \
  }

RONDO_DEFINITION_KIND(CodeList, customer::v1, CodeLists, "codeLists/", code_list, code_lists);
RONDO_DEFINITION_KIND(AttributeSet, customer::v1, AttributeSets, "attributeSets/", attribute_set,
                      attribute_sets);
RONDO_DEFINITION_KIND(Segment, targeting::v1, Segments, "segments/", segment, segments);
RONDO_DEFINITION_KIND(Offer, decision::v1, Offers, "offers/", offer, offers);
RONDO_DEFINITION_KIND(Template, delivery::v1, Templates, "templates/", template_, templates);
RONDO_DEFINITION_KIND(Policy, campaign::v1, Policies, "policies/", policy, policies);
RONDO_DEFINITION_KIND(Campaign, campaign::v1, Campaigns, "campaigns/", campaign, campaigns);

#undef RONDO_DEFINITION_KIND

template <typename Kind>
Definition Wrap(const typename Kind::Resource& resource) {
  Definition definition;
  definition.set_name(resource.name());
  definition.set_version(resource.version());
  Kind::In(definition) = resource;
  return definition;
}

// Calls `body` with the kind whose collection `name` is in.
template <typename Result, typename Body>
Result ForKind(std::string_view name, Body body) {
  if (name.starts_with(CodeListKind::kCollection)) return body(CodeListKind{});
  if (name.starts_with(AttributeSetKind::kCollection)) return body(AttributeSetKind{});
  if (name.starts_with(SegmentKind::kCollection)) return body(SegmentKind{});
  if (name.starts_with(OfferKind::kCollection)) return body(OfferKind{});
  if (name.starts_with(TemplateKind::kCollection)) return body(TemplateKind{});
  if (name.starts_with(PolicyKind::kCollection)) return body(PolicyKind{});
  if (name.starts_with(CampaignKind::kCollection)) return body(CampaignKind{});
  std::string known;
  for (const std::string_view collection : Collections()) {
    known += (known.empty() ? "" : ", ") + std::string(collection) + "NAME";
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: expected a definition's name, one of %s", name, known));
}

void ClearOutput(google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *type.field(i);
    if (IsSetByServer(field)) reflection.ClearField(&message, &field);
  }
}

}  // namespace

const std::vector<std::string_view>& Collections() {
  static const std::vector<std::string_view> collections = {
      CodeListKind::kCollection, AttributeSetKind::kCollection, SegmentKind::kCollection,
      OfferKind::kCollection,    TemplateKind::kCollection,     PolicyKind::kCollection,
      CampaignKind::kCollection};
  return collections;
}

absl::StatusOr<Definition> DefinitionClient::Get(std::string_view name, int64_t version) {
  return ForKind<absl::StatusOr<Definition>>(name, [&](auto kind) -> absl::StatusOr<Definition> {
    using Kind = decltype(kind);
    typename Kind::GetRequest request;
    request.set_name(std::string(name));
    request.set_version(version);
    RONDO_ASSIGN_OR_RETURN(const auto resource,
                           Call<typename Kind::Resource>(caller_, call_, request));
    return Wrap<Kind>(resource);
  });
}

absl::StatusOr<std::vector<Definition>> DefinitionClient::List(std::string_view collection) {
  using Result = absl::StatusOr<std::vector<Definition>>;
  return ForKind<Result>(collection, [&](auto kind) -> Result {
    using Kind = decltype(kind);
    std::vector<Definition> all;
    typename Kind::ListRequest request;
    request.set_page_size(1000);
    do {
      RONDO_ASSIGN_OR_RETURN(const auto page,
                             Call<typename Kind::ListResponse>(caller_, call_, request));
      for (const auto& resource : Kind::In(page)) all.push_back(Wrap<Kind>(resource));
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return all;
  });
}

absl::StatusOr<Definition> DefinitionClient::Put(const Definition& definition,
                                                 const std::string& etag, Mode mode) {
  using Result = absl::StatusOr<Definition>;
  return ForKind<Result>(definition.name(), [&](auto kind) -> Result {
    using Kind = decltype(kind);
    typename Kind::UpdateRequest request;
    Kind::In(request) = Kind::In(definition);
    Kind::In(request).set_etag(etag);
    request.set_allow_missing(true);
    request.set_validate_only(mode == Mode::kValidateOnly);
    RONDO_ASSIGN_OR_RETURN(const auto resource,
                           Call<typename Kind::Resource>(caller_, call_, request));
    return Wrap<Kind>(resource);
  });
}

Definition WithoutOutput(const Definition& definition) {
  Definition content = definition;
  content.clear_version();
  const google::protobuf::FieldDescriptor* body = content.GetReflection()->GetOneofFieldDescriptor(
      content, Definition::descriptor()->FindOneofByName("body"));
  if (body != nullptr) ClearOutput(*content.GetReflection()->MutableMessage(&content, body));
  return content;
}

std::string EtagOfDefinition(const Definition& definition) {
  const google::protobuf::FieldDescriptor* body =
      definition.GetReflection()->GetOneofFieldDescriptor(
          definition, Definition::descriptor()->FindOneofByName("body"));
  if (body == nullptr) return "";
  const google::protobuf::Message& message =
      definition.GetReflection()->GetMessage(definition, body);
  return message.GetReflection()->GetString(message,
                                            message.GetDescriptor()->FindFieldByName("etag"));
}

}  // namespace rondo
