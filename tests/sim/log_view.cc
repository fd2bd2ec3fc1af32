#include "tests/sim/log_view.h"

#include "absl/strings/str_format.h"
#include "platform/core/clock.h"
#include "platform/core/status_macros.h"

namespace rondo::sim {
namespace {

template <typename Key>
ContactId ToContactId(uint64_t customer, const Key& key) {
  return {customer, key.campaign(), key.cycle()};
}

std::string VisitWordOf(const log::v1::EventTracked& event) {
  int64_t receipt = 0;
  for (const auto& field : event.fields()) {
    if (field.name() == "kind") receipt = field.value().int_value();
  }
  return VisitWord(event.type(), event.machine(), receipt);
}

Decided ToDecided(uint64_t customer, const log::v1::DecisionMade& made) {
  Decided decided{.customer = customer, .returned = static_cast<size_t>(made.returned())};
  for (const auto& candidate : made.candidates()) {
    decided.candidates.push_back({candidate.offer(), candidate.assignment_probability()});
  }
  return decided;
}

Reply ToReply(int response) {
  switch (response) {
    case decision::v1::PROPOSITION_RESPONSE_CLICKED:
      return Reply::kClicked;
    case decision::v1::PROPOSITION_RESPONSE_ACCEPTED:
      return Reply::kAccepted;
    case decision::v1::PROPOSITION_RESPONSE_REJECTED:
      return Reply::kRejected;
    default:
      return Reply::kShown;
  }
}

}  // namespace

std::string VisitWord(const std::string& type, bool machine, int64_t receipt) {
  if (type == "receipt") return absl::StrFormat("receipt %d", receipt);
  return machine ? type + " machine" : type;
}

absl::Status LogView::Read(const eventlog::EventLog& log) {
  for (int partition = 0; partition < log.partition_count(); ++partition) {
    int64_t& offset = next_offset_[partition];
    RONDO_ASSIGN_OR_RETURN(const int64_t end, log.End(partition));
    while (offset < end) {
      RONDO_ASSIGN_OR_RETURN(const eventlog::RecordBlock block, log.Read(partition, offset));
      for (const eventlog::LogRecord* record : block.records) Take(*record);
      offset = block.end();
    }
  }
  return absl::OkStatus();
}

absl::Status LogView::ReadAgain(const eventlog::EventLog& log) {
  *this = LogView();
  return Read(log);
}

void LogView::Take(const eventlog::LogRecord& record) {
  const uint64_t customer = record.party();
  if (record.has_contact_planned()) {
    const auto& contact = record.contact_planned();
    planned.try_emplace(
        ToContactId(customer, contact.contact()),
        Planned{contact.cell(), contact.channel(), contact.control(),
                FromMicros(contact.due_time_micros()), FromMicros(record.append_time_micros())});
  } else if (record.has_event_tracked()) {
    const auto& event = record.event_tracked();
    events.insert(event.message_id());
    if (event.has_contact()) {
      visits.emplace(ToContactId(customer, event.contact()), VisitWordOf(event));
    }
  } else if (record.has_decision_made()) {
    const auto& made = record.decision_made();
    decisions.try_emplace(made.decision(), ToDecided(customer, made));
  } else if (record.has_proposition_answered()) {
    const auto& answered = record.proposition_answered();
    answers.insert({answered.decision(), answered.offer(), ToReply(answered.response())});
  } else if (record.has_profile_changed()) {
    people.insert(customer);
  } else if (record.has_delivery_outcome()) {
    const auto& outcome = record.delivery_outcome();
    const ContactId contact = ToContactId(customer, outcome.contact());
    const bool is_sent = outcome.state() == log::v1::DELIVERY_STATE_SENT ||
                         outcome.state() == log::v1::DELIVERY_STATE_DELIVERED ||
                         outcome.state() == log::v1::DELIVERY_STATE_BOUNCED;
    if (is_sent) sent.insert(contact);
    if (outcome.state() == log::v1::DELIVERY_STATE_FAILED) failed.insert(contact);
  }
}

}  // namespace rondo::sim
