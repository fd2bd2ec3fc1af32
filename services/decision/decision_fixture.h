// The one fixture of decision's tests: its module and the catalogue on a runtime in memory, a
// customer service that knows one key, and short ways to write records and make calls.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "platform/catalog/catalog.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/method_table.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/decision/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo::decision {

// Answers LookupCustomer for `crm:4711` only.
class OneKey {
 public:
  explicit OneKey(CustomerId customer) : customer_(customer) {}
  absl::StatusOr<rondo::customer::v1::Customer> LookupCustomer(
      const CallInfo& call, const rondo::customer::v1::LookupCustomerRequest& request);

 private:
  CustomerId customer_;
};

class DecisionTest : public testing::Test {
 protected:
  DecisionTest() { Build(); }

  void Restart(const std::vector<std::string>& forget = {});

  static CustomerId Customer(uint64_t number) {
    return CustomerId(number * 0x9e3779b97f4a7c15u | 1u);
  }

  // `tier`, a string, `visits`, an int, and `secret`, which is PII.
  void DefineAttributes();
  absl::StatusOr<pb::Offer> Create(const std::string& id, int64_t value,
                                   const std::string& eligibility = "",
                                   const std::string& placement = "home",
                                   const std::string& currency = "EUR");
  void SetAttribute(uint64_t customer, const std::string& name, const std::string& value,
                    absl::Duration effective = absl::ZeroDuration());
  // Said at this moment of the clock.
  void SetConsent(uint64_t customer, bool granted, const std::string& channel = "*",
                  const std::string& purpose = "marketing", const std::string& unit = "");
  // A contact of `BeginCycle`'s campaign, and an event that answers it, or no contact at all.
  void Plan(uint64_t customer, const std::string& channel, const std::string& purpose = "");
  void Track(uint64_t customer, const std::string& type, bool with_contact = true);
  absl::StatusOr<pb::DecideResponse> Decide(const std::string& customer, int max_offers = 1,
                                            const std::string& request_id = "");
  absl::StatusOr<pb::DecideResponse> Decide(uint64_t customer, int max_offers = 1) {
    return Decide(ToResourceName(Customer(customer)), max_offers);
  }
  absl::Status Answer(const std::string& decision, const std::string& offer,
                      pb::PropositionResponse response);

  // A cycle of a campaign: cells `control`, `mail` (offers/liked by e-mail), `web` (the same on the
  // web) and `plain` (without an offer).
  void BeginCycle();
  void Deliver(uint64_t customer, const std::string& cell, rondo::log::v1::DeliveryState state);
  void Respond(uint64_t customer, const std::string& cell, const std::string& goal,
               const std::string& how = "token", bool machine = false);

  template <typename Response, typename Request>
  absl::StatusOr<Response> CallIt(const Request& request) {
    CallInfo call;
    call.request_id = RequestIdOf(request);
    return Call<Response>(*caller_, call, request);
  }

  kit::TestRuntime house_;
  PageTokens page_tokens_{InstanceKey{}};
  OneKey customers_{Customer(7)};
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<MethodTable> table_;
  std::unique_ptr<LocalCaller> caller_;
  std::unique_ptr<Module> module_;

 private:
  void Build();
};

}  // namespace rondo::decision
