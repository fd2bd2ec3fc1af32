// The real services as app/ wires them, in one process of the simulated machine. Calls of the world
// are in services_people.cc (what people, channels and shops do), services_import.cc (what comes by
// file) and services_definitions.cc (what marketers define and read).
#pragma once

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "channels/links/token.h"
#include "platform/catalog/catalog.h"
#include "platform/core/rng.h"
#include "platform/rpc/call_metrics.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/log.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "services/campaign/module.h"
#include "services/customer/module.h"
#include "services/decision/module.h"
#include "services/delivery/module.h"
#include "services/gateway/tracking.h"
#include "services/insight/module.h"
#include "services/response/module.h"
#include "services/targeting/module.h"
#include "tests/sim/deployment.h"
#include "tests/sim/services_loop.h"

namespace rondo::sim {

inline constexpr char kBusinessUnit[] = "sim";
// When the people's data became true: long before the world begins.
inline constexpr int64_t kKnownSinceSeconds = 1'799'000'000;
inline constexpr char kPlacement[] = "home";
inline constexpr char kPublicUrl[] = "https://go.example";

// Delivery's door to the simulated sinks.
class ChannelToWorld final : public delivery::Transport {
 public:
  ChannelToWorld(std::string channel, sim::Transport& world, bool resend_unknown)
      : channel_(std::move(channel)), world_(world), resend_unknown_(resend_unknown) {}
  absl::Status Send(const delivery::Outbound& outbound, Done done) override;

 private:
  const std::string channel_;
  sim::Transport& world_;
  const bool resend_unknown_;
};

class ServicesDeployment final : public Deployment {
 public:
  ServicesDeployment(const ServicesLoopOptions& options, Machine& machine, Transport& transport);
  ~ServicesDeployment() override;

  absl::Status Start() override;
  eventlog::Runtime& runtime() override { return runtime_; }
  std::vector<std::string> services() const override {
    return {"catalog", "customer", "campaign", "delivery", "response", "insight", "decision"};
  }

  absl::Status Prepare(const WorldPlan& plan) override;
  absl::StatusOr<uint64_t> AddPerson(const kit::Person& person) override;
  absl::Status ChangeAddress(uint64_t customer, const kit::Person& person,
                             const std::string& message_id) override;
  absl::Status Track(uint64_t customer, const Happening& happening) override;
  absl::Status Launch(const CampaignPlan& plan) override;
  absl::Status AwaitPlanned(const CampaignPlan& plan, int cycle) override;
  absl::StatusOr<Figures> Report(const CampaignPlan& plan) override;
  absl::StatusOr<int64_t> ImportPeople(const std::vector<kit::Person>& people) override;
  absl::StatusOr<uint64_t> Find(const kit::Person& person) override;
  absl::Status ImportPurchase(const kit::Person& person, const Happening& purchase) override;
  absl::Status Follow(const Visit& visit) override;
  absl::StatusOr<Choice> Decide(uint64_t customer, const std::string& request_id) override;
  absl::Status Answer(const PropositionAnswer& answer) override;
  absl::StatusOr<Figures> OfferCounts() override;
  absl::Status Pause(const std::string& campaign) override;
  absl::Status Resume(const std::string& campaign) override;
  absl::StatusOr<std::vector<ContactId>> InDoubt() override;
  absl::Status Settle(const ContactId& contact, bool sent) override;
  absl::Status Erase(uint64_t customer) override;
  absl::StatusOr<std::string> Remains(uint64_t customer, const kit::Person& person) override;

 private:
  struct Modules;

  template <typename Response, typename Request>
  absl::StatusOr<Response> Ask(const Request& request) {
    CallInfo call;
    call.request_id = RequestIdOf(request);
    return Call<Response>(caller_, call, request);
  }

  absl::Status DefineAttributes();
  absl::Status DefineTemplates();
  absl::Status DefineOffers(const std::vector<OfferPlan>& plan);
  absl::Status DefinePolicy(const PolicyPlan& plan);
  absl::StatusOr<int64_t> ImportFile(const std::string& mapping_text, const std::string& name,
                                     const std::string& csv);
  absl::Status ImportRow(const kit::Person& person, const std::string& email, absl::Time known,
                         bool with_consent);

  const ServicesLoopOptions options_;
  Machine& machine_;
  std::ostringstream log_text_;
  Log log_;
  LinkTokens links_;
  ChannelToWorld email_;
  ChannelToWorld sms_;
  PageTokens page_tokens_;
  MethodTable methods_;
  LocalCaller caller_;
  prometheus::Registry registry_;
  CallMetrics metrics_;
  catalog::Catalog catalog_;
  eventlog::Runtime runtime_;
  std::unique_ptr<Modules> modules_;
  Rng trace_ids_;
  Tracking tracking_;
};

// Shared by the files of calls.
void SetTime(google::protobuf::Timestamp* stamp, absl::Time time);

}  // namespace rondo::sim
