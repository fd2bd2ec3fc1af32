#include "services/decision/domain/propensity.h"

#include <algorithm>

namespace rondo::decision {

int64_t WeekOf(int64_t micros) {
  constexpr int64_t kMicrosPerWeek = int64_t{7} * 24 * 3600 * 1'000'000;
  const int64_t week = micros / kMicrosPerWeek;
  return micros % kMicrosPerWeek < 0 ? week - 1 : week;
}

stats::BetaPosterior PosteriorOf(const CountsByWeek& counts, int64_t now_week,
                                 const PropensityOptions& options) {
  stats::BetaPosterior posterior = options.prior;
  for (const auto& [week, count] : counts) {
    const double retained = stats::RetainedAfter(
        static_cast<double>(std::max<int64_t>(0, now_week - week)), options.half_life_weeks);
    posterior.alpha += retained * static_cast<double>(count.good);
    posterior.beta += retained * static_cast<double>(count.shown - count.good);
  }
  return posterior;
}

PropensityOptions WithCampaigns(const CountsByWeek& counts, int64_t now_week,
                                PropensityOptions options) {
  const stats::BetaPosterior all = PosteriorOf(counts, now_week, options);
  const double good = all.alpha - options.prior.alpha;
  const double rest = all.beta - options.prior.beta;
  if (good + rest <= 0.0) return options;
  const double scale = std::min(1.0, options.campaign_weight_max / (good + rest));
  options.prior.alpha += scale * good;
  options.prior.beta += scale * rest;
  return options;
}

}  // namespace rondo::decision
