// The standard functions, the string, math, encoder and optional extensions, and those of the
// domain: their signatures for the checker, their code for the evaluator.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/frame.h"
#include "rules/type.h"

namespace rondo::rules {

// One line of a function table. `params` and `result` are types as ParseType reads them, params
// separated by commas; of member functions the first is the receiver.
struct FunctionRow {
  std::string_view name;
  bool member = false;
  std::string_view params;
  std::string_view result;
  Function run = nullptr;
};

struct Signature {
  bool member = false;
  std::vector<Type> params;
  Type result;
  Function run = nullptr;
};

// All overloads of `name` (operators by their names: `_+_`); empty when there are none.
std::span<const Signature> SignaturesOf(std::string_view name);
// What to call for so many arguments, receiver included; null when there is none.
Function FindFunction(std::string_view name, bool member, size_t arguments);
// What one may write, macros too: for suggestions.
const std::vector<std::string>& FunctionNames();

// math.greatest and math.least take any number of arguments.
bool IsVariadic(std::string_view name);

// The tables, one a file.
std::span<const FunctionRow> OperatorTable();  // Signatures only: the evaluator has own nodes.
std::span<const FunctionRow> ConversionTable();
std::span<const FunctionRow> StringTable();
std::span<const FunctionRow> TimeTable();
std::span<const FunctionRow> MathTable();
std::span<const FunctionRow> CollectionTable();  // Also optionals, encoders, time and places.
std::span<const FunctionRow> EventTable();

// Microseconds, rounded up: an event, whose time is whole microseconds, is at or after `timestamp`
// exactly when it is at or after this.
int64_t CeilMicros(const Value& timestamp);

// Steps for matching a pattern in `text`: RE2's slowest way takes some 100 ns a byte.
inline int64_t PatternSteps(std::string_view text) {
  return static_cast<int64_t>(text.size() / 32);
}

// Mean radius of the Earth (IUGG).
inline constexpr double kEarthRadiusMetres = 6371008.8;
// Along the great circle, by the haversine formula on a sphere; within 0.6% of the ellipsoid.
double MetresBetween(const Value& a, const Value& b);

// "%s and %d" with arguments; string_ext's format.
Value FormatString(Frame& frame, std::span<const Value> args);

}  // namespace rondo::rules
