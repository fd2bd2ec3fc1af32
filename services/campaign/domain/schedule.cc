#include "services/campaign/domain/schedule.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "platform/core/zone.h"

namespace rondo::campaign {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
// UTC+14: Kiritimati.
constexpr absl::Duration kFurthestEast = absl::Hours(14);
constexpr int kSlotMax = 1'000'000'000;  // Of a minute each: 1,900 years.

// What the schedule's clock shows when the first cycle is due.
absl::CivilSecond StartWall(const Schedule& schedule) {
  if (schedule.clock == WallClock::kCustomer) {
    return absl::ToCivilSecond(schedule.start + schedule.offset, absl::UTCTimeZone());
  }
  return absl::ToCivilSecond(schedule.start, schedule.zone);
}

absl::CivilSecond WallOf(const Schedule& schedule, int slot) {
  return StartWall(schedule) + absl::ToInt64Seconds(schedule.every) * (slot - 1);
}

}  // namespace

absl::StatusOr<absl::TimeZone> LoadZone(std::string_view name) {
  if (const auto zone = FindZone(name)) return *zone;
  return absl::NotFoundError(
      absl::StrFormat("%s is no time zone; write an IANA name such as Asia/Seoul",
                      name.empty() ? "(empty)" : name));
}

absl::Time AtWall(absl::CivilSecond wall, absl::TimeZone zone) { return zone.At(wall).pre; }

absl::Time CycleDue(const Schedule& schedule, int slot) {
  if (slot == 1) return schedule.start;
  if (schedule.every % kDay != absl::ZeroDuration()) {
    return schedule.start + schedule.every * (slot - 1);
  }
  const absl::CivilSecond wall = WallOf(schedule, slot);
  if (schedule.clock == WallClock::kCustomer) {
    return AtWall(wall, absl::UTCTimeZone()) - schedule.offset;
  }
  return AtWall(wall, schedule.zone);
}

absl::Time PlanDue(const Schedule& schedule, int slot) {
  if (schedule.clock == WallClock::kZone) return CycleDue(schedule, slot);
  return AtWall(WallOf(schedule, slot), absl::UTCTimeZone()) - kFurthestEast;
}

int NextSlot(const Schedule& schedule, int last, absl::Time begun) {
  if (schedule.every <= absl::ZeroDuration()) return last + 1;
  // About how many passed; clocks that change move it by one either way.
  absl::Duration rest;
  const int64_t passed = absl::IDivDuration(begun - PlanDue(schedule, last), schedule.every, &rest);
  int slot = last + static_cast<int>(std::clamp<int64_t>(passed - 1, 1, kSlotMax - last));
  while (slot < kSlotMax && PlanDue(schedule, slot) <= begun) ++slot;
  return slot;
}

absl::Time ContactDue(const Schedule& schedule, int slot, const absl::TimeZone* zone,
                      absl::Time planned_from) {
  const bool by_customer = schedule.clock == WallClock::kCustomer && zone != nullptr;
  const absl::Time due =
      by_customer ? AtWall(WallOf(schedule, slot), *zone) : CycleDue(schedule, slot);
  return std::max(due, planned_from);
}

}  // namespace rondo::campaign
