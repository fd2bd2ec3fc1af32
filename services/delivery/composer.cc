#include "services/delivery/composer.h"

#include <algorithm>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "platform/core/field_error.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "platform/core/zone.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/delivery/domain/attempt.h"
#include "services/delivery/transport.h"

namespace rondo::delivery {
namespace {

using nlohmann::json;
using rondo::campaign::v1::Campaign;
using rondo::campaign::v1::Treatment;
using rondo::customer::v1::Customer;

constexpr size_t kSmsBytesMax = 1'600 * 4;
constexpr size_t kSubjectBytesMax = 1'000;
// The number of the link of a web offer as a whole, beyond those of its content.
constexpr uint32_t kOfferLink = 1'001;

// As templates see it: an instant as RFC 3339, a day as 2026-12-01, an amount of money as text in
// major units.
json ToJson(const rondo::type::v1::Value& value) {
  using Kind = rondo::type::v1::Value;
  switch (value.kind_case()) {
    case Kind::kStringValue:
      return value.string_value();
    case Kind::kIntValue:
      return value.int_value();
    case Kind::kDoubleValue:
      return value.double_value();
    case Kind::kBoolValue:
      return value.bool_value();
    case Kind::kTimestampMicros:
      return absl::FormatTime(absl::RFC3339_sec, FromMicros(value.timestamp_micros()),
                              absl::UTCTimeZone());
    case Kind::kDateDays: {
      const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + value.date_days();
      return absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day());
    }
    case Kind::kMoneyValue:
      return FormatAmount({value.money_value().currency_code(), value.money_value().minor_units()});
    case Kind::kStringListValue: {
      json list = json::array();
      for (const std::string& each : value.string_list_value().values()) list.push_back(each);
      return list;
    }
    default:
      return nullptr;
  }
}

json DataOf(const Customer& customer) {
  json data = json::object();
  // Keys first, so that an attribute of the same name has the word.
  for (const auto& key : customer.keys()) data[key.namespace_()] = key.value();
  for (const auto& field : customer.attributes()) data[field.name()] = ToJson(field.value());
  return data;
}

json DataOf(const rondo::decision::v1::Offer& offer) {
  json data = {{"name", offer.name()},
               {"title", offer.title()},
               {"description", offer.description()},
               {"code", offer.code()},
               {"url", offer.url()}};
  if (offer.has_value()) {
    data["value"] = FormatAmount({offer.value().currency_code(), offer.value().minor_units()});
    data["currency"] = offer.value().currency_code();
  }
  return data;
}

const Treatment* TreatmentOf(const Campaign& campaign, const std::string& cell) {
  for (const auto& each : campaign.cells()) {
    if (each.name() == cell && each.has_treatment()) return &each.treatment();
  }
  return nullptr;
}

LinkChannel LinkChannelOf(std::string_view channel) {
  if (channel == "sms") return LinkChannel::kSms;
  return channel == "web" ? LinkChannel::kWeb : LinkChannel::kEmail;
}

// Whether messages have it; of a customer any attribute or key may be asked for.
bool IsKnownVariable(std::string_view path) {
  constexpr std::string_view kKnown[] = {
      "campaign",    "campaign.cell", "campaign.name",  "customer",  "offer",
      "offer.code",  "offer.name",    "offer.currency", "offer.url", "offer.description",
      "offer.title", "offer.value",   "unsubscribe_url"};
  return path.starts_with("customer.") ||
         std::find(std::begin(kKnown), std::end(kKnown), path) != std::end(kKnown);
}

// The status of one part of a template, with the field's name before it.
absl::Status InField(std::string_view field, const absl::Status& status) {
  return FieldError(field, std::string_view(status.message().data(), status.message().size()));
}

absl::StatusOr<liquid::Template> CompileField(std::string_view field, const std::string& source,
                                              liquid::AutoEscape escape) {
  auto compiled = liquid::Template::Compile(source, {.escape = escape});
  if (!compiled.ok()) return InField(field, compiled.status());
  return compiled;
}

}  // namespace

