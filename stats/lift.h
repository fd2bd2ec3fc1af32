// What a campaign caused: the treated arm's outcome minus the control arm's, with its uncertainty.
//
// An arm is described by sums over its customers, never by their rows: sums are integers, merge
// exactly in any order, and a report over them costs nothing. Every customer assigned to an arm
// counts, reached or not (intention to treat), and counts once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "stats/wide_int.h"

namespace rondo::stats {

// A 0/1 metric: how many of the arm's customers did it at least once.
struct ProportionArm {
  int64_t customers = 0;
  int64_t conversions = 0;  // In [0, customers].
};

// A metric of amounts, such as revenue: one value a customer, 0 for those who bought nothing.
struct MeanArm {
  int64_t customers = 0;
  Int128 sum = 0;             // In the metric's unit, e.g. minor units of a currency.
  Int128 sum_of_squares = 0;  // Of the customers' values.
};

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

enum class ProportionInterval {
  kWald,      // Difference +- z * unpooled standard error; agrees with the p-value.
  kNewcombe,  // Score-based, inside [-1, 1]; better below about ten conversions an arm.
};

struct LiftOptions {
  double confidence = 0.95;  // In (0, 1).
  ProportionInterval interval = ProportionInterval::kWald;
};

struct Lift {
  double difference = 0.0;      // Treated minus control, a customer.
  double standard_error = 0.0;  // Unpooled. Of the difference.
  Interval interval;            // Of the difference, at the chosen confidence.
  double p_value = 1.0;         // Two-sided, of "no difference".
  // Treated over control, minus 1; absent where the control's own interval holds 0, because the
  // ratio is then unbounded. The interval is Fieller's (1954).
  std::optional<double> relative;
  std::optional<Interval> relative_interval;
};

// Mean of the arm's values; 0 for an arm without customers.
double Mean(const ProportionArm& arm);
double Mean(const MeanArm& arm);

// Unbiased variance of one customer's value. INVALID_ARGUMENT unless customers >= 2 and the sums
// can be those of any values (n * sum_of_squares >= sum^2). Exact until the last division.
absl::StatusOr<double> SampleVariance(const MeanArm& arm);

// Conversion rate of `treated` minus that of `control`, as a fraction of customers (not of
// messages); two-sided unpooled z test.
// INVALID_ARGUMENT unless 0 <= conversions <= customers and customers >= 1 in both;
// FAILED_PRECONDITION "not enough data" when both rates are 0 or 1: no test has power there.
// Newcombe (1998), Statistics in Medicine 17:873-890, method 1 (Wald) or 10 (score).
absl::StatusOr<Lift> AbsoluteLift(const ProportionArm& treated, const ProportionArm& control,
                                  const LiftOptions& options = {});

// Mean of `treated` minus mean of `control`, in the metric's unit a customer; Welch's t test with
// Satterthwaite's degrees of freedom.
// INVALID_ARGUMENT as SampleVariance; FAILED_PRECONDITION "not enough data" when an arm has fewer
// than two customers or neither arm varies. Welch (1947), Biometrika 34:28-35.
absl::StatusOr<Lift> AbsoluteLift(const MeanArm& treated, const MeanArm& control,
                                  const LiftOptions& options = {});

// The same arms in several strata, such as the cycles of one campaign. A plain sum over strata
// would mix the arms' effect with the strata's own levels wherever shares differ between strata.
struct ProportionStratum {
  ProportionArm treated;
  ProportionArm control;
};
struct MeanStratum {
  MeanArm treated;
  MeanArm control;
};

// Differences of each stratum, weighted by its customers: the effect on the people addressed.
// Normal quantiles; one usable stratum alone gives what AbsoluteLift gives. Strata in which an arm
// is too small (no customer; fewer than two for means) are left out. Errors as AbsoluteLift's;
// FAILED_PRECONDITION "not enough data" if no stratum is left.
// Cochran (1977), Sampling Techniques, section 5.2; Miratrix et al. (2013), JRSS-B 75:369-396.
absl::StatusOr<Lift> StratifiedLift(std::span<const ProportionStratum> strata,
                                    const LiftOptions& options = {});
absl::StatusOr<Lift> StratifiedLift(std::span<const MeanStratum> strata,
                                    const LiftOptions& options = {});

// Interval of a single rate, inside [0, 1]. Wilson (1927), JASA 22:209-212, without continuity
// correction. INVALID_ARGUMENT as AbsoluteLift.
absl::StatusOr<Interval> WilsonInterval(const ProportionArm& arm, double confidence = 0.95);

// Interval of treated rate minus control rate, defined for every count; Newcombe (1998), method 10.
absl::StatusOr<Interval> NewcombeInterval(const ProportionArm& treated,
                                          const ProportionArm& control, double confidence = 0.95);

}  // namespace rondo::stats
