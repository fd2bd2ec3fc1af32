// Names of definitions, `collection/id`, as AIP-122 has them: an id is 1 to 63 lower-case letters,
// digits and hyphens, a letter first.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace rondo::catalog {

inline constexpr std::string_view kAttributeSets = "attributeSets/";
inline constexpr std::string_view kCodeLists = "codeLists/";
inline constexpr std::string_view kSegments = "segments/";
inline constexpr std::string_view kOffers = "offers/";
inline constexpr std::string_view kTemplates = "templates/";
inline constexpr std::string_view kPolicies = "policies/";
inline constexpr std::string_view kCampaigns = "campaigns/";

// Whether `id` may stand behind a collection.
bool IsResourceId(std::string_view id);

// Whether `name` is `collection` and an id.
bool IsResourceName(std::string_view name, std::string_view collection);

// INVALID_ARGUMENT that names `field` and what was expected, unless IsResourceName.
absl::Status CheckResourceName(std::string_view name, std::string_view collection,
                               std::string_view field);

}  // namespace rondo::catalog
