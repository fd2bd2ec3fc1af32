#include "services/delivery/attempt_records.h"

#include "services/delivery/delivery_projection.h"
#include "services/delivery/domain/attempt.h"

namespace rondo::delivery {
namespace {

namespace logpb = ::rondo::log::v1;
using eventlog::LogRecord;
using rondo::state::v1::ContactState;

LogRecord About(const ContactState& contact, absl::Time now) {
  LogRecord record;
  record.set_party(contact.customer());
  record.set_source(std::string(kServiceName));
  record.set_event_time_micros(ToMicros(now));
  return record;
}

}  // namespace

LogRecord ClaimRecord(const ContactState& contact, int64_t epoch, const std::string& message_id,
                      absl::Time now) {
  LogRecord record = About(contact, now);
  logpb::DeliveryAttempted& attempted = *record.mutable_delivery_attempted();
  *attempted.mutable_contact() = contact.contact();
  attempted.set_attempt(contact.attempt() + 1);
  attempted.set_epoch(epoch);
  attempted.set_message_id(message_id);
  attempted.set_channel(contact.channel());
  return record;
}

LogRecord OutcomeRecord(const ContactState& contact, const SendOutcome& outcome, absl::Time now) {
  LogRecord record = About(contact, now);
  logpb::DeliveryOutcome& written = *record.mutable_delivery_outcome();
  *written.mutable_contact() = contact.contact();
  written.set_attempt(contact.attempt());
  written.set_cell(contact.cell());
  written.set_code(outcome.code == 0 ? "" : std::to_string(outcome.code));
  switch (outcome.status) {
    case SendStatus::kAccepted:
      written.set_state(logpb::DELIVERY_STATE_SENT);
      written.set_cost_minor_units(contact.cost_minor_units());
      break;
    case SendStatus::kDeferred:
      // Without a word on the message (nobody answered, or let us in) it is tried for as long as it
      // is of use: the contact expires by its policy. What the peer itself puts off ends after so
      // many.
      if (outcome.code == 0 || contact.attempt() < kAttemptsMax) {
        written.set_state(logpb::DELIVERY_STATE_DEFERRED);
        written.set_retry_time_micros(
            ToMicros(now + RetryDelay(contact.attempt(), Fnv1a(contact.message_id()))));
        break;
      }
      [[fallthrough]];
    case SendStatus::kFailed:
      written.set_state(logpb::DELIVERY_STATE_FAILED);
      break;
    case SendStatus::kUnknown:
      written.set_state(logpb::DELIVERY_STATE_IN_DOUBT);
      break;
  }
  return record;
}

std::string ContactKeyOfRecord(const LogRecord& record) {
  const auto& contact = record.has_delivery_outcome() ? record.delivery_outcome().contact()
                                                      : record.contact_suppressed().contact();
  return ContactKeyOf(CustomerId(record.party()), contact);
}

LogRecord SuppressedRecord(const ContactState& contact, const std::string& reason, absl::Time now) {
  LogRecord record = About(contact, now);
  logpb::ContactSuppressed& suppressed = *record.mutable_contact_suppressed();
  *suppressed.mutable_contact() = contact.contact();
  suppressed.set_cell(contact.cell());
  suppressed.set_reason(reason);
  return record;
}

}  // namespace rondo::delivery
