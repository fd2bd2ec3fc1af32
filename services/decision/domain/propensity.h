// What is believed of an offer's chance of a good response at a placement, from what customers did
// with earlier propositions.
//
// Counts are kept by week, as integers, so that state is deterministic; forgetting happens when
// they are read. Older weeks count less: what people like drifts.
#pragma once

#include <cstdint>
#include <map>

#include "stats/bandit.h"

namespace rondo::decision {

struct WeekCounts {
  int64_t shown = 0;  // Propositions that were answered in any way, "shown" included.
  int64_t good = 0;   // Of them, clicked or accepted.
  friend bool operator==(const WeekCounts&, const WeekCounts&) = default;
};

// By week since the epoch.
using CountsByWeek = std::map<int64_t, WeekCounts>;

struct PropensityOptions {
  // What is believed of an offer that nobody saw: 5%, worth 20 propositions.
  stats::BetaPosterior prior = {.alpha = 1.0, .beta = 19.0};
  double half_life_weeks = 8.0;  // 0: nothing is forgotten.
  // What campaigns taught of an offer weighs at most as many propositions: a mail is not a
  // placement, and who was sent one was chosen.
  double campaign_weight_max = 20.0;
};

// Weeks since 1970-01-01, a Thursday, in UTC; rounded down.
int64_t WeekOf(int64_t micros);

// The prior with what each week taught, halved each half-life before `now_week`. Weeks after
// `now_week` count in full.
stats::BetaPosterior PosteriorOf(const CountsByWeek& counts, int64_t now_week,
                                 const PropensityOptions& options);

// `options` whose prior has learnt from campaigns: `counts` of messages with the offer that were
// sent and answered well, weeks forgotten as above, in the share that they are, but worth at most
// `campaign_weight_max` propositions.
PropensityOptions WithCampaigns(const CountsByWeek& counts, int64_t now_week,
                                PropensityOptions options);

}  // namespace rondo::decision
