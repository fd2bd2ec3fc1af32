#include "stats/allocation.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "stats/draws.h"

namespace rondo::stats {
namespace {

constexpr int kMinDraws = 100;
constexpr int kMaxDraws = 1000000;

// Normal-inverse-gamma posterior of one cell's mean value.
struct MeanPosterior {
  double mean = 0.0;
  double kappa = 0.0;  // Customers behind the mean, the pseudo-customer included.
  double alpha = 0.0;  // Of the variance's inverse gamma.
  double beta = 0.0;
};

absl::Status CheckRules(std::span<const CellEvidence> cells, const AllocationRules& rules) {
  const auto in_range = [](double floor) { return floor >= 0.0 && floor < 1.0; };
  if (!in_range(rules.control_floor)) {
    return FieldError("control_floor", "expected at least 0 and below 1");
  }
  if (!in_range(rules.cell_floor)) {
    return FieldError("cell_floor", "expected at least 0 and below 1");
  }
  if (rules.draws < kMinDraws || rules.draws > kMaxDraws) {
    return FieldError("draws", absl::StrFormat("expected from %d to %d", kMinDraws, kMaxDraws));
  }
  const auto controls = std::count_if(cells.begin(), cells.end(), [](const CellEvidence& cell) {
    return cell.role == CellRole::kControl;
  });
  if (controls != 1) return FieldError("cells", "expected exactly one control cell");
  if (cells.size() < 2) return FieldError("cells", "expected at least one treated cell");
  const bool aligned = std::all_of(cells.begin(), cells.end(), [&](const CellEvidence& cell) {
    return cell.cycles.size() == cells[0].cycles.size();
  });
  if (!aligned) return FieldError("cycles", "expected the same cycles for every cell");
  const double floors =
      rules.control_floor + rules.cell_floor * static_cast<double>(cells.size() - 1);
  if (floors > 1.0 + 1e-9) return FieldError("cell_floor", "the floors add up to more than 1");
  return absl::OkStatus();
}

// The cells of one cycle: what is believed of each, and how much it counts for each.
struct CyclePosteriors {
  std::vector<MeanPosterior> means;  // By cell; kappa 0: nothing is known.
  std::vector<double> weights;       // By cell; sum over cycles 1. 0 for control.
};

struct Pooled {
  double mean = 0.0;
  double variance = 0.0;
};

// Mean and variance of one customer's value over all cells of one cycle.
absl::StatusOr<Pooled> PoolCycle(std::span<const CellEvidence> cells, size_t cycle) {
  MeanArm all;
  for (const CellEvidence& cell : cells) {
    all.customers += cell.cycles[cycle].customers;
    all.sum += cell.cycles[cycle].sum;
    all.sum_of_squares += cell.cycles[cycle].sum_of_squares;
  }
  if (all.customers < 2) return Pooled{};
  RONDO_ASSIGN_OR_RETURN(const double variance, SampleVariance(all));
  return Pooled{.mean = Mean(all), .variance = variance};
}

absl::StatusOr<MeanPosterior> PosteriorOf(const MeanArm& arm, const Pooled& pooled) {
  RONDO_ASSIGN_OR_RETURN(const double variance, SampleVariance(arm));
  const double n = static_cast<double>(arm.customers);
  const double distance = Mean(arm) - pooled.mean;
  return MeanPosterior{.mean = (pooled.mean + n * Mean(arm)) / (1.0 + n),
                       .kappa = 1.0 + n,
                       .alpha = 0.5 + n / 2.0,
                       .beta = 0.5 * pooled.variance + 0.5 * variance * (n - 1.0) +
                               0.5 * n * distance * distance / (1.0 + n)};
}

// Weights are not yet normalised.
absl::StatusOr<CyclePosteriors> PosteriorsOfCycle(std::span<const CellEvidence> cells,
                                                  size_t control, size_t cycle) {
  CyclePosteriors result = {.means = std::vector<MeanPosterior>(cells.size()),
                            .weights = std::vector<double>(cells.size(), 0.0)};
  RONDO_ASSIGN_OR_RETURN(const Pooled pooled, PoolCycle(cells, cycle));
  const double n_control = static_cast<double>(cells[control].cycles[cycle].customers);
  if (n_control < 2.0 || !(pooled.variance > 0.0)) return result;
  for (size_t i = 0; i < cells.size(); ++i) {
    const MeanArm& arm = cells[i].cycles[cycle];
    if (arm.customers < 2) continue;
    RONDO_ASSIGN_OR_RETURN(result.means[i], PosteriorOf(arm, pooled));
    const double n = static_cast<double>(arm.customers);
    if (i != control) result.weights[i] = n * n_control / (n + n_control);
  }
  return result;
}

absl::StatusOr<std::vector<CyclePosteriors>> Posteriors(std::span<const CellEvidence> cells,
                                                        size_t control) {
  std::vector<CyclePosteriors> cycles;
  for (size_t cycle = 0; cycle < cells[0].cycles.size(); ++cycle) {
    RONDO_ASSIGN_OR_RETURN(CyclePosteriors posteriors, PosteriorsOfCycle(cells, control, cycle));
    cycles.push_back(std::move(posteriors));
  }
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i == control) continue;
    double total = 0.0;
    for (const CyclePosteriors& cycle : cycles) total += cycle.weights[i];
    if (total <= 0.0) {
      return absl::FailedPreconditionError(
          absl::StrFormat("not enough data: cell %s has no cycle with 2 customers in it and in "
                          "control, and a value "
                          "that varies",
                          cells[i].name));
    }
    for (CyclePosteriors& cycle : cycles) cycle.weights[i] /= total;
  }
  return cycles;
}

