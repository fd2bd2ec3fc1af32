// Instants and spans as messages carry them, beside absl's and the log's (int64 microseconds UTC).
// A message may hold nanoseconds; what is below a microsecond is cut towards the past.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "platform/core/clock.h"

namespace rondo {

inline google::protobuf::Timestamp ToTimestamp(int64_t micros) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(micros);
}
inline google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return ToTimestamp(ToMicros(time));
}

inline int64_t ToMicros(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000 + time.nanos() / 1'000;
}
inline int64_t ToMicros(const google::protobuf::Duration& span) {
  return span.seconds() * 1'000'000 + span.nanos() / 1'000;
}

inline absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return FromMicros(ToMicros(time));
}
inline absl::Duration DurationOf(const google::protobuf::Duration& span) {
  return absl::Microseconds(ToMicros(span));
}

}  // namespace rondo
