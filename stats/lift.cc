#include "stats/lift.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <optional>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::stats {
namespace {

// An arm's mean, and the variance of that mean.
struct Estimate {
  double mean = 0.0;
  double variance = 0.0;
};

absl::Status NotEnoughData(std::string_view why) {
  return absl::FailedPreconditionError(absl::StrFormat("not enough data: %s", why));
}

absl::Status CheckConfidence(double confidence) {
  if (confidence > 0.0 && confidence < 1.0) return absl::OkStatus();
  return FieldError("confidence", "expected a number above 0 and below 1");
}

absl::Status CheckArm(const ProportionArm& arm) {
  if (arm.customers < 1) return FieldError("customers", "expected at least 1 customer in each arm");
  if (arm.conversions < 0 || arm.conversions > arm.customers) {
    return FieldError("conversions", "expected a number from 0 to the arm's customers");
  }
  return absl::OkStatus();
}

absl::Status ImpossibleSums() {
  return FieldError("sum_of_squares", "no values have this sum and this sum of squares");
}

// Sum of squared deviations from the mean: sum_of_squares - sum^2 / n, with the sum split as
// q * n + r so that no term needs more than 128 bits.
absl::StatusOr<double> SquaredDeviations(const MeanArm& arm) {
  const Int128 n = arm.customers;
  const Int128 q = arm.sum / n;
  const Int128 r = arm.sum % n;
  Int128 whole = 0;
  Int128 cross = 0;
  Int128 rest = 0;
  const bool overflows = __builtin_mul_overflow(q, q, &whole) ||
                         __builtin_mul_overflow(whole, n, &whole) ||
                         __builtin_mul_overflow(2 * r, q, &cross) ||
                         __builtin_sub_overflow(arm.sum_of_squares, whole, &rest) ||
                         __builtin_sub_overflow(rest, cross, &rest);
  if (overflows) return ImpossibleSums();
  const long double fraction =
      static_cast<long double>(r) * static_cast<long double>(r) / static_cast<long double>(n);
  const long double deviations = static_cast<long double>(rest) - fraction;
  // r^2 / n is rounded: sums of equal values may come out a hair below 0.
  if (deviations < -1e-9L * std::max(1.0L, fraction)) return ImpossibleSums();
  return static_cast<double>(std::max(deviations, 0.0L));
}

Estimate EstimateOf(const ProportionArm& arm) {
  const double n = static_cast<double>(arm.customers);
  const double rate = Mean(arm);
  return {.mean = rate, .variance = rate * (1.0 - rate) / n};
}

// Fieller's interval of treated.mean / control.mean, minus 1; nothing where the denominator's
// interval at the same critical value holds 0.
std::optional<Interval> FiellerInterval(const Estimate& treated, const Estimate& control,
                                        double critical) {
  const double square = critical * critical;
  const double a = control.mean * control.mean - square * control.variance;
  if (!(a > 0.0)) return std::nullopt;
  const double b = treated.mean * control.mean;
  const double c = treated.mean * treated.mean - square * treated.variance;
  const double root = std::sqrt(std::max(0.0, b * b - a * c));
  return Interval{.low = (b - root) / a - 1.0, .high = (b + root) / a - 1.0};
}

Lift MakeLift(const Estimate& treated, const Estimate& control, double critical) {
  Lift lift;
  lift.difference = treated.mean - control.mean;
  lift.standard_error = std::sqrt(treated.variance + control.variance);
  lift.interval = {.low = lift.difference - critical * lift.standard_error,
                   .high = lift.difference + critical * lift.standard_error};
  lift.relative_interval = FiellerInterval(treated, control, critical);
  if (lift.relative_interval.has_value()) lift.relative = treated.mean / control.mean - 1.0;
  return lift;
}

double NormalCritical(double confidence) {
  // By the complement: 0.5 + confidence / 2 rounds to 1 for confidences next to 1.
  return boost::math::quantile(
      boost::math::complement(boost::math::normal(), (1.0 - confidence) / 2.0));
}

// Wilson's score interval; `arm` is valid.
Interval Wilson(const ProportionArm& arm, double critical) {
  const double n = static_cast<double>(arm.customers);
  const double rate = Mean(arm);
  const double square = critical * critical;
  const double centre = rate + square / (2.0 * n);
  const double reach = critical * std::sqrt(rate * (1.0 - rate) / n + square / (4.0 * n * n));
  const double scale = 1.0 + square / n;
  return {.low = std::max(0.0, (centre - reach) / scale),
          .high = std::min(1.0, (centre + reach) / scale)};
}

Interval Newcombe(const ProportionArm& treated, const ProportionArm& control, double critical) {
  const double rate_t = Mean(treated);
  const double rate_c = Mean(control);
  const Interval t = Wilson(treated, critical);
  const Interval c = Wilson(control, critical);
  const double difference = rate_t - rate_c;
  return {.low = difference - std::hypot(rate_t - t.low, c.high - rate_c),
          .high = difference + std::hypot(t.high - rate_t, rate_c - c.low)};
}

// Satterthwaite's degrees of freedom.
double WelchDegreesOfFreedom(const Estimate& treated, const Estimate& control, const MeanArm& t,
                             const MeanArm& c) {
  const double total = treated.variance + control.variance;
  // Shares of the whole, not squares of tiny variances: those underflow.
  const double part_t = treated.variance / total;
  const double part_c = control.variance / total;
  return 1.0 / (part_t * part_t / static_cast<double>(t.customers - 1) +
                part_c * part_c / static_cast<double>(c.customers - 1));
}

// Arms of one stratum as estimates, and how many customers it has.
struct StratumEstimate {
  Estimate treated;
  Estimate control;
  double customers = 0.0;
};

absl::StatusOr<Lift> Combine(const std::vector<StratumEstimate>& strata, double confidence) {
  double customers = 0.0;
  for (const StratumEstimate& stratum : strata) customers += stratum.customers;
  Estimate treated;
  Estimate control;
  for (const StratumEstimate& stratum : strata) {
    const double weight = stratum.customers / customers;
    treated.mean += weight * stratum.treated.mean;
    control.mean += weight * stratum.control.mean;
    treated.variance += weight * weight * stratum.treated.variance;
    control.variance += weight * weight * stratum.control.variance;
  }
  if (!(treated.variance + control.variance > 0.0)) {
    return NotEnoughData("within each arm all customers have the same value");
  }
  Lift lift = MakeLift(treated, control, NormalCritical(confidence));
  lift.p_value = std::erfc(std::abs(lift.difference) / lift.standard_error / std::sqrt(2.0));
  return lift;
}

absl::StatusOr<Estimate> EstimateOf(const MeanArm& arm) {
  RONDO_ASSIGN_OR_RETURN(const double variance, SampleVariance(arm));
  return Estimate{.mean = Mean(arm), .variance = variance / static_cast<double>(arm.customers)};
}

// Strata whose arms both have at least `least` customers; NotEnoughData if there is none.
template <typename Stratum>
absl::StatusOr<std::vector<Stratum>> Usable(std::span<const Stratum> strata, int64_t least) {
  std::vector<Stratum> usable;
  for (const Stratum& stratum : strata) {
    if (stratum.treated.customers < 0 || stratum.control.customers < 0) {
      return FieldError("customers", "expected no negative number");
    }
    if (stratum.treated.customers >= least && stratum.control.customers >= least) {
      usable.push_back(stratum);
    }
  }
  if (usable.empty()) return NotEnoughData("no stratum has customers enough in both arms");
  return usable;
}

}  // namespace

