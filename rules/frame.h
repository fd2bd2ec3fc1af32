// The state of one evaluation, and how functions are called.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "rules/environment.h"
#include "rules/row.h"
#include "rules/value.h"

namespace rondo::rules {

struct Frame;

// How the customer who is evaluated stands among all, by the number of the call that asks.
class RankSource {
 public:
  virtual ~RankSource() = default;
  virtual Value Rank(int call, Frame& frame) const = 0;
};

struct Frame {
  Arena& arena;
  const Limits& limits;
  const Row* row = nullptr;
  Value event = {};                   // The bound event.
  Value now = {};                     // A timestamp.
  Value* locals = nullptr;            // Of macros; as many as the program needs.
  const RankSource* ranks = nullptr;  // Only where all customers are known.
  int64_t steps = 0;                  // Left.
  int32_t offset = -1;                // Where in the source the function being called stands.

  // False when the budget is used up; then the caller returns OverLimit().
  bool Spend(int64_t count = 1) { return (steps -= count) >= 0; }
  // As many as comparing `value` or reading its text takes, `times` over; nothing for scalars.
  bool SpendOn(const Value& value, int64_t times = 1) {
    const bool text = value.is(Kind::kString) || value.is(Kind::kBytes);
    const bool nested = value.is(Kind::kList) || value.is(Kind::kMap) || value.is(Kind::kOptional);
    if (!nested && !(text && value.aux() >= 256)) return true;
    const int64_t weight = WeightOf(value, steps + 1);
    return weight == 0 || Spend(std::min(weight * times, steps + 1));
  }
  Value Fail(ErrorCode code, std::string_view message) {
    return Value::MakeError(arena, code, message, offset);
  }
  Value OverLimit() {
    return Fail(ErrorCode::kLimit, "the evaluation took too many steps; make the rule simpler");
  }
  // A string of the arena; an error when it would not fit.
  Value NewString(std::string_view text);
  Value NewBytes(std::string_view bytes);
  // Copies into the arena.
  Value NewList(std::span<const Value> items);
  // An error for repeated or unfit keys. `entries` may be reordered.
  Value NewMap(std::span<MapEntry> entries);
  // "no such overload", or "no value" when an operand is null.
  Value NoOverload(std::string_view name, std::span<const Value> args);
};

// "No value": a null where a value is needed.
Value NoValue();
inline bool IsNoValue(const Value& value) {
  return value.is_error() && value.error().code == ErrorCode::kNoValue;
}

// No argument is an error. Pure: the same arguments give the same result.
using Function = Value (*)(Frame& frame, std::span<const Value> args);

}  // namespace rondo::rules
