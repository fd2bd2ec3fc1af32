#include "services/response/event_check.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/clock.h"
#include "platform/core/nearest.h"
#include "platform/rpc/timestamp.h"
#include "services/response/event_fields.h"
#include "services/response/response_store.h"

namespace rondo::response {
namespace {

namespace logpb = ::rondo::log::v1;
using rondo::customer::v1::EventType;

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxTypeBytes || !absl::ascii_islower(name.front())) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
  });
}

std::optional<EventFault> CheckEnvelope(const pb::Event& event, absl::Time now) {
  if (!IsName(event.type())) {
    return EventFault{"event.type", "lower_snake_case of at most 64 letters: `purchase`"};
  }
  if (event.message_id().size() > kMaxMessageIdBytes) {
    return EventFault{"event.message_id", "at most 256 bytes"};
  }
  if (event.ByteSizeLong() > kMaxEventBytes) {
    return EventFault{"event", "at most 64 KiB; keep large content elsewhere and send its address"};
  }
  if (!IsValid(event.event_time())) {
    return EventFault{"event.event_time", "an instant between the years 1 and 9999"};
  }
  if (event.has_event_time() && TimeOf(event.event_time()) > now + kMaxAhead) {
    return EventFault{"event.event_time", "more than 24 hours ahead: set the sender's clock"};
  }
  if (event.has_contact() && (!event.contact().campaign().starts_with(catalog::kCampaigns) ||
                              event.contact().cycle() < 1)) {
    return EventFault{"event.contact", "a campaign `campaigns/{campaign}` and a cycle from 1"};
  }
  return std::nullopt;
}

// Brings `field` to its declared type.
std::optional<EventFault> CheckField(const EventType* declared, rondo::type::v1::Field& field) {
  const std::string path = absl::StrFormat("event.fields[%s]", field.name());
  if (!IsName(field.name())) {
    return EventFault{"event.fields", "names in lower_snake_case of at most 64 letters"};
  }
  auto& value = *field.mutable_value();
  if (value.has_sealed_value()) return EventFault{path, "a value in clear: only the engine seals"};
  if (value.has_double_value() && !std::isfinite(value.double_value())) {
    return EventFault{path, "a finite number"};
  }
  if (declared == nullptr) return std::nullopt;
  for (const auto& known : declared->fields()) {
    if (known.name() != field.name()) continue;
    if (known.pii()) {
      return EventFault{path, "identifies a person: send it as the customer's attribute"};
    }
    if (!Fits(value, known.type())) {
      return EventFault{path, absl::StrFormat("a value of type %s, as the type is declared",
                                              rondo::type::v1::ValueType_Name(known.type()))};
    }
    const auto& codes = known.codes();
    if (!codes.empty() && value.has_string_value() &&
        std::find(codes.begin(), codes.end(), value.string_value()) == codes.end()) {
      return UnknownCode(path, "one of the codes that the type declares", value.string_value(),
                         {codes.begin(), codes.end()});
    }
    if (known.type() == rondo::type::v1::VALUE_TYPE_DOUBLE && value.has_int_value()) {
      value.set_double_value(static_cast<double>(value.int_value()));
    }
  }
  return std::nullopt;
}

}  // namespace

EventFault UnknownCode(const std::string& path, const std::string& expected, std::string_view code,
                       const std::vector<std::string>& codes) {
  const std::string_view near = Nearest(code, codes);
  return {path,
          near.empty() ? expected : absl::StrFormat("%s; did you mean `%s`?", expected, near)};
}

std::variant<logpb::Record, EventFault> ToRecord(const pb::Event& event, const EventType* declared,
                                                 absl::Time now) {
  if (auto fault = CheckEnvelope(event, now)) return *std::move(fault);
  if (event.fields_size() > kMaxEventFields) {
    return EventFault{"event.fields", "at most 200 fields"};
  }
  logpb::Record record;
  record.set_source(event.source().empty() ? "api" : event.source());
  record.set_event_time_micros(event.has_event_time() ? ToMicros(event.event_time())
                                                      : rondo::ToMicros(now));
  logpb::EventTracked& tracked = *record.mutable_event_tracked();
  tracked.set_type(event.type());
  tracked.set_message_id(event.message_id());
  tracked.set_machine(event.machine());
  if (event.has_contact()) *tracked.mutable_contact() = event.contact();
  *tracked.mutable_fields() = event.fields();
  auto& fields = *tracked.mutable_fields();
  std::sort(fields.begin(), fields.end(),
            [](const auto& a, const auto& b) { return a.name() < b.name(); });
  for (int i = 0; i < fields.size(); ++i) {
    if (auto fault = CheckField(declared, fields[i])) return *std::move(fault);
    if (i > 0 && fields[i].name() == fields[i - 1].name()) {
      return EventFault{absl::StrFormat("event.fields[%s]", fields[i].name()), "each name once"};
    }
  }
  return record;
}

}  // namespace rondo::response
