#include "rules/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

constexpr std::string_view kOverflow = "integer overflow";

template <typename T>
Value Arithmetic(Frame& frame, Op op, T a, T b) {
  T result = 0;
  bool overflow = false;
  switch (op) {
    case Op::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Op::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Op::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    default:
      if (b == 0) {
        return frame.Fail(ErrorCode::kInvalidArgument,
                          op == Op::kDivide ? "division by zero" : "modulus by zero");
      }
      if constexpr (std::is_signed_v<T>) {
        overflow = b == -1 && a == std::numeric_limits<T>::min();
      }
      if (!overflow) result = op == Op::kDivide ? a / b : a % b;
  }
  if (overflow) return frame.Fail(ErrorCode::kOverflow, kOverflow);
  if constexpr (std::is_signed_v<T>) {
    return Value::Int(result);
  } else {
    return Value::Uint(result);
  }
}

Value DoubleArithmetic(Frame& frame, Op op, const Value& left, const Value& right) {
  const double a = left.real();
  const double b = right.real();
  switch (op) {
    case Op::kAdd:
      return Value::Double(a + b);
    case Op::kSubtract:
      return Value::Double(a - b);
    case Op::kMultiply:
      return Value::Double(a * b);
    case Op::kDivide:
      return Value::Double(a / b);
    default: {
      const Value args[] = {left, right};
      return frame.NoOverload(NameOf(op), args);
    }
  }
}

Value TimestampInRange(Frame& frame, const Value& value) {
  if (value.seconds() < kMinTimestampSeconds || value.seconds() > kMaxTimestampSeconds) {
    return frame.Fail(ErrorCode::kOverflow, "timestamp out of range (years 1 to 9999)");
  }
  return value;
}

Value DurationInRange(Frame& frame, const Value& value) {
  const bool too_low = value.seconds() < -kMaxDurationSeconds;
  const bool too_high = value.seconds() > kMaxDurationSeconds ||
                        (value.seconds() == kMaxDurationSeconds && value.nanos() > 0);
  if (too_low || too_high) return frame.Fail(ErrorCode::kOverflow, "duration out of range");
  return value;
}

// Seconds and nanoseconds of both are far from int64's ends, so plain sums are safe.
Value TimeArithmetic(Frame& frame, Op op, const Value& a, const Value& b) {
  const int64_t sign = op == Op::kAdd ? 1 : -1;
  int64_t seconds = a.seconds() + sign * b.seconds();
  int64_t nanos = a.nanos() + sign * b.nanos();
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  } else if (nanos >= kNanosPerSecond) {
    nanos -= kNanosPerSecond;
    ++seconds;
  }
  const bool both_timestamps = a.is(Kind::kTimestamp) && b.is(Kind::kTimestamp);
  const bool timestamp = (a.is(Kind::kTimestamp) || b.is(Kind::kTimestamp)) && !both_timestamps;
  const auto rest = static_cast<int32_t>(nanos);
  return timestamp ? TimestampInRange(frame, Value::Timestamp(seconds, rest))
                   : DurationInRange(frame, Value::Duration(seconds, rest));
}

bool IsTime(const Value& value) { return value.is(Kind::kTimestamp) || value.is(Kind::kDuration); }

bool TimesFit(Op op, const Value& a, const Value& b) {
  if (!IsTime(a) || !IsTime(b)) return false;
  if (op == Op::kAdd) return a.is(Kind::kDuration) || b.is(Kind::kDuration);
  return op == Op::kSubtract && (a.is(Kind::kTimestamp) || b.is(Kind::kDuration));
}

Value Concatenate(Frame& frame, const Value& a, const Value& b) {
  if (a.is(Kind::kList)) {
    const size_t size = a.items().size() + b.items().size();
    if (!frame.arena.Fits(size * sizeof(Value))) {
      return frame.Fail(ErrorCode::kLimit, "the list is too large");
    }
    Value* items = frame.arena.NewArray<Value>(size);
    std::ranges::copy(b.items(), std::ranges::copy(a.items(), items).out);
    return Value::List({items, size});
  }
  const size_t size = a.text().size() + b.text().size();
  if (!frame.arena.Fits(size)) return frame.Fail(ErrorCode::kLimit, "the text is too large");
  char* text = static_cast<char*>(frame.arena.Allocate(size));
  std::ranges::copy(b.text(), std::ranges::copy(a.text(), text).out);
  const std::string_view joined(text, size);
  return a.is(Kind::kString) ? Value::String(joined) : Value::Bytes(joined);
}

