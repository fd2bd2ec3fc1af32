// Functions over lists of events, oldest first: windows of time, and what follows what.
#include <limits>
#include <optional>
#include <vector>

#include "rules/event_chain.h"
#include "rules/functions.h"

namespace rondo::rules {
namespace {

constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

bool IsEventList(const Value& value) {
  if (!value.is(Kind::kList)) return false;
  for (const Value& item : value.items()) {
    if (!item.is(Kind::kEvent)) return false;
  }
  return true;
}

// The events with low <= time < high, in microseconds.
Value Within(Frame& frame, const Value& events, int64_t low, int64_t high) {
  std::vector<Value> kept;
  for (const Value& event : events.items()) {
    const int64_t time = event.event_source()->TimeMicros(event.event_index());
    if (time >= low && time < high) kept.push_back(event);
  }
  return frame.NewList(kept);
}

Value BadWindow(Frame& frame) {
  return frame.Fail(ErrorCode::kInvalidArgument, "a window is written like '90d' (s m h d w)");
}

Value LastWindow(Frame& frame, std::span<const Value> args) {
  if (!IsEventList(args[0])) return frame.NoOverload("last", args);
  const std::optional<int64_t> micros = WindowMicros(args[1]);
  if (!micros) return BadWindow(frame);
  return Within(frame, args[0], frame.now.micros() - *micros + 1, frame.now.micros() + 1);
}
Value Since(Frame& frame, std::span<const Value> args) {
  if (!IsEventList(args[0]) || !args[1].is(Kind::kTimestamp))
    return frame.NoOverload("since", args);
  return Within(frame, args[0], CeilMicros(args[1]), kForEver);
}
Value Between(Frame& frame, std::span<const Value> args) {
  const bool fits =
      IsEventList(args[0]) && args[1].is(Kind::kTimestamp) && args[2].is(Kind::kTimestamp);
  if (!fits) return frame.NoOverload("between", args);
  return Within(frame, args[0], CeilMicros(args[1]), CeilMicros(args[2]));
}

// The events of args[0] after which one of args[1] comes (`wanted`), or none does, later than it
// and at most a window after it; without a window, whenever.
Value Following(Frame& frame, std::span<const Value> args, bool wanted) {
  if (!IsEventList(args[0]) || !IsEventList(args[1])) {
    return frame.NoOverload(wanted ? "followed_by" : "not_followed_by", args);
  }
  const std::optional<int64_t> window =
      args.size() < 3 ? std::optional<int64_t>(kForEver) : WindowMicros(args[2]);
  if (!window) return BadWindow(frame);
  const auto time_of = [](const Value& event) {
    return event.event_source()->TimeMicros(event.event_index());
  };
  const std::span<const Value> later = args[1].items();
  const auto size = static_cast<int64_t>(args[0].items().size() + later.size());
  if (!frame.Spend(size)) return frame.OverLimit();
  std::vector<Value> kept;
  size_t next = 0;
  for (const Value& event : args[0].items()) {
    const int64_t time = time_of(event);
    while (next < later.size() && time_of(later[next]) <= time) ++next;
    const bool found = next < later.size() && time_of(later[next]) - time <= *window;
    if (found == wanted) kept.push_back(event);
  }
  return frame.NewList(kept);
}
Value FollowedBy(Frame& frame, std::span<const Value> args) { return Following(frame, args, true); }
Value NotFollowedBy(Frame& frame, std::span<const Value> args) {
  return Following(frame, args, false);
}

constexpr FunctionRow kTable[] = {
    {"last", true, "list(A), string", "list(A)", LastWindow},
    {"last", true, "list(A), duration", "list(A)", LastWindow},
    {"since", true, "list(A), timestamp", "list(A)", Since},
    {"between", true, "list(A), timestamp, timestamp", "list(A)", Between},
    {"followed_by", true, "list(A), list(B)", "list(A)", FollowedBy},
    {"followed_by", true, "list(A), list(B), string", "list(A)", FollowedBy},
    {"followed_by", true, "list(A), list(B), duration", "list(A)", FollowedBy},
    {"not_followed_by", true, "list(A), list(B)", "list(A)", NotFollowedBy},
    {"not_followed_by", true, "list(A), list(B), string", "list(A)", NotFollowedBy},
    {"not_followed_by", true, "list(A), list(B), duration", "list(A)", NotFollowedBy},
};

}  // namespace

int64_t CeilMicros(const Value& timestamp) {
  return timestamp.micros() + (timestamp.nanos() % 1000 != 0 ? 1 : 0);
}

std::span<const FunctionRow> EventTable() { return kTable; }

}  // namespace rondo::rules
