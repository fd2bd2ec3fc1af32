// Timestamps and durations as text: RFC 3339, CEL's duration strings, and marketers' windows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rondo::rules {

struct SecondsNanos {
  int64_t seconds = 0;
  int32_t nanos = 0;  // In [0, 1e9), also for negative durations.
};

// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the ends of CEL's timestamps.
inline constexpr int64_t kMinTimestampSeconds = -62135596800;
inline constexpr int64_t kMaxTimestampSeconds = 253402300799;
// google.protobuf.Duration: about 10,000 years either way.
inline constexpr int64_t kMaxDurationSeconds = 315576000000;

// "2009-02-13T23:31:30Z", with as few decimals of a second as needed.
std::string FormatTimestamp(int64_t seconds, int32_t nanos);
// RFC 3339, with any offset and up to 9 decimals. Nothing when malformed or out of range.
std::optional<SecondsNanos> ParseTimestamp(std::string_view text);

// "1.5s", "-0.5s", with as few decimals as needed.
std::string FormatDuration(int64_t seconds, int32_t nanos);
// "1h30m", "1.5s", "-250ms"; units h m s ms us ns. Nothing when malformed or out of range.
std::optional<SecondsNanos> ParseDuration(std::string_view text);
// "90d": a positive whole number and one of s m h d w; microseconds. Nothing when malformed.
std::optional<int64_t> ParseWindowMicros(std::string_view text);

}  // namespace rondo::rules
