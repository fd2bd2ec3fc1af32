// Goes through a cycle's targets and says of each customer what becomes of them: held out, or in
// which cell and due when. Planning and the dry run are this walk, with and without writing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "platform/catalog/catalog.h"
#include "platform/core/hash.h"
#include "platform/core/id.h"
#include "platform/rpc/caller.h"
#include "rondo/campaign/v1/campaign.pb.h"

namespace rondo::campaign {

// What a walk needs of its surroundings; all must outlive it.
struct WalkTools {
  Caller& targeting;  // Serves rondo.targeting.v1.
  const catalog::Catalog& catalog;
  InstanceKey instance_key;
  std::string time_zone_attribute;  // Names a customer's zone, if an attribute set defines it.
};

struct Visit {
  CustomerId customer;
  bool held_out = false;
  int cell = -1;               // Index into the campaign's cells; -1 if held out.
  double probability = 0.0;    // With which the cell was drawn.
  absl::Time due;              // Of a customer in a cell.
  std::string_view time_zone;  // IANA; empty if not known.
  uint32_t segments = 0;       // Bit i: in the i-th of the cycle's segments.
};

// Calls `visit` for each customer of the audience, partition by partition in the order of ids, as
// of now; customers whose attribute names no cell (assignment by attribute) are not visited.
// Nothing is due before `not_before`. Ends with the first error, of the targeting service or of
// `visit`.
absl::Status WalkTargets(const WalkTools& tools, const CallInfo& call, const v1::Campaign& campaign,
                         const v1::Cycle& cycle, absl::Time not_before,
                         const std::function<absl::Status(const Visit&)>& visit);

}  // namespace rondo::campaign
