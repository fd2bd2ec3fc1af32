// The service on a runtime in memory with simulated time; the targeting service is a list.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "platform/core/field_error.h"
#include "platform/core/rng.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "services/campaign/campaign_proto.h"
#include "services/campaign/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo::campaign {
namespace {

using eventlog::LogRecord;
using ::testing::HasSubstr;
namespace targeting = ::rondo::targeting::v1;

constexpr int kPartitions = 4;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// Answers with the targets that it was given, in order of ids, a few in each chunk.
class ListedTargets {
 public:
  absl::StatusOr<Stream<targeting::SelectTargetsResponse>> SelectTargets(
      const CallInfo&, const targeting::SelectTargetsRequest& request) {
    requests.push_back(request);
    auto left = std::make_shared<std::map<uint64_t, targeting::Target>>(targets);
    const int64_t total = static_cast<int64_t>(targets.size());
    return Stream<targeting::SelectTargetsResponse>(
        [left, total, chunks = chunks_until_failure,
         done =
             false]() mutable -> absl::StatusOr<std::optional<targeting::SelectTargetsResponse>> {
          if (done) return std::nullopt;
          if (chunks-- == 0) return absl::UnavailableError("the targeting service went away");
          targeting::SelectTargetsResponse chunk;
          while (!left->empty() && chunk.targets_size() < 37) {
            *chunk.add_targets() = left->begin()->second;
            left->erase(left->begin());
          }
          done = left->empty();
          chunk.set_last(done);
          chunk.set_total(total);
          return chunk;
        });
  }

  std::map<uint64_t, targeting::Target> targets;
  std::vector<targeting::SelectTargetsRequest> requests;
  int chunks_until_failure = -1;  // -1: never.
};

constexpr char kCampaign[] = R"pb(
  name: "campaigns/winback"
  business_unit: "retail"
  audience { include: "segments/lapsing" }
  cells { name: "control" share: 0.25 control: true }
  cells {
    name: "mail"
    share: 0.75
    treatment {
      channel: "email"
      template: "templates/mail"
      offer: "offers/ten"
      cost { currency_code: "EUR" minor_units: 3 }
    }
  }
  goals {
    name: "bought"
    event: "purchase"
    where: "e.amount > 0.0"
    within { seconds: 1209600 }
    value: "e.amount * 0.3"
  }
  policy: "policies/default"
  schedule { start_time { seconds: 1796130000 } }
)pb";
constexpr int64_t kStart = 1796130000;  // An hour after the simulated start.

class CampaignTest : public ::testing::Test {
 protected:
  CampaignTest() : house_(kPartitions), log_(house_.clock(), sink_), tokens_(InstanceKey{}) {
    targets_.Serve("rondo.targeting.v1.TargetingService", listed_, &ListedTargets::SelectTargets);
    Open();
    Define();
  }
  ~CampaignTest() override {
    if (module_ != nullptr) module_->Stop();
  }

  void Open() {
    catalog_ = std::make_unique<catalog::Catalog>();
    house_.runtime().Add(*catalog_);
    catalog_->Attach(house_.runtime());
    module_ = std::make_unique<Module>(Module::Parts{.runtime = house_.runtime(),
                                                     .catalog = *catalog_,
                                                     .executor = house_.executor(),
                                                     .log = log_,
                                                     .targeting = caller_,
                                                     .page_tokens = tokens_,
                                                     .instance_key = InstanceKey{},
                                                     .time_zone_attribute = "time_zone"});
    house_.Start();
    module_->Start();
  }

  // A new process over the same log; services named lose their state.
  void Restart(const std::vector<std::string>& forget = {}) {
    module_->Stop();
    house_.Restart(forget);
    module_.reset();
    catalog_.reset();
    Open();
  }

