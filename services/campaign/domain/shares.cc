#include "services/campaign/domain/shares.h"

#include <cmath>
#include <map>

namespace rondo::campaign {

ChosenShares ChooseShares(std::span<const NamedShare> definition,
                          std::span<const NamedShare> proposal) {
  ChosenShares chosen;
  for (const NamedShare& cell : definition) chosen.shares.push_back(cell.share);
  if (proposal.empty()) return chosen;

  chosen.source = ShareSource::kMismatch;
  std::map<std::string, double> proposed;
  double sum = 0.0;
  for (const NamedShare& cell : proposal) {
    if (!(cell.share >= 0.0 && cell.share <= 1.0)) return chosen;
    if (!proposed.emplace(cell.cell, cell.share).second) return chosen;
    sum += cell.share;
  }
  if (proposed.size() != definition.size() || std::abs(sum - 1.0) > kShareTolerance) return chosen;
  std::vector<double> shares;
  for (const NamedShare& cell : definition) {
    const auto found = proposed.find(cell.cell);
    if (found == proposed.end()) return chosen;
    shares.push_back(found->second);
  }
  return {std::move(shares), ShareSource::kProposal};
}

}  // namespace rondo::campaign
