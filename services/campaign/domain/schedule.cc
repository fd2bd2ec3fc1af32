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

// What the schedule's clock shows when the first cycle is due.
absl::CivilSecond StartWall(const Schedule& schedule) {
  if (schedule.clock == WallClock::kCustomer) {
    return absl::ToCivilSecond(schedule.start + schedule.offset, absl::UTCTimeZone());
  }
  return absl::ToCivilSecond(schedule.start, schedule.zone);
}

absl::CivilSecond WallOf(const Schedule& schedule, int number) {
  return StartWall(schedule) + absl::ToInt64Seconds(schedule.every) * (number - 1);
}

}  // namespace

absl::StatusOr<absl::TimeZone> LoadZone(std::string_view name) {
  if (const auto zone = FindZone(name)) return *zone;
  return absl::NotFoundError(
      absl::StrFormat("%s is no time zone; write an IANA name such as Asia/Seoul",
                      name.empty() ? "(empty)" : name));
}

absl::Time AtWall(absl::CivilSecond wall, absl::TimeZone zone) { return zone.At(wall).pre; }

absl::Time CycleDue(const Schedule& schedule, int number) {
  if (number == 1) return schedule.start;
  if (schedule.every % kDay != absl::ZeroDuration()) {
    return schedule.start + schedule.every * (number - 1);
  }
  const absl::CivilSecond wall = WallOf(schedule, number);
  if (schedule.clock == WallClock::kCustomer) {
    return AtWall(wall, absl::UTCTimeZone()) - schedule.offset;
  }
  return AtWall(wall, schedule.zone);
}

absl::Time PlanDue(const Schedule& schedule, int number) {
  if (schedule.clock == WallClock::kZone) return CycleDue(schedule, number);
  return AtWall(WallOf(schedule, number), absl::UTCTimeZone()) - kFurthestEast;
}

absl::Time ContactDue(const Schedule& schedule, int number, const absl::TimeZone* zone,
                      absl::Time planned_from) {
  const bool by_customer = schedule.clock == WallClock::kCustomer && zone != nullptr;
  const absl::Time due =
      by_customer ? AtWall(WallOf(schedule, number), *zone) : CycleDue(schedule, number);
  return std::max(due, planned_from);
}

}  // namespace rondo::campaign
