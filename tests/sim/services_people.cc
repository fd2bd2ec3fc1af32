// What people, channels and shops do, as calls of the real services.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/decision/v1/decision_service.pb.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "rondo/response/v1/response_service.pb.h"
#include "services/decision/decision_store.h"
#include "tests/sim/services_deployment.h"

namespace rondo::sim {
namespace {

constexpr char kBrowser[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

// One in eight of what has this name.
bool IsSwallowed(const std::string& name) { return Fnv1a(name) % 8 == 0; }

void SetField(type::v1::Field* field, const std::string& name, const std::string& text) {
  field->set_name(name);
  field->mutable_value()->set_string_value(text);
}

void AddConsent(customer::v1::ImportRow* row, const char* channel, bool granted, absl::Time known) {
  auto* consent = row->add_consents();
  consent->set_channel(channel);
  consent->set_purpose("marketing");
  consent->set_business_unit(kBusinessUnit);
  consent->set_granted(granted);
  SetTime(consent->mutable_effective_time(), known);
}

// What a browser, a mail reader or a gateway says for this visit.
HttpRequest RequestOf(const Visit& visit, bool mistake_machines) {
  HttpRequest http;
  http.method = visit.deed == kit::Deed::kUnsubscribe ? "POST" : "GET";
  http.path = visit.url.substr(std::string_view(kPublicUrl).size());
  http.headers = {{"User-Agent", kBrowser}};
  http.peer = "192.0.2.7:40000";
  if (visit.receipt != 0) {
    http.method = "GET";
    http.query = absl::StrFormat("type=%d&answer=from+the+gateway", visit.receipt);
  } else if (visit.deed == kit::Deed::kUnsubscribe) {
    http.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    http.body = "List-Unsubscribe=One-Click";
  } else if (visit.deed == kit::Deed::kMachineOpen && !mistake_machines) {
    http.headers.emplace_back("Sec-Purpose", "prefetch");
  }
  return http;
}

decision::v1::PropositionResponse ToProto(Reply reply) {
  switch (reply) {
    case Reply::kShown:
      return decision::v1::PROPOSITION_RESPONSE_SHOWN;
    case Reply::kClicked:
      return decision::v1::PROPOSITION_RESPONSE_CLICKED;
    case Reply::kAccepted:
      return decision::v1::PROPOSITION_RESPONSE_ACCEPTED;
    case Reply::kRejected:
      return decision::v1::PROPOSITION_RESPONSE_REJECTED;
  }
  return decision::v1::PROPOSITION_RESPONSE_UNSPECIFIED;
}

}  // namespace

void SetTime(google::protobuf::Timestamp* stamp, absl::Time time) {
  const int64_t micros = ToMicros(time);
  stamp->set_seconds(micros / 1'000'000);
  stamp->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1'000);
}

absl::Status ServicesDeployment::ImportRow(const kit::Person& person, const std::string& email,
                                           absl::Time known, bool with_consent) {
  customer::v1::ImportCustomersRequest request;
  request.set_import_id("sim");
  request.set_synced(true);
  auto* row = request.add_rows();
  row->set_row(person.number + 1);
  auto* key = row->add_keys();
  key->set_namespace_("crm");
  key->set_value(std::to_string(person.number));
  SetField(row->add_attributes(), "email", email);
  SetField(row->add_attributes(), "phone", person.phone);
  SetField(row->add_attributes(), "first_name", person.given_name);
  if (!person.time_zone.empty() && !options_.one_time_zone) {
    SetField(row->add_attributes(), "time_zone", person.time_zone);
  }
  SetTime(row->mutable_effective_time(), known);
  if (with_consent) {
    AddConsent(row, "email", person.consents || options_.invent_consent, known);
    AddConsent(row, "sms", person.consents_to_sms || options_.invent_consent, known);
  }
  RONDO_ASSIGN_OR_RETURN(const auto imported, Ask<customer::v1::ImportCustomersResponse>(request));
  if (imported.rejected_size() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(imported.rejected(0).field() + ": " +
                                    imported.rejected(0).reason());
}

absl::StatusOr<uint64_t> ServicesDeployment::AddPerson(const kit::Person& person) {
  RONDO_RETURN_IF_ERROR(
      ImportRow(person, person.email, absl::FromUnixSeconds(kKnownSinceSeconds), true));
  return Find(person);
}

absl::StatusOr<uint64_t> ServicesDeployment::Find(const kit::Person& person) {
  customer::v1::LookupCustomerRequest request;
  request.mutable_key()->set_namespace_("crm");
  request.mutable_key()->set_value(std::to_string(person.number));
  RONDO_ASSIGN_OR_RETURN(const auto found, Ask<customer::v1::Customer>(request));
  RONDO_ASSIGN_OR_RETURN(const CustomerId id, ParseCustomerName(found.name()));
  return id.value();
}

absl::Status ServicesDeployment::ChangeAddress(uint64_t, const kit::Person& person,
                                               const std::string& message_id) {
  if (options_.keep_old_address) return absl::OkStatus();
  return ImportRow(person, message_id + person.email, machine_.clock().Now(), false);
}

absl::Status ServicesDeployment::Track(uint64_t customer, const Happening& happening) {
  if (options_.swallow_events && IsSwallowed(happening.message_id)) return absl::OkStatus();
  response::v1::IngestEventsRequest request;
  request.set_synced(true);
  auto* given = request.add_events();
  given->set_customer(ToResourceName(CustomerId(customer)));
  auto* event = given->mutable_event();
  event->set_type(std::string(kit::DeedName(happening.deed)));
  event->set_message_id(happening.message_id);
  event->set_machine(happening.deed == kit::Deed::kMachineOpen);
  event->set_source(happening.campaign.empty() ? "shop" : "feedback");
  SetTime(event->mutable_event_time(), happening.time);
  if (happening.deed == kit::Deed::kBuy) {
    event->add_fields()->set_name("amount");
    event->mutable_fields(0)->mutable_value()->set_double_value(
        static_cast<double>(happening.amount_minor_units) / 100.0);
  }
  if (!happening.campaign.empty()) {
    event->mutable_contact()->set_campaign(happening.campaign);
    event->mutable_contact()->set_cycle(happening.cycle);
  }
  RONDO_ASSIGN_OR_RETURN(const auto answer, Ask<response::v1::IngestEventsResponse>(request));
  if (answer.rejected_size() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(answer.rejected(0).field() + ": " +
                                    answer.rejected(0).reason());
}

absl::Status ServicesDeployment::Follow(const Visit& visit) {
  if (options_.swallow_visits && IsSwallowed(visit.url)) return absl::OkStatus();
  const HttpResponse answer = tracking_.Handle(RequestOf(visit, options_.mistake_machines));
  if (answer.status == 200 || answer.status == 302) return absl::OkStatus();
  if (answer.status == 404) return absl::NotFoundError("no such link");
  if (answer.status >= 500) return absl::UnavailableError(answer.body);
  return absl::InternalError(absl::StrFormat("answered with %d: %s", answer.status, answer.body));
}

absl::StatusOr<Choice> ServicesDeployment::Decide(uint64_t customer,
                                                  const std::string& request_id) {
  decision::v1::DecideRequest request;
  request.set_customer(ToResourceName(CustomerId(customer)));
  request.set_placement(kPlacement);
  request.set_max_offers(2);
  request.set_request_id(request_id);
  RONDO_ASSIGN_OR_RETURN(const auto answer, Ask<decision::v1::DecideResponse>(request));
  Choice choice{.decision = answer.decision(), .proposed = {}};
  for (const auto& proposition : answer.propositions()) {
    choice.proposed.push_back({proposition.offer().name(), proposition.assignment_probability()});
  }
  if (options_.misreport_choice) std::reverse(choice.proposed.begin(), choice.proposed.end());
  return choice;
}

absl::Status ServicesDeployment::Answer(const PropositionAnswer& answer) {
  if (options_.swallow_answers) return absl::OkStatus();
  decision::v1::RecordPropositionResponseRequest request;
  request.set_name(answer.decision);
  request.set_offer(answer.offer);
  request.set_response(ToProto(answer.reply));
  return Ask<decision::v1::RecordPropositionResponseResponse>(request).status();
}

absl::StatusOr<Figures> ServicesDeployment::OfferCounts() {
  Figures figures;
  for (int partition = 0; partition < runtime_.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState("decision", partition));
    const auto cursor = state->Scan(decision::AllCounts());
    for (; cursor->Valid(); cursor->Next()) {
      decision::Exposure exposure;
      int64_t week = 0;
      RONDO_RETURN_IF_ERROR(decision::ParseCountsKey(cursor->key(), exposure, week));
      RONDO_ASSIGN_OR_RETURN(const auto counts,
                             decision::ParseCounts(std::string(cursor->value())));
      figures["shown/" + exposure.offer] += counts.shown;
      figures["good/" + exposure.offer] += counts.good;
    }
  }
  return figures;
}

absl::StatusOr<std::vector<ContactId>> ServicesDeployment::InDoubt() {
  std::vector<ContactId> contacts;
  delivery::v1::ListInDoubtRequest request;
  request.set_page_size(7);
  do {
    RONDO_ASSIGN_OR_RETURN(const auto page, Ask<delivery::v1::ListInDoubtResponse>(request));
    for (const auto& each : page.contacts()) {
      RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(each.customer()));
      contacts.push_back({customer.value(), each.contact().campaign(), each.contact().cycle()});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return contacts;
}

absl::Status ServicesDeployment::Settle(const ContactId& contact, bool sent) {
  delivery::v1::SettleInDoubtRequest request;
  request.set_customer(ToResourceName(CustomerId(contact.customer)));
  request.mutable_contact()->set_campaign(contact.campaign);
  request.mutable_contact()->set_cycle(contact.cycle);
  request.set_sent(options_.settle_blindly || sent);
  return Ask<delivery::v1::SettleInDoubtResponse>(request).status();
}

absl::Status ServicesDeployment::Erase(uint64_t customer) {
  if (options_.forget_erasure) return absl::OkStatus();
  customer::v1::EraseCustomerRequest request;
  request.set_name(ToResourceName(CustomerId(customer)));
  if (!options_.keep_data_key) return Ask<google::protobuf::Empty>(request).status();
  const auto keys = machine_.OpenStore("keys");
  storage::Batch saved;
  const auto cursor = keys->Scan({});
  for (; cursor->Valid(); cursor->Next()) saved.Put(cursor->key(), cursor->value());
  RONDO_RETURN_IF_ERROR(Ask<google::protobuf::Empty>(request).status());
  return keys->Write(saved, storage::Sync::kYes);
}

absl::StatusOr<std::string> ServicesDeployment::Remains(uint64_t customer,
                                                        const kit::Person& person) {
  const std::string name = ToResourceName(CustomerId(customer));
  customer::v1::GetCustomerRequest get;
  get.set_name(name);
  RONDO_ASSIGN_OR_RETURN(const auto known, Ask<customer::v1::Customer>(get));
  const bool is_empty = known.erased() && known.keys().empty() && known.attributes().empty() &&
                        known.consents().empty();
  if (!is_empty) return "the customer service tells who it was";
  customer::v1::LookupCustomerRequest lookup;
  lookup.mutable_key()->set_namespace_("crm");
  lookup.mutable_key()->set_value(std::to_string(person.number));
  const absl::Status found = Ask<customer::v1::Customer>(lookup).status();
  if (found.ok()) return "the external key leads to a customer";
  if (!absl::IsNotFound(found)) return found;
  response::v1::ListTimelineRequest timeline;
  timeline.set_customer(name);
  RONDO_ASSIGN_OR_RETURN(const auto entries, Ask<response::v1::ListTimelineResponse>(timeline));
  if (!entries.entries().empty()) return "the timeline tells what happened";
  const std::string data_key = storage::KeyBuilder().U64(customer).view();
  RONDO_ASSIGN_OR_RETURN(const auto kept, machine_.OpenStore("keys")->Get(data_key));
  return kept.has_value() ? "the key of what was sealed is there" : "";
}

}  // namespace rondo::sim
