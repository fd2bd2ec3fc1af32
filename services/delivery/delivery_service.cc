#include "services/delivery/delivery_service.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/catalog/definition_update.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"
#include "platform/storage/key.h"
#include "services/delivery/delivery_projection.h"
#include "services/delivery/waiting_offers.h"

namespace rondo::delivery {
namespace {

constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1'000;
// Of contacts looked at for one page of one campaign.
constexpr size_t kInDoubtChunk = 1'000;

absl::Status Check(const pb::Template& given) {
  RONDO_RETURN_IF_ERROR(
      catalog::CheckResourceName(given.name(), catalog::kTemplates, "template.name"));
  FieldViolations violations;
  if (std::find(std::begin(kChannels), std::end(kChannels), given.channel()) ==
      std::end(kChannels)) {
    violations.Add("template.channel", "expected email, sms or web");
  }
  if (given.text().empty() && given.html().empty()) {
    violations.Add("template.text", "give text, html or both");
  }
  if (given.channel() == "sms" && given.text().empty()) {
    violations.Add("template.text", "an SMS is text");
  }
  if (given.channel() == "email" && given.subject().empty()) {
    violations.Add("template.subject", "an e-mail needs one");
  }
  RONDO_RETURN_IF_ERROR(violations.ToStatus());
  RONDO_ASSIGN_OR_RETURN(const CompiledTemplate compiled, CompileTemplate(given));
  return CheckTemplate(compiled);
}

pb::Template ToTemplate(const catalog::Definition& definition) {
  pb::Template shown = definition.template_();
  shown.set_name(definition.name());
  shown.set_version(definition.version());
  shown.set_etag(catalog::EtagOf(definition.version()));
  return shown;
}

}  // namespace

void DeliveryHandlers::Serve(MethodTable& table) {
  table.Serve("rondo.delivery.v1.DeliveryService", *this, &DeliveryHandlers::GetDeliveryStatus,
              &DeliveryHandlers::ListInDoubt, &DeliveryHandlers::SettleInDoubt,
              &DeliveryHandlers::ListWaitingOffers, &DeliveryHandlers::CreateTemplate,
              &DeliveryHandlers::GetTemplate, &DeliveryHandlers::ListTemplates,
              &DeliveryHandlers::UpdateTemplate);
}

absl::StatusOr<pb::DeliveryStatus> DeliveryHandlers::GetDeliveryStatus(
    const CallInfo& call, const pb::GetDeliveryStatusRequest& request) {
  static_cast<void>(call), static_cast<void>(request);
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(kServiceName));
  pb::DeliveryStatus status;
  for (int partition = 0; partition < runtime_.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(kServiceName, partition));
    RONDO_ASSIGN_OR_RETURN(const statepb::ContactCounts counts, ReadCounts(*state));
    status.set_waiting(status.waiting() + counts.waiting());
    status.set_ready(status.ready() + counts.ready());
    status.set_in_flight(status.in_flight() + counts.in_flight());
    status.set_in_doubt(status.in_doubt() + counts.in_doubt());
  }
  status.set_limited_by(dispatcher_.LimitedBy());
  return status;
}

absl::StatusOr<pb::ListInDoubtResponse> DeliveryHandlers::ListInDoubt(
    const CallInfo& call, const pb::ListInDoubtRequest& request) {
  static_cast<void>(call);
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kPageSizeDefault, kPageSizeMax));
  RONDO_ASSIGN_OR_RETURN(const std::string cursor, page_tokens_.Decode(request));
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(kServiceName));
  storage::KeyParser at(cursor);
  int partition = cursor.empty() ? 0 : at.U16();
  std::string after(cursor.empty() ? "" : at.Rest());
  pb::ListInDoubtResponse response;
  for (; partition < runtime_.partition_count(); ++partition, after.clear()) {
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(kServiceName, partition));
    while (true) {
      RONDO_ASSIGN_OR_RETURN(const auto keys, ReadInDoubt(*state, after, kInDoubtChunk));
      for (const std::string& key : keys) {
        RONDO_ASSIGN_OR_RETURN(const auto contact, ReadContact(*state, key));
        if (!contact.has_value()) return absl::DataLossError("a contact in doubt is missing");
        if (!request.campaign().empty() && contact->contact().campaign() != request.campaign()) {
          after = key;
          continue;
        }
        if (response.contacts_size() == page_size) {
          const std::string next =
              storage::KeyBuilder().U16(static_cast<uint16_t>(partition)).Raw(after).Build();
          response.set_next_page_token(page_tokens_.Encode(request, next));
          return response;
        }
        pb::InDoubtContact& shown = *response.add_contacts();
        shown.set_customer(ToResourceName(CustomerId(contact->customer())));
        *shown.mutable_contact() = contact->contact();
        *shown.mutable_attempt_time() = ToTimestamp(contact->claim_time_micros());
        shown.set_message_id(contact->message_id());
        after = key;
      }
      if (keys.size() < kInDoubtChunk) break;
    }
  }
  return response;
}

