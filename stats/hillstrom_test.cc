// The mathematics on a real randomised campaign: 64,000 customers, three arms (Hillstrom 2008).
// Expected figures are those of statsmodels 0.14 (confint_proportions_2indep, methods "wald" and
// "newcomb") and SciPy (ttest_ind, equal_var=False) on the same file, spend in cents.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

#include "absl/strings/str_split.h"
#include "stats/lift.h"

namespace rondo::stats {
namespace {

struct Arm {
  ProportionArm visit;
  ProportionArm conversion;
  MeanArm spend;
};

std::string DataFile() {
  const char* root = std::getenv("RONDO_TEST_DATA");
  return std::string(root != nullptr ? root : "../shared/data") + "/hillstrom/hillstrom.csv.gz";
}

// The arms by name; empty when the file is not there.
std::map<std::string, Arm> LoadArms() {
  std::map<std::string, Arm> arms;
  gzFile file = gzopen(DataFile().c_str(), "rb");
  if (file == nullptr) return arms;
  char line[512];
  gzgets(file, line, sizeof(line));  // The header.
  while (gzgets(file, line, sizeof(line)) != nullptr) {
    // ...,segment,visit,conversion,spend; counted from the end: an earlier field holds commas.
    const std::vector<std::string> all = absl::StrSplit(line, ',');
    const std::vector<std::string> fields(all.end() - 4, all.end());
    Arm& arm = arms[fields.at(0)];
    const int64_t spend = std::llround(100.0 * std::stod(fields.at(3)));
    ++arm.visit.customers;
    ++arm.conversion.customers;
    ++arm.spend.customers;
    arm.visit.conversions += std::stoi(fields.at(1));
    arm.conversion.conversions += std::stoi(fields.at(2));
    arm.spend.sum += spend;
    arm.spend.sum_of_squares += static_cast<Int128>(spend) * spend;
  }
  gzclose(file);
  return arms;
}

struct Expected {
  double difference;
  Interval wald_or_welch;
  double p_value;
};

void ExpectLift(const absl::StatusOr<Lift>& lift, const Expected& expected) {
  ASSERT_TRUE(lift.ok()) << lift.status();
  const double tolerance = 1e-9 * (1.0 + std::abs(expected.difference));
  EXPECT_NEAR(lift->difference, expected.difference, tolerance);
  EXPECT_NEAR(lift->interval.low, expected.wald_or_welch.low, 1e3 * tolerance);
  EXPECT_NEAR(lift->interval.high, expected.wald_or_welch.high, 1e3 * tolerance);
  EXPECT_NEAR(lift->p_value / expected.p_value, 1.0, 1e-6);
}

class HillstromTest : public testing::Test {
 protected:
  void SetUp() override {
    arms_ = LoadArms();
    if (!arms_.empty()) return;
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string(ci) == "true") FAIL() << DataFile() << " is missing";
    GTEST_SKIP() << DataFile() << " is missing: set RONDO_TEST_DATA";
  }

  std::map<std::string, Arm> arms_;
};

TEST_F(HillstromTest, ArmsHaveThePublishedRates) {
  EXPECT_EQ(arms_["Mens E-Mail"].visit.customers, 21307);
  EXPECT_EQ(arms_["Womens E-Mail"].visit.customers, 21387);
  EXPECT_EQ(arms_["No E-Mail"].visit.customers, 21306);
  EXPECT_NEAR(Mean(arms_["Mens E-Mail"].visit), 0.1828, 5e-5);
  EXPECT_NEAR(Mean(arms_["Womens E-Mail"].visit), 0.1514, 5e-5);
  EXPECT_NEAR(Mean(arms_["No E-Mail"].visit), 0.1062, 5e-5);
  EXPECT_NEAR(Mean(arms_["Mens E-Mail"].spend) / 100.0, 1.42, 5e-3);
}

TEST_F(HillstromTest, LiftOfVisitsAgreesWithStatsmodels) {
  const ProportionArm& control = arms_["No E-Mail"].visit;
  ExpectLift(
      AbsoluteLift(arms_["Mens E-Mail"].visit, control),
      {0.07658956365153125, {0.06995350121810838, 0.08322562608495411}, 2.707655809356536e-113});
  ExpectLift(
      AbsoluteLift(arms_["Womens E-Mail"].visit, control),
      {0.045233106587052985, {0.03889382581264261, 0.05157238736146336}, 1.9229845896838316e-44});
}

TEST_F(HillstromTest, LiftOfConversionsAgreesWithStatsmodels) {
  const ProportionArm& control = arms_["No E-Mail"].conversion;
  ExpectLift(AbsoluteLift(arms_["Womens E-Mail"].conversion, control),
             {0.003111057511085258,
              {0.0014986778214022343, 0.004723437200768281},
              0.00015575153551172468});
  const auto score = NewcombeInterval(arms_["Womens E-Mail"].conversion, control);
  ASSERT_TRUE(score.ok());
  EXPECT_NEAR(score->low, 0.001501657131877008, 1e-12);
  EXPECT_NEAR(score->high, 0.004745471313672931, 1e-12);
}

TEST_F(HillstromTest, LiftOfSpendAgreesWithScipy) {
  const MeanArm& control = arms_["No E-Mail"].spend;
  ExpectLift(AbsoluteLift(arms_["Mens E-Mail"].spend, control),
             {76.98271558945365, {48.51397325684073, 105.45145792206657}, 1.1638149682254863e-07});
  ExpectLift(AbsoluteLift(arms_["Womens E-Mail"].spend, control),
             {42.44122159365966, {16.895678988377867, 67.98676419894146}, 0.0011293971023632525});
}

}  // namespace
}  // namespace rondo::stats
