// What became of one customer in one cycle, and the sums of that over a cell.
//
// Sums are what reports are made of; they are kept up to date by taking a customer's old
// contribution away and adding the new one, so that each customer counts once whatever happened how
// often, and in whatever order. All sums are integers: they merge exactly over partitions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "stats/lift.h"

namespace rondo::insight {

// Things that happen to a customer in a cycle, each counted once a customer. Numbers are bits of
// stored state: never renumbered.
enum class Step : uint8_t {
  kAssigned = 0,  // In a cell; control too.
  kSent = 1,
  kInDoubt = 2,
  kBounced = 3,  // Refused by the recipient's side, at once or later.
  kOpened = 4,   // By a person.
  kOpenedByMachine = 5,
  kClicked = 6,  // By a person.
  kClickedByMachine = 7,
  kUnsubscribed = 8,
  kComplained = 9,
  // Derived, so that sums can hold them; never set from outside.
  kDelivered = 10,  // Sent, not bounced.
  kOpenedByMachineOnly = 11,
  kClickedByMachineOnly = 12,
  kSuppressed = 13,
  kUnknown = 14,  // In doubt, and no evidence is waited for any more.
};
inline constexpr int kStepCount = 15;

// A customer's value for one goal stays within this, in minor units: squares of 10^8 such customers
// fit into 128 bits.
inline constexpr int64_t kCustomerValueMax = 1'000'000'000'000'000;

struct GoalOutcome {
  int64_t count = 0;          // Events that met the goal.
  int64_t value = 0;          // Minor units, cut to +-kCustomerValueMax.
  int64_t without_value = 0;  // Of the events, those whose value is not known.
};

struct Outcome {
  std::string cell;
  bool control = false;
  std::string channel;
  uint32_t segments = 0;          // That the customer was in when planned; bits.
  std::string suppressed_reason;  // Empty: not suppressed.
  int64_t cost = 0;               // Minor units.
  std::map<std::string, GoalOutcome> goals;
  std::vector<uint64_t> charged;   // Hashes of attempts whose cost is in `cost`.
  std::vector<uint64_t> in_doubt;  // Hashes of attempts that are; empty unless kInDoubt is set.

  bool Has(Step step) const { return (steps >> static_cast<int>(step) & 1u) != 0; }
  void Set(Step step) { steps |= 1u << static_cast<int>(step); }
  void Clear(Step step) { steps &= ~(1u << static_cast<int>(step)); }
  // As stored, with the derived steps.
  uint32_t AllSteps() const;

  uint32_t steps = 0;  // Bits of Step.
};

// The attempt may have gone out. Without effect where one is known to have.
void Doubt(Outcome& outcome, uint64_t attempt);
// The attempt did not go out; an earlier one that is in doubt stays so.
void EndDoubt(Outcome& outcome, uint64_t attempt);
// One went out: the others do not matter.
void EndDoubts(Outcome& outcome);

// Adds `cost` unless the attempt was charged before.
void Charge(Outcome& outcome, uint64_t attempt, int64_t cost);

// Counts one event for `goal`; nullopt: its value is not known.
void Reach(Outcome& outcome, const std::string& goal, std::optional<int64_t> value);

struct GoalSums {
  int64_t customers = 0;             // That met the goal at least once.
  stats::Int128 value = 0;           // Of customers' values, minor units.
  stats::Int128 value_squares = 0;   // Of customers' values.
  int64_t events_without_value = 0;  // That met it and count as 0.
};

struct CellSums {
  bool control = false;
  int64_t steps[kStepCount] = {};             // Customers, by Step.
  std::map<std::string, int64_t> suppressed;  // Customers, by reason.
  std::map<std::string, GoalSums> goals;
  int64_t cost = 0;  // Minor units.

  int64_t Count(Step step) const { return steps[static_cast<int>(step)]; }
  int64_t customers() const { return Count(Step::kAssigned); }
  stats::ProportionArm Conversions(const std::string& goal) const;
  stats::MeanArm Values(const std::string& goal) const;
};

// Takes `outcome` into the sums, or out of them again. Entries that fall to 0 vanish, so that equal
// sums have equal bytes.
void Include(CellSums& sums, const Outcome& outcome);
void Exclude(CellSums& sums, const Outcome& outcome);

// Adds sums of other customers: another partition's, another cell's, another cycle's.
void Merge(CellSums& into, const CellSums& other);

}  // namespace rondo::insight
