// A real randomised campaign (Hillstrom 2008: 64,000 customers, three arms) as an imported past
// one: its report is the published figures, to the last customer.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>

#include "absl/strings/str_split.h"
#include "services/insight/insight_fixture.h"

namespace rondo::insight {
namespace {

std::string DataFile() {
  const char* root = std::getenv("RONDO_TEST_DATA");
  return std::string(root != nullptr ? root : "../shared/data") + "/hillstrom/hillstrom.csv.gz";
}

rondo::campaign::v1::Campaign EMailTest() {
  rondo::campaign::v1::Campaign campaign;
  campaign.set_name(kCampaign);
  campaign.set_currency("USD");
  for (const char* name : {"No E-Mail", "Mens E-Mail", "Womens E-Mail"}) {
    auto& cell = *campaign.add_cells();
    cell.set_name(name);
    cell.set_share(1.0 / 3.0);
    cell.set_control(cell.name() == "No E-Mail");
  }
  for (const char* name : {"visit", "conversion"}) {
    auto& goal = *campaign.add_goals();
    goal.set_name(name);
    goal.mutable_within()->set_seconds(14 * 24 * 3600);
  }
  return campaign;
}

class HillstromReportTest : public InsightTest {
 protected:
  // False without the file.
  bool Import() {
    gzFile file = gzopen(DataFile().c_str(), "rb");
    if (file == nullptr) return false;
    BeginCycle(1, EMailTest());
    char line[512];
    gzgets(file, line, sizeof(line));  // The header.
    for (uint64_t row = 1; gzgets(file, line, sizeof(line)) != nullptr; ++row) {
      // ...,segment,visit,conversion,spend; counted from the end: an earlier field holds commas.
      const std::vector<std::string> all = absl::StrSplit(line, ',');
      const std::vector<std::string> fields(all.end() - 4, all.end());
      rondo::log::v1::Record record;
      record.set_party(Customer(row).value());
      auto& planned = *record.mutable_contact_planned();
      planned.mutable_contact()->set_campaign(kCampaign);
      planned.mutable_contact()->set_cycle(1);
      planned.set_cell(fields[0]);
      planned.set_control(fields[0] == "No E-Mail");
      planned.set_imported(true);
      house_.Append(std::move(record));
      if (fields[1] == "1") Respond(row, "visit");
      if (fields[2] == "1") Respond(row, "conversion", std::llround(100.0 * std::stod(fields[3])));
    }
    gzclose(file);
    return true;
  }
};

const pb::Effect& EffectOf(const pb::CampaignReport& report, const std::string& arm,
                           const std::string& metric) {
  for (const pb::Effect& effect : report.effects()) {
    if (effect.arm() == arm && effect.metric() == metric) return effect;
  }
  return pb::Effect::default_instance();
}

TEST_F(HillstromReportTest, ThePublishedFiguresComeOutToTheLastCustomer) {
  if (!Import()) {
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string(ci) == "true") FAIL() << DataFile() << " is missing";
    GTEST_SKIP() << DataFile() << " is missing: set RONDO_TEST_DATA";
  }
  const auto report = Report(1);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->arms_size(), 3);
  EXPECT_EQ(report->arms(0).n(), 21306);
  EXPECT_EQ(report->arms(1).n(), 21307);
  EXPECT_EQ(report->arms(2).n(), 21387);
  const auto mean = [&report](int arm, int metric) {
    return report->arms(arm).means(metric).mean();
  };
  // visit, conversion, conversion.value: customers, customers, US$.
  EXPECT_DOUBLE_EQ(mean(0, 0), 2262.0 / 21306);
  EXPECT_DOUBLE_EQ(mean(1, 0), 3894.0 / 21307);
  EXPECT_DOUBLE_EQ(mean(2, 0), 3238.0 / 21387);
  EXPECT_DOUBLE_EQ(mean(0, 1), 122.0 / 21306);
  EXPECT_DOUBLE_EQ(mean(1, 1), 267.0 / 21307);
  EXPECT_DOUBLE_EQ(mean(2, 1), 189.0 / 21387);
  EXPECT_NEAR(mean(1, 2), 1.42261651, 5e-9);
  // Lift as statsmodels and SciPy give it (stats/hillstrom_test.cc).
  EXPECT_NEAR(EffectOf(*report, "Mens E-Mail", "visit").low(), 0.06995350121810838, 1e-12);
  EXPECT_NEAR(EffectOf(*report, "Womens E-Mail", "conversion").p_value(), 0.00015575153551172468,
              1e-12);
  EXPECT_NEAR(EffectOf(*report, "Womens E-Mail", "conversion.value").high(), 0.6798676419894146,
              1e-9);
  EXPECT_NEAR(report->srm_p_value(), 0.9036929575604196, 1e-9);
  EXPECT_EQ(report->funnel().planned(), 42694);
  EXPECT_EQ(report->funnel().converted(), 3894 + 3238);
}

}  // namespace
}  // namespace rondo::insight
