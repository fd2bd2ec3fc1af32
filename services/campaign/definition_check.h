// What makes a campaign or a contact policy a good one: every rule is checked, and all that is
// wrong is said at once, each with its field (`cells[1].share`).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "platform/catalog/catalog.h"
#include "rondo/campaign/v1/campaign.pb.h"

namespace rondo::campaign {

// Limits of definitions.
inline constexpr int kCellsMax = 100;
inline constexpr int kGoalsMax = 20;
inline constexpr int kCyclesMax = 1000;
inline constexpr int kCapsMax = 50;
inline constexpr int kResponseWindowDaysMax = 366;

// INVALID_ARGUMENT, listing all fields that are wrong, unless `campaign` may be stored: its own
// rules, the names that it uses, and its goals' rules.
absl::Status CheckCampaign(const v1::Campaign& campaign, const catalog::Catalog& catalog);

// Names of the definitions that `campaign` uses, sorted.
std::vector<std::string> ReferencesOf(const v1::Campaign& campaign,
                                      const catalog::Catalog& catalog);

absl::Status CheckPolicy(const v1::Policy& policy);

}  // namespace rondo::campaign