double Mean(const ProportionArm& arm) {
  if (arm.customers < 1) return 0.0;
  return static_cast<double>(arm.conversions) / static_cast<double>(arm.customers);
}

double Mean(const MeanArm& arm) {
  if (arm.customers < 1) return 0.0;
  return static_cast<double>(static_cast<long double>(arm.sum) /
                             static_cast<long double>(arm.customers));
}

absl::StatusOr<double> SampleVariance(const MeanArm& arm) {
  if (arm.customers < 2)
    return FieldError("customers", "expected at least 2 customers in each arm");
  RONDO_ASSIGN_OR_RETURN(const double deviations, SquaredDeviations(arm));
  return deviations / static_cast<double>(arm.customers - 1);
}

absl::StatusOr<Lift> AbsoluteLift(const ProportionArm& treated, const ProportionArm& control,
                                  const LiftOptions& options) {
  RONDO_RETURN_IF_ERROR(CheckConfidence(options.confidence));
  RONDO_RETURN_IF_ERROR(CheckArm(treated));
  RONDO_RETURN_IF_ERROR(CheckArm(control));
  const Estimate estimate_t = EstimateOf(treated);
  const Estimate estimate_c = EstimateOf(control);
  if (estimate_t.variance + estimate_c.variance <= 0.0) {
    return NotEnoughData("in each arm nobody or everybody converted");
  }
  const double critical = NormalCritical(options.confidence);
  Lift lift = MakeLift(estimate_t, estimate_c, critical);
  lift.p_value = std::erfc(std::abs(lift.difference) / lift.standard_error / std::sqrt(2.0));
  if (options.interval == ProportionInterval::kNewcombe) {
    lift.interval = Newcombe(treated, control, critical);
  }
  return lift;
}

