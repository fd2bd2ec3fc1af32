// Parts of timestamps, in UTC or a given time zone, and of durations.
#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "platform/core/zone.h"
#include "rules/functions.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

// "Asia/Seoul", "+09:00", "02:00", "-02:30".
std::optional<absl::TimeZone> ZoneOrOffset(std::string_view name) {
  std::string_view digits = name;
  const bool west = digits.starts_with('-');
  if (west || digits.starts_with('+')) digits.remove_prefix(1);
  const auto digit = [&](size_t i) { return digits[i] >= '0' && digits[i] <= '9'; };
  if (digits.size() == 5 && digits[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4)) {
    const int hours = (digits[0] - '0') * 10 + (digits[1] - '0');
    const int minutes = (digits[3] - '0') * 10 + (digits[4] - '0');
    if (hours > 23 || minutes > 59) return std::nullopt;
    const int seconds = hours * 3600 + minutes * 60;
    return absl::FixedTimeZone(west ? -seconds : seconds);
  }
  return rondo::FindZone(name);
}

template <typename Part>
Value TimestampPart(Frame& frame, std::span<const Value> args, std::string_view name,
                    const Part& part) {
  if (!args[0].is(Kind::kTimestamp) || (args.size() == 2 && !args[1].is(Kind::kString))) {
    return frame.NoOverload(name, args);
  }
  absl::TimeZone zone = absl::UTCTimeZone();
  if (args.size() == 2) {
    const std::optional<absl::TimeZone> found = ZoneOrOffset(args[1].text());
    if (!found) return frame.Fail(ErrorCode::kInvalidArgument, "unknown time zone");
    zone = *found;
  }
  return Value::Int(part(absl::ToCivilSecond(absl::FromUnixSeconds(args[0].seconds()), zone)));
}

Value FullYear(Frame& frame, std::span<const Value> args) {
  return TimestampPart(frame, args, "getFullYear", [](absl::CivilSecond t) { return t.year(); });
}
Value Month(Frame& frame, std::span<const Value> args) {
  return TimestampPart(frame, args, "getMonth", [](absl::CivilSecond t) { return t.month() - 1; });
}
Value Date(Frame& frame, std::span<const Value> args) {
  return TimestampPart(frame, args, "getDate", [](absl::CivilSecond t) { return t.day(); });
}
Value DayOfMonth(Frame& frame, std::span<const Value> args) {
  return TimestampPart(frame, args, "getDayOfMonth",
                       [](absl::CivilSecond t) { return t.day() - 1; });
}
Value DayOfWeek(Frame& frame, std::span<const Value> args) {
  return TimestampPart(frame, args, "getDayOfWeek", [](absl::CivilSecond t) {
    // Sunday is 0 in CEL; absl counts from Monday.
    return (static_cast<int>(absl::GetWeekday(t)) + 1) % 7;
  });
}
Value DayOfYear(Frame& frame, std::span<const Value> args) {
  return TimestampPart(frame, args, "getDayOfYear",
                       [](absl::CivilSecond t) { return absl::GetYearDay(absl::CivilDay(t)) - 1; });
}

// Hours and the like of a timestamp are of its day; of a duration they are its whole length.
Value Hours(Frame& frame, std::span<const Value> args) {
  if (args.size() == 1 && args[0].is(Kind::kDuration)) {
    const int64_t seconds = args[0].seconds() + (args[0].seconds() < 0 && args[0].nanos() > 0);
    return Value::Int(seconds / 3600);
  }
  return TimestampPart(frame, args, "getHours", [](absl::CivilSecond t) { return t.hour(); });
}
Value Minutes(Frame& frame, std::span<const Value> args) {
  if (args.size() == 1 && args[0].is(Kind::kDuration)) {
    const int64_t seconds = args[0].seconds() + (args[0].seconds() < 0 && args[0].nanos() > 0);
    return Value::Int(seconds / 60);
  }
  return TimestampPart(frame, args, "getMinutes", [](absl::CivilSecond t) { return t.minute(); });
}
Value Seconds(Frame& frame, std::span<const Value> args) {
  if (args.size() == 1 && args[0].is(Kind::kDuration)) {
    return Value::Int(args[0].seconds() + (args[0].seconds() < 0 && args[0].nanos() > 0));
  }
  return TimestampPart(frame, args, "getSeconds", [](absl::CivilSecond t) { return t.second(); });
}
// Of durations, too, the milliseconds within the second (cel-spec, standard definitions).
Value Milliseconds(Frame& frame, std::span<const Value> args) {
  if (args.size() == 1 && args[0].is(Kind::kDuration)) {
    const bool negative = args[0].seconds() < 0 && args[0].nanos() > 0;
    const int32_t nanos = negative ? args[0].nanos() - kNanosPerSecond : args[0].nanos();
    return Value::Int(nanos / 1'000'000);
  }
  const int64_t millis = args[0].is(Kind::kTimestamp) ? args[0].nanos() / 1'000'000 : 0;
  return TimestampPart(frame, args, "getMilliseconds", [&](absl::CivilSecond) { return millis; });
}

constexpr FunctionRow kTable[] = {
    {"getFullYear", true, "timestamp", "int", FullYear},
    {"getFullYear", true, "timestamp, string", "int", FullYear},
    {"getMonth", true, "timestamp", "int", Month},
    {"getMonth", true, "timestamp, string", "int", Month},
    {"getDate", true, "timestamp", "int", Date},
    {"getDate", true, "timestamp, string", "int", Date},
    {"getDayOfMonth", true, "timestamp", "int", DayOfMonth},
    {"getDayOfMonth", true, "timestamp, string", "int", DayOfMonth},
    {"getDayOfWeek", true, "timestamp", "int", DayOfWeek},
    {"getDayOfWeek", true, "timestamp, string", "int", DayOfWeek},
    {"getDayOfYear", true, "timestamp", "int", DayOfYear},
    {"getDayOfYear", true, "timestamp, string", "int", DayOfYear},
    {"getHours", true, "timestamp", "int", Hours},
    {"getHours", true, "timestamp, string", "int", Hours},
    {"getHours", true, "duration", "int", Hours},
    {"getMinutes", true, "timestamp", "int", Minutes},
    {"getMinutes", true, "timestamp, string", "int", Minutes},
    {"getMinutes", true, "duration", "int", Minutes},
    {"getSeconds", true, "timestamp", "int", Seconds},
    {"getSeconds", true, "timestamp, string", "int", Seconds},
    {"getSeconds", true, "duration", "int", Seconds},
    {"getMilliseconds", true, "timestamp", "int", Milliseconds},
    {"getMilliseconds", true, "timestamp, string", "int", Milliseconds},
    {"getMilliseconds", true, "duration", "int", Milliseconds},
};

}  // namespace

std::span<const FunctionRow> TimeTable() { return kTable; }

}  // namespace rondo::rules