double DrawMean(const MeanPosterior& posterior, Rng& rng) {
  const double variance = posterior.beta / DrawGamma(posterior.alpha, rng);
  return posterior.mean + std::sqrt(variance / posterior.kappa) * DrawNormal(rng);
}

// The value below which `fraction` of `values` lies; reorders them.
double Quantile(std::vector<double>& values, double fraction) {
  const auto at =
      values.begin() + static_cast<ptrdiff_t>(fraction * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// Net values of each cell in every joint draw, and how often each was the best.
struct Draws {
  std::vector<std::vector<double>> net;  // [cell][draw]; control's are 0.
  std::vector<int> wins;
};

// One joint draw of every cell's net value; control's is 0.
void DrawOnce(std::span<const CellEvidence> cells, const std::vector<CyclePosteriors>& cycles,
              size_t control, Rng& rng, std::vector<double>& net) {
  for (size_t i = 0; i < cells.size(); ++i)
    net[i] = i == control ? 0.0 : -cells[i].cost_per_customer;
  for (const CyclePosteriors& cycle : cycles) {
    if (cycle.means[control].kappa <= 0.0) continue;
    const double control_mean = DrawMean(cycle.means[control], rng);
    for (size_t i = 0; i < cells.size(); ++i) {
      if (cycle.weights[i] <= 0.0) continue;
      net[i] += cycle.weights[i] * (DrawMean(cycle.means[i], rng) - control_mean);
    }
  }
}

Draws DrawAll(std::span<const CellEvidence> cells, const std::vector<CyclePosteriors>& cycles,
              size_t control, int count, Rng& rng) {
  Draws draws = {.net = std::vector<std::vector<double>>(cells.size()),
                 .wins = std::vector<int>(cells.size(), 0)};
  std::vector<double> net(cells.size());
  for (int draw = 0; draw < count; ++draw) {
    DrawOnce(cells, cycles, control, rng, net);
    size_t best = control;
    for (size_t i = 0; i < cells.size(); ++i) {
      draws.net[i].push_back(net[i]);
      if (net[i] > net[best]) best = i;
    }
    ++draws.wins[best];
  }
  return draws;
}

double IncrementalValue(const std::vector<CyclePosteriors>& cycles, size_t control, size_t cell) {
  double value = 0.0;
  for (const CyclePosteriors& cycle : cycles) {
    value += cycle.weights[cell] * (cycle.means[cell].mean - cycle.means[control].mean);
  }
  return value;
}

}  // namespace

absl::StatusOr<std::vector<CellAllocation>> AllocateShares(std::span<const CellEvidence> cells,
                                                           const AllocationRules& rules, Rng& rng) {
  RONDO_RETURN_IF_ERROR(CheckRules(cells, rules));
  const size_t control = static_cast<size_t>(
      std::find_if(cells.begin(), cells.end(),
                   [](const CellEvidence& cell) { return cell.role == CellRole::kControl; }) -
      cells.begin());
  RONDO_ASSIGN_OR_RETURN(const std::vector<CyclePosteriors> cycles, Posteriors(cells, control));
  Draws draws = DrawAll(cells, cycles, control, rules.draws, rng);
  const double floors =
      rules.control_floor + rules.cell_floor * static_cast<double>(cells.size() - 1);
  std::vector<CellAllocation> result;
  for (size_t i = 0; i < cells.size(); ++i) {
    CellAllocation cell;
    cell.name = cells[i].name;
    cell.role = cells[i].role;
    cell.share_before = cells[i].share;
    cell.floor = i == control ? rules.control_floor : rules.cell_floor;
    for (const MeanArm& cycle : cells[i].cycles) cell.customers += cycle.customers;
    cell.probability_best = static_cast<double>(draws.wins[i]) / rules.draws;
    cell.share = cell.floor + std::max(0.0, 1.0 - floors) * cell.probability_best;
    if (i != control) {
      cell.incremental_value = IncrementalValue(cycles, control, i);
      cell.cost = cells[i].cost_per_customer;
      cell.net_value = cell.incremental_value - cell.cost;
      cell.net_low = Quantile(draws.net[i], 0.025);
      cell.net_high = Quantile(draws.net[i], 0.975);
    }
    result.push_back(std::move(cell));
  }
  return result;
}

}  // namespace rondo::stats
