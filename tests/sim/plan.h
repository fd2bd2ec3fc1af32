// What a world wants of its deployment: campaigns, the contact policy and the offers of a shop. All
// of it is the world's own: the ledger judges by it, and the deployment is only told.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "tests/kit/population/population.h"

namespace rondo::sim {

// Of each message sent, in minor units.
inline constexpr int64_t kContactCost = 2;
// Of the worlds that hold people out.
inline constexpr double kHoldout = 0.1;

// At most `limit` contacts in any rolling `window`.
struct CapPlan {
  std::string channel = {};  // Empty: all channels together.
  int limit = 1;
  absl::Duration window;
};

struct PolicyPlan {
  std::vector<CapPlan> caps = {};
  bool capped_wait = false;  // What is above a cap waits; else it is dropped.
  // Minutes of the customer's day, [start, end), perhaps over midnight; equal for none.
  int quiet_start_minute = 0;
  int quiet_end_minute = 0;
  std::string default_time_zone = "UTC";  // Of customers who have none.
  absl::Duration wait_at_most = absl::Hours(72);
};

// One campaign: due times, cells and windows are the world's, not the deployment's.
struct CampaignPlan {
  std::string name = "campaigns/sim";
  int cycles = 2;
  absl::Time first_due;
  absl::Duration every = absl::Hours(7 * 24);
  absl::Duration window = absl::Hours(5 * 24);
  double control_share = 0.3;
  double sms_share = 0.0;      // Of the treated; the others get e-mail.
  bool local_times = false;    // Due when the customer's own clock shows it; else the same instant.
  bool at_least_once = false;  // What is in doubt is sent again, unless evidence came; else never.
  double holdout = kHoldout;
  absl::Time DueOf(int cycle) const { return first_due + (cycle - 1) * every; }
};

// An offer of the one placement.
struct OfferPlan {
  std::string name;
  std::string only_in_zone = {};  // Only for customers of this time zone; empty for everybody.
  absl::Time end = absl::InfiniteFuture();
  bool IsFor(const kit::Person& person, absl::Time now) const {
    return now < end && (only_in_zone.empty() || person.time_zone == only_in_zone);
  }
};

struct WorldPlan {
  bool miniature = false;  // Of the loop in miniature: it knows no policy, link or second channel.
  bool people_by_file = false;          // Else one call for each of them.
  std::vector<CampaignPlan> campaigns;  // The first one recurs; all share policy and audience.
  PolicyPlan policy;
  std::vector<OfferPlan> offers;
};

}  // namespace rondo::sim