bool IsWhole(const Value& index) {
  return !index.is(Kind::kDouble) || index.real() == std::floor(index.real());
}

// The list position that `index` means: also a whole double or uint. -1 when it means none.
int64_t Position(const Value& index) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (index.is(Kind::kInt)) return std::max<int64_t>(index.integer(), -1);
  if (index.is(Kind::kUint)) {
    return static_cast<int64_t>(std::min<uint64_t>(index.natural(), uint64_t{1} << 62));
  }
  if (index.is(Kind::kDouble) && index.real() >= 0 && index.real() < kExact && IsWhole(index)) {
    return static_cast<int64_t>(index.real());
  }
  return -1;
}

// `key` for a message: what is large by its type.
std::string Shown(const Value& key) {
  return WeightOf(key, 1) == 0 ? DebugString(key) : std::string(TypeNameOf(key));
}

bool IsNumber(const Value& v) {
  return v.is(Kind::kInt) || v.is(Kind::kUint) || v.is(Kind::kDouble);
}

}  // namespace

Value Arithmetic(Frame& frame, Op op, const Value& a, const Value& b) {
  if (a.kind() == b.kind()) {
    switch (a.kind()) {
      case Kind::kInt:
        return Arithmetic<int64_t>(frame, op, a.integer(), b.integer());
      case Kind::kUint:
        return Arithmetic<uint64_t>(frame, op, a.natural(), b.natural());
      case Kind::kDouble:
        return DoubleArithmetic(frame, op, a, b);
      case Kind::kString:
      case Kind::kBytes:
      case Kind::kList:
        if (op == Op::kAdd) return Concatenate(frame, a, b);
        break;
      default:
        break;
    }
  }
  if (TimesFit(op, a, b)) return TimeArithmetic(frame, op, a, b);
  const Value args[] = {a, b};
  return frame.NoOverload(NameOf(op), args);
}

Value Negate(Frame& frame, const Value& a) {
  if (a.is(Kind::kDouble)) return Value::Double(-a.real());
  if (!a.is(Kind::kInt)) return frame.NoOverload("-_", {&a, 1});
  if (a.integer() == std::numeric_limits<int64_t>::min()) {
    return frame.Fail(ErrorCode::kOverflow, kOverflow);
  }
  return Value::Int(-a.integer());
}

Value Ordering(Frame& frame, Op op, const Value& a, const Value& b) {
  const Order order = Compare(a, b);
  if (order == Order::kNone) {
    if (a.is(Kind::kMoney) && b.is(Kind::kMoney)) {
      return frame.Fail(ErrorCode::kInvalidArgument, "amounts of two currencies do not compare");
    }
    const Value args[] = {a, b};
    return frame.NoOverload(NameOf(op), args);
  }
  switch (op) {
    case Op::kLess:
      return Value::Bool(order == Order::kLess);
    case Op::kLessEqual:
      return Value::Bool(order == Order::kLess || order == Order::kEqual);
    case Op::kGreater:
      return Value::Bool(order == Order::kGreater);
    default:
      return Value::Bool(order == Order::kGreater || order == Order::kEqual);
  }
}

Value Index(Frame& frame, const Value& container, const Value& index) {
  if (container.is(Kind::kOptional)) return OptionalIndex(frame, container, index);
  if (container.is(Kind::kMap)) {
    if (const Value* found = FindInMap(container, index)) return *found;
    return frame.Fail(ErrorCode::kNoSuchKey, absl::StrCat("no such key: ", Shown(index)));
  }
  if (container.is(Kind::kList)) {
    const int64_t position = Position(index);
    if (position >= 0 && static_cast<size_t>(position) < container.items().size()) {
      return container.items()[static_cast<size_t>(position)];
    }
    if (index.is_null()) return NoValue();
    return frame.Fail(ErrorCode::kInvalidArgument,
                      IsNumber(index) ? "index out of range" : "a list's index must be a number");
  }
  const Value args[] = {container, index};
  return frame.NoOverload("_[_]", args);
}