absl::StatusOr<CompiledTemplate> CompileTemplate(const rondo::delivery::v1::Template& definition) {
  RONDO_ASSIGN_OR_RETURN(
      liquid::Template subject,
      CompileField("template.subject", definition.subject(), liquid::AutoEscape::kNone));
  RONDO_ASSIGN_OR_RETURN(liquid::Template text, CompileField("template.text", definition.text(),
                                                             liquid::AutoEscape::kNone));
  RONDO_ASSIGN_OR_RETURN(liquid::Template html, CompileField("template.html", definition.html(),
                                                             liquid::AutoEscape::kHtml));
  return CompiledTemplate{definition, std::move(subject), std::move(text), std::move(html)};
}

absl::Status CheckTemplate(const CompiledTemplate& compiled) {
  const rondo::delivery::v1::Template& definition = compiled.definition;
  FieldViolations violations;
  if (definition.channel() == "email" && !definition.from().empty()) {
    if (const absl::Status sender = CheckMailbox(definition.from()); !sender.ok()) {
      violations.Add("template.from", "expected `Name <name@example.com>`");
    }
  }
  if (definition.subject().find_first_of("\r\n") != std::string::npos) {
    violations.Add("template.subject", "a subject is one line");
  }
  // The least that every message has: what is too much for nobody's data is too much for all.
  const json least = {{"customer", json::object()}};
  const auto check = [&](const char* field, const liquid::Template& part) {
    for (const std::string& path : part.Variables()) {
      if (IsKnownVariable(path)) continue;
      violations.Add(field, path +
                                " is not known: there are customer.ATTRIBUTE, offer.name, title, "
                                "description, code, url, value and currency, campaign.name and "
                                "cell, unsubscribe_url");
    }
    const auto rendered = part.Render(least, {});
    if (absl::IsResourceExhausted(rendered.status())) {
      violations.Add(field, std::string(rendered.status().message()));
    }
  };
  check("template.subject", compiled.subject);
  check("template.text", compiled.text);
  check("template.html", compiled.html);
  return violations.ToStatus();
}

std::string Composer::MessageIdOf(const statepb::ContactState& contact) const {
  const std::string id =
      DeliveryId(instance_key_, contact.contact(), CustomerId(contact.customer()));
  return contact.channel() == "email" ? id + "@" + options_.message_domain : id;
}

absl::StatusOr<std::shared_ptr<const CompiledTemplate>> Composer::Compiled(
    const std::string& name) {
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition, catalog_.Get(name));
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const CompiledTemplate>& cached = compiled_[name];
  if (cached == nullptr || cached->definition.version() != definition.version()) {
    rondo::delivery::v1::Template current = definition.template_();
    current.set_version(definition.version());
    RONDO_ASSIGN_OR_RETURN(CompiledTemplate compiled, CompileTemplate(current));
    cached = std::make_shared<const CompiledTemplate>(std::move(compiled));
  }
  return cached;
}

std::string Composer::AddressOf(const Customer& customer, const std::string& channel) const {
  if (channel == "web") return "web";
  const std::string& attribute =
      channel == "sms" ? options_.phone_attribute : options_.email_attribute;
  for (const auto& field : customer.attributes()) {
    if (field.name() == attribute && !field.value().string_value().empty()) {
      return field.value().string_value();
    }
  }
  const std::string_view name = channel == "sms" ? "phone" : "email";
  for (const auto& key : customer.keys()) {
    if (key.namespace_() == name) return key.value();
  }
  return {};
}

absl::StatusOr<std::vector<Composed>> Composer::Compose(
    const std::vector<statepb::ContactState>& contacts, const std::vector<Campaign>& campaigns) {
  rondo::customer::v1::BatchGetCustomersRequest request;
  for (const statepb::ContactState& contact : contacts) {
    request.add_names(ToResourceName(CustomerId(contact.customer())));
  }
  CallInfo call;
  call.deadline = clock_.Now() + absl::Seconds(30);
  RONDO_ASSIGN_OR_RETURN(const auto answer, (Call<rondo::customer::v1::BatchGetCustomersResponse>(
                                                caller_, call, request)));
  std::map<std::string_view, const Customer*> customers;
  for (const Customer& customer : answer.customers()) customers[customer.name()] = &customer;
  std::vector<Composed> composed;
  for (size_t i = 0; i < contacts.size(); ++i) {
    const auto found = customers.find(request.names(static_cast<int>(i)));
    composed.push_back(
        ComposeOne(contacts[i], campaigns[i], found == customers.end() ? nullptr : found->second));
  }
  return composed;
}

