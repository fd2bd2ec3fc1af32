// Cycles: when they begin, whom they plan, what they freeze.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "platform/core/field_error.h"
#include "services/campaign/campaign_proto.h"
#include "services/campaign/campaign_test_fixture.h"

namespace rondo::campaign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(CampaignTest, ACycleGivesEachTargetExactlyOneContact) {
  AddTargets(3000);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.set_holdout(0.1);
  MustLaunch(campaign);
  EXPECT_TRUE(Cycles().empty());
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));

  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_RUNNING);
  std::map<std::string, int64_t> cells;
  std::set<uint64_t> customers;
  for (const LogRecord& record : Contacts()) {
    const auto& contact = record.contact_planned();
    EXPECT_TRUE(customers.insert(record.party()).second);
    EXPECT_TRUE(listed_.targets.contains(record.party()));
    ++cells[contact.cell()];
    EXPECT_EQ(contact.contact().campaign(), "campaigns/winback");
    EXPECT_EQ(contact.contact().cycle(), 1);
    EXPECT_EQ(contact.control(), contact.cell() == "control");
    EXPECT_EQ(contact.channel(), contact.control() ? "" : "email");
    EXPECT_EQ(contact.cost_minor_units(), contact.control() ? 0 : 3);
    EXPECT_EQ(contact.due_time_micros(), kStart * 1'000'000);
    EXPECT_EQ(contact.assignment_probability(), contact.control() ? 0.25 : 0.75);
    EXPECT_FALSE(contact.plan_only());
  }
  const std::vector<v1::Cycle> cycles = Cycles();
  ASSERT_EQ(cycles.size(), 1u);
  EXPECT_EQ(cycles[0].targeted(), static_cast<int64_t>(customers.size()));
  EXPECT_EQ(cycles[0].targeted() + cycles[0].held_out(), 3000);
  EXPECT_NEAR(static_cast<double>(cycles[0].held_out()), 300, 80);
  EXPECT_NEAR(static_cast<double>(cells["control"]), 0.25 * static_cast<double>(customers.size()),
              120);
  for (const v1::CellCount& count : cycles[0].planned()) {
    EXPECT_EQ(count.count(), cells[count.cell()]);
  }
  EXPECT_TRUE(cycles[0].has_planned_time());
  EXPECT_EQ(Records(LogRecord::kCyclePlanned).size(), static_cast<size_t>(kPartitions));
  EXPECT_EQ(Records(LogRecord::kCycleStarted).size(), static_cast<size_t>(kPartitions));
  EXPECT_EQ(listed_.requests.back().audience().include(0), "segments/lapsing");
}

TEST_F(CampaignTest, NobodyIsPlannedTwiceHoweverOftenPlanningBreaksOffOrTheProcessDies) {
  AddTargets(5000);
  MustLaunch(Parse<v1::Campaign>(kCampaign));
  Rng rng(3);
  std::set<size_t> broke_off_at;  // Contacts in the log.
  house_.clock().AdvanceTo(absl::FromUnixSeconds(kStart));
  for (int i = 0; i < 12; ++i) {
    listed_.chunks_until_failure = 10 * i + static_cast<int>(rng.Below(20));
    if (rng.Chance(0.5)) {
      Restart();
      for (uint64_t tasks = rng.Below(40); tasks > 0; --tasks) house_.executor().RunOne();
    } else {
      house_.Advance(absl::Seconds(6));  // The planner tries again.
    }
    broke_off_at.insert(Contacts().size());
    EXPECT_TRUE(Records(LogRecord::kCyclePlanned).empty());
  }
  EXPECT_GE(broke_off_at.size(), 3u);
  listed_.chunks_until_failure = -1;
  house_.Advance(absl::Seconds(6));

  std::set<uint64_t> customers;
  for (const LogRecord& record : Contacts()) {
    EXPECT_TRUE(customers.insert(record.party()).second);
  }
  EXPECT_EQ(customers.size(), listed_.targets.size());
  EXPECT_EQ(Cycles().at(0).targeted(), static_cast<int64_t>(customers.size()));
  EXPECT_EQ(Records(LogRecord::kCyclePlanned).size(), static_cast<size_t>(kPartitions));
}