absl::StatusOr<Lift> AbsoluteLift(const MeanArm& treated, const MeanArm& control,
                                  const LiftOptions& options) {
  RONDO_RETURN_IF_ERROR(CheckConfidence(options.confidence));
  if (treated.customers < 0 || control.customers < 0) {
    return FieldError("customers", "expected no negative number");
  }
  if (treated.customers < 2 || control.customers < 2) {
    return NotEnoughData("a mean's error needs at least 2 customers in each arm");
  }
  RONDO_ASSIGN_OR_RETURN(const Estimate estimate_t, EstimateOf(treated));
  RONDO_ASSIGN_OR_RETURN(const Estimate estimate_c, EstimateOf(control));
  if (estimate_t.variance + estimate_c.variance <= 0.0) {
    return NotEnoughData("within each arm all customers have the same value");
  }
  const boost::math::students_t distribution(
      WelchDegreesOfFreedom(estimate_t, estimate_c, treated, control));
  Lift lift = MakeLift(estimate_t, estimate_c,
                       boost::math::quantile(boost::math::complement(
                           distribution, (1.0 - options.confidence) / 2.0)));
  const double t = std::abs(lift.difference) / lift.standard_error;
  lift.p_value = 2.0 * boost::math::cdf(boost::math::complement(distribution, t));
  return lift;
}

absl::StatusOr<Lift> StratifiedLift(std::span<const ProportionStratum> strata,
                                    const LiftOptions& options) {
  RONDO_RETURN_IF_ERROR(CheckConfidence(options.confidence));
  RONDO_ASSIGN_OR_RETURN(const std::vector<ProportionStratum> usable, Usable(strata, 1));
  if (usable.size() == 1) return AbsoluteLift(usable[0].treated, usable[0].control, options);
  std::vector<StratumEstimate> estimates;
  for (const ProportionStratum& stratum : usable) {
    RONDO_RETURN_IF_ERROR(CheckArm(stratum.treated));
    RONDO_RETURN_IF_ERROR(CheckArm(stratum.control));
    estimates.push_back({.treated = EstimateOf(stratum.treated),
                         .control = EstimateOf(stratum.control),
                         .customers = static_cast<double>(stratum.treated.customers) +
                                      static_cast<double>(stratum.control.customers)});
  }
  return Combine(estimates, options.confidence);
}

absl::StatusOr<Lift> StratifiedLift(std::span<const MeanStratum> strata,
                                    const LiftOptions& options) {
  RONDO_RETURN_IF_ERROR(CheckConfidence(options.confidence));
  RONDO_ASSIGN_OR_RETURN(const std::vector<MeanStratum> usable, Usable(strata, 2));
  if (usable.size() == 1) return AbsoluteLift(usable[0].treated, usable[0].control, options);
  std::vector<StratumEstimate> estimates;
  for (const MeanStratum& stratum : usable) {
    RONDO_ASSIGN_OR_RETURN(const Estimate treated, EstimateOf(stratum.treated));
    RONDO_ASSIGN_OR_RETURN(const Estimate control, EstimateOf(stratum.control));
    estimates.push_back({.treated = treated,
                         .control = control,
                         .customers = static_cast<double>(stratum.treated.customers) +
                                      static_cast<double>(stratum.control.customers)});
  }
  return Combine(estimates, options.confidence);
}

absl::StatusOr<Interval> WilsonInterval(const ProportionArm& arm, double confidence) {
  RONDO_RETURN_IF_ERROR(CheckConfidence(confidence));
  RONDO_RETURN_IF_ERROR(CheckArm(arm));
  return Wilson(arm, NormalCritical(confidence));
}

absl::StatusOr<Interval> NewcombeInterval(const ProportionArm& treated,
                                          const ProportionArm& control, double confidence) {
  RONDO_RETURN_IF_ERROR(CheckConfidence(confidence));
  RONDO_RETURN_IF_ERROR(CheckArm(treated));
  RONDO_RETURN_IF_ERROR(CheckArm(control));
  return Newcombe(treated, control, NormalCritical(confidence));
}

}  // namespace rondo::stats
