#include "services/insight/insight_fixture.h"

namespace rondo::insight {
namespace {

rondo::log::v1::Record About(CustomerId customer) {
  rondo::log::v1::Record record;
  record.set_party(customer.value());
  return record;
}

void Name(rondo::response::v1::ContactKey& contact, int32_t cycle) {
  contact.set_campaign(kCampaign);
  contact.set_cycle(cycle);
}

}  // namespace

void InsightTest::Build() {
  module_ = std::make_unique<Module>(Module::Parts{
      .runtime = house_.runtime(), .executor = house_.executor(), .log = log_, .options = {}});
  table_ = std::make_unique<MethodTable>();
  module_->Serve(*table_);
  caller_ = std::make_unique<LocalCaller>(*table_);
  house_.Start();
  ASSERT_TRUE(module_->Start().ok());
}

rondo::campaign::v1::Campaign InsightTest::Definition() {
  rondo::campaign::v1::Campaign campaign;
  campaign.set_name(kCampaign);
  campaign.set_currency("EUR");
  auto& control = *campaign.add_cells();
  control.set_name("control");
  control.set_share(0.5);
  control.set_control(true);
  auto& mail = *campaign.add_cells();
  mail.set_name("mail");
  mail.set_share(0.5);
  mail.mutable_treatment()->set_channel("email");
  auto& goal = *campaign.add_goals();
  goal.set_name("bought");
  goal.set_event("purchase");
  goal.set_value("e.amount");
  goal.mutable_within()->set_seconds(14 * 24 * 3600);
  campaign.mutable_learning()->set_allocate(rondo::campaign::v1::ALLOCATION_THOMPSON);
  campaign.mutable_learning()->set_control_floor(0.1);
  campaign.mutable_learning()->set_cell_floor(0.1);
  return campaign;
}

void InsightTest::BeginCycle(int32_t cycle, const rondo::campaign::v1::Campaign& definition,
                             const std::vector<std::string>& segments) {
  rondo::log::v1::Record record;
  auto& started = *record.mutable_cycle_started();
  *started.mutable_campaign() = definition;
  started.mutable_cycle()->set_number(cycle);
  started.mutable_cycle()->mutable_due_time()->set_seconds(
      absl::ToUnixSeconds(house_.clock().Now()));
  for (const auto& cell : definition.cells()) {
    auto& share = *started.mutable_cycle()->add_shares();
    share.set_cell(cell.name());
    share.set_share(cell.share());
  }
  for (const std::string& segment : segments) started.mutable_cycle()->add_segments(segment);
  house_.AppendToAll(record);
}

void InsightTest::EndPlanning(int32_t cycle) {
  rondo::log::v1::Record record;
  record.mutable_cycle_planned()->set_campaign(kCampaign);
  record.mutable_cycle_planned()->set_cycle(cycle);
  house_.AppendToAll(record);
}

void InsightTest::Plan(uint64_t customer, const std::string& cell, int32_t cycle, bool imported,
                       uint32_t segments) {
  auto record = About(Customer(customer));
  auto& planned = *record.mutable_contact_planned();
  Name(*planned.mutable_contact(), cycle);
  planned.set_cell(cell);
  planned.set_control(cell == "control");
  if (!planned.control()) planned.set_channel("email");
  planned.set_due_time_micros(ToMicros(house_.clock().Now()));
  planned.set_cost_minor_units(5);
  planned.set_imported(imported);
  planned.set_segments(segments);
  house_.Append(std::move(record));
}

void InsightTest::Deliver(uint64_t customer, rondo::log::v1::DeliveryState state, int32_t cycle,
                          int32_t attempt) {
  auto record = About(Customer(customer));
  auto& outcome = *record.mutable_delivery_outcome();
  Name(*outcome.mutable_contact(), cycle);
  outcome.set_attempt(attempt);
  outcome.set_state(state);
  if (state == rondo::log::v1::DELIVERY_STATE_SENT) outcome.set_cost_minor_units(5);
  house_.Append(std::move(record));
}

void InsightTest::Suppress(uint64_t customer, const std::string& reason, bool shadow) {
  auto record = About(Customer(customer));
  auto& suppressed = *record.mutable_contact_suppressed();
  Name(*suppressed.mutable_contact(), 1);
  suppressed.set_reason(reason);
  suppressed.set_shadow(shadow);
  house_.Append(std::move(record));
}

void InsightTest::Respond(uint64_t customer, const std::string& goal, int64_t value, int32_t cycle,
                          bool machine) {
  auto record = About(Customer(customer));
  auto& response = *record.mutable_response_attributed();
  Name(*response.mutable_contact(), cycle);
  response.set_goal(goal);
  response.set_value_minor_units(value);
  response.set_machine(machine);
  house_.Append(std::move(record));
}

void InsightTest::RespondWithoutValue(uint64_t customer, const std::string& goal) {
  auto record = About(Customer(customer));
  auto& response = *record.mutable_response_attributed();
  Name(*response.mutable_contact(), 1);
  response.set_goal(goal);
  response.set_value_unknown(true);
  house_.Append(std::move(record));
}

void InsightTest::Purchase(uint64_t customer, absl::Time time, double amount,
                           const std::string& order, const std::string& message_id) {
  auto record = About(Customer(customer));
  record.set_event_time_micros(ToMicros(time));
  auto& event = *record.mutable_event_tracked();
  event.set_type("purchase");
  event.set_message_id(message_id);
  auto& field = *event.add_fields();
  field.set_name("amount");
  field.mutable_value()->set_double_value(amount);
  if (!order.empty()) {
    auto& order_field = *event.add_fields();
    order_field.set_name("order");
    order_field.mutable_value()->set_string_value(order);
  }
  house_.Append(std::move(record));
}

void InsightTest::Purchase(uint64_t customer, absl::Time time,
                           const rondo::type::v1::Money& amount) {
  auto record = About(Customer(customer));
  record.set_event_time_micros(ToMicros(time));
  auto& event = *record.mutable_event_tracked();
  event.set_type("purchase");
  auto& field = *event.add_fields();
  field.set_name("amount");
  *field.mutable_value()->mutable_money_value() = amount;
  house_.Append(std::move(record));
}

void InsightTest::RunCycle(int32_t cycle, uint64_t customers, uint64_t control_buyers,
                           uint64_t mail_buyers, int64_t value) {
  BeginCycle(cycle);
  for (uint64_t i = 1; i <= customers; ++i) {
    Plan(i, "control", cycle);
    Plan(customers + i, "mail", cycle);
    Deliver(customers + i, rondo::log::v1::DELIVERY_STATE_SENT, cycle);
    if (i <= control_buyers) Respond(i, "bought", value, cycle);
    if (i <= mail_buyers) Respond(customers + i, "bought", value, cycle);
  }
  EndPlanning(cycle);
  house_.Settle();
}

absl::StatusOr<pb::CampaignReport> InsightTest::Report(int32_t cycle, const std::string& name,
                                                       pb::ReportDimension by) {
  pb::GetCampaignReportRequest request;
  request.set_name(name);
  request.set_cycle(cycle);
  request.set_by(by);
  return Call<pb::CampaignReport>(*caller_, {}, request);
}

std::vector<rondo::log::v1::Record> InsightTest::LogOf(rondo::log::v1::Record::BodyCase kind) {
  std::vector<rondo::log::v1::Record> found;
  for (int partition = 0; partition < house_.log().partition_count(); ++partition) {
    const int64_t end = house_.log().End(partition).value();
    for (int64_t offset = 0; offset < end;) {
      const auto block = house_.log().Read(partition, offset).value();
      for (const auto* record : block.records) {
        if (record->body_case() == kind) found.push_back(*record);
      }
      offset = block.end();
    }
  }
  return found;
}

}  // namespace rondo::insight
