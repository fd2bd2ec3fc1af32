// Definitions, the life of a campaign, policies.
#include <gmock/gmock.h>

#include <set>

#include "platform/core/field_error.h"
#include "services/campaign/campaign_test_fixture.h"

namespace rondo::campaign {
namespace {

using ::testing::HasSubstr;

struct WrongField {
  const char* change;  // Merged over the good definition.
  const char* field;
};
constexpr WrongField kWrongFields[] = {
    {R"pb(name: "campaigns/Win Back")pb", "name"},
    {R"pb(audience { include: "segments/none" })pb", "audience.include[1]"},
    {R"pb(audience { exclude: "segments/lapsing" })pb", "audience.exclude[0]"},
    {R"pb(cells {
            name: "third"
            share: 0.1
            treatment { channel: "email" template: "templates/mail" }
          })pb",
     "cells"},
    {R"pb(cells {
            name: "mail"
            share: 0
            treatment { channel: "email" template: "templates/mail" }
          })pb",
     "cells[2].name"},
    {R"pb(cells {
            name: "treated"
            share: 0
            treatment { channel: "email" template: "templates/mail" }
          })pb",
     "cells[2].name"},
    {R"pb(cells {
            name: "x"
            share: -0.1
            treatment { channel: "email" template: "templates/mail" }
          })pb",
     "cells[2].share"},
    {R"pb(cells { name: "x" share: 0 })pb", "cells[2].treatment"},
    {R"pb(cells { name: "x" share: 0 control: true })pb", "cells[2].control"},
    {R"pb(cells {
            name: "x"
            treatment { channel: "pigeon" template: "templates/mail" }
          })pb",
     "cells[2].treatment.channel"},
    {R"pb(cells {
            name: "x"
            treatment { channel: "sms" template: "templates/mail" }
          })pb",
     "cells[2].treatment.template"},
    {R"pb(cells {
            name: "x"
            treatment { channel: "sms" }
          })pb",
     "cells[2].treatment.template"},
    {R"pb(cells {
            name: "x"
            treatment { channel: "web" offer: "offers/ten" }
          })pb",
     "cells[2].treatment.template"},
    {R"pb(cells {
            name: "x"
            treatment { channel: "sms" template: "templates/short" offer: "offers/none" }
          })pb",
     "cells[2].treatment.offer"},
    {R"pb(cells {
            name: "x"
            treatment {
              channel: "sms"
              template: "templates/short"
              cost { currency_code: "USD" }
            }
          })pb",
     "cells[2].treatment.cost.currency_code"},
    {R"pb(no_control_reason: "no time")pb", "no_control_reason"},
    {R"pb(holdout: 1.0)pb", "holdout"},
    {R"pb(goals {
            name: "bought"
            event: "purchase"
            within { seconds: 60 }
          })pb",
     "goals[1].name"},
    {R"pb(goals {
            name: "click"
            event: "purchase"
            within { seconds: 60 }
          })pb",
     "goals[1].name"},
    {R"pb(goals {
            name: "g"
            event: "sale"
            within { seconds: 60 }
          })pb",
     "goals[1].event"},
    {R"pb(goals { name: "g" event: "purchase" })pb", "goals[1].within"},
    {R"pb(goals {
            name: "g"
            event: "purchase"
            within { seconds: 60 }
            where: "e.price > 1.0"
          })pb",
     "goals[1].where:1:3"},
    {R"pb(goals {
            name: "g"
            event: "purchase"
            within { seconds: 60 }
            value: "'much'"
          })pb",
     "goals[1].value:1:1"},
    {R"pb(policy: "policies/none")pb", "policy"},
    {R"pb(schedule { time_zone: "Mars/Olympus" })pb", "schedule.time_zone"},
    {R"pb(schedule { cycles: 3 })pb", "schedule.every"},
    {R"pb(learning { allocate: ALLOCATION_THOMPSON control_floor: 0.6 cell_floor: 0.5 })pb",
     "learning"},
    {R"pb(learning { cell_floor: 1.5 })pb", "learning.cell_floor"},
    {R"pb(assignment: ASSIGNMENT_ATTRIBUTE assignment_attribute: "email")pb",
     "assignment_attribute"},
    {R"pb(assignment_attribute: "arm")pb", "assignment_attribute"},
    {R"pb(currency: "euro")pb", "currency"},
    {R"pb(purpose: "News letter")pb", "purpose"},
    {R"pb(purpose: "*")pb", "purpose"},
    {R"pb(schedule {
            start_time { seconds: 253370764800 }
            every { seconds: 31622400 }
            cycles: 1000
          })pb",
     "schedule.cycles"},
};

TEST_F(CampaignTest, ADefinitionIsRefusedWithEveryFieldThatIsWrong) {
  for (const WrongField& c : kWrongFields) {
    SCOPED_TRACE(c.change);
    v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
    campaign.MergeFrom(Parse<v1::Campaign>(c.change));
    const auto refused = Create(campaign);
    ASSERT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
    std::vector<std::string> fields;
    for (const auto& violation : ViolationsOf(refused.status())) fields.push_back(violation.field);
    EXPECT_THAT(fields, ::testing::Contains(c.field));
  }
  EXPECT_TRUE(Records(LogRecord::kCampaignTransitioned).empty());
}