Composed Composer::ComposeOne(const statepb::ContactState& contact, const Campaign& campaign,
                              const Customer* customer) {
  Composed composed;
  composed.message.customer = CustomerId(contact.customer());
  composed.message.contact = contact.contact();
  composed.message.id =
      DeliveryId(instance_key_, contact.contact(), CustomerId(contact.customer()));
  composed.message.message_id = MessageIdOf(contact);
  composed.message.date = clock_.Now();
  const Treatment* treatment = TreatmentOf(campaign, contact.cell());
  if (customer == nullptr || customer->erased()) {
    composed.suppressed_reason = "erased";
    return composed;
  }
  composed.message.recipient = AddressOf(*customer, contact.channel());
  if (composed.message.recipient.empty()) {
    composed.suppressed_reason = "no_address";
    return composed;
  }
  if (treatment == nullptr) {
    composed.suppressed_reason = "no_template";
    return composed;
  }
  const auto compiled = Compiled(treatment->template_());
  if (!compiled.ok()) {
    composed.suppressed_reason = "no_template";
    return composed;
  }
  composed.message.sender = (*compiled)->definition.from();
  const absl::Status rendered =
      Render(contact, campaign, *treatment, *customer, **compiled, &composed.message);
  if (!rendered.ok()) composed.suppressed_reason = "template_error";
  return composed;
}

absl::Status Composer::Render(const statepb::ContactState& contact, const Campaign& campaign,
                              const Treatment& treatment, const Customer& customer,
                              const CompiledTemplate& compiled, Outbound* message) const {
  json data = {{"customer", DataOf(customer)},
               {"campaign", {{"name", campaign.name()}, {"cell", contact.cell()}}}};
  std::string offer_url;
  if (!treatment.offer().empty()) {
    const auto offer = catalog_.Get(treatment.offer());
    if (offer.ok()) {
      data["offer"] = DataOf(offer->offer());
      offer_url = offer->offer().url();
    }
  }
  LinkToken token;
  token.channel = LinkChannelOf(contact.channel());
  token.customer = CustomerId(contact.customer());
  token.campaign = contact.contact().campaign();
  token.cycle = static_cast<uint32_t>(contact.contact().cycle());
  token.cell = contact.cell();
  token.step = contact.contact().step();
  token.occurrence = static_cast<uint32_t>(contact.contact().occurrence());
  token.consent_purpose = contact.purpose();
  RONDO_ASSIGN_OR_RETURN(const ContactLinks links,
                         ContactLinks::Create(public_url_, links_, token));
  RONDO_ASSIGN_OR_RETURN(const std::string unsubscribe, links.UnsubscribeUrl());
  data["unsubscribe_url"] = unsubscribe;
  const bool marketing =
      ToMessageClass(campaign.message_class()) == policy::MessageClass::kMarketing;
  if (marketing) message->unsubscribe_url = unsubscribe;
  if (contact.channel() == "sms") {
    RONDO_ASSIGN_OR_RETURN(message->receipt_url, links.ReceiptUrl());
  }
  if (contact.channel() == "web" && CheckLinkTarget(offer_url).ok()) {
    RONDO_ASSIGN_OR_RETURN(message->click_url, links.ClickUrl(kOfferLink, offer_url));
  }

  liquid::RenderOptions render;
  render.now = clock_.Now();
  if (const auto zone = FindZone(contact.time_zone())) render.time_zone = *zone;
  RONDO_ASSIGN_OR_RETURN(std::string html, compiled.html.Render(data, render));
  RONDO_ASSIGN_OR_RETURN(std::string text, [&] {
    liquid::RenderOptions limited = render;
    if (contact.channel() == "sms") limited.output_bytes_max = kSmsBytesMax;
    return compiled.text.Render(data, limited);
  }());
  render.output_bytes_max = kSubjectBytesMax;
  RONDO_ASSIGN_OR_RETURN(message->subject, compiled.subject.Render(data, render));
  if (!html.empty()) {
    RONDO_ASSIGN_OR_RETURN(message->html, links.TrackHtml(html));
  }
  if (!text.empty()) {
    RONDO_ASSIGN_OR_RETURN(message->text, links.TrackText(text));
  }
  if (message->html.empty() && message->text.empty()) {
    return absl::InvalidArgumentError("the template wrote nothing");
  }
  return absl::OkStatus();
}

}  // namespace rondo::delivery
