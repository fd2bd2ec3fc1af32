// Numbers as text, and text as numbers, as CEL's conversions and literals write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rondo::rules {

// The shortest text that reads back as `value`: "0.1", "1e+100", "NaN", "Infinity", "-Infinity".
// Whole numbers have no point: "3".
std::string ShortestDouble(double value);
// The same with a point or an exponent, so that CEL reads a double again: "3.0".
std::string DoubleLiteral(double value);

// Whole text only, no spaces; nothing when it is not such a number or beyond the range.
std::optional<int64_t> ParseInt(std::string_view text);
std::optional<uint64_t> ParseUint(std::string_view text);
// Also NaN, Infinity, -Infinity, inf (any case).
std::optional<double> ParseDouble(std::string_view text);

}  // namespace rondo::rules
