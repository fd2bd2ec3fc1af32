// The shares of a campaign's next cycle, and the figures that moved them, in sentences that a
// marketer can read.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "rondo/campaign/v1/campaign.pb.h"
#include "services/insight/campaign_report.h"

namespace rondo::insight {

struct ShareProposal {
  std::vector<rondo::campaign::v1::CellShare> shares;  // Empty: the campaign does not learn.
  std::vector<std::string> reasons;
};

// Cycles before the last that still count.
inline constexpr size_t kEvidenceCycles = 8;

// From cycles whose windows are over, ascending, at least one; definitions are the last one's.
// Cells are compared by value per customer less cost, or by conversions where the first goal has no
// value. The draws are seeded by campaign and cycle: the same figures give the same proposal.
ShareProposal ProposeShares(std::span<const CycleView> cycles);

}  // namespace rondo::insight
