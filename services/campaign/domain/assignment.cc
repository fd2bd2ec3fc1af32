#include "services/campaign/domain/assignment.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo::campaign {

double Draw(const InstanceKey& key, std::string_view salt, CustomerId customer) {
  std::string input(salt);
  input.push_back('\0');
  for (int shift = 56; shift >= 0; shift -= 8) {
    input.push_back(static_cast<char>(customer.value() >> shift));
  }
  return static_cast<double>(SipHash(key, input) >> 11) * 0x1.0p-53;
}

std::string CellSalt(std::string_view campaign, int cycle) {
  return absl::StrFormat("cell/%s/%d", campaign, cycle);
}

bool IsHeldOut(const InstanceKey& key, std::string_view business_unit, double share,
               CustomerId customer) {
  return share > 0.0 && Draw(key, absl::StrFormat("holdout/%s", business_unit), customer) < share;
}

CellSplit::CellSplit(const InstanceKey& key, std::string_view campaign, int cycle,
                     std::span<const double> shares)
    : key_(key), salt_(CellSalt(campaign, cycle)) {
  RONDO_CHECK(!shares.empty());
  double sum = 0.0;
  for (const double share : shares) thresholds_.push_back(sum += share);
  // From the last cell with a share on: nobody falls through a sum just below 1.
  for (size_t i = shares.size(); i-- > 0;) {
    thresholds_[i] = 1.0;
    if (shares[i] > 0.0) break;
  }
}

size_t CellSplit::CellOf(CustomerId customer) const {
  const double u = Draw(key_, salt_, customer);
  const auto cell = std::upper_bound(thresholds_.begin(), thresholds_.end(), u);
  return static_cast<size_t>(cell - thresholds_.begin());
}

}  // namespace rondo::campaign
