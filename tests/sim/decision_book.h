// The ledger's book of decisions: who asked for an offer and was answered what, and what became of
// it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/kit/population/population.h"
#include "tests/sim/deployment.h"
#include "tests/sim/log_view.h"

namespace rondo::sim {

// What was acknowledged holds for what begins this much later (reliability: I4).
inline constexpr absl::Duration kGrace = absl::Seconds(1);

// Each check returns what is wrong, empty if nothing.
class DecisionBook {
 public:
  explicit DecisionBook(std::vector<OfferPlan> offers) : offers_(std::move(offers)) {}

  // `person` first asked at `asked` and was answered at `answered`.
  std::string Answered(uint64_t customer, const kit::Person& person, const Choice& choice,
                       absl::Time asked, absl::Time answered);
  void Replied(const PropositionAnswer& answer) { replies_.insert(answer); }
  // Its decisions can be answered no more, and its counts stay.
  void Erased(uint64_t customer) { erased_.insert(customer); }

  // Nobody who complained is offered anything.
  void ComplaintTold(uint64_t customer) {
    complaints_.try_emplace(customer, absl::InfiniteFuture());
  }
  void ComplaintAccepted(uint64_t customer, absl::Time now) {
    absl::Time& since = complaints_.try_emplace(customer, now).first->second;
    since = std::min(since, now);
  }

  // Whether the decision is known still: what is only written may go with power.
  bool Knows(const std::string& decision) const { return choices_.contains(decision); }
  void PowerLost(const LogView& log);

  std::string CheckLog(const LogView& log) const;
  // `counts` equal a recount of the replies.
  std::string CheckCounts(const Figures& counts, const LogView& log) const;

 private:
  struct Made {
    uint64_t customer = 0;
    Choice choice;
    std::set<std::string> eligible;  // When it was made.
  };
  const OfferPlan* Find(const std::string& name) const;

  const std::vector<OfferPlan> offers_;
  std::map<std::string, Made> choices_;  // By decision.
  std::set<PropositionAnswer> replies_;
  std::set<uint64_t> erased_;
  std::map<uint64_t, absl::Time> complaints_;  // When the first one was acknowledged.
};

}  // namespace rondo::sim
