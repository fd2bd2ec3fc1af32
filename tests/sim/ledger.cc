#include "tests/sim/ledger.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace rondo::sim {
namespace {

std::string Name(uint64_t customer) { return absl::StrFormat("customer %016x", customer); }

std::string Name(const ContactId& contact) {
  return absl::StrFormat("%s, %s, cycle %d", Name(contact.customer), contact.campaign,
                         contact.cycle);
}

// The metric that a response adds to, for the contact that it answers; null if none.
const char* MetricOf(const std::string& word) {
  static const std::map<std::string, const char*> kMetrics = {{"open", "opened"},
                                                              {"open machine", "opened_machine"},
                                                              {"click", "clicked"},
                                                              {"unsubscribe", "unsubscribed"},
                                                              {"complaint", "complained"}};
  const auto found = kMetrics.find(word);
  return found == kMetrics.end() ? nullptr : found->second;
}

std::string WordOf(kit::Deed deed) {
  return VisitWord(std::string(kit::DeedName(deed)), deed == kit::Deed::kMachineOpen, 0);
}

}  // namespace

void Ledger::Look(const absl::Status& read) {
  if (!read.ok()) Violation("the log cannot be read: " + std::string(read.message()));
}

void Ledger::PersonAccepted(uint64_t customer, const kit::Person& person) {
  people_[customer] = {.person = person, .addresses = {{person.email, absl::InfinitePast()}}};
}

void Ledger::AddressTold(uint64_t customer, const std::string& email) {
  people_[customer].addresses.push_back({email});
}

void Ledger::AddressAccepted(uint64_t customer, absl::Time now) {
  people_[customer].addresses.back().accepted = now;
}

void Ledger::Withdraw(uint64_t customer, const std::string& channel, absl::Time now) {
  // Of two, the earlier one.
  people_[customer].withdrawn.try_emplace(channel, now);
}

void Ledger::EventAccepted(uint64_t customer, const Happening& happening, absl::Time now) {
  events_.try_emplace(happening.message_id, Event{customer, happening, !IsErased(customer)});
  if (happening.deed == kit::Deed::kUnsubscribe) Withdraw(customer, happening.channel, now);
  if (happening.deed != kit::Deed::kComplain) return;
  decisions_.ComplaintAccepted(customer, now);
  for (const char* channel : {"email", "sms"}) Withdraw(customer, channel, now);
}

void Ledger::VisitAccepted(const Visit& visit, absl::Time now) {
  const std::string word =
      visit.receipt != 0 ? VisitWord("receipt", false, visit.receipt) : WordOf(visit.deed);
  // What a gateway says of a message is about the message.
  const bool counts = visit.receipt != 0 || !IsErased(visit.contact.customer);
  visits_.try_emplace({visit.contact, word}, counts);
  answered_.try_emplace(visit.contact, now);
  if (word == "unsubscribe") Withdraw(visit.contact.customer, visit.channel, now);
}

void Ledger::ChoiceAccepted(uint64_t customer, const Choice& choice, absl::Time asked,
                            absl::Time now) {
  Note(decisions_.Answered(customer, people_.at(customer).person, choice, asked, now));
}

void Ledger::ErasureAccepted(uint64_t customer, absl::Time now) {
  Known& known = people_[customer];
  known.erased = std::min(known.erased, now);
  decisions_.Erased(customer);
}

bool Ledger::IsErased(uint64_t customer) const {
  const auto known = people_.find(customer);
  return known != people_.end() && known->second.erased != absl::InfiniteFuture();
}

std::vector<uint64_t> Ledger::erased() const {
  std::vector<uint64_t> erased;
  for (const auto& [customer, known] : people_) {
    if (IsErased(customer)) erased.push_back(customer);
  }
  return erased;
}

void Ledger::CheckStored(const std::string& where, const std::string& bytes) {
  for (const char* part_of_address : {"@example.test", "+8210"}) {
    if (bytes.find(part_of_address) == std::string::npos) continue;
    Violation(where + ": an address is stored in plain text");
  }
}

