// The math extension (cel-spec, extensions: math).
#include <cmath>
#include <limits>

#include "rules/functions.h"

namespace rondo::rules {
namespace {

bool IsNumber(const Value& v) {
  return v.is(Kind::kInt) || v.is(Kind::kUint) || v.is(Kind::kDouble);
}

// Of all arguments, or of the items of one list; the first of equal ones.
Value Extreme(Frame& frame, std::span<const Value> args, Order wanted, std::string_view name) {
  std::span<const Value> values = args;
  if (args.size() == 1 && args[0].is(Kind::kList)) values = args[0].items();
  if (values.empty()) {
    return frame.Fail(ErrorCode::kInvalidArgument, "a list must not be empty here");
  }
  Value best = values[0];
  for (const Value& value : values) {
    if (!IsNumber(value)) return frame.NoOverload(name, {&value, 1});
    if (Compare(value, best) == wanted) best = value;
  }
  return best;
}
Value Greatest(Frame& frame, std::span<const Value> args) {
  return Extreme(frame, args, Order::kGreater, "math.greatest");
}
Value Least(Frame& frame, std::span<const Value> args) {
  return Extreme(frame, args, Order::kLess, "math.least");
}

template <double (*kFunction)(double)>
Value OnDouble(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kDouble)) return frame.NoOverload("math", args);
  return Value::Double(kFunction(args[0].real()));
}

Value Sqrt(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  if (!IsNumber(v)) return frame.NoOverload("math.sqrt", args);
  if (v.is(Kind::kDouble)) return Value::Double(std::sqrt(v.real()));
  return Value::Double(std::sqrt(v.is(Kind::kInt) ? static_cast<double>(v.integer())
                                                  : static_cast<double>(v.natural())));
}

template <bool (*kTest)(double)>
Value TestDouble(Frame& frame, std::span<const Value> args) {
  if (!args[0].is(Kind::kDouble)) return frame.NoOverload("math", args);
  return Value::Bool(kTest(args[0].real()));
}
bool IsNan(double v) { return std::isnan(v); }
bool IsInf(double v) { return std::isinf(v); }
bool IsFinite(double v) { return std::isfinite(v); }

Value Abs(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  if (v.is(Kind::kUint)) return v;
  if (v.is(Kind::kDouble)) return Value::Double(std::fabs(v.real()));
  if (!v.is(Kind::kInt)) return frame.NoOverload("math.abs", args);
  if (v.integer() == std::numeric_limits<int64_t>::min()) {
    return frame.Fail(ErrorCode::kOverflow, "integer overflow");
  }
  return Value::Int(v.integer() < 0 ? -v.integer() : v.integer());
}

Value Sign(Frame& frame, std::span<const Value> args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kInt:
      return Value::Int((v.integer() > 0) - (v.integer() < 0));
    case Kind::kUint:
      return Value::Uint(v.natural() > 0);
    case Kind::kDouble:
      if (std::isnan(v.real())) return v;
      return Value::Double((v.real() > 0) - (v.real() < 0));
    default:
      return frame.NoOverload("math.sign", args);
  }
}

uint64_t And(uint64_t a, uint64_t b) { return a & b; }
uint64_t Or(uint64_t a, uint64_t b) { return a | b; }
uint64_t Xor(uint64_t a, uint64_t b) { return a ^ b; }

// Bits are the same whether a number is signed or not; both operands are of one kind.
template <uint64_t (*kFunction)(uint64_t, uint64_t)>
Value Bitwise(Frame& frame, std::span<const Value> args) {
  const bool fits =
      args[0].kind() == args[1].kind() && (args[0].is(Kind::kInt) || args[0].is(Kind::kUint));
  if (!fits) return frame.NoOverload("math.bit", args);
  const uint64_t bits = kFunction(static_cast<uint64_t>(args[0].natural()), args[1].natural());
  return args[0].is(Kind::kUint) ? Value::Uint(bits) : Value::Int(static_cast<int64_t>(bits));
}

Value BitNot(Frame& frame, std::span<const Value> args) {
  if (args[0].is(Kind::kUint)) return Value::Uint(~args[0].natural());
  if (args[0].is(Kind::kInt)) return Value::Int(~args[0].integer());
  return frame.NoOverload("math.bitNot", args);
}

enum class Direction { kLeft, kRight };

// Right shifts are logical for signed numbers too.
template <Direction kDirection>
Value Shift(Frame& frame, std::span<const Value> args) {
  const bool fits = (args[0].is(Kind::kInt) || args[0].is(Kind::kUint)) && args[1].is(Kind::kInt);
  if (!fits) return frame.NoOverload("math.bitShift", args);
  const int64_t by = args[1].integer();
  if (by < 0) return frame.Fail(ErrorCode::kInvalidArgument, "negative offset of a shift");
  const uint64_t bits = args[0].natural();
  const uint64_t shifted = by > 63 ? 0 : kDirection == Direction::kLeft ? bits << by : bits >> by;
  return args[0].is(Kind::kUint) ? Value::Uint(shifted) : Value::Int(static_cast<int64_t>(shifted));
}

constexpr FunctionRow kTable[] = {
    {"math.greatest", false, "A", "A", Greatest},
    {"math.least", false, "A", "A", Least},
    {"math.ceil", false, "double", "double", OnDouble<std::ceil>},
    {"math.floor", false, "double", "double", OnDouble<std::floor>},
    {"math.round", false, "double", "double", OnDouble<std::round>},
    {"math.trunc", false, "double", "double", OnDouble<std::trunc>},
    {"math.sqrt", false, "double", "double", Sqrt},
    {"math.sqrt", false, "int", "double", Sqrt},
    {"math.sqrt", false, "uint", "double", Sqrt},
    {"math.isNaN", false, "double", "bool", TestDouble<IsNan>},
    {"math.isInf", false, "double", "bool", TestDouble<IsInf>},
    {"math.isFinite", false, "double", "bool", TestDouble<IsFinite>},
    {"math.abs", false, "int", "int", Abs},
    {"math.abs", false, "uint", "uint", Abs},
    {"math.abs", false, "double", "double", Abs},
    {"math.sign", false, "int", "int", Sign},
    {"math.sign", false, "uint", "uint", Sign},
    {"math.sign", false, "double", "double", Sign},
    {"math.bitAnd", false, "int, int", "int", Bitwise<And>},
    {"math.bitAnd", false, "uint, uint", "uint", Bitwise<And>},
    {"math.bitOr", false, "int, int", "int", Bitwise<Or>},
    {"math.bitOr", false, "uint, uint", "uint", Bitwise<Or>},
    {"math.bitXor", false, "int, int", "int", Bitwise<Xor>},
    {"math.bitXor", false, "uint, uint", "uint", Bitwise<Xor>},
    {"math.bitNot", false, "int", "int", BitNot},
    {"math.bitNot", false, "uint", "uint", BitNot},
    {"math.bitShiftLeft", false, "int, int", "int", Shift<Direction::kLeft>},
    {"math.bitShiftLeft", false, "uint, int", "uint", Shift<Direction::kLeft>},
    {"math.bitShiftRight", false, "int, int", "int", Shift<Direction::kRight>},
    {"math.bitShiftRight", false, "uint, int", "uint", Shift<Direction::kRight>},
};

}  // namespace

std::span<const FunctionRow> MathTable() { return kTable; }

}  // namespace rondo::rules
