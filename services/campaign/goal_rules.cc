#include "services/campaign/goal_rules.h"

#include "platform/catalog/resource_name.h"
#include "rules/schema/schema.h"

namespace rondo::campaign {
namespace {

rules::Schema SchemaOf(const catalog::Catalog& catalog) {
  return rules::Schema(catalog.ListAll(catalog::kAttributeSets),
                       catalog.ListAll(catalog::kCodeLists));
}

}  // namespace

std::optional<rules::Environment> GoalEnvironment(const catalog::Catalog& catalog,
                                                  std::string_view type) {
  const rules::Schema schema = SchemaOf(catalog);
  if (!schema.HasEvent(type)) return std::nullopt;
  rules::Environment environment;
  environment.AddEventType(std::string(type), schema.FieldsOfEvent(type))
      .BindEvent("e", std::string(type));
  schema.DeclareCodeLists(environment);
  return environment;
}

std::string OwnerOfEvent(const catalog::Catalog& catalog, std::string_view type) {
  return SchemaOf(catalog).OwnerOfEvent(type);
}

std::string OwnerOfAttribute(const catalog::Catalog& catalog, std::string_view attribute) {
  return SchemaOf(catalog).OwnerOfAttribute(attribute);
}

}  // namespace rondo::campaign
