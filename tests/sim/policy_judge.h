// Judges the contact policy by what a sink received: its own arithmetic, written another way than
// policy/'s, so that both would have to be wrong alike.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/sim/deployment.h"
#include "tests/sim/plan.h"

namespace rondo::sim {

class PolicyJudge {
 public:
  explicit PolicyJudge(PolicyPlan policy) : policy_(std::move(policy)) {}

  // One message that reached its customer, whose sending began at `begun`. `time_zone` is the
  // customer's, empty if unknown. Returns what the policy forbids, empty if nothing. Every message
  // once, in any order; of a contact that was sent again the last one counts.
  std::string Judge(const Message& message, const std::string& time_zone, absl::Time begun);

 private:
  struct Sent {
    ContactId contact;
    absl::Time begun;
    std::string channel;
  };
  std::string JudgeCaps(const std::vector<Sent>& sent) const;
  std::string JudgeHours(const std::string& time_zone, absl::Time begun) const;

  const PolicyPlan policy_;
  std::map<uint64_t, std::vector<Sent>> sent_;  // By customer.
};

}  // namespace rondo::sim
