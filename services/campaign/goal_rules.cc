#include "services/campaign/goal_rules.h"

#include <algorithm>

#include "rules/type.h"

namespace rondo::campaign {
namespace {

namespace type = ::rondo::type::v1;

// Events that the engine itself tracks, without fields unless an attribute set gives them some.
constexpr std::string_view kOwnEvents[] = {"open",   "click",     "unsubscribe",
                                           "bounce", "complaint", "delivered"};

std::optional<rules::Type> RuleTypeOf(type::ValueType value_type) {
  switch (value_type) {
    case type::VALUE_TYPE_STRING:
    case type::VALUE_TYPE_CODE:
    case type::VALUE_TYPE_REFERENCE:
      return rules::Type::String();
    case type::VALUE_TYPE_INT:
      return rules::Type::Int();
    case type::VALUE_TYPE_DOUBLE:
      return rules::Type::Double();
    case type::VALUE_TYPE_BOOL:
      return rules::Type::Bool();
    case type::VALUE_TYPE_TIMESTAMP:
      return rules::Type::Timestamp();
    case type::VALUE_TYPE_DATE:
      return rules::Type::Date();
    case type::VALUE_TYPE_MONEY:
      return rules::Type::Money();
    case type::VALUE_TYPE_GEO_POINT:
      return rules::Type::GeoPoint();
    case type::VALUE_TYPE_STRING_LIST:
      return rules::Type::List(rules::Type::String());
    default:
      return std::nullopt;
  }
}

std::vector<catalog::Definition> AttributeSets(const catalog::Catalog& catalog) {
  std::vector<catalog::Definition> sets;
  std::string after;
  do {
    catalog::Page page = catalog.List("attributeSets/", after, 1000);
    for (catalog::Definition& set : page.definitions) sets.push_back(std::move(set));
    after = page.next_after;
  } while (!after.empty());
  return sets;
}

}  // namespace

std::optional<rules::Environment> GoalEnvironment(const catalog::Catalog& catalog,
                                                  std::string_view type) {
  rules::Environment environment;
  for (const catalog::Definition& set : AttributeSets(catalog)) {
    for (const auto& event : set.attribute_set().event_types()) {
      if (event.name() != type) continue;
      std::vector<rules::Field> fields;
      for (const auto& field : event.fields()) {
        const std::optional<rules::Type> rule_type = RuleTypeOf(field.type());
        if (!field.pii() && rule_type) fields.push_back({field.name(), *rule_type});
      }
      environment.AddEventType(event.name(), std::move(fields)).BindEvent("e", event.name());
      return environment;
    }
  }
  if (std::find(std::begin(kOwnEvents), std::end(kOwnEvents), type) == std::end(kOwnEvents)) {
    return std::nullopt;
  }
  environment.AddEventType(std::string(type), {}).BindEvent("e", std::string(type));
  return environment;
}

std::string OwnerOfEvent(const catalog::Catalog& catalog, std::string_view type) {
  for (const catalog::Definition& set : AttributeSets(catalog)) {
    for (const auto& event : set.attribute_set().event_types()) {
      if (event.name() == type) return set.name();
    }
  }
  return "";
}

std::string OwnerOfAttribute(const catalog::Catalog& catalog, std::string_view attribute) {
  for (const catalog::Definition& set : AttributeSets(catalog)) {
    for (const auto& defined : set.attribute_set().attributes()) {
      if (defined.name() == attribute && !defined.pii()) return set.name();
    }
  }
  return "";
}

}  // namespace rondo::campaign
