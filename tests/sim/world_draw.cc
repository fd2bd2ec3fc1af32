#include "tests/sim/world_draw.h"

#include <array>
#include <string>

namespace rondo::sim {
namespace {

CapPlan DrawCap(Rng& rng) {
  constexpr std::array<const char*, 4> kChannels = {"", "", "email", "sms"};
  CapPlan cap;
  cap.channel = kChannels[rng.Below(kChannels.size())];
  cap.limit = 1 + static_cast<int>(rng.Below(2));
  cap.window = absl::Hours(12 + rng.Below(16 * 24));
  return cap;
}

PolicyPlan DrawPolicy(Rng& rng) {
  constexpr std::array<const char*, 3> kZones = {"UTC", "Asia/Seoul", "America/New_York"};
  PolicyPlan policy;
  const auto caps = static_cast<int>(rng.Below(3));
  for (int i = 0; i < caps; ++i) policy.caps.push_back(DrawCap(rng));
  policy.capped_wait = rng.Chance(0.5);
  if (rng.Chance(0.5)) {
    policy.quiet_start_minute = static_cast<int>(rng.Below(1'440));
    const int length = 60 + static_cast<int>(rng.Below(14 * 60));
    policy.quiet_end_minute = (policy.quiet_start_minute + length) % 1'440;
  }
  policy.default_time_zone = kZones[rng.Below(kZones.size())];
  policy.wait_at_most = absl::Hours(rng.Chance(0.5) ? 24 : 72);
  return policy;
}

// Within the first cycle of `main`, so that contacts of both meet the policy together.
CampaignPlan DrawSecond(Rng& rng, const CampaignPlan& main) {
  CampaignPlan plan;
  plan.name = "campaigns/flash";
  plan.cycles = 1;
  plan.first_due = main.first_due + absl::Hours(1 + rng.Below(48));
  plan.window = absl::Hours(3 * 24);
  plan.control_share = 0.2 + 0.3 * rng.Uniform();
  plan.sms_share = rng.Chance(0.5) ? rng.Uniform() : 0.0;
  plan.local_times = rng.Chance(0.3);
  plan.at_least_once = rng.Chance(0.3);
  plan.holdout = main.holdout;  // A business unit's, not a campaign's.
  return plan;
}

}  // namespace

FaultOptions DrawFaults(Rng& rng) {
  FaultOptions faults;
  if (rng.Chance(0.2)) return faults;
  faults.crash = rng.Uniform() * 0.01;
  faults.fail = rng.Chance(0.5) ? rng.Uniform() * 0.01 : 0.0;
  faults.power_lost = rng.Uniform() * 0.5;
  faults.stores_survive_crash = rng.Chance(0.5);
  return faults;
}

WorldPlan DrawPlan(Rng& rng, absl::Time now, bool miniature) {
  WorldPlan world;
  world.miniature = miniature;
  CampaignPlan plan;
  plan.cycles = 1 + static_cast<int>(rng.Below(3));
  plan.first_due = now + absl::Hours(24);
  plan.control_share = 0.2 + 0.3 * rng.Uniform();
  plan.holdout = rng.Chance(0.5) ? kHoldout : 0.0;
  if (!miniature) {
    plan.sms_share = rng.Chance(0.7) ? 0.2 + 0.6 * rng.Uniform() : 0.0;
    plan.local_times = rng.Chance(0.3);
    plan.at_least_once = rng.Chance(0.3);
    world.people_by_file = rng.Chance(0.5);
    world.policy = DrawPolicy(rng);
    world.offers = {{.name = "offers/all"},
                    {.name = "offers/seoul", .only_in_zone = "Asia/Seoul"},
                    {.name = "offers/brief", .end = plan.first_due + absl::Hours(rng.Below(96))}};
  }
  world.campaigns.push_back(plan);
  if (!miniature && rng.Chance(0.5)) world.campaigns.push_back(DrawSecond(rng, plan));
  return world;
}

std::vector<kit::Person> DrawPeople(Rng& rng, const kit::Population& population) {
  std::vector<kit::Person> people = population.people();
  for (kit::Person& person : people) {
    if (rng.Chance(0.15)) person.time_zone.clear();
  }
  return people;
}

}  // namespace rondo::sim