absl::StatusOr<pb::SettleInDoubtResponse> DeliveryHandlers::SettleInDoubt(
    const CallInfo& call, const pb::SettleInDoubtRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(request.customer()));
  const int partition = PartitionOf(customer, runtime_.partition_count());
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(kServiceName));
  RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(kServiceName, partition));
  RONDO_ASSIGN_OR_RETURN(const auto contact,
                         ReadContact(*state, ContactKeyOf(customer, request.contact())));
  if (!contact.has_value()) return absl::NotFoundError("contact: it was never planned");
  if (contact->phase() != statepb::CONTACT_PHASE_IN_DOUBT &&
      contact->phase() != statepb::CONTACT_PHASE_UNKNOWN) {
    return absl::FailedPreconditionError("contact: it is not in doubt");
  }
  eventlog::LogRecord record;
  record.set_party(customer.value());
  record.set_source("operator");
  record.set_request_id(call.request_id);
  auto& outcome = *record.mutable_delivery_outcome();
  *outcome.mutable_contact() = request.contact();
  outcome.set_attempt(contact->attempt());
  outcome.set_cell(contact->cell());
  outcome.set_evidence(request.evidence().empty() ? "operator" : request.evidence());
  if (request.sent()) {
    outcome.set_state(rondo::log::v1::DELIVERY_STATE_SENT);
    outcome.set_cost_minor_units(contact->cost_minor_units());
  } else {
    // Known not to have gone out: it may go out now, if the policy still allows it.
    outcome.set_state(rondo::log::v1::DELIVERY_STATE_DEFERRED);
    outcome.set_retry_time_micros(ToMicros(runtime_.clock().Now()));
  }
  RONDO_RETURN_IF_ERROR(
      runtime_.Submit(kServiceName, partition, std::move(record), eventlog::Durability::kSynced)
          .status());
  return pb::SettleInDoubtResponse();
}

absl::StatusOr<pb::ListWaitingOffersResponse> DeliveryHandlers::ListWaitingOffers(
    const CallInfo& call, const pb::ListWaitingOffersRequest& request) {
  static_cast<void>(call);
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(request.customer()));
  const int partition = PartitionOf(customer, runtime_.partition_count());
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(kServiceName));
  RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(kServiceName, partition));
  const absl::Time now = runtime_.clock().Now();
  RONDO_ASSIGN_OR_RETURN(const WaitingOffers waiting,
                         ReadWaitingOffers(*state, catalog_, customer, now));
  pb::ListWaitingOffersResponse response;
  if (waiting.contacts.empty()) return response;
  RONDO_ASSIGN_OR_RETURN(const auto composed,
                         composer_.Compose(waiting.contacts, waiting.campaigns));
  for (size_t i = 0; i < waiting.contacts.size(); ++i) {
    if (!composed[i].suppressed_reason.empty()) continue;
    pb::WaitingOffer& offer = *response.add_offers();
    *offer.mutable_contact() = waiting.contacts[i].contact();
    for (const auto& cell : waiting.campaigns[i].cells()) {
      if (cell.name() == waiting.contacts[i].cell()) offer.set_offer(cell.treatment().offer());
    }
    const Outbound& message = composed[i].message;
    offer.set_html(message.html.empty() ? message.text : message.html);
    offer.set_click_url(message.click_url);
    *offer.mutable_expire_time() = ToTimestamp(ToMicros(waiting.expire_times[i]));
  }
  return response;
}

absl::StatusOr<pb::Template> DeliveryHandlers::Put(const CallInfo& call, pb::Template given,
                                                   bool validate_only, int64_t expected_version) {
  RONDO_RETURN_IF_ERROR(Check(given));
  catalog::Definition definition;
  definition.set_name(given.name());
  given.clear_etag();
  given.clear_version();
  *definition.mutable_template_() = std::move(given);
  if (validate_only) return ToTemplate(definition);
  RONDO_ASSIGN_OR_RETURN(definition,
                         catalog_.Put(std::move(definition), {.expected_version = expected_version,
                                                              .request_id = call.request_id,
                                                              .author = call.principal.name}));
  return ToTemplate(definition);
}

absl::StatusOr<pb::Template> DeliveryHandlers::CreateTemplate(
    const CallInfo& call, const pb::CreateTemplateRequest& request) {
  return Put(call, request.template_(), request.validate_only(), 0);
}

absl::StatusOr<pb::Template> DeliveryHandlers::UpdateTemplate(
    const CallInfo& call, const pb::UpdateTemplateRequest& request) {
  RONDO_ASSIGN_OR_RETURN(
      auto update, catalog::ReadUpdate(catalog_, request.template_(), request,
                                       [](const auto& current) { return current.template_(); }));
  return Put(call, std::move(update.resource), request.validate_only(), update.expected_version);
}

absl::StatusOr<pb::Template> DeliveryHandlers::GetTemplate(const CallInfo& call,
                                                           const pb::GetTemplateRequest& request) {
  static_cast<void>(call);
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kTemplates, "name"));
  RONDO_ASSIGN_OR_RETURN(const auto definition, catalog_.Get(request.name(), request.version()));
  return ToTemplate(definition);
}

absl::StatusOr<pb::ListTemplatesResponse> DeliveryHandlers::ListTemplates(
    const CallInfo& call, const pb::ListTemplatesRequest& request) {
  static_cast<void>(call);
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kPageSizeDefault, kPageSizeMax));
  RONDO_ASSIGN_OR_RETURN(const std::string after, page_tokens_.Decode(request));
  const catalog::Page page = catalog_.List(catalog::kTemplates, after, page_size);
  pb::ListTemplatesResponse response;
  for (const auto& definition : page.definitions)
    *response.add_templates() = ToTemplate(definition);
  response.set_next_page_token(page_tokens_.Encode(request, page.next_after));
  return response;
}

}  // namespace rondo::delivery