TEST_F(CampaignTest, ContactsBearTheSegmentsThatReportsAreBrokenDownBy) {
  AddTargets(60);
  for (auto& [id, target] : listed_.targets) target.set_segments(static_cast<uint32_t>(id & 1u));
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.add_report_by("segments/open-complaint");
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));
  // A sole included segment holds everybody: no bit is spent on it.
  EXPECT_THAT(Cycles().at(0).segments(), testing::ElementsAre("segments/open-complaint"));
  EXPECT_THAT(listed_.requests.back().membership_of(),
              testing::ElementsAre("segments/open-complaint"));
  ASSERT_EQ(Contacts().size(), 60u);
  for (const LogRecord& record : Contacts()) {
    EXPECT_EQ(record.contact_planned().segments(), record.party() & 1u);
  }
}

TEST_F(CampaignTest, ContactsBearTheCampaignsPurpose) {
  AddTargets(10);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.set_purpose("newsletter");
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));
  ASSERT_EQ(Contacts().size(), 10u);
  for (const LogRecord& record : Contacts()) {
    EXPECT_EQ(record.contact_planned().purpose(), "newsletter");
  }
}

TEST(FreezeSegmentsTest, TakesReportByThenIncludesAndAtMostEight) {
  v1::Campaign campaign;
  campaign.add_report_by("segments/vip");
  for (int i = 0; i < 9; ++i) {
    campaign.mutable_audience()->add_include(absl::StrFormat("segments/s%d", i));
  }
  campaign.mutable_audience()->set_include(1, "segments/vip");
  v1::Cycle cycle;
  FreezeSegments(campaign, cycle);
  EXPECT_THAT(cycle.segments(),
              testing::ElementsAre("segments/vip", "segments/s0", "segments/s2", "segments/s3",
                                   "segments/s4", "segments/s5", "segments/s6", "segments/s7"));
}

TEST_F(CampaignTest, ADryRunSaysWhatTheCycleThenPlansAndWritesNothing) {
  AddTargets(1000);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.set_holdout(0.2);
  MustLaunch(campaign);
  house_.Settle();
  const int64_t before = LogSize();
  v1::DryRunCampaignRequest request;
  request.set_name(campaign.name());
  const auto dry = handlers().DryRunCampaign({}, request);
  ASSERT_TRUE(dry.ok()) << dry.status();
  EXPECT_EQ(LogSize(), before);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));
  const v1::Cycle cycle = Cycles().at(0);
  EXPECT_EQ(dry->audience(), 1000);
  EXPECT_EQ(dry->held_out(), cycle.held_out());
  ASSERT_EQ(dry->cells_size(), cycle.planned_size());
  for (int i = 0; i < dry->cells_size(); ++i) {
    EXPECT_EQ(dry->cells(i).count(), cycle.planned(i).count());
    EXPECT_EQ(dry->cells(i).sample_size(), 10);
  }
  EXPECT_EQ(dry->cells(1).cost().minor_units(), 3 * dry->cells(1).count());
}

TEST_F(CampaignTest, ALearningCampaignWaitsForResultsAndTakesItsSharesFromThem) {
  AddTargets(400);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.MergeFrom(Parse<v1::Campaign>(
      R"pb(schedule {
             every { seconds: 604800 }
             cycles: 2
           }
           learning { allocate: ALLOCATION_THOMPSON control_floor: 0.1 cell_floor: 0.1 })pb"));
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));
  ASSERT_EQ(Cycles().size(), 1u);
  EXPECT_THAT(Cycles()[0].reasons(0), HasSubstr("as defined"));
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(8 * 24));
  EXPECT_EQ(Cycles().size(), 1u) << "the first cycle is not closed";

  CloseCycle(1, {{"control", 0.1}, {"mail", 0.9}});
  const std::vector<v1::Cycle> cycles = Cycles();
  ASSERT_EQ(cycles.size(), 2u);
  EXPECT_TRUE(cycles[0].has_closed_time());
  EXPECT_EQ(cycles[1].shares(1).cell(), "mail");
  EXPECT_EQ(cycles[1].shares(1).share(), 0.9);
  EXPECT_EQ(cycles[1].shares(1).probability_best(), 0.9);
  EXPECT_THAT(cycles[1].reasons(0), HasSubstr("1.20 EUR"));
  EXPECT_EQ(TimeOf(cycles[1].due_time()), house_.clock().Now()) << "late: due when it began";
  int64_t second = 0;
  for (const LogRecord& record : Contacts()) {
    if (record.contact_planned().contact().cycle() != 2) continue;
    ++second;
    EXPECT_EQ(record.contact_planned().assignment_probability(),
              record.contact_planned().control() ? 0.1 : 0.9);
  }
  EXPECT_EQ(second, 400);
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_RUNNING);
  CloseCycle(2, {});
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_COMPLETED);
}

