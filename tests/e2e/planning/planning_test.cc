// Targeting and campaign together, over one log: whom a cycle addresses follows from what the log
// says of customers when it begins, also after cycles changed what is known of them.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "platform/catalog/catalog.h"
#include "platform/core/rng.h"
#include "platform/rpc/caller.h"
#include "services/campaign/module.h"
#include "services/targeting/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo {
namespace {

using eventlog::LogRecord;

constexpr int kPeople = 2000;
constexpr int64_t kWeekSeconds = 7 * 24 * 3600;
constexpr int64_t kFirstDueSeconds = kit::kTestStartSeconds + 3600;

struct Person {
  CustomerId id;
  bool is_gold = false;
  bool complains = false;
};

class PlanningTest : public ::testing::Test {
 protected:
  PlanningTest() : log_(house_.clock(), sink_), tokens_(InstanceKey{}) {
    house_.runtime().Add(catalog_);
    catalog_.Attach(house_.runtime());
    targeting_ =
        std::make_unique<targeting::Module>(targeting::Module::Parts{.runtime = house_.runtime(),
                                                                     .catalog = catalog_,
                                                                     .executor = house_.executor(),
                                                                     .clock = house_.clock(),
                                                                     .page_tokens = tokens_});
    campaign_ = std::make_unique<campaign::Module>(
        campaign::Module::Parts{.runtime = house_.runtime(),
                                .catalog = catalog_,
                                .executor = house_.executor(),
                                .log = log_,
                                .targeting = caller_,
                                .page_tokens = tokens_,
                                .instance_key = InstanceKey{1, 2, 3},
                                .time_zone_attribute = "time_zone"});
    targeting_->Serve(methods_);
    campaign_->Serve(methods_);
    house_.Start();
    campaign_->Start();
    DefineAttributes();
    AppendPeople();
  }
  ~PlanningTest() override { campaign_->Stop(); }

  void DefineAttributes() {
    catalog::Definition shop;
    shop.set_name("attributeSets/shop");
    auto& set = *shop.mutable_attribute_set();
    auto& tier = *set.add_attributes();
    tier.set_name("tier");
    tier.set_type(type::v1::VALUE_TYPE_STRING);
    auto& zone = *set.add_attributes();
    zone.set_name("time_zone");
    zone.set_type(type::v1::VALUE_TYPE_STRING);
    set.add_event_types()->set_name("complaint_filed");
    ASSERT_TRUE(catalog_.Put(shop, {}).ok());
    catalog::Definition words;
    words.set_name("templates/mail");
    words.mutable_template_()->set_channel("email");
    words.mutable_template_()->set_text("Hello");
    ASSERT_TRUE(catalog_.Put(words, {}).ok());
  }

  void AppendPeople() {
    Rng rng(9);
    for (int i = 0; i < kPeople; ++i) {
      Person person{.id = CustomerId(rng.Next() | 1), .is_gold = rng.Chance(0.4)};
      LogRecord record;
      record.set_party(person.id.value());
      auto& profile = *record.mutable_profile_changed();
      profile.set_effective_time_micros(1);
      const auto add = [&](const char* name, const char* value) {
        auto& field = *profile.add_attributes();
        field.set_name(name);
        field.mutable_value()->set_string_value(value);
      };
      add("tier", person.is_gold ? "gold" : "basic");
      add("time_zone", i % 2 == 0 ? "Asia/Seoul" : "Europe/Berlin");
      house_.Append(record);
      people_.push_back(person);
    }
  }

  void AppendComplaint(Person& person) {
    LogRecord record;
    record.set_party(person.id.value());
    record.mutable_event_tracked()->set_type("complaint_filed");
    record.mutable_event_tracked()->set_message_id("complaint");
    house_.Append(record);
    person.complains = true;
  }

  void CreateSegment(const std::string& name, const std::string& rule) {
    targeting::v1::CreateSegmentRequest request;
    request.mutable_segment()->set_name(name);
    request.mutable_segment()->set_expression(rule);
    const auto created = Call<targeting::v1::Segment>(caller_, CallInfo(), request);
    ASSERT_TRUE(created.ok()) << created.status();
  }

