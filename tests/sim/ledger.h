// The simulator's own book: what it was promised, what the sink received, and what must therefore
// be true. It believes nothing that the deployment says of itself but the records in its log.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "platform/eventlog/event_log.h"
#include "tests/kit/population/population.h"
#include "tests/sim/decision_book.h"
#include "tests/sim/deployment.h"
#include "tests/sim/log_view.h"
#include "tests/sim/policy_judge.h"

namespace rondo::sim {

class Ledger {
 public:
  explicit Ledger(const WorldPlan& plan)
      : plan_(plan), policy_(plan.policy), decisions_(plan.offers) {}

  // What the deployment acknowledged.
  void PersonAccepted(uint64_t customer, const kit::Person& person);
  // A complaint may hold from when it was first told, and must from when it was accepted.
  void ComplaintTold(uint64_t customer) { decisions_.ComplaintTold(customer); }
  void EventAccepted(uint64_t customer, const Happening& happening, absl::Time now);
  void VisitAccepted(const Visit& visit, absl::Time now);
  // Addresses count from when they were first told; the last one alone from when it was accepted.
  void AddressTold(uint64_t customer, const std::string& email);
  void AddressAccepted(uint64_t customer, absl::Time now);

  void ChoiceAccepted(uint64_t customer, const Choice& choice, absl::Time asked, absl::Time now);
  void ReplyAccepted(const PropositionAnswer& answer) { decisions_.Replied(answer); }
  void ErasureAccepted(uint64_t customer, absl::Time now);
  // From when a pause was acknowledged until somebody asked to resume.
  void Paused(const std::string& campaign, absl::Time from, absl::Time until) {
    pauses_[campaign].push_back({from, until});
  }

  // The sink took a message whose sending began at `begun`.
  void Received(const Message& message, absl::Time begun, const eventlog::EventLog& log);

  // What was acknowledged as written only may be gone; all else must be there.
  void PowerLost(const eventlog::EventLog& log);

  // Everything acknowledged is in the log; nobody planned who was not accepted, and all for when
  // the plan says; what evidence proves is sent; and, since the campaigns are for everybody: in
  // every cycle the same people are planned, all of them where the plan holds nobody out.
  void CheckLog(const eventlog::EventLog& log);
  // `figures` of one campaign equal a recount. Sends are exact when nothing is in doubt, else
  // within bounds.
  void CheckFigures(const CampaignPlan& campaign, const Figures& figures);
  void CheckOfferCounts(const Figures& counts) { Note(decisions_.CheckCounts(counts, log_)); }
  // What is stored says nothing that only an open door may say: no address in plain text.
  void CheckStored(const std::string& where, const std::string& bytes);

  bool HasReceived(const ContactId& contact) const { return received_.contains(contact); }
  bool IsErased(uint64_t customer) const;
  std::vector<uint64_t> erased() const;
  const kit::Person& PersonOf(uint64_t customer) const { return people_.at(customer).person; }
  bool KnowsDecision(const std::string& decision) const { return decisions_.Knows(decision); }

  void Violation(std::string what) { violations_.push_back(std::move(what)); }
  const std::vector<std::string>& violations() const { return violations_; }
  // Of those accepted and not erased, whom no cycle planned. Their share over many worlds is the
  // plan's holdout.
  int64_t held_out() const;
  int64_t people() const { return static_cast<int64_t>(people_.size() - erased().size()); }
  int64_t received() const { return static_cast<int64_t>(received_.size()); }

 private:
  struct Address {
    std::string email;
    absl::Time accepted = absl::InfiniteFuture();
  };
  struct Known {
    kit::Person person;
    std::map<std::string, absl::Time> withdrawn = {};  // By channel; when it was acknowledged.
    std::vector<Address> addresses = {};               // As told, in that order.
    absl::Time erased = absl::InfiniteFuture();        // When it was acknowledged.
  };

  // An event that was acknowledged. After erasure it is kept and counts for nothing.
  struct Event {
    uint64_t customer = 0;
    Happening happening;
    bool counts = true;
    ContactId contact() const { return {customer, happening.campaign, happening.cycle}; }
  };
  using Response = std::pair<ContactId, std::string>;  // By VisitWord.

  // Nothing if `wrong` is empty.
  void Note(std::string wrong) {
    if (!wrong.empty()) Violation(std::move(wrong));
  }
  void Look(const absl::Status& read);
  void Withdraw(uint64_t customer, const std::string& channel, absl::Time now);
  // A second message for one contact, which only a campaign that sends at least once may send.
  void CheckRepeat(const Message& message, const std::string& first_id, absl::Time begun);
  void CheckRecipient(const Known& known, const Message& message, absl::Time begun);
  void CheckPlanned(const Message& message, absl::Time begun, const eventlog::EventLog& log);
  void CheckDueTimes();
  void CheckEvidence();
  void CheckHoldout();
  void CheckSends(const CampaignPlan& campaign, const Figures& figures);
  Figures Recount(const CampaignPlan& campaign) const;
  void RecountResponses(const CampaignPlan& campaign, Figures& figures) const;

  const WorldPlan plan_;
  PolicyJudge policy_;
  LogView log_;
  std::map<uint64_t, Known> people_;
  DecisionBook decisions_;
  std::map<std::string, Event> events_;        // By message id.
  std::map<Response, bool> visits_;            // Whether it counts: one before erasure does.
  std::map<ContactId, absl::Time> answered_;   // When a visit was first acknowledged.
  std::map<ContactId, std::string> received_;  // And its Message-ID.
  std::map<std::string, std::vector<std::pair<absl::Time, absl::Time>>> pauses_;  // By campaign.
  std::vector<std::string> violations_;
};

}  // namespace rondo::sim