Value OptionalIndex(Frame& frame, const Value& container, const Value& index) {
  if (container.is(Kind::kOptional)) {
    return container.optional() == nullptr ? container
                                           : OptionalIndex(frame, *container.optional(), index);
  }
  const Value* found = nullptr;
  if (container.is(Kind::kMap)) {
    found = FindInMap(container, index);
  } else if (container.is(Kind::kList) && IsNumber(index) && IsWhole(index)) {
    const int64_t position = Position(index);
    if (position >= 0 && static_cast<size_t>(position) < container.items().size()) {
      found = &container.items()[static_cast<size_t>(position)];
    }
  } else {
    const Value args[] = {container, index};
    return frame.NoOverload("_[?_]", args);
  }
  return Value::Optional(found);
}

Value In(Frame& frame, const Value& item, const Value& container) {
  if (container.is(Kind::kMap)) return Value::Bool(FindInMap(container, item) != nullptr);
  if (!container.is(Kind::kList)) {
    if (container.is_null()) return NoValue();
    const Value args[] = {item, container};
    return frame.NoOverload("@in", args);
  }
  const auto count = static_cast<int64_t>(container.items().size());
  if (!frame.Spend(count / 8) || !frame.SpendOn(item, count)) return frame.OverLimit();
  for (const Value& candidate : container.items()) {
    if (Equal(candidate, item)) return Value::Bool(true);
  }
  return Value::Bool(false);
}

Value SelectField(Frame& frame, const Value& operand, std::string_view field) {
  switch (operand.kind()) {
    case Kind::kMap:
      if (const Value* found = FindInMap(operand, Value::String(field))) return *found;
      return frame.Fail(ErrorCode::kNoSuchKey, absl::StrCat("no such key: ", std::string(field)));
    case Kind::kOptional:
      return OptionalIndex(frame, operand, Value::String(field));
    case Kind::kMoney:
      if (field == "minor_units") return Value::Int(operand.integer());
      if (field == "currency") return frame.NewString(operand.currency());
      break;
    case Kind::kGeoPoint:
      if (field == "latitude") return Value::Double(operand.latitude());
      if (field == "longitude") return Value::Double(operand.longitude());
      break;
    case Kind::kNull:
      return NoValue();
    default:
      break;
  }
  return frame.Fail(ErrorCode::kNoSuchKey,
                    absl::StrCat("no such key: ", std::string(TypeNameOf(operand)),
                                 " has no field ", std::string(field)));
}

Value HasField(Frame& frame, const Value& operand, std::string_view field) {
  if (operand.is(Kind::kMap)) {
    return Value::Bool(FindInMap(operand, Value::String(field)) != nullptr);
  }
  if (operand.is(Kind::kOptional)) {
    return operand.optional() == nullptr ? Value::Bool(false)
                                         : HasField(frame, *operand.optional(), field);
  }
  const Value selected = SelectField(frame, operand, field);
  return selected.is_error() ? selected : Value::Bool(!selected.is_null());
}

bool IsZero(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kDouble:
      return value.real() == 0;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kMoney:
      return value.integer() == 0;
    case Kind::kTimestamp:
    case Kind::kDuration:
      return value.seconds() == 0 && value.nanos() == 0;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kMap:
      return value.aux() == 0;
    default:
      return false;
  }
}

std::string_view NameOf(Op op) {
  constexpr std::string_view kNames[] = {
      "function", "_&&_", "_||_", "!_",   "-_",  "_+_",  "_-_", "_*_",   "_/_",  "_%_",
      "_==_",     "_!=_", "_<_",  "_<=_", "_>_", "_>=_", "@in", "_?_:_", "_[_]", "_[?_]"};
  return kNames[static_cast<size_t>(op)];
}

Op Mirrored(Op op) {
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessEqual:
      return Op::kGreaterEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterEqual:
      return Op::kLessEqual;
    default:
      return op;
  }
}

}  // namespace rondo::rules