TEST_F(CampaignTest, NoControlNeedsAReason) {
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.mutable_cells()->DeleteSubrange(0, 1);
  campaign.mutable_cells(0)->set_share(1.0);
  const auto refused = Create(campaign);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("no_control_reason"));
  campaign.set_no_control_reason("a legal notice");
  EXPECT_TRUE(Create(campaign).ok());
}

TEST_F(CampaignTest, CurrencyFollowsFromCostsOrFromTheGoalsEvents) {
  const auto created = Create(Parse<v1::Campaign>(kCampaign));
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->currency(), "EUR");
  v1::Campaign free = Parse<v1::Campaign>(kCampaign);
  free.set_name("campaigns/free");
  free.mutable_cells(1)->mutable_treatment()->clear_cost();
  EXPECT_EQ(Create(free)->currency(), "EUR");
}

TEST_F(CampaignTest, AGoalsRuleKnowsTheCodesOfItsEvent) {
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.mutable_goals(0)->set_where("e.article.under('FODO')");
  const auto refused = Create(campaign);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("did you mean `FOOD`?"));
  campaign.mutable_goals(0)->set_where("e.article.under('FOOD')");
  EXPECT_TRUE(Create(campaign).ok());
}

TEST_F(CampaignTest, WhatACampaignUsesCannotBeRemoved) {
  ASSERT_TRUE(Create(Parse<v1::Campaign>(kCampaign)).ok());
  for (const char* used : {"segments/lapsing", "templates/mail", "offers/ten", "policies/default",
                           "attributeSets/shop"}) {
    SCOPED_TRACE(used);
    const absl::Status refused = catalog_->Remove(used, {});
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("campaigns/winback"));
  }
}

TEST_F(CampaignTest, OnlyAnApprovedCampaignIsLaunchedAndAChangeTakesApprovalBack) {
  const v1::Campaign definition = Parse<v1::Campaign>(kCampaign);
  ASSERT_TRUE(Create(definition).ok());
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_DRAFT);
  const auto early = Launch();
  EXPECT_EQ(early.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Approve()->state(), v1::CAMPAIGN_STATE_APPROVED);
  EXPECT_EQ(Resume().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Pause().status().code(), absl::StatusCode::kFailedPrecondition);

  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = definition;
  update.mutable_campaign()->set_holdout(0.1);
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  house_.Settle();
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_DRAFT);
  EXPECT_FALSE(Launch().ok());
}

TEST_F(CampaignTest, ALaunchedCampaignThatIsChangedWaitsForApproval) {
  AddTargets(50);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  MustLaunch(campaign);
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = campaign;
  update.mutable_campaign()->set_description("another letter");
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(5));
  EXPECT_TRUE(Contacts().empty());
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_SCHEDULED);
  ASSERT_TRUE(Approve().ok());
  house_.Settle();
  EXPECT_EQ(Contacts().size(), 50u);
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_RUNNING);
}

TEST_F(CampaignTest, AChangeThatNobodyApprovedEndsNoCampaign) {
  AddTargets(10);
  v1::Campaign campaign = Parse<v1::Campaign>(kCampaign);
  campaign.mutable_schedule()->set_cycles(3);
  campaign.mutable_schedule()->mutable_every()->set_seconds(7 * 24 * 3600);
  MustLaunch(campaign);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(1));
  ASSERT_EQ(Get()->current_cycle(), 1);
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = campaign;
  update.mutable_campaign()->mutable_schedule()->set_cycles(1);
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  CloseCycle(1, {});
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_RUNNING);
  ASSERT_TRUE(Approve().ok());
  house_.Settle();
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_COMPLETED) << "one cycle is what is approved now";
}

TEST_F(CampaignTest, ApprovalIsOfTheVersionThatWasRead) {
  const auto first = Create(Parse<v1::Campaign>(kCampaign));
  ASSERT_TRUE(first.ok());
  v1::UpdateCampaignRequest update;
  *update.mutable_campaign() = *first;
  update.mutable_campaign()->set_holdout(0.1);
  ASSERT_TRUE(handlers().UpdateCampaign({}, update).ok());
  v1::ApproveCampaignRequest approve;
  approve.set_name(first->name());
  approve.set_etag(first->etag());
  EXPECT_EQ(handlers().ApproveCampaign({}, approve).status().code(),
            absl::StatusCode::kFailedPrecondition);
  approve.clear_etag();
  EXPECT_TRUE(handlers().ApproveCampaign({}, approve).ok());
}

