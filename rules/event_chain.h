// A chain over events as both evaluators see it: a type, windows, conditions, and what is made of
// the events that remain. All links but the last are filters, so their order does not matter.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "rules/ast.h"
#include "rules/value.h"

namespace rondo::rules {

enum class WindowKind : uint8_t {
  kLast,     // now - from < time <= now
  kSince,    // from <= time
  kBetween,  // from <= time < to
};
enum class ChainEnd : uint8_t { kList, kCount, kSum, kMin, kMax, kFirst, kLast };

struct EventWindow {
  WindowKind kind = WindowKind::kLast;
  const Expr* from = nullptr;
  const Expr* to = nullptr;
};
struct EventCondition {
  int slot = 0;
  const Expr* condition = nullptr;
};

// Points into the tree that it was read from.
struct EventChain {
  const Symbol* event_type = nullptr;
  std::vector<EventWindow> windows;
  std::vector<EventCondition> conditions;  // In the order in which they are applied.
  ChainEnd end = ChainEnd::kList;
  const Expr* body = nullptr;  // Of sum, min, max.
  int body_slot = 0;
  TypeKind fold_kind = TypeKind::kDyn;
  int32_t offset = 0;
};

// The chain whose outermost link is `expr`; nothing when it is none.
std::optional<EventChain> ReadEventChain(const Expr& expr);

// Microseconds low <= time < high.
struct TimeRange {
  int64_t low = std::numeric_limits<int64_t>::min();
  int64_t high = std::numeric_limits<int64_t>::max();
};
// The length of '2d' or of a duration; nothing when it is neither.
std::optional<int64_t> WindowMicros(const Value& window);

// Nothing when the values do not fit the window (null, or a malformed text).
std::optional<TimeRange> RangeOf(WindowKind kind, const Value& from, const Value& to,
                                 const Value& now);

}  // namespace rondo::rules
