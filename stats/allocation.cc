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
  const double floors =
      rules.control_floor + rules.cell_floor * static_cast<double>(cells.size() - 1);
  if (floors > 1.0 + 1e-9) return FieldError("cell_floor", "the floors add up to more than 1");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<MeanPosterior>> Posteriors(std::span<const CellEvidence> cells) {
  double customers = 0.0;
  double total = 0.0;
  double squares = 0.0;  // Of deviations from the pooled mean: within cells, then between.
  std::vector<double> within;
  for (const CellEvidence& cell : cells) {
    if (cell.value.customers < 2) {
      return absl::FailedPreconditionError(
          absl::StrFormat("not enough data: cell %s has fewer than 2 customers", cell.name));
    }
    RONDO_ASSIGN_OR_RETURN(const double variance, SampleVariance(cell.value));
    within.push_back(variance * static_cast<double>(cell.value.customers - 1));
    customers += static_cast<double>(cell.value.customers);
    total += Mean(cell.value) * static_cast<double>(cell.value.customers);
    squares += within.back();
  }
  const double pooled_mean = total / customers;
  for (const CellEvidence& cell : cells) {
    const double distance = Mean(cell.value) - pooled_mean;
    squares += distance * distance * static_cast<double>(cell.value.customers);
  }
  const double pooled_variance = squares / (customers - 1.0);
  if (!(pooled_variance > 0.0)) {
    return absl::FailedPreconditionError("not enough data: every customer has the same value");
  }
  std::vector<MeanPosterior> posteriors;
  for (size_t i = 0; i < cells.size(); ++i) {
    const double n = static_cast<double>(cells[i].value.customers);
    const double mean = Mean(cells[i].value);
    const double distance = mean - pooled_mean;
    posteriors.push_back({.mean = (pooled_mean + n * mean) / (1.0 + n),
                          .kappa = 1.0 + n,
                          .alpha = 0.5 + n / 2.0,
                          .beta = 0.5 * pooled_variance + 0.5 * within[i] +
                                  0.5 * n * distance * distance / (1.0 + n)});
  }
  return posteriors;
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

Draws DrawAll(std::span<const CellEvidence> cells, const std::vector<MeanPosterior>& posteriors,
              size_t control, int count, Rng& rng) {
  Draws draws = {.net = std::vector<std::vector<double>>(cells.size()),
                 .wins = std::vector<int>(cells.size(), 0)};
  for (int draw = 0; draw < count; ++draw) {
    const double control_mean = DrawMean(posteriors[control], rng);
    size_t best = control;
    double highest = 0.0;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i == control) continue;
      const double net = DrawMean(posteriors[i], rng) - control_mean - cells[i].cost_per_customer;
      draws.net[i].push_back(net);
      if (net > highest) {
        best = i;
        highest = net;
      }
    }
    ++draws.wins[best];
  }
  return draws;
}

}  // namespace

absl::StatusOr<std::vector<CellAllocation>> AllocateShares(std::span<const CellEvidence> cells,
                                                           const AllocationRules& rules, Rng& rng) {
  RONDO_RETURN_IF_ERROR(CheckRules(cells, rules));
  RONDO_ASSIGN_OR_RETURN(const std::vector<MeanPosterior> posteriors, Posteriors(cells));
  const size_t control = static_cast<size_t>(
      std::find_if(cells.begin(), cells.end(),
                   [](const CellEvidence& cell) { return cell.role == CellRole::kControl; }) -
      cells.begin());
  Draws draws = DrawAll(cells, posteriors, control, rules.draws, rng);
  const double floors =
      rules.control_floor + rules.cell_floor * static_cast<double>(cells.size() - 1);
  std::vector<CellAllocation> result;
  for (size_t i = 0; i < cells.size(); ++i) {
    CellAllocation cell;
    cell.name = cells[i].name;
    cell.role = cells[i].role;
    cell.share_before = cells[i].share;
    cell.floor = i == control ? rules.control_floor : rules.cell_floor;
    cell.customers = cells[i].value.customers;
    cell.probability_best = static_cast<double>(draws.wins[i]) / rules.draws;
    cell.share = cell.floor + std::max(0.0, 1.0 - floors) * cell.probability_best;
    if (i != control) {
      cell.incremental_value = posteriors[i].mean - posteriors[control].mean;
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
