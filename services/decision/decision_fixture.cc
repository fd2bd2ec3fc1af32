#include "services/decision/decision_fixture.h"

namespace rondo::decision {

absl::StatusOr<rondo::customer::v1::Customer> OneKey::LookupCustomer(
    const CallInfo&, const rondo::customer::v1::LookupCustomerRequest& request) {
  if (request.key().namespace_() != "crm" || request.key().value() != "4711") {
    return absl::NotFoundError("key: nobody owns it");
  }
  rondo::customer::v1::Customer customer;
  customer.set_name(ToResourceName(customer_));
  return customer;
}

void DecisionTest::Build() {
  catalog_ = std::make_unique<catalog::Catalog>();
  house_.runtime().Add(*catalog_);
  catalog_->Attach(house_.runtime());
  table_ = std::make_unique<MethodTable>();
  caller_ = std::make_unique<LocalCaller>(*table_);
  module_ = std::make_unique<Module>(Module::Parts{.runtime = house_.runtime(),
                                                   .catalog = *catalog_,
                                                   .caller = *caller_,
                                                   .clock = house_.clock(),
                                                   .page_tokens = page_tokens_,
                                                   .seed = 42,
                                                   .options = {}});
  module_->Serve(*table_);
  table_->Serve("rondo.customer.v1.CustomerService", customers_, &OneKey::LookupCustomer);
  house_.Start();
}

void DecisionTest::Restart(const std::vector<std::string>& forget) {
  house_.Restart(forget);
  Build();
}

void DecisionTest::DefineAttributes() {
  catalog::Definition definition;
  definition.set_name("attributeSets/crm");
  auto& set = *definition.mutable_attribute_set();
  set.set_name("attributeSets/crm");
  const auto add = [&set](const char* name, rondo::type::v1::ValueType type, bool pii) {
    auto& attribute = *set.add_attributes();
    attribute.set_name(name);
    attribute.set_type(type);
    attribute.set_pii(pii);
  };
  add("tier", rondo::type::v1::VALUE_TYPE_STRING, false);
  add("visits", rondo::type::v1::VALUE_TYPE_INT, false);
  add("secret", rondo::type::v1::VALUE_TYPE_STRING, true);
  ASSERT_TRUE(catalog_->Put(std::move(definition), {}).ok());
}

absl::StatusOr<pb::Offer> DecisionTest::Create(const std::string& id, int64_t value,
                                               const std::string& eligibility,
                                               const std::string& placement,
                                               const std::string& currency) {
  pb::CreateOfferRequest request;
  pb::Offer& offer = *request.mutable_offer();
  offer.set_name("offers/" + id);
  offer.mutable_value()->set_currency_code(currency);
  offer.mutable_value()->set_minor_units(value);
  offer.set_eligibility(eligibility);
  offer.add_placements(placement);
  return CallIt<pb::Offer>(request);
}

void DecisionTest::SetAttribute(uint64_t customer, const std::string& name,
                                const std::string& value, absl::Duration effective) {
  eventlog::LogRecord record;
  record.set_party(Customer(customer).value());
  auto& change = *record.mutable_profile_changed();
  change.set_effective_time_micros(ToMicros(house_.clock().Now() + effective));
  auto& field = *change.add_attributes();
  field.set_name(name);
  field.mutable_value()->set_string_value(value);
  house_.Append(std::move(record));
  house_.Settle();
}

void DecisionTest::SetConsent(uint64_t customer, bool granted, const std::string& channel,
                              const std::string& purpose, const std::string& unit) {
  eventlog::LogRecord record;
  record.set_party(Customer(customer).value());
  auto& consent = *record.mutable_profile_changed()->add_consents();
  consent.set_channel(channel);
  consent.set_purpose(purpose);
  consent.set_business_unit(unit);
  consent.set_granted(granted);
  consent.set_effective_time_micros(ToMicros(house_.clock().Now()));
  house_.Append(std::move(record));
  house_.Settle();
}

void DecisionTest::Plan(uint64_t customer, const std::string& channel, const std::string& purpose) {
  eventlog::LogRecord record;
  record.set_party(Customer(customer).value());
  auto& planned = *record.mutable_contact_planned();
  planned.mutable_contact()->set_campaign("campaigns/winback");
  planned.mutable_contact()->set_cycle(1);
  planned.set_channel(channel);
  planned.set_purpose(purpose);
  house_.Append(std::move(record));
}

void DecisionTest::Track(uint64_t customer, const std::string& type, bool with_contact) {
  eventlog::LogRecord record;
  record.set_party(Customer(customer).value());
  record.set_event_time_micros(ToMicros(house_.clock().Now()));
  auto& event = *record.mutable_event_tracked();
  event.set_type(type);
  if (with_contact) {
    event.mutable_contact()->set_campaign("campaigns/winback");
    event.mutable_contact()->set_cycle(1);
  }
  house_.Append(std::move(record));
  house_.Settle();
}

absl::StatusOr<pb::DecideResponse> DecisionTest::Decide(const std::string& customer, int max_offers,
                                                        const std::string& request_id) {
  pb::DecideRequest request;
  request.set_customer(customer);
  request.set_placement("home");
  request.set_max_offers(max_offers);
  request.set_request_id(request_id);
  auto& field = *request.add_context();
  field.set_name("device");
  field.mutable_value()->set_string_value("mobile");
  auto response = CallIt<pb::DecideResponse>(request);
  house_.Settle();
  return response;
}

absl::Status DecisionTest::Answer(const std::string& decision, const std::string& offer,
                                  pb::PropositionResponse response) {
  pb::RecordPropositionResponseRequest request;
  request.set_name(decision);
  request.set_offer(offer);
  request.set_response(response);
  return CallIt<pb::RecordPropositionResponseResponse>(request).status();
}

void DecisionTest::BeginCycle() {
  eventlog::LogRecord record;
  auto& campaign = *record.mutable_cycle_started()->mutable_campaign();
  campaign.set_name("campaigns/winback");
  record.mutable_cycle_started()->mutable_cycle()->set_number(1);
  for (const char* name : {"control", "mail", "web", "plain"}) {
    auto& cell = *campaign.add_cells();
    cell.set_name(name);
    cell.set_control(cell.name() == "control");
    if (cell.control()) continue;
    cell.mutable_treatment()->set_channel(cell.name() == "web" ? "web" : "email");
    if (cell.name() != "plain") cell.mutable_treatment()->set_offer("offers/liked");
  }
  house_.AppendToAll(record);
}

void DecisionTest::Deliver(uint64_t customer, const std::string& cell,
                           rondo::log::v1::DeliveryState state) {
  eventlog::LogRecord record;
  record.set_party(Customer(customer).value());
  record.set_event_time_micros(ToMicros(house_.clock().Now()));
  auto& outcome = *record.mutable_delivery_outcome();
  outcome.mutable_contact()->set_campaign("campaigns/winback");
  outcome.mutable_contact()->set_cycle(1);
  outcome.set_cell(cell);
  outcome.set_state(state);
  house_.Append(std::move(record));
}

void DecisionTest::Respond(uint64_t customer, const std::string& cell, const std::string& goal,
                           const std::string& how, bool machine) {
  eventlog::LogRecord record;
  record.set_party(Customer(customer).value());
  record.set_event_time_micros(ToMicros(house_.clock().Now()));
  auto& response = *record.mutable_response_attributed();
  response.mutable_contact()->set_campaign("campaigns/winback");
  response.mutable_contact()->set_cycle(1);
  response.set_cell(cell);
  response.set_goal(goal);
  response.set_how(how);
  response.set_machine(machine);
  house_.Append(std::move(record));
}

}  // namespace rondo::decision