  void Define() {
    const char* definitions[] = {
        R"pb(name: "attributeSets/shop"
             attribute_set {
               currency: "EUR"
               attributes { name: "arm" type: VALUE_TYPE_STRING }
               attributes { name: "time_zone" type: VALUE_TYPE_STRING }
               attributes { name: "email" type: VALUE_TYPE_STRING pii: true }
               event_types {
                 name: "purchase"
                 fields { name: "amount" type: VALUE_TYPE_DOUBLE }
               }
             })pb",
        R"pb(name: "segments/lapsing"
             segment { expression: "true" })pb",
        R"pb(name: "segments/open-complaint"
             segment { expression: "true" })pb",
        R"pb(name: "templates/mail"
             template { channel: "email" text: "Hello" })pb",
        R"pb(name: "templates/short"
             template { channel: "sms" text: "Hello" })pb",
        R"pb(name: "offers/ten"
             offer { title: "10%" })pb",
        R"pb(name: "policies/default"
             policy { default_time_zone: "Europe/Berlin" })pb",
    };
    for (const char* text : definitions) {
      const auto put = catalog_->Put(Parse<catalog::Definition>(text), {});
      ASSERT_TRUE(put.ok()) << put.status();
    }
  }

  void AddTargets(int count, uint64_t seed = 5) {
    Rng rng(seed);
    for (int i = 0; i < count; ++i) {
      targeting::Target target;
      target.set_customer(rng.Next() | 1);
      listed_.targets[target.customer()] = target;
    }
  }

  CampaignHandlers& handlers() { return module_->handlers(); }

  absl::StatusOr<v1::Campaign> Create(const v1::Campaign& campaign) {
    v1::CreateCampaignRequest request;
    *request.mutable_campaign() = campaign;
    return handlers().CreateCampaign({}, request);
  }
  template <typename Request, typename Method>
  absl::StatusOr<v1::Campaign> Verb(Method method) {
    Request request;
    request.set_name("campaigns/winback");
    return (handlers().*method)({}, request);
  }
  absl::StatusOr<v1::Campaign> Approve() {
    return Verb<v1::ApproveCampaignRequest>(&CampaignHandlers::ApproveCampaign);
  }
  absl::StatusOr<v1::Campaign> Launch() {
    return Verb<v1::LaunchCampaignRequest>(&CampaignHandlers::LaunchCampaign);
  }
  absl::StatusOr<v1::Campaign> Pause() {
    return Verb<v1::PauseCampaignRequest>(&CampaignHandlers::PauseCampaign);
  }
  absl::StatusOr<v1::Campaign> Resume() {
    return Verb<v1::ResumeCampaignRequest>(&CampaignHandlers::ResumeCampaign);
  }
  absl::StatusOr<v1::Campaign> Stop() {
    return Verb<v1::StopCampaignRequest>(&CampaignHandlers::StopCampaign);
  }
  absl::StatusOr<v1::Campaign> Get() {
    return Verb<v1::GetCampaignRequest>(&CampaignHandlers::GetCampaign);
  }
  void MustLaunch(const v1::Campaign& campaign) {
    const auto created = Create(campaign);
    ASSERT_TRUE(created.ok()) << created.status();
    ASSERT_TRUE(Approve().ok());
    const auto launched = Launch();
    ASSERT_TRUE(launched.ok()) << launched.status();
    EXPECT_EQ(launched->state(), v1::CAMPAIGN_STATE_SCHEDULED);
  }
  std::vector<v1::Cycle> Cycles() {
    v1::ListCyclesRequest request;
    request.set_parent("campaigns/winback");
    const auto response = handlers().ListCycles({}, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return {response->cycles().begin(), response->cycles().end()};
  }

  std::vector<LogRecord> Records(LogRecord::BodyCase kind) {
    std::vector<LogRecord> found;
    for (int p = 0; p < kPartitions; ++p) {
      int64_t offset = 0;
      while (offset < *house_.log().End(p)) {
        const auto block = house_.log().Read(p, offset);
        EXPECT_TRUE(block.ok());
        for (const LogRecord* record : block->records) {
          if (record->body_case() == kind) found.push_back(*record);
        }
        offset = block->end();
      }
    }
    return found;
  }
  std::vector<LogRecord> Contacts() { return Records(LogRecord::kContactPlanned); }
  int64_t LogSize() {
    int64_t records = 0;
    for (int p = 0; p < kPartitions; ++p) records += *house_.log().End(p);
    return records;
  }

  void CloseCycle(int number, const std::vector<std::pair<std::string, double>>& proposal) {
    LogRecord record;
    auto& closed = *record.mutable_cycle_closed();
    closed.set_campaign("campaigns/winback");
    closed.set_cycle(number);
    for (const auto& [cell, share] : proposal) {
      auto& row = *closed.add_proposal();
      row.set_cell(cell);
      row.set_share(share);
      row.set_probability_best(0.9);
    }
    closed.add_reasons("mail earned 1.20 EUR more than control");
    house_.AppendToAll(record);
    house_.Settle();
  }

  kit::TestRuntime house_;
  std::ostringstream sink_;
  Log log_;
  PageTokens tokens_;
  ListedTargets listed_;
  MethodTable targets_;
  LocalCaller caller_{targets_};
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Module> module_;
};

TEST_F(CampaignTest, ADefinitionIsRefusedWithEveryFieldThatIsWrong) {
  struct Case {
    std::string change;  // Merged over the good definition.
    std::string field;
  };
  const Case kCases[] = {
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
  };
  for (const Case& c : kCases) {
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

TEST_F(CampaignTest, AChangeOfARunningCampaignIsForTheNextCycle) {
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
  house_.AdvanceTo(absl::FromUnixSeconds(kStart) + absl::Hours(25));
  const std::vector<v1::Cycle> cycles = Cycles();
  ASSERT_EQ(cycles.size(), 2u);
  EXPECT_EQ(cycles[0].campaign_version(), 1);
  EXPECT_EQ(cycles[0].shares(0).share(), 0.25);
  EXPECT_EQ(cycles[1].campaign_version(), 2);
  EXPECT_EQ(cycles[1].shares(0).share(), 0.5);
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

TEST_F(CampaignTest, PoliciesAreCheckedVersionedAndListed) {
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
  EXPECT_EQ(handlers().UpdatePolicy({}, update).status().code(), absl::StatusCode::kAborted);
  const auto list = handlers().ListPolicies({}, {});
  ASSERT_EQ(list->policies_size(), 2);
  EXPECT_EQ(list->policies(1).name(), "policies/night");
}

}  // namespace
}  // namespace rondo::campaign
