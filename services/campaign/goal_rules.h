// The rules of a campaign's goals: over an event `e` of a type that an attribute set defines, or
// that the engine itself tracks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/catalog/catalog.h"
#include "rules/environment.h"

namespace rondo::campaign {

// The environment of rules over an event of `type`, bound to `e`; nullopt if there is no such type.
std::optional<rules::Environment> GoalEnvironment(const catalog::Catalog& catalog,
                                                  std::string_view type);

// The attribute set that defines events of `type`; empty if none does.
std::string OwnerOfEvent(const catalog::Catalog& catalog, std::string_view type);
// The attribute set that defines the attribute, PII excepted; empty if none does.
std::string OwnerOfAttribute(const catalog::Catalog& catalog, std::string_view attribute);

}  // namespace rondo::campaign