TEST_F(CampaignTest, WithoutAStartTheFirstCycleIsDueAtTheLaunch) {
  AddTargets(20);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  *campaign.mutable_schedule() = Parse<v1::Schedule>(R"pb(time_zone: "UTC"
                                                          every { seconds: 86400 }
                                                          cycles: 2)pb");
  house_.Advance(absl::Hours(5));
  MustLaunch(campaign);
  const absl::Time launched = house_.clock().Now();
  house_.Settle();
  ASSERT_EQ(Cycles().size(), 1u);
  EXPECT_EQ(TimeOf(Cycles()[0].due_time()), launched);
  EXPECT_EQ(Contacts().size(), 20u);
  house_.Advance(absl::Hours(24));
  ASSERT_EQ(Cycles().size(), 2u);
  EXPECT_EQ(TimeOf(Cycles()[1].due_time()), launched + absl::Hours(24));
}

TEST_F(CampaignTest, EachCycleDrawsItsCellsAnew) {
  AddTargets(1000);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.MergeFrom(Parse<v1::Campaign>(R"pb(schedule {
                                                every { seconds: 86400 }
                                                cycles: 2
                                              })pb"));
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(25));
  std::map<uint64_t, std::set<int>> control_in;
  for (const LogRecord& record : Contacts()) {
    if (record.contact_planned().control()) {
      control_in[record.party()].insert(record.contact_planned().contact().cycle());
    }
  }
  int64_t both = 0;
  for (const auto& [customer, cycles] : control_in) both += cycles.size() == 2;
  EXPECT_NEAR(static_cast<double>(both), 62.5, 40);  // 1000 x 0.25 x 0.25.
}

TEST_F(CampaignTest, AChangeOfARunningCampaignIsForTheNextCycleOnceItIsApproved) {
  AddTargets(100);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.MergeFrom(Parse<v1::Campaign>(R"pb(schedule {
                                                every { seconds: 86400 }
                                                cycles: 2
                                              })pb"));
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));
  campaign.mutable_cells(0)->set_share(0.5);
  campaign.mutable_cells(1)->set_share(0.5);
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = campaign;
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_RUNNING);
  EXPECT_EQ(Get()->approved_version(), 1);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(25));
  ASSERT_EQ(Cycles().size(), 1u) << "nobody has approved the change";
  EXPECT_EQ(Approve()->state(), v1::CAMPAIGN_STATE_RUNNING);
  EXPECT_EQ(Get()->approved_version(), 2);
  EXPECT_EQ(Approve().status().code(), absl::StatusCode::kFailedPrecondition);
  house_.Settle();
  const std::vector<v1::Cycle> cycles = Cycles();
  ASSERT_EQ(cycles.size(), 2u);
  EXPECT_EQ(cycles[0].campaign_version(), 1);
  EXPECT_EQ(cycles[0].shares(0).share(), 0.25);
  EXPECT_EQ(cycles[1].campaign_version(), 2);
  EXPECT_EQ(cycles[1].shares(0).share(), 0.5);
}

