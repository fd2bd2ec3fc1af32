// The one fixture of the response service's tests: its module on a runtime in memory, beside
// customers that are known by name or key, and short ways to write records.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/response/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo::response {

namespace logpb = ::rondo::log::v1;

inline constexpr int64_t kDue = 1'796'126'400'000'000;  // The kit's start.
inline constexpr int64_t kDay = 86'400'000'000;
inline constexpr char kCampaign[] = "campaigns/winback";

inline CustomerId Customer(uint64_t number) {
  return CustomerId(number * 0x9e3779b97f4a7c15u | 1u);
}

// Knows `crm:N`, and Customer(N), for the numbers below 100.
struct FakeCustomers {
  absl::StatusOr<rondo::customer::v1::Customer> Lookup(
      const CallInfo&, const rondo::customer::v1::LookupCustomerRequest& request) {
    if (!fail.ok()) return fail;
    ++lookups;
    const int number = std::atoi(request.key().value().c_str());
    if (request.key().namespace_() != "crm" || number >= 100) return absl::NotFoundError("no");
    rondo::customer::v1::Customer customer;
    customer.set_name(ToResourceName(Customer(static_cast<uint64_t>(number))));
    return customer;
  }
  absl::StatusOr<rondo::customer::v1::Customer> Get(
      const CallInfo&, const rondo::customer::v1::GetCustomerRequest& request) {
    if (!fail.ok()) return fail;
    for (uint64_t number = 0; number < 100; ++number) {
      rondo::customer::v1::Customer customer;
      customer.set_name(ToResourceName(Customer(number)));
      if (customer.name() == request.name()) return customer;
    }
    return absl::NotFoundError("no");
  }
  absl::Status fail;
  int lookups = 0;
};

class ResponseTest : public testing::Test {
 protected:
  ResponseTest() { Build(); }

  void Restart(const std::vector<std::string>& forget = {}) {
    house_->Restart(forget);
    Build();
  }
  // A deployment with nothing in it.
  void StartOver() {
    module_.reset();
    house_ = std::make_unique<kit::TestRuntime>(2);
    Build();
  }

  static logpb::Record Cycle(const std::string& campaign = kCampaign) {
    logpb::Record record;
    auto& started = *record.mutable_cycle_started();
    started.mutable_campaign()->set_name(campaign);
    started.mutable_campaign()->set_currency("EUR");
    auto& bought = *started.mutable_campaign()->add_goals();
    bought.set_name("bought");
    bought.set_event("purchase");
    bought.set_where("e.amount > 5.0");
    bought.set_value("e.amount * 0.3");
    bought.mutable_within()->set_seconds(14 * 86'400);
    auto& visited = *started.mutable_campaign()->add_goals();
    visited.set_name("visited");
    visited.set_event("page_view");
    visited.mutable_within()->set_seconds(2 * 86'400);
    started.mutable_cycle()->set_number(1);
    return record;
  }
  static logpb::Record Contact(uint64_t customer, int64_t due = kDue,
                               const std::string& campaign = kCampaign, bool control = false,
                               bool imported = false) {
    logpb::Record record;
    record.set_party(Customer(customer).value());
    auto& planned = *record.mutable_contact_planned();
    planned.mutable_contact()->set_campaign(campaign);
    planned.mutable_contact()->set_cycle(1);
    planned.set_cell(control ? "control" : "mail");
    planned.set_control(control);
    planned.set_channel(control ? "" : "email");
    planned.set_due_time_micros(due);
    planned.set_imported(imported);
    return record;
  }
  static logpb::Record Event(uint64_t customer, const std::string& type, int64_t time,
                             const std::string& message_id, double amount = 10.0) {
    logpb::Record record;
    record.set_party(Customer(customer).value());
    record.set_source("web");
    record.set_event_time_micros(time);
    auto& tracked = *record.mutable_event_tracked();
    tracked.set_type(type);
    tracked.set_message_id(message_id);
    auto& field = *tracked.add_fields();
    field.set_name("amount");
    field.mutable_value()->set_double_value(amount);
    return record;
  }
  static logpb::Record Click(uint64_t customer, int64_t time, const std::string& message_id,
                             const std::string& campaign = kCampaign) {
    logpb::Record record = Event(customer, "click", time, message_id);
    record.mutable_event_tracked()->mutable_contact()->set_campaign(campaign);
    record.mutable_event_tracked()->mutable_contact()->set_cycle(1);
    return record;
  }

  // Events `purchase` with a double `amount`, `page_view` without fields.
  void DeclareEvents() {
    logpb::Record record;
    auto& definition = *record.mutable_definition_activated()->mutable_definition();
    definition.set_name("attributeSets/shop");
    definition.set_version(1);
    auto& purchase = *definition.mutable_attribute_set()->add_event_types();
    purchase.set_name("purchase");
    auto& amount = *purchase.add_fields();
    amount.set_name("amount");
    amount.set_type(rondo::type::v1::VALUE_TYPE_DOUBLE);
    definition.mutable_attribute_set()->add_event_types()->set_name("page_view");
    house_->AppendToAll(record);
  }

  void Append(const logpb::Record& record) {
    if (record.has_cycle_started()) {
      house_->AppendToAll(record);
    } else {
      house_->Append(record);
    }
  }

  // `goal/how/value` of each response of a customer, newest first.
  std::vector<std::string> Responses(uint64_t customer) {
    house_->Settle();
    std::vector<std::string> found;
    for (const auto& entry : Timeline(customer)) {
      if (!entry.has_response()) continue;
      const auto& response = entry.response();
      found.push_back(absl::StrFormat("%s/%s/%d", response.goal(), response.how(),
                                      response.value_minor_units()));
    }
    return found;
  }
  std::vector<pb::TimelineEntry> Timeline(uint64_t customer, int page_size = 1'000) {
    std::vector<pb::TimelineEntry> entries;
    pb::ListTimelineRequest request;
    request.set_customer(ToResourceName(Customer(customer)));
    request.set_page_size(page_size);
    do {
      const auto page = Call<pb::ListTimelineResponse>(*caller_, {}, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      EXPECT_LE(page->entries_size(), page_size);
      entries.insert(entries.end(), page->entries().begin(), page->entries().end());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return entries;
  }

  std::unique_ptr<kit::TestRuntime> house_ = std::make_unique<kit::TestRuntime>(2);
  FakeCustomers customers_;
  PageTokens page_tokens_{InstanceKey{1}};
  std::unique_ptr<MethodTable> table_;
  std::unique_ptr<LocalCaller> caller_;
  std::unique_ptr<Module> module_;

 private:
  void Build() {
    table_ = std::make_unique<MethodTable>();
    caller_ = std::make_unique<LocalCaller>(*table_);
    table_->Serve("rondo.customer.v1.CustomerService", customers_, &FakeCustomers::Lookup,
                  &FakeCustomers::Get);
    module_ = std::make_unique<Module>(house_->runtime(), *caller_, house_->clock(), page_tokens_,
                                       *table_);
    house_->Start();
  }
};

}  // namespace rondo::response
