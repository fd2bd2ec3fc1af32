// When cycles and contacts are due. A schedule has slots, numbered from 1: times at which a cycle
// can begin. A cycle has the slot of its own number unless earlier ones began so late that slots
// passed.
//
// A schedule names a time on a clock on the wall: of a zone, or of each customer's own. Days
// between cycles are days of that clock: ten in the morning stays ten in the morning when clocks
// change. A time that clocks skip is taken as if they had not yet been changed (02:30 becomes
// 03:30), a time that they show twice means the first.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace rondo::campaign {

enum class WallClock {
  kZone,      // Of Schedule::zone.
  kCustomer,  // Of each customer; Schedule::offset where the zone is not known.
};

struct Schedule {
  absl::Time start;
  WallClock clock = WallClock::kZone;
  absl::TimeZone zone = absl::UTCTimeZone();
  absl::Duration offset;  // Of the clock that `start` was read from, for kCustomer.
  absl::Duration every;   // Between cycles; zero for a single one.
  int cycles = 1;         // >= 1.
};

// The zone of an IANA name. NOT_FOUND if this machine does not know it.
absl::StatusOr<absl::TimeZone> LoadZone(std::string_view name);

// The instant at which clocks of `zone` show `wall`, by the rule above.
absl::Time AtWall(absl::CivilSecond wall, absl::TimeZone zone);

// When the cycle of `slot`, from 1, is due where the schedule was written.
absl::Time CycleDue(const Schedule& schedule, int slot);

// When the cycle of `slot` must be planned so that no contact is due before: for customers' clocks
// 14 hours before the wall time in UTC (the zones furthest east), else when it is due.
absl::Time PlanDue(const Schedule& schedule, int slot);

// The first slot after `last` that is planned after `begun`, when the cycle of `last` began. Slots
// that passed while it waited (the campaign was paused, nobody approved) are left out: customers
// who missed three weekly letters get one, not three at once.
int NextSlot(const Schedule& schedule, int last, absl::Time begun);

// When a customer's contact is due, never before `planned_from`. `zone` is the customer's; null if
// it is not known.
absl::Time ContactDue(const Schedule& schedule, int slot, const absl::TimeZone* zone,
                      absl::Time planned_from);

}  // namespace rondo::campaign
