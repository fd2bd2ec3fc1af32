#include "services/delivery/delivery_fixture.h"

#include "rondo/delivery/v1/delivery_service.pb.h"

namespace rondo::delivery {

absl::StatusOr<customer::v1::BatchGetCustomersResponse> CustomerWorld::BatchGetCustomers(
    const CallInfo& call, const customer::v1::BatchGetCustomersRequest& request) {
  static_cast<void>(call);
  if (!failing.ok()) return failing;
  customer::v1::BatchGetCustomersResponse response;
  for (const std::string& name : request.names()) {
    const auto found = customers.find(name);
    if (found != customers.end()) *response.add_customers() = found->second;
  }
  return response;
}

DeliveryTest::DeliveryTest(uint64_t seed, size_t in_flight_max)
    : house_(4, seed), in_flight_max_(in_flight_max) {
  Open();
}

void DeliveryTest::Open() {
  table_ = std::make_unique<MethodTable>();
  caller_ = std::make_unique<LocalCaller>(*table_);
  catalog_ = std::make_unique<catalog::Catalog>();
  house_.runtime().Add(*catalog_);
  catalog_->Attach(house_.runtime());
  DeliveryOptions options;
  options.composer.message_domain = "mail.example";
  options.dispatcher.in_flight_max = in_flight_max_;
  module_ =
      std::make_unique<Module>(Module::Parts{.runtime = house_.runtime(),
                                             .catalog = *catalog_,
                                             .caller = *caller_,
                                             .executor = house_.executor(),
                                             .clock = house_.clock(),
                                             .log = log_,
                                             .links = links_,
                                             .transports = {{"email", &mail_}, {"sms", &mail_}},
                                             .instance_key = kInstanceKey,
                                             .options = options});
  module_->Serve(*table_);
  table_->Serve("rondo.customer.v1.CustomerService", world_, &CustomerWorld::BatchGetCustomers);
  house_.Start();
  ASSERT_TRUE(module_->Start("https://go.example").ok());
}

void DeliveryTest::Close() {
  // A process that is killed drains nothing; what comes back later finds nobody.
  mail_.unanswered.clear();
  house_.executor().DropAll();
  house_.runtime().Stop();
  module_.reset();
  catalog_.reset();
}

void DeliveryTest::Crash(const std::vector<std::string>& forget) {
  Close();
  house_.Restart(forget);
  Open();
}

response::v1::ContactKey DeliveryTest::Contact(int32_t cycle) {
  response::v1::ContactKey contact;
  contact.set_campaign(kCampaign);
  contact.set_cycle(cycle);
  return contact;
}

campaign::v1::Campaign DeliveryTest::Definition() {
  campaign::v1::Campaign campaign;
  campaign.set_name(kCampaign);
  campaign.set_currency("EUR");
  auto& control = *campaign.add_cells();
  control.set_name("control");
  control.set_control(true);
  auto& mail = *campaign.add_cells();
  mail.set_name("mail");
  mail.mutable_treatment()->set_channel("email");
  mail.mutable_treatment()->set_template_("templates/winback");
  auto& goal = *campaign.add_goals();
  goal.set_name("bought");
  goal.mutable_within()->set_seconds(14 * 24 * 3600);
  return campaign;
}

void DeliveryTest::DefineTemplate(const std::string& channel) {
  pb::CreateTemplateRequest request;
  auto& given = *request.mutable_template_();
  given.set_name("templates/winback");
  given.set_channel(channel);
  given.set_subject("For {{ customer.name }}");
  given.set_text("Hello {{ customer.name }}: https://shop.example/x");
  given.set_html("<p>Hello {{ customer.name }}</p><a href=\"https://shop.example/x\">shop</a>");
  given.set_from("Shop <news@shop.example>");
  const auto made = Ask<pb::Template>(request);
  ASSERT_TRUE(made.ok()) << made.status();
}

void DeliveryTest::BeginCycle(const campaign::v1::Campaign& definition, int32_t cycle) {
  log::v1::Record record;
  *record.mutable_cycle_started()->mutable_campaign() = definition;
  record.mutable_cycle_started()->mutable_cycle()->set_number(cycle);
  house_.AppendToAll(record);
}

void DeliveryTest::Transition(campaign::v1::CampaignState from, campaign::v1::CampaignState to) {
  log::v1::Record record;
  record.mutable_campaign_transitioned()->set_campaign(kCampaign);
  record.mutable_campaign_transitioned()->set_from(from);
  record.mutable_campaign_transitioned()->set_to(to);
  house_.AppendToAll(record);
}

void DeliveryTest::AddCustomer(uint64_t number, bool consent) {
  customer::v1::Customer customer;
  customer.set_name(ToResourceName(Customer(number)));
  auto& key = *customer.add_keys();
  key.set_namespace_("email");
  key.set_value(absl::StrFormat("c%d@example.org", number));
  auto& name = *customer.add_attributes();
  name.set_name("name");
  name.mutable_value()->set_string_value(absl::StrFormat("<Kim %d>", number));
  world_.customers[customer.name()] = customer;
  if (consent) Consent(number, true);
}

void DeliveryTest::Consent(uint64_t number, bool granted, const std::string& channel,
                           const std::string& purpose) {
  log::v1::Record record;
  record.set_party(Customer(number).value());
  auto& fact = *record.mutable_profile_changed()->add_consents();
  fact.set_channel(channel);
  fact.set_purpose(purpose);
  fact.set_granted(granted);
  fact.set_effective_time_micros(ToMicros(house_.clock().Now()));
  house_.Append(std::move(record));
}

void DeliveryTest::Plan(uint64_t number, absl::Duration in, const std::string& cell, int32_t cycle,
                        const std::string& channel, const std::string& purpose) {
  log::v1::Record record;
  record.set_party(Customer(number).value());
  auto& planned = *record.mutable_contact_planned();
  *planned.mutable_contact() = Contact(cycle);
  planned.set_cell(cell);
  planned.set_control(cell == "control");
  if (!planned.control()) planned.set_channel(channel);
  planned.set_due_time_micros(ToMicros(house_.clock().Now() + in));
  planned.set_cost_minor_units(5);
  planned.set_purpose(purpose);
  house_.Append(std::move(record));
}

void DeliveryTest::Track(uint64_t number, const std::string& type, bool with_contact) {
  log::v1::Record record;
  record.set_party(Customer(number).value());
  auto& event = *record.mutable_event_tracked();
  event.set_type(type);
  if (with_contact) *event.mutable_contact() = Contact();
  house_.Append(std::move(record));
}

void DeliveryTest::Receive(uint64_t number, int kind, int32_t cycle) {
  log::v1::Record record;
  record.set_party(Customer(number).value());
  auto& event = *record.mutable_event_tracked();
  event.set_type("receipt");
  *event.mutable_contact() = Contact(cycle);
  auto& field = *event.add_fields();
  field.set_name("kind");
  field.mutable_value()->set_int_value(kind);
  house_.Append(std::move(record));
}

absl::StatusOr<statepb::ContactState> DeliveryTest::StateOf(uint64_t number, int32_t cycle) {
  const int partition = PartitionOf(Customer(number), house_.log().partition_count());
  const auto view = house_.runtime().ReadState(kServiceName, partition);
  if (!view.ok()) return view.status();
  const auto contact = ReadContact(**view, ContactKeyOf(Customer(number), Contact(cycle)));
  if (!contact.ok()) return contact.status();
  return contact->value_or(statepb::ContactState());
}

statepb::ContactPhase DeliveryTest::PhaseOf(uint64_t number, int32_t cycle) {
  const auto state = StateOf(number, cycle);
  EXPECT_TRUE(state.ok()) << state.status();
  return state.ok() ? state->phase() : statepb::CONTACT_PHASE_UNSPECIFIED;
}

pb::DeliveryStatus DeliveryTest::Status() {
  const auto status = Ask<pb::DeliveryStatus>(pb::GetDeliveryStatusRequest());
  EXPECT_TRUE(status.ok()) << status.status();
  return status.value_or(pb::DeliveryStatus());
}

std::map<std::string, std::string> DeliveryTest::StateWithoutEpoch() {
  std::map<std::string, std::string> state;
  for (int partition = 0; partition < house_.log().partition_count(); ++partition) {
    const auto view = house_.runtime().ReadState(kServiceName, partition);
    EXPECT_TRUE(view.ok());
    const auto cursor = (*view)->Scan(storage::KeyRange());
    for (; cursor->Valid(); cursor->Next()) {
      if (cursor->key() == KeyOfEpoch()) continue;
      state[absl::StrFormat("%d:%s", partition, cursor->key())] = std::string(cursor->value());
    }
  }
  return state;
}

std::vector<log::v1::Record> DeliveryTest::LogOf(log::v1::Record::BodyCase kind) {
  std::vector<log::v1::Record> records;
  for (int partition = 0; partition < house_.log().partition_count(); ++partition) {
    for (int64_t at = 0;;) {
      const auto block = house_.log().Read(partition, at);
      if (!block.ok() || block->records.empty()) break;
      for (const auto* record : block->records) {
        if (record->body_case() == kind) records.push_back(*record);
      }
      at = block->end();
    }
  }
  return records;
}

}  // namespace rondo::delivery