void Ledger::Received(const Message& message, absl::Time begun, const eventlog::EventLog& log) {
  const uint64_t customer = message.contact.customer;
  const std::string name = Name(message.contact);
  const auto [first, is_new] = received_.emplace(message.contact, message.message_id);
  if (!is_new) CheckRepeat(message, first->second, begun);
  const auto known = people_.find(customer);
  if (known == people_.end()) {
    Violation(name + ": contacted, but nobody knows this customer");
    return;
  }
  const kit::Person& person = known->second.person;
  if (!(message.channel == "sms" ? person.consents_to_sms : person.consents)) {
    Violation(name + ": contacted without consent");
  }
  const auto withdrawn = known->second.withdrawn.find(message.channel);
  if (withdrawn != known->second.withdrawn.end() && begun > withdrawn->second + kGrace) {
    Violation(name + ": contacted after the unsubscription or complaint was acknowledged");
  }
  if (begun > known->second.erased + kGrace) Violation(name + ": contacted after the erasure");
  for (const auto& [from, until] : pauses_[message.contact.campaign]) {
    if (begun <= from + kGrace || begun >= until) continue;
    Violation(name + ": contacted while its campaign was paused");
  }
  CheckRecipient(known->second, message, begun);
  const std::string forbidden = policy_.Judge(message, person.time_zone, begun);
  if (!forbidden.empty()) Violation(name + ": " + forbidden);
  CheckPlanned(message, begun, log);
}

void Ledger::CheckRepeat(const Message& message, const std::string& first_id, absl::Time begun) {
  const std::string name = Name(message.contact);
  const auto campaign =
      std::find_if(plan_.campaigns.begin(), plan_.campaigns.end(),
                   [&](const CampaignPlan& each) { return each.name == message.contact.campaign; });
  if (campaign == plan_.campaigns.end() || !campaign->at_least_once) {
    Violation(name + ": contacted twice for one planned contact");
    return;
  }
  if (message.message_id != first_id) Violation(name + ": sent again under another Message-ID");
  const auto answered = answered_.find(message.contact);
  if (answered != answered_.end() && begun > answered->second + kGrace) {
    Violation(name + ": sent again though an answer to it was acknowledged");
  }
}

void Ledger::CheckRecipient(const Known& known, const Message& message, absl::Time begun) {
  if (message.recipient.empty()) return;
  const std::string name = Name(message.contact);
  if (message.channel == "sms") {
    if (message.recipient != known.person.phone) Violation(name + ": sent to another's number");
    return;
  }
  // From the last one that was accepted in time, any that was told since.
  for (auto it = known.addresses.rbegin(); it != known.addresses.rend(); ++it) {
    if (it->email == message.recipient) return;
    if (it->accepted + kGrace < begun) break;
  }
  Violation(name + ": sent to an address that is not, or no longer, the customer's");
}

void Ledger::CheckPlanned(const Message& message, absl::Time begun, const eventlog::EventLog& log) {
  if (!log_.planned.contains(message.contact)) Look(log_.Read(log));
  const std::string name = Name(message.contact);
  const auto planned = log_.planned.find(message.contact);
  if (planned == log_.planned.end()) {
    Violation(name + ": contacted, but held out or never planned");
    return;
  }
  if (planned->second.control) Violation(name + ": contacted, but in the control cell");
  if (begun < planned->second.due) Violation(name + ": contacted before it was due");
  const std::string& channel = planned->second.channel;
  if (!channel.empty() && channel != message.channel) {
    Violation(name + ": contacted by another channel than planned");
  }
}

void Ledger::PowerLost(const eventlog::EventLog& log) {
  Look(log_.ReadAgain(log));
  std::erase_if(visits_, [this](const auto& visit) {
    return visit.first.second != "unsubscribe" && !log_.visits.contains(visit.first);
  });
  std::erase_if(answered_, [this](const auto& answered) {
    const auto visit = log_.visits.lower_bound({answered.first, ""});
    return visit == log_.visits.end() || visit->first != answered.first;
  });
  decisions_.PowerLost(log_);
}

