#include "tests/sim/ledger.h"

#include "absl/strings/str_format.h"
#include "platform/core/clock.h"

namespace rondo::sim {
namespace {

// An acknowledged withdrawal holds for sends that begin this much later (reliability: I4).
constexpr absl::Duration kWithdrawalGrace = absl::Seconds(1);

std::string Name(uint64_t customer, int cycle) {
  return absl::StrFormat("customer %016x, cycle %d", customer, cycle);
}

// The metric that an event of this deed adds to, for the contact that it answers.
const char* MetricOf(kit::Deed deed) {
  switch (deed) {
    case kit::Deed::kOpen:
      return "opened";
    case kit::Deed::kMachineOpen:
      return "opened_machine";
    case kit::Deed::kClick:
      return "clicked";
    case kit::Deed::kUnsubscribe:
      return "unsubscribed";
    case kit::Deed::kComplain:
      return "complained";
    case kit::Deed::kBuy:
    case kit::Deed::kMove:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

void Ledger::PersonAccepted(uint64_t customer, const kit::Person& person) {
  people_[customer].person = person;
}

void Ledger::EventAccepted(uint64_t customer, const Happening& happening, absl::Time now) {
  events_.try_emplace(happening.message_id, customer, happening);
  if (happening.deed == kit::Deed::kUnsubscribe || happening.deed == kit::Deed::kComplain) {
    Known& known = people_[customer];
    known.withdrawn = std::min(known.withdrawn, now);
  }
}

void Ledger::Received(const Message& message, absl::Time begun, const eventlog::EventLog& log) {
  const ContactId id{message.customer, message.cycle};
  const std::string name = Name(message.customer, message.cycle);
  if (!received_.insert(id).second) Violation(name + ": contacted twice for one planned contact");
  const auto known = people_.find(message.customer);
  if (known == people_.end()) {
    Violation(name + ": contacted, but nobody knows this customer");
    return;
  }
  if (!known->second.person.consents) Violation(name + ": contacted without consent");
  if (begun > known->second.withdrawn + kWithdrawalGrace) {
    Violation(name + ": contacted after the unsubscription or complaint was acknowledged");
  }
  if (!planned_.contains(id)) ReadLog(log);
  const auto planned = planned_.find(id);
  if (planned == planned_.end()) {
    Violation(name + ": contacted, but held out or never planned");
    return;
  }
  if (planned->second.control) Violation(name + ": contacted, but in the control cell");
  if (begun < planned->second.due) Violation(name + ": contacted before it was due");
}

void Ledger::ReadLog(const eventlog::EventLog& log) {
  planned_.clear();
  events_in_log_.clear();
  people_in_log_.clear();
  for (int partition = 0; partition < log.partition_count(); ++partition) {
    const absl::StatusOr<int64_t> end = log.End(partition);
    for (int64_t offset = 0; end.ok() && offset < *end;) {
      const absl::StatusOr<eventlog::RecordBlock> block = log.Read(partition, offset);
      if (!block.ok()) {
        Violation("the log cannot be read: " + std::string(block.status().message()));
        return;
      }
      for (const eventlog::LogRecord* record : block->records) {
        if (record->has_contact_planned()) {
          const auto& planned = record->contact_planned();
          planned_.try_emplace(
              {record->party(), planned.contact().cycle()},
              Planned{planned.cell(), planned.control(), FromMicros(planned.due_time_micros())});
        } else if (record->has_event_tracked()) {
          events_in_log_.insert(record->event_tracked().message_id());
        } else if (record->has_profile_changed()) {
          people_in_log_.insert(record->party());
        }
      }
      offset = block->end();
    }
  }
}

void Ledger::CheckLog(const eventlog::EventLog& log) {
  ReadLog(log);
  for (const auto& [message_id, event] : events_) {
    if (!events_in_log_.contains(message_id)) {
      Violation("event " + message_id + " was acknowledged and is lost");
    }
  }
  for (const auto& [customer, known] : people_) {
    if (!people_in_log_.contains(customer)) {
      Violation(Name(customer, 0) + ": was acknowledged and is lost");
    }
  }
  for (const auto& [id, planned] : planned_) {
    if (!people_.contains(id.first)) Violation(Name(id.first, id.second) + ": planned, not known");
  }
  CheckHoldout();
}

// Everybody is imported before the first cycle, and a cycle is whole when the log is checked.
void Ledger::CheckHoldout() {
  std::set<int> cycles;
  for (const auto& [id, planned] : planned_) cycles.insert(id.second);
  for (const auto& [customer, known] : people_) {
    int in = 0;
    for (const int cycle : cycles) in += planned_.contains({customer, cycle}) ? 1 : 0;
    if (in == static_cast<int>(cycles.size())) continue;
    if (in > 0) Violation(Name(customer, 0) + ": held out of some cycles only");
    if (plan_.holdout == 0.0)
      Violation(Name(customer, 0) + ": left out, though nobody is held out");
  }
}

int64_t Ledger::held_out() const {
  std::set<uint64_t> planned;
  for (const auto& [id, contact] : planned_) planned.insert(id.first);
  return people() - static_cast<int64_t>(planned.size());
}

Figures Ledger::Recount() const {
  Figures figures;
  std::set<std::pair<ContactId, std::string>> counted;
  const auto count_once = [&](const ContactId& id, const std::string& metric,
                              const std::string& name) {
    if (counted.emplace(id, metric).second) ++figures[name];
  };
  std::set<ContactId> opened_by_person;
  for (const auto& [message_id, event] : events_) {
    if (event.second.deed == kit::Deed::kOpen) {
      opened_by_person.insert({event.first, event.second.cycle});
    }
  }
  for (const auto& [id, planned] : planned_) {
    ++figures[absl::StrFormat("%d/planned/%s", id.second, planned.cell)];
  }
  for (const auto& [message_id, event] : events_) {
    const auto& [customer, happening] = event;
    if (const char* metric = MetricOf(happening.deed); metric != nullptr) {
      const ContactId id{customer, happening.cycle};
      const bool by_machine_only =
          happening.deed != kit::Deed::kMachineOpen || !opened_by_person.contains(id);
      if (planned_.contains(id) && by_machine_only) {
        count_once(id, metric, absl::StrFormat("%d/%s", happening.cycle, metric));
      }
    }
    if (happening.deed != kit::Deed::kBuy) continue;
    for (int cycle = 1; cycle <= plan_.cycles; ++cycle) {
      const auto planned = planned_.find({customer, cycle});
      if (planned == planned_.end() || happening.time < planned->second.due ||
          happening.time >= planned->second.due + plan_.window) {
        continue;
      }
      count_once(planned->first, "converted",
                 absl::StrFormat("%d/converted/%s", cycle, planned->second.cell));
    }
  }
  return figures;
}

void Ledger::CheckFigures(const Figures& figures, const eventlog::EventLog& log) {
  ReadLog(log);
  const Figures expected = Recount();
  Figures reported;
  for (const auto& [name, count] : figures) {
    const bool of_sending = name.ends_with("/sent") || name.ends_with("/in_doubt");
    if (count != 0 && !of_sending) reported[name] = count;
  }
  for (const auto& [name, count] : expected) {
    const auto found = reported.find(name);
    const int64_t shown = found == reported.end() ? 0 : found->second;
    if (shown != count) Violation(absl::StrFormat("%s is %d, a recount %d", name, shown, count));
  }
  for (const auto& [name, count] : reported) {
    if (!expected.contains(name)) Violation(absl::StrFormat("%s is %d, a recount 0", name, count));
  }
  for (int cycle = 1; cycle <= plan_.cycles; ++cycle) {
    int64_t received = 0;
    for (const ContactId& id : received_) received += id.second == cycle ? 1 : 0;
    const auto figure = [&](const char* metric) {
      const auto found = figures.find(absl::StrFormat("%d/%s", cycle, metric));
      return found == figures.end() ? int64_t{0} : found->second;
    };
    const int64_t sent = figure("sent");
    if (sent > received || received > sent + figure("in_doubt")) {
      Violation(absl::StrFormat("cycle %d: sent %d, in doubt %d, but the sink received %d", cycle,
                                sent, figure("in_doubt"), received));
    }
  }
}

}  // namespace rondo::sim