TEST_F(CampaignTest, APausedCampaignBeginsNoCycleUntilItIsResumed) {
  AddTargets(50);
  MustLaunch(Parse<v1::Campaign>(kCampaign));
  EXPECT_EQ(Pause()->state(), v1::CAMPAIGN_STATE_PAUSED);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(5));
  EXPECT_TRUE(Contacts().empty());
  EXPECT_TRUE(Resume().ok());
  house_.Settle();
  EXPECT_EQ(Contacts().size(), 50u);
  EXPECT_EQ(Get()->state(), v1::CAMPAIGN_STATE_RUNNING);
  std::set<int> told;  // Every partition hears of every step.
  for (const LogRecord& record : Records(LogRecord::kCampaignTransitioned)) {
    told.insert(record.campaign_transitioned().to());
  }
  EXPECT_THAT(told, ::testing::IsSupersetOf({static_cast<int>(v1::CAMPAIGN_STATE_PAUSED),
                                             static_cast<int>(v1::CAMPAIGN_STATE_RUNNING)}));
}

TEST_F(CampaignTest, AStoppedCampaignNeverBeginsAndNeverResumes) {
  AddTargets(50);
  MustLaunch(Parse<v1::Campaign>(kCampaign));
  EXPECT_EQ(Stop()->state(), v1::CAMPAIGN_STATE_STOPPED);
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(5));
  EXPECT_TRUE(Contacts().empty());
  EXPECT_FALSE(Resume().ok());
  EXPECT_FALSE(Stop().ok());
}

TEST_F(CampaignTest, APolicyIsRefusedWithTheFieldThatIsWrong) {
  struct Case {
    std::string text;
    std::string field;
  };
  const Case kCases[] = {
      {R"pb(name: "default")pb", "name"},
      {R"pb(name: "policies/p"
            caps { max_contacts: 1 })pb",
       "caps[0].window"},
      {R"pb(name: "policies/p"
            caps {
              max_contacts: -1
              window { seconds: 60 }
            })pb",
       "caps[0].max_contacts"},
      {R"pb(name: "policies/p"
            caps {
              max_contacts: 1000
              window { seconds: 60 }
            })pb",
       "caps[0].max_contacts"},
      {R"pb(name: "policies/p"
            caps {
              max_contacts: 1
              window { seconds: 40000000 }
            })pb",
       "caps[0].window"},
      {R"pb(name: "policies/p"
            caps {
              channel: "fax"
              window { seconds: 60 }
            })pb",
       "caps[0].channel"},
      {R"pb(name: "policies/p"
            quiet_hours { start_minute: 1440 end_minute: 1 })pb",
       "quiet_hours"},
      {R"pb(name: "policies/p" default_time_zone: "Mars")pb", "default_time_zone"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    v1::CreatePolicyRequest request;
    *request.mutable_policy() = Parse<v1::Policy>(c.text);
    const auto refused = handlers().CreatePolicy({}, request);
    ASSERT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ViolationsOf(refused.status()).at(0).field, c.field);
  }
}

TEST_F(CampaignTest, PoliciesAreUpdatedWholeOrByFieldsVersionedAndListed) {
  v1::CreatePolicyRequest create;
  *create.mutable_policy() = Parse<v1::Policy>(
      R"pb(name: "policies/night"
           caps {
             channel: "email"
             max_contacts: 2
             window { seconds: 604800 }
           }
           quiet_hours { start_minute: 1260 end_minute: 480 })pb");
  const auto created = handlers().CreatePolicy({}, create);
  ASSERT_TRUE(created.ok()) << created.status();
  v1::UpdatePolicyRequest update;
  *update.mutable_policy() = *created;
  update.mutable_policy()->set_require_consent(true);
  EXPECT_EQ(handlers().UpdatePolicy({}, update)->version(), 2);

  v1::UpdatePolicyRequest part;
  part.mutable_policy()->set_name("policies/night");
  part.mutable_policy()->set_default_time_zone("Asia/Seoul");
  part.mutable_update_mask()->add_paths("default_time_zone");
  const auto changed = handlers().UpdatePolicy({}, part);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->version(), 3);
  EXPECT_EQ(changed->default_time_zone(), "Asia/Seoul");
  EXPECT_TRUE(changed->require_consent());
  EXPECT_EQ(changed->caps_size(), 1);
  part.mutable_policy()->set_etag("\"2\"");
  EXPECT_EQ(handlers().UpdatePolicy({}, part).status().code(), absl::StatusCode::kAborted);
  part.mutable_update_mask()->add_paths("colour");
  EXPECT_EQ(ViolationsOf(handlers().UpdatePolicy({}, part).status()).at(0).field, "update_mask");
  EXPECT_EQ(handlers().UpdatePolicy({}, update).status().code(), absl::StatusCode::kAborted);
  part.mutable_policy()->clear_etag();
  part.mutable_update_mask()->clear_paths();
  part.mutable_update_mask()->add_paths("*");
  const auto whole = handlers().UpdatePolicy({}, part);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->caps_size(), 0);
  const auto list = handlers().ListPolicies({}, {});
  ASSERT_EQ(list->policies_size(), 2);
  EXPECT_EQ(list->policies(1).name(), "policies/night");
}

}  // namespace
}  // namespace rondo::campaign
