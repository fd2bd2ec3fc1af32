// What an event must be to enter the log.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "rondo/customer/v1/customer.pb.h"
#include "rondo/log/v1/events.pb.h"
#include "rondo/log/v1/record.pb.h"
#include "rondo/response/v1/response_service.pb.h"

namespace rondo::response {

inline constexpr size_t kMaxEventBytes = 64 << 10;
inline constexpr int kMaxEventFields = 200;
inline constexpr size_t kMaxTypeBytes = 64;
inline constexpr size_t kMaxMessageIdBytes = 256;
// Clocks of senders run ahead; beyond this they are wrong.
inline constexpr absl::Duration kMaxAhead = absl::Hours(24);

// What is wrong with a field of an event.
struct EventFault {
  std::string field;
  std::string reason;
};

// What is wrong with a code that is none of `codes`: `expected`, and the nearest one. The code
// itself is not repeated.
EventFault UnknownCode(const std::string& path, const std::string& expected, std::string_view code,
                       const std::vector<std::string>& codes);

// The record of `event`, without party; `now` if it has no time; fields sorted by name, ints where
// `declared` says double made doubles. `declared` is its type's definition, null if it has none.
// Codes of code lists are left to whoever has the lists.
std::variant<rondo::log::v1::Record, EventFault> ToRecord(
    const rondo::response::v1::Event& event, const rondo::customer::v1::EventType* declared,
    absl::Time now);

}  // namespace rondo::response