// Of a weekly campaign of four cycles: cycle by cycle, how many days after the start it was due.
class LateCycleTest : public CampaignTest {
 protected:
  void Launch() {
    AddTargets(20);
    campaign_ = Parse<v1::Campaign>(kCampaign);
    campaign_.MergeFrom(Parse<v1::Campaign>(R"pb(schedule {
                                                   every { seconds: 604800 }
                                                   cycles: 4
                                                 })pb"));
    MustLaunch(campaign_);
    AdvanceToDay(1);
  }
  void AdvanceToDay(double day) {
    house_.AdvanceTo(absl::FromUnixSeconds(kStart) + day * absl::Hours(24));
  }
  std::vector<double> DaysDue() {
    std::vector<double> days;
    for (const v1::Cycle& cycle : Cycles()) {
      days.push_back(absl::FDivDuration(TimeOf(cycle.due_time()) - absl::FromUnixSeconds(kStart),
                                        absl::Hours(24)));
    }
    return days;
  }

  v1::Campaign campaign_;
};

TEST_F(LateCycleTest, WeeksThatPassInAPauseAreNotCaughtUp) {
  Launch();
  ASSERT_TRUE(Pause().ok());
  AdvanceToDay(24);
  EXPECT_THAT(DaysDue(), ElementsAre(0));
  ASSERT_TRUE(Resume().ok());
  AdvanceToDay(27);
  EXPECT_THAT(DaysDue(), ElementsAre(0, 24));
  AdvanceToDay(60);
  EXPECT_THAT(DaysDue(), ElementsAre(0, 24, 28, 35));
  EXPECT_EQ(Cycles()[2].slot(), 5);
  Restart({std::string(CampaignProjection::kName)});
  EXPECT_THAT(DaysDue(), ElementsAre(0, 24, 28, 35));
}

TEST_F(LateCycleTest, WeeksThatPassUntilAChangeIsApprovedAreNotCaughtUp) {
  Launch();
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = campaign_;
  update.mutable_campaign()->mutable_cells(1)->mutable_treatment()->clear_offer();
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  AdvanceToDay(16);
  ASSERT_TRUE(Approve().ok());
  AdvanceToDay(60);
  EXPECT_THAT(DaysDue(), ElementsAre(0, 16, 21, 28));
}

// Applied by mistake and mended before anybody approved it: nothing begins early.
TEST_F(LateCycleTest, AScheduleThatWasNeverApprovedMakesNothingDue) {
  Launch();
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = campaign_;
  update.mutable_campaign()->mutable_schedule()->mutable_start_time()->set_seconds(kStart -
                                                                                   864'000);
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  AdvanceToDay(2);
  *update.mutable_campaign() = campaign_;
  update.mutable_campaign()->set_programme("mended");
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  ASSERT_TRUE(Approve().ok());
  AdvanceToDay(3);
  EXPECT_THAT(DaysDue(), ElementsAre(0));
  AdvanceToDay(8);
  EXPECT_THAT(DaysDue(), ElementsAre(0, 7));
}

TEST_F(LateCycleTest, TheCurrencyStaysOnceACycleHasBegun) {
  Launch();
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = campaign_;
  update.mutable_campaign()->set_currency("KRW");
  update.mutable_campaign()
      ->mutable_cells(1)
      ->mutable_treatment()
      ->mutable_cost()
      ->set_currency_code("KRW");
  const absl::Status refused = handlers().UpdateCampaign({}, update).status();
  ASSERT_EQ(ViolationsOf(refused).size(), 1u) << refused;
  EXPECT_EQ(ViolationsOf(refused)[0].field, "currency");
}

TEST_F(LateCycleTest, ACampaignThatWasCutShortBeginsNoMore) {
  Launch();
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = campaign_;
  update.mutable_campaign()->mutable_schedule()->set_cycles(1);
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  AdvanceToDay(16);
  ASSERT_TRUE(Approve().ok());
  AdvanceToDay(60);
  EXPECT_THAT(DaysDue(), ElementsAre(0));
}

TEST_F(CampaignTest, CellsDrawnElsewhereAreTakenFromAnAttributeUntilHashTakesOver) {
  AddTargets(90);
  int i = 0;
  for (auto& [id, target] : listed_.targets) {
    const char* arms[] = {"control", "mail", "elsewhere"};
    target.set_attribute(arms[i++ % 3]);
  }
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.MergeFrom(Parse<v1::Campaign>(
      R"pb(assignment: ASSIGNMENT_ATTRIBUTE
           assignment_attribute: "arm"
           hash_from_cycle: 2
           plan_only_from_cycle: 2
           schedule {
             every { seconds: 86400 }
             cycles: 2
           })pb"));
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));
  ASSERT_EQ(Contacts().size(), 60u);
  for (const LogRecord& record : Contacts()) {
    EXPECT_EQ(record.contact_planned().cell(), listed_.targets[record.party()].attribute());
    EXPECT_FALSE(record.contact_planned().plan_only());
  }
  EXPECT_EQ(listed_.requests.back().with_attribute(), "arm");
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(25));
  EXPECT_EQ(Contacts().size(), 150u);
  for (const LogRecord& record : Contacts()) {
    EXPECT_EQ(record.contact_planned().plan_only(),
              record.contact_planned().contact().cycle() == 2);
  }
}

