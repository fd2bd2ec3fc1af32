// The shares of a cycle's cells: as defined, or as the last cycle's results propose.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace rondo::campaign {

// The shares of a definition must add up to 1 within this.
inline constexpr double kShareTolerance = 1e-6;

struct NamedShare {
  std::string cell;
  double share = 0.0;
};

enum class ShareSource {
  kDefinition,  // As defined.
  kProposal,    // As proposed.
  kMismatch,    // As defined, because the proposal is for other cells.
};

struct ChosenShares {
  std::vector<double> shares;  // In the order of the definition's cells.
  ShareSource source = ShareSource::kDefinition;
};

// `proposal` is empty when there is none. It counts if it names exactly the definition's cells, in
// any order, with shares in [0, 1] that add up to 1.
ChosenShares ChooseShares(std::span<const NamedShare> definition,
                          std::span<const NamedShare> proposal);

}  // namespace rondo::campaign
