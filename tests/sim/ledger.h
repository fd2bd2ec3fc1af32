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
#include "tests/sim/deployment.h"

namespace rondo::sim {

class Ledger {
 public:
  explicit Ledger(const CampaignPlan& plan) : plan_(plan) {}

  // What the deployment acknowledged.
  void PersonAccepted(uint64_t customer, const kit::Person& person);
  void EventAccepted(uint64_t customer, const Happening& happening, absl::Time now);

  // The sink took a message whose sending began at `begun`.
  void Received(const Message& message, absl::Time begun, const eventlog::EventLog& log);

  // Everything acknowledged is in the log; nobody planned who was not accepted; and, since the
  // campaign is for everybody: in every cycle the same people are planned, all of them where the
  // plan holds nobody out.
  void CheckLog(const eventlog::EventLog& log);
  // `figures` equal a recount. Sends are exact when nothing is in doubt, else within bounds.
  void CheckFigures(const Figures& figures, const eventlog::EventLog& log);

  void Violation(std::string what) { violations_.push_back(std::move(what)); }
  const std::vector<std::string>& violations() const { return violations_; }
  // Of those accepted, whom no cycle planned. Their share over many worlds is the plan's holdout.
  int64_t held_out() const;
  int64_t people() const { return static_cast<int64_t>(people_.size()); }
  int64_t received() const { return static_cast<int64_t>(received_.size()); }

 private:
  using ContactId = std::pair<uint64_t, int>;  // Customer, cycle.
  struct Known {
    kit::Person person;
    absl::Time withdrawn = absl::InfiniteFuture();  // When the deployment acknowledged it.
  };
  struct Planned {
    std::string cell;
    bool control = false;
    absl::Time due;
  };

  void ReadLog(const eventlog::EventLog& log);
  void CheckHoldout();
  Figures Recount() const;

  const CampaignPlan plan_;
  std::map<uint64_t, Known> people_;
  std::map<std::string, std::pair<uint64_t, Happening>> events_;  // By message id.
  std::set<ContactId> received_;
  std::map<ContactId, Planned> planned_;  // As the log says.
  std::set<std::string> events_in_log_;   // Message ids.
  std::set<uint64_t> people_in_log_;
  std::vector<std::string> violations_;
};

}  // namespace rondo::sim
