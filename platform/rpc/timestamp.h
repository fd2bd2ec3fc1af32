// Instants and spans as messages carry them, beside absl's and the log's (int64 microseconds UTC).
// A message may hold nanoseconds: what is below a microsecond is cut, an instant's towards the
// past, a span's towards zero. What no int64 holds becomes its least or greatest value.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "platform/core/clock.h"

namespace rondo {

// Not TimeUtil's: it ends the process for what is outside of the years 1 to 9999.
inline google::protobuf::Timestamp ToTimestamp(int64_t micros) {
  google::protobuf::Timestamp time;
  const int64_t rest = micros % 1'000'000;
  time.set_seconds(micros / 1'000'000 - (rest < 0 ? 1 : 0));
  time.set_nanos(static_cast<int32_t>((rest < 0 ? rest + 1'000'000 : rest) * 1'000));
  return time;
}
inline google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return ToTimestamp(ToMicros(time));
}

// Whether it is an instant of the years 1 to 9999, as its definition has it.
inline bool IsValid(const google::protobuf::Timestamp& time) {
  return time.nanos() >= 0 && time.nanos() <= 999'999'999 && time.seconds() >= -62'135'596'800 &&
         time.seconds() <= 253'402'300'799;
}

inline absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}
inline absl::Duration DurationOf(const google::protobuf::Duration& span) {
  return absl::Seconds(span.seconds()) + absl::Nanoseconds(span.nanos());
}

inline int64_t ToMicros(const google::protobuf::Timestamp& time) { return ToMicros(TimeOf(time)); }
inline int64_t ToMicros(const google::protobuf::Duration& span) {
  return absl::ToInt64Microseconds(DurationOf(span));
}

}  // namespace rondo
