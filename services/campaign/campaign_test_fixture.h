// The campaign service on a runtime in memory with simulated time; the targeting service is a list.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "platform/core/rng.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "services/campaign/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo::campaign {

using eventlog::LogRecord;
namespace targeting = ::rondo::targeting::v1;

inline constexpr int kPartitions = 4;

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

inline constexpr char kCampaign[] = R"pb(
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
inline constexpr int64_t kStart = 1796130000;  // An hour after the simulated start.

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
        R"pb(name: "codeLists/goods"
             code_list {
               codes { code: "FOOD" }
               codes { code: "FRUIT" parent: "FOOD" }
             })pb",
        R"pb(name: "attributeSets/shop"
             attribute_set {
               currency: "EUR"
               attributes { name: "arm" type: VALUE_TYPE_STRING }
               attributes { name: "time_zone" type: VALUE_TYPE_STRING }
               attributes { name: "email" type: VALUE_TYPE_STRING pii: true }
               event_types {
                 name: "purchase"
                 fields { name: "amount" type: VALUE_TYPE_DOUBLE }
                 fields { name: "article" type: VALUE_TYPE_CODE code_list: "codeLists/goods" }
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

}  // namespace rondo::campaign