TEST_F(CampaignTest, ContactsAreDueByTheCustomersOwnClock) {
  AddTargets(3);
  const char* zones[] = {"Asia/Seoul", "America/New_York", "Nowhere/Land"};
  std::map<uint64_t, std::string> zone_of;
  int i = 0;
  for (auto& [id, target] : listed_.targets) target.set_time_zone(zone_of[id] = zones[i++]);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  // 2026-12-10T10:00:00+09:00.
  campaign.mutable_schedule()->mutable_start_time()->set_seconds(1796864400);
  campaign.mutable_schedule()->set_time_zone("customer");
  campaign.mutable_schedule()->set_start_offset_minutes(540);
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(1796864400));
  const std::map<std::string, std::string> want = {
      {"Asia/Seoul", "2026-12-10T01:00:00+00:00"},
      {"America/New_York", "2026-12-10T15:00:00+00:00"},
      {"Nowhere/Land", "2026-12-10T09:00:00+00:00"},  // The policy's zone: Berlin.
  };
  ASSERT_EQ(Contacts().size(), 3u);
  for (const LogRecord& record : Contacts()) {
    const std::string& zone = zone_of[record.party()];
    EXPECT_EQ(absl::FormatTime(FromMicros(record.contact_planned().due_time_micros()),
                               absl::UTCTimeZone()),
              want.at(zone))
        << zone;
    EXPECT_EQ(record.contact_planned().time_zone(), zone == "Nowhere/Land" ? "" : zone);
  }
}

TEST_F(CampaignTest, RebuildsTheSameStateFromTheLogAndPlansNothingAgain) {
  AddTargets(500);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.MergeFrom(Parse<v1::Campaign>(
      R"pb(schedule {
             every { seconds: 86400 }
             cycles: 3
           }
           learning { allocate: ALLOCATION_THOMPSON })pb"));
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart));
  CloseCycle(1, {{"control", 0.5}, {"mail", 0.5}});
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(30));
  ASSERT_EQ(Cycles().size(), 2u);
  const uint64_t before = house_.StateHash("campaign");
  const size_t contacts = Contacts().size();
  Restart({"campaign"});
  house_.Settle();
  EXPECT_EQ(house_.StateHash("campaign"), before);
  EXPECT_EQ(Contacts().size(), contacts);
}

TEST_F(CampaignTest, APastCycleThatWasImportedIsNotPlanned) {
  AddTargets(50);
  ASSERT_TRUE(Create(Parse<v1::Campaign>(kCampaign)).ok());
  LogRecord past;
  past.set_source("import");
  *past.mutable_cycle_started()->mutable_campaign() = Parse<v1::Campaign>(kCampaign);
  past.mutable_cycle_started()->mutable_cycle()->set_number(1);
  house_.AppendToAll(past);
  LogRecord contact;
  contact.set_party(listed_.targets.begin()->first);
  contact.mutable_contact_planned()->mutable_contact()->set_campaign("campaigns/winback");
  contact.mutable_contact_planned()->mutable_contact()->set_cycle(1);
  contact.mutable_contact_planned()->set_imported(true);
  house_.Append(contact);
  house_.Settle();
  EXPECT_EQ(Contacts().size(), 1u);
  EXPECT_TRUE(Cycles().empty());
  EXPECT_EQ(Get()->current_cycle(), 0);
}

}  // namespace
}  // namespace rondo::campaign
