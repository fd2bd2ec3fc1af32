// The one fixture of delivery's tests: its module on a runtime in memory, a catalogue, a small
// world of customers behind the customer service's contract, a transport with a ledger, and short
// ways to write the records of other services.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "platform/catalog/catalog.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/method_table.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/delivery/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo::delivery {

inline constexpr char kCampaign[] = "campaigns/winback";
inline constexpr InstanceKey kInstanceKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

// Takes every message into a ledger that outlives the process, and answers as told.
class LedgerTransport final : public Transport {
 public:
  absl::Status Send(const Outbound& message, Done done) override {
    if (refuses) {
      const absl::Status refusal = refuses(message);
      if (!refusal.ok()) return refusal;
    }
    ++copies[message.message_id];
    messages.push_back(message);
    if (answer && !(hangs && hangs(message))) {
      done(answer(message));
    } else {
      unanswered.push_back(std::move(done));
    }
    return absl::OkStatus();
  }

  std::function<SendOutcome(const Outbound&)> answer = [](const Outbound&) {
    return SendOutcome{SendStatus::kAccepted, 250, "ok", {}};
  };
  std::function<bool(const Outbound&)> hangs;            // Some are never answered.
  std::function<absl::Status(const Outbound&)> refuses;  // Some are not taken at all.
  std::map<std::string, int> copies;                     // By Message-ID.
  std::vector<Outbound> messages;
  std::vector<Done> unanswered;
};

// Answers BatchGetCustomers from a map.
class CustomerWorld {
 public:
  absl::StatusOr<customer::v1::BatchGetCustomersResponse> BatchGetCustomers(
      const CallInfo& call, const customer::v1::BatchGetCustomersRequest& request);
  std::map<std::string, customer::v1::Customer> customers;
  absl::Status failing;
};

class DeliveryTest : public testing::Test {
 protected:
  explicit DeliveryTest(uint64_t seed = 1, size_t in_flight_max = 16);
  ~DeliveryTest() override { Close(); }

  // Ends the process as kill -9 does: nothing is drained. The next one finds log and stores, but
  // not what `forget` names.
  void Crash(const std::vector<std::string>& forget = {});

  // Ids spread over all partitions.
  static CustomerId Customer(uint64_t number) {
    return CustomerId(number * 0x9e3779b97f4a7c15u | 1u);
  }
  static response::v1::ContactKey Contact(int32_t cycle = 1);
  // Control and mail cells, template `templates/winback`.
  static campaign::v1::Campaign Definition();

  void DefineTemplate(const std::string& channel = "email");
  void BeginCycle(const campaign::v1::Campaign& definition = Definition(), int32_t cycle = 1);
  void Transition(campaign::v1::CampaignState from, campaign::v1::CampaignState to);
  // With an address, and consent if asked.
  void AddCustomer(uint64_t number, bool consent = true);
  void Consent(uint64_t number, bool granted, const std::string& channel = "email",
               const std::string& purpose = "marketing");
  void Plan(uint64_t number, absl::Duration in = absl::ZeroDuration(),
            const std::string& cell = "mail", int32_t cycle = 1,
            const std::string& channel = "email", const std::string& purpose = "");
  void Track(uint64_t number, const std::string& type, bool with_contact = true);
  // An SMS gateway's receipt of a kind (Kannel's 1, 2, 4, 8, 16).
  void Receive(uint64_t number, int kind, int32_t cycle = 1);

  absl::StatusOr<statepb::ContactState> StateOf(uint64_t number, int32_t cycle = 1);
  statepb::ContactPhase PhaseOf(uint64_t number, int32_t cycle = 1);
  pb::DeliveryStatus Status();
  // Keys and values of the whole state, but the newest owner's epoch: each start adds an owner.
  std::map<std::string, std::string> StateWithoutEpoch();
  // Bodies of a kind in all partitions.
  std::vector<log::v1::Record> LogOf(log::v1::Record::BodyCase kind);
  template <typename Response, typename Request>
  absl::StatusOr<Response> Ask(const Request& request) {
    return Call<Response>(*caller_, CallInfo(), request);
  }

  kit::TestRuntime house_;
  std::ostringstream log_text_;
  Log log_{house_.clock(), log_text_};
  LinkTokens links_ = LinkTokens::Create({DeriveLinkKey(kInstanceKey, 1)}).value();
  LedgerTransport mail_;
  CustomerWorld world_;
  std::unique_ptr<MethodTable> table_;
  std::unique_ptr<LocalCaller> caller_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Module> module_;

 private:
  void Open();
  void Close();
  const size_t in_flight_max_;
};

}  // namespace rondo::delivery