  void LaunchWinback() {
    campaign::v1::CreateCampaignRequest create;
    auto& definition = *create.mutable_campaign();
    definition.set_name("campaigns/winback");
    definition.mutable_audience()->add_include("segments/gold");
    definition.mutable_audience()->add_exclude("segments/open-complaint");
    auto& control = *definition.add_cells();
    control.set_name("control");
    control.set_share(0.3);
    control.set_control(true);
    auto& mail = *definition.add_cells();
    mail.set_name("mail");
    mail.set_share(0.7);
    mail.mutable_treatment()->set_channel("email");
    mail.mutable_treatment()->set_template_("templates/mail");
    auto& goal = *definition.add_goals();
    goal.set_name("went-there");
    goal.set_event("click");
    goal.mutable_within()->set_seconds(kWeekSeconds);
    auto& schedule = *definition.mutable_schedule();
    schedule.mutable_start_time()->set_seconds(kFirstDueSeconds);
    schedule.mutable_every()->set_seconds(kWeekSeconds);
    schedule.set_cycles(2);
    const auto created = Call<campaign::v1::Campaign>(caller_, CallInfo(), create);
    ASSERT_TRUE(created.ok()) << created.status();
    campaign::v1::ApproveCampaignRequest approve;
    approve.set_name(definition.name());
    ASSERT_TRUE(Call<campaign::v1::Campaign>(caller_, CallInfo(), approve).ok());
    campaign::v1::LaunchCampaignRequest launch;
    launch.set_name(definition.name());
    const auto launched = Call<campaign::v1::Campaign>(caller_, CallInfo(), launch);
    ASSERT_TRUE(launched.ok()) << launched.status();
  }

  // Customers with a contact in the cycle; each must have only one.
  std::set<CustomerId> PlannedIn(int cycle) {
    std::set<CustomerId> planned;
    for (int p = 0; p < house_.log().partition_count(); ++p) {
      for (int64_t offset = 0; offset < *house_.log().End(p);) {
        const auto block = house_.log().Read(p, offset);
        EXPECT_TRUE(block.ok());
        for (const LogRecord* record : block->records) {
          if (record->contact_planned().contact().cycle() != cycle) continue;
          EXPECT_TRUE(planned.insert(CustomerId(record->party())).second);
        }
        offset = block->end();
      }
    }
    return planned;
  }

  std::set<CustomerId> GoldWithoutComplaint() const {
    std::set<CustomerId> people;
    for (const Person& person : people_) {
      if (person.is_gold && !person.complains) people.insert(person.id);
    }
    return people;
  }

  kit::TestRuntime house_;
  std::ostringstream sink_;
  Log log_;
  PageTokens tokens_;
  MethodTable methods_;
  LocalCaller caller_{methods_};
  catalog::Catalog catalog_;
  std::unique_ptr<targeting::Module> targeting_;
  std::unique_ptr<campaign::Module> campaign_;
  std::vector<Person> people_;
};

TEST_F(PlanningTest, EachCycleAddressesWhomTheRulesSelectWhenItBegins) {
  CreateSegment("segments/gold", "customer.tier == 'gold'");
  CreateSegment("segments/open-complaint", "events('complaint_filed').count() > 0");
  LaunchWinback();
  for (size_t i = 0; i < 100; ++i) AppendComplaint(people_[i]);
  house_.AdvanceTo(absl::FromUnixSeconds(kFirstDueSeconds));
  const std::set<CustomerId> first = GoldWithoutComplaint();
  EXPECT_EQ(PlannedIn(1), first);

  for (size_t i = 100; i < 400; ++i) AppendComplaint(people_[i]);
  house_.AdvanceTo(absl::FromUnixSeconds(kFirstDueSeconds + kWeekSeconds));
  const std::set<CustomerId> second = GoldWithoutComplaint();
  EXPECT_LT(second.size(), first.size());
  EXPECT_EQ(PlannedIn(2), second);
}

TEST_F(PlanningTest, ADryRunCountsWhatAPreviewOfItsAudienceCounts) {
  CreateSegment("segments/gold", "customer.tier == 'gold'");
  CreateSegment("segments/open-complaint", "events('complaint_filed').count() > 0");
  LaunchWinback();
  targeting::v1::PreviewSegmentRequest preview;
  preview.mutable_audience()->add_include("segments/gold");
  preview.mutable_audience()->add_exclude("segments/open-complaint");
  const auto counted = Call<targeting::v1::PreviewSegmentResponse>(caller_, CallInfo(), preview);
  ASSERT_TRUE(counted.ok()) << counted.status();
  campaign::v1::DryRunCampaignRequest dry_run;
  dry_run.set_name("campaigns/winback");
  const auto dry = Call<campaign::v1::DryRunCampaignResponse>(caller_, CallInfo(), dry_run);
  ASSERT_TRUE(dry.ok()) << dry.status();
  EXPECT_EQ(dry->audience(), counted->count());
  EXPECT_EQ(dry->audience(), static_cast<int64_t>(GoldWithoutComplaint().size()));
  EXPECT_EQ(dry->cells(0).count() + dry->cells(1).count(), dry->audience());
}

}  // namespace
}  // namespace rondo