void Ledger::CheckLog(const eventlog::EventLog& log) {
  Look(log_.Read(log));
  for (const auto& [message_id, event] : events_) {
    if (!log_.events.contains(message_id)) {
      Violation("event " + message_id + " was acknowledged and is lost");
    }
  }
  for (const auto& [visit, counts] : visits_) {
    if (!log_.visits.contains(visit)) {
      Violation(Name(visit.first) + ": a visit (" + visit.second +
                ") was acknowledged and is lost");
    }
  }
  for (const auto& [customer, known] : people_) {
    if (!log_.people.contains(customer)) {
      Violation(Name(customer) + ": was acknowledged and is lost");
    }
  }
  for (const auto& [id, planned] : log_.planned) {
    const auto known = people_.find(id.customer);
    if (known == people_.end()) {
      Violation(Name(id) + ": planned, not known");
    } else if (planned.written > known->second.erased + kGrace) {
      Violation(Name(id) + ": planned after the erasure");
    }
  }
  CheckDueTimes();
  CheckEvidence();
  CheckHoldout();
  Note(decisions_.CheckLog(log_));
}

void Ledger::CheckDueTimes() {
  for (const CampaignPlan& campaign : plan_.campaigns) {
    for (const auto& [id, planned] : log_.planned) {
      const auto known = people_.find(id.customer);
      if (id.campaign != campaign.name || known == people_.end()) continue;
      absl::Time due = campaign.DueOf(id.cycle);
      if (campaign.local_times) {
        const std::string& own = known->second.person.time_zone;
        absl::TimeZone zone;
        absl::LoadTimeZone(own.empty() ? plan_.policy.default_time_zone : own, &zone);
        due = absl::FromCivil(absl::ToCivilSecond(due, absl::UTCTimeZone()), zone);
      }
      // What is planned late is due at once.
      const bool is_late = planned.written > due && planned.due > due;
      if (planned.due == due || (is_late && planned.due <= planned.written)) continue;
      Violation(absl::StrFormat("%s: due at %s, but the plan says %s", Name(id),
                                absl::FormatTime(planned.due, absl::UTCTimeZone()),
                                absl::FormatTime(due, absl::UTCTimeZone())));
    }
  }
}

// Whatever comes back proves that a message went out.
void Ledger::CheckEvidence() {
  if (plan_.miniature) return;
  const auto check = [this](const ContactId& contact, const std::string& word) {
    if (!received_.contains(contact) || log_.sent.contains(contact)) return;
    Violation(absl::StrFormat("%s: not known as sent, though %s came back", Name(contact), word));
  };
  for (const auto& [visit, counts] : visits_) check(visit.first, visit.second);
  for (const auto& [message_id, event] : events_) {
    if (!event.happening.campaign.empty()) check(event.contact(), WordOf(event.happening.deed));
  }
}

// Everybody is imported before the first cycle, and a cycle is whole when the log is checked.
void Ledger::CheckHoldout() {
  std::set<std::pair<std::string, int>> turns;
  for (const auto& [id, planned] : log_.planned) turns.emplace(id.campaign, id.cycle);
  for (const auto& [customer, known] : people_) {
    if (IsErased(customer)) continue;
    size_t in = 0;
    for (const auto& [campaign, cycle] : turns) {
      in += log_.planned.contains({customer, campaign, cycle}) ? 1 : 0;
    }
    if (in == turns.size()) continue;
    if (in > 0) Violation(Name(customer) + ": held out of some cycles only");
    if (plan_.campaigns.front().holdout == 0.0) {
      Violation(Name(customer) + ": left out, though nobody is held out");
    }
  }
}

int64_t Ledger::held_out() const {
  std::set<uint64_t> planned;
  for (const auto& [id, contact] : log_.planned) {
    if (!IsErased(id.customer)) planned.insert(id.customer);
  }
  return people() - static_cast<int64_t>(planned.size());
}

