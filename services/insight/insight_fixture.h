// The one fixture of insight's tests: its module on a runtime in memory, and short ways to write
// the records of other services.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "platform/rpc/caller.h"
#include "platform/rpc/method_table.h"
#include "services/insight/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo::insight {

inline constexpr char kCampaign[] = "campaigns/winback";

class InsightTest : public testing::Test {
 protected:
  InsightTest() { Build(); }
  ~InsightTest() override { module_->Stop(); }

  // Ends the process; the next one finds log and stores, but not what `forget` names.
  void Restart(const std::vector<std::string>& forget = {}) {
    module_->Stop();
    house_.Restart(forget);
    Build();
  }

  // Customers are numbered; ids spread over all partitions.
  static CustomerId Customer(uint64_t number) {
    return CustomerId(number * 0x9e3779b97f4a7c15u | 1u);
  }

  // Control 50%, mail 50%; the goal `bought` within 14 days, worth its value.
  static rondo::campaign::v1::Campaign Definition();

  // `segments` are frozen for the cycle: bit i of a contact's segments is the i-th.
  void BeginCycle(int32_t cycle, const rondo::campaign::v1::Campaign& definition = Definition(),
                  const std::vector<std::string>& segments = {});
  void EndPlanning(int32_t cycle);
  void Plan(uint64_t customer, const std::string& cell, int32_t cycle = 1, bool imported = false,
            uint32_t segments = 0);
  void Deliver(uint64_t customer, rondo::log::v1::DeliveryState state, int32_t cycle = 1,
               int32_t attempt = 1);
  void Suppress(uint64_t customer, const std::string& reason, bool shadow = false);
  void Respond(uint64_t customer, const std::string& goal, int64_t value = 0, int32_t cycle = 1,
               bool machine = false);
  // With an event whose value the goal's rule did not give.
  void RespondWithoutValue(uint64_t customer, const std::string& goal);
  void Purchase(uint64_t customer, absl::Time time, double amount, const std::string& order = "",
                const std::string& message_id = "");
  // With an amount of money.
  void Purchase(uint64_t customer, absl::Time time, const rondo::type::v1::Money& amount);
  // `customers` of each cell; the first `control_buyers` and `mail_buyers` of them buy for `value`.
  void RunCycle(int32_t cycle, uint64_t customers, uint64_t control_buyers, uint64_t mail_buyers,
                int64_t value);

  absl::StatusOr<pb::CampaignReport> Report(
      int32_t cycle = 0, const std::string& name = kCampaign,
      pb::ReportDimension by = pb::REPORT_DIMENSION_UNSPECIFIED);
  // Of all partitions, in the order of partitions and offsets.
  std::vector<rondo::log::v1::Record> LogOf(rondo::log::v1::Record::BodyCase kind);

  kit::TestRuntime house_;
  std::ostringstream log_text_;
  Log log_{house_.clock(), log_text_};
  std::unique_ptr<Module> module_;
  std::unique_ptr<MethodTable> table_;
  std::unique_ptr<LocalCaller> caller_;

 private:
  void Build();
};

}  // namespace rondo::insight
