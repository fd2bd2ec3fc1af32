// Cell shares for a campaign's next cycle, from what its past cycles showed.
//
// Thompson sampling over whole cells: a cell's share above the floors is the posterior chance that
// it earns the most per customer, net of the contact's cost. The control cell takes part:
// contacting nobody earns 0, so when no treatment pays, customers move to control. Floors keep
// every cell measurable. The result carries every figure that moved a share, so that the cycle's
// record can say why.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/rng.h"
#include "stats/lift.h"

namespace rondo::stats {

enum class CellRole { kTreated, kControl };

// What is known of one cell from the cycles that still count.
struct CellEvidence {
  std::string name;
  CellRole role = CellRole::kTreated;
  double share = 0.0;              // In the cycle just measured; in [0, 1].
  double cost_per_customer = 0.0;  // Minor units per customer assigned (0 for who was not reached).
  // Value per customer assigned, minor units, cost not taken off: one for each past cycle, the same
  // cycles in the same order for all cells. Cells are compared within a cycle only, since cycles
  // differ in season and people.
  std::vector<MeanArm> cycles = {};
};

struct AllocationRules {
  double control_floor = 0.1;  // Least share of the control cell; in [0, 1).
  double cell_floor = 0.1;     // Least share of every treated cell; in [0, 1).
  int draws = 20000;           // Posterior draws; the shares' own noise is below 0.5 / sqrt(draws).
};

// One cell's next share and the figures that it follows from; money in minor units.
struct CellAllocation {
  std::string name;
  CellRole role = CellRole::kTreated;
  double share_before = 0.0;
  double share = 0.0;
  double floor = 0.0;
  int64_t customers = 0;           // Behind the figures.
  double incremental_value = 0.0;  // Posterior mean of value per customer above control's.
  double cost = 0.0;               // Per customer.
  double net_value = 0.0;          // incremental_value - cost.
  double net_low = 0.0;            // Central 95% posterior interval of net_value.
  double net_high = 0.0;
  double probability_best = 0.0;  // Chance that it earns the most; control counts as 0.
};

// In the order of `cells`; shares sum to 1.
// Within a cycle the posterior of a cell's mean is normal-inverse-gamma with one pseudo-customer at
// the mean and variance of all the cycle's cells, so that a cell in which nobody bought yet is
// uncertain, not worthless for certain (Murphy 2007, "Conjugate Bayesian analysis of the Gaussian
// distribution", section 6). A cell's incremental value is the mean over its cycles, weighted by
// n_cell * n_control / (n_cell + n_control).
// INVALID_ARGUMENT unless there is exactly one control cell and at least one treated one, all have
// equally many cycles, sums are possible, and floors add up to at most 1; FAILED_PRECONDITION "not
// enough data" when a cell has no cycle with two customers in it and in control and some value that
// varies: keep the shares then.
absl::StatusOr<std::vector<CellAllocation>> AllocateShares(std::span<const CellEvidence> cells,
                                                           const AllocationRules& rules, Rng& rng);

}  // namespace rondo::stats