void Ledger::RecountResponses(const CampaignPlan& campaign, Figures& figures) const {
  std::set<Response> responses;
  for (const auto& [visit, counts] : visits_) {
    if (counts) responses.insert(visit);
  }
  for (const auto& [message_id, event] : events_) {
    if (!event.counts || event.happening.campaign.empty()) continue;
    responses.emplace(event.contact(), WordOf(event.happening.deed));
  }
  std::set<ContactId> bounced;
  for (const ContactId& contact : log_.failed) {
    if (contact.campaign == campaign.name && !plan_.miniature) bounced.insert(contact);
  }
  for (const auto& [contact, word] : responses) {
    if (contact.campaign != campaign.name || !log_.planned.contains(contact)) continue;
    if (word == "receipt 2" || word == "receipt 16") bounced.insert(contact);
    const char* metric = MetricOf(word);
    const bool by_machine_too = word == "open machine" && responses.contains({contact, "open"});
    if (metric == nullptr || by_machine_too) continue;
    ++figures[absl::StrFormat("%d/%s", contact.cycle, metric)];
  }
  for (const ContactId& contact : bounced) {
    ++figures[absl::StrFormat("%d/bounced", contact.cycle)];
  }
}

Figures Ledger::Recount(const CampaignPlan& campaign) const {
  Figures figures;
  RecountResponses(campaign, figures);
  std::set<ContactId> converted;
  for (const auto& [message_id, event] : events_) {
    const Happening& happening = event.happening;
    if (!event.counts || happening.deed != kit::Deed::kBuy) continue;
    for (int cycle = 1; cycle <= campaign.cycles; ++cycle) {
      const auto planned = log_.planned.find({event.customer, campaign.name, cycle});
      if (planned == log_.planned.end() || happening.time < planned->second.due ||
          happening.time >= planned->second.due + campaign.window) {
        continue;
      }
      if (!plan_.miniature && happening.amount_minor_units != 0) {
        figures[absl::StrFormat("%d/revenue/%s", cycle, planned->second.cell)] +=
            happening.amount_minor_units;
      }
      if (!converted.insert(planned->first).second) continue;
      ++figures[absl::StrFormat("%d/converted/%s", cycle, planned->second.cell)];
    }
  }
  for (const auto& [id, planned] : log_.planned) {
    if (id.campaign != campaign.name) continue;
    ++figures[absl::StrFormat("%d/planned/%s", id.cycle, planned.cell)];
  }
  return figures;
}

void Ledger::CheckFigures(const CampaignPlan& campaign, const Figures& figures) {
  const Figures expected = Recount(campaign);
  Figures reported;
  for (const auto& [name, count] : figures) {
    const bool of_sending =
        name.ends_with("/sent") || name.ends_with("/in_doubt") || name.ends_with("/cost");
    if (count != 0 && !of_sending) reported[name] = count;
  }
  const auto wrong = [&](const std::string& name, int64_t shown, int64_t count) {
    Violation(absl::StrFormat("%s, %s is %d, a recount %d", campaign.name, name, shown, count));
  };
  for (const auto& [name, count] : expected) {
    const auto found = reported.find(name);
    const int64_t shown = found == reported.end() ? 0 : found->second;
    if (shown != count) wrong(name, shown, count);
  }
  for (const auto& [name, count] : reported) {
    if (!expected.contains(name)) wrong(name, count, 0);
  }
  CheckSends(campaign, figures);
}

void Ledger::CheckSends(const CampaignPlan& campaign, const Figures& figures) {
  for (int cycle = 1; cycle <= campaign.cycles; ++cycle) {
    const int64_t received =
        std::count_if(received_.begin(), received_.end(), [&](const auto& received) {
          const ContactId& contact = received.first;
          return contact.campaign == campaign.name && contact.cycle == cycle;
        });
    const auto figure = [&](const char* metric) {
      const auto found = figures.find(absl::StrFormat("%d/%s", cycle, metric));
      return found == figures.end() ? int64_t{0} : found->second;
    };
    const int64_t sent = figure("sent");
    // What is sent again costs again.
    const int64_t cost = figure("cost");
    const bool costs_too_much = cost > sent * kContactCost && !campaign.at_least_once;
    if (!plan_.miniature && (cost < sent * kContactCost || costs_too_much)) {
      Violation(absl::StrFormat("%s, cycle %d: sent %d, at a cost of %d", campaign.name, cycle,
                                sent, cost));
    }
    if (sent > received || received > sent + figure("in_doubt")) {
      Violation(absl::StrFormat("%s, cycle %d: sent %d, in doubt %d, but the sink received %d",
                                campaign.name, cycle, sent, figure("in_doubt"), received));
    }
  }
}

}  // namespace rondo::sim
