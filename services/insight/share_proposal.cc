#include "services/insight/share_proposal.h"

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/rng.h"
#include "stats/allocation.h"

namespace rondo::insight {
namespace {

// What cells are compared by.
struct Yardstick {
  std::string goal;
  bool is_value = false;
  std::string unit;      // `KRW`, `conversions`.
  double divisor = 1.0;  // Minor units of one unit.
};

Yardstick YardstickOf(std::span<const CycleView> cycles) {
  const auto& definition = cycles.back().state.campaign();
  Yardstick by;
  by.goal = definition.goals(0).name();
  by.is_value = HasValue(cycles, by.goal);
  by.unit = by.is_value ? definition.currency() : "conversions";
  by.divisor = by.is_value ? MinorPerMajor(definition.currency()) : 1.0;
  return by;
}

stats::MeanArm ArmOf(const CellSums& sums, const Yardstick& by) {
  if (by.is_value) return sums.Values(by.goal);
  const stats::ProportionArm arm = sums.Conversions(by.goal);
  return {.customers = arm.customers, .sum = arm.conversions, .sum_of_squares = arm.conversions};
}

std::vector<stats::CellEvidence> EvidenceOf(std::span<const CycleView> cycles,
                                            const Yardstick& by) {
  std::vector<stats::CellEvidence> evidence;
  for (const auto& defined : cycles.back().state.campaign().cells()) {
    stats::CellEvidence cell;
    cell.name = defined.name();
    cell.role = defined.control() ? stats::CellRole::kControl : stats::CellRole::kTreated;
    cell.share = ShareOf(cycles.back(), defined.name());
    double cost = 0.0;
    double customers = 0.0;
    for (const CycleView& cycle : cycles) {
      const auto it = cycle.cells.find(defined.name());
      const CellSums sums = it == cycle.cells.end() ? CellSums{} : it->second;
      cell.cycles.push_back(ArmOf(sums, by));
      cost += static_cast<double>(sums.cost);
      customers += static_cast<double>(sums.customers());
    }
    if (by.is_value && customers > 0.0) cell.cost_per_customer = cost / customers;
    evidence.push_back(std::move(cell));
  }
  return evidence;
}

std::string SentenceOf(const stats::CellAllocation& cell, const Yardstick& by) {
  const std::string move = absl::StrFormat("%s: share %.1f%% -> %.1f%%", cell.name,
                                           100.0 * cell.share_before, 100.0 * cell.share);
  if (cell.role == stats::CellRole::kControl) {
    return absl::StrFormat(
        "%s; floor %.1f%%; the chance that no treatment pays is %.1f%% (%d customers)", move,
        100.0 * cell.floor, 100.0 * cell.probability_best, cell.customers);
  }
  return absl::StrFormat(
      "%s; gains %.4g %s a customer above control, less %.4g of cost: %.4g (95%%: %.4g to %.4g); "
      "the "
      "best with a chance of %.1f%%; floor %.1f%% (%d customers)",
      move, cell.incremental_value / by.divisor, by.unit, cell.cost / by.divisor,
      cell.net_value / by.divisor, cell.net_low / by.divisor, cell.net_high / by.divisor,
      100.0 * cell.probability_best, 100.0 * cell.floor, cell.customers);
}

ShareProposal KeepShares(const std::vector<stats::CellEvidence>& cells, std::string reason) {
  ShareProposal proposal;
  for (const stats::CellEvidence& cell : cells) {
    rondo::campaign::v1::CellShare share;
    share.set_cell(cell.name);
    share.set_share(cell.share);
    share.set_previous_share(cell.share);
    proposal.shares.push_back(std::move(share));
  }
  proposal.reasons.push_back(std::move(reason));
  return proposal;
}

}  // namespace

ShareProposal ProposeShares(std::span<const CycleView> cycles) {
  const auto& definition = cycles.back().state.campaign();
  const auto& learning = definition.learning();
  if (learning.allocate() != rondo::campaign::v1::ALLOCATION_THOMPSON) return {};
  if (definition.goals().empty()) return {};
  const auto used = cycles.last(std::min(cycles.size(), kEvidenceCycles));
  const Yardstick by = YardstickOf(used);
  const std::vector<stats::CellEvidence> evidence = EvidenceOf(used, by);
  Rng rng(Fnv1a(absl::StrFormat("%s#%d", definition.name(), cycles.back().state.cycle().number())));
  const auto allocation = stats::AllocateShares(
      evidence, {.control_floor = learning.control_floor(), .cell_floor = learning.cell_floor()},
      rng);
  if (!allocation.ok()) {
    return KeepShares(
        evidence, absl::StrFormat("shares stay as they are: %s", allocation.status().message()));
  }
  ShareProposal proposal;
  proposal.reasons.push_back(absl::StrFormat(
      "cells are compared by `%s` in %s a customer, within each of the last %d cycles", by.goal,
      by.unit, used.size()));
  for (const stats::CellAllocation& cell : *allocation) {
    rondo::campaign::v1::CellShare share;
    share.set_cell(cell.name);
    share.set_share(cell.share);
    share.set_previous_share(cell.share_before);
    share.set_probability_best(cell.probability_best);
    share.set_profit_per_contact_minor_units(by.is_value ? cell.net_value : 0.0);
    proposal.shares.push_back(std::move(share));
    proposal.reasons.push_back(SentenceOf(cell, by));
  }
  return proposal;
}

}  // namespace rondo::insight
