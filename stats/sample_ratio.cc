#include "stats/sample_ratio.h"

#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>

#include "platform/core/field_error.h"

namespace rondo::stats {

absl::StatusOr<double> SampleRatioPValue(std::span<const int64_t> customers,
                                         std::span<const double> shares) {
  if (customers.size() < 2) return FieldError("customers", "expected at least 2 arms");
  if (customers.size() != shares.size()) {
    return FieldError("shares", "expected one share for each arm");
  }
  double total = 0.0;
  double weight = 0.0;
  for (size_t arm = 0; arm < customers.size(); ++arm) {
    if (customers[arm] < 0) return FieldError("customers", "expected no negative number");
    if (!(shares[arm] > 0.0) || !std::isfinite(shares[arm])) {
      return FieldError("shares", "expected finite numbers above 0");
    }
    total += static_cast<double>(customers[arm]);
    weight += shares[arm];
  }
  if (total <= 0.0) return absl::FailedPreconditionError("not enough data: no customer in any arm");
  double statistic = 0.0;
  for (size_t arm = 0; arm < customers.size(); ++arm) {
    const double expected = total * (shares[arm] / weight);
    const double deviation = static_cast<double>(customers[arm]) - expected;
    statistic += deviation * deviation / expected;
  }
  const boost::math::chi_squared distribution(static_cast<double>(customers.size() - 1));
  return boost::math::cdf(boost::math::complement(distribution, statistic));
}

}  // namespace rondo::stats
