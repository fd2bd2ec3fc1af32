#include "platform/rpc/door.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace rondo {
namespace {

LogLevel LevelOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return LogLevel::kDebug;
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kDeadlineExceeded:
      return LogLevel::kWarning;
    default:
      return LogLevel::kInfo;
  }
}

}  // namespace

void Account(const DoorParts& parts, const CallRecord& record) {
  parts.metrics.Observe(record.door, record.method, record.status.code(), record.took);
  const LogLevel level = LevelOf(record.status.code());
  const std::string code = absl::StatusCodeToString(record.status.code());
  // What a caller did wrong may quote what the caller sent.
  const absl::string_view message =
      level == LogLevel::kWarning ? record.status.message() : absl::string_view();
  parts.log.Write(level, "rpc",
                  {{"door", record.door},
                   {"method", record.method},
                   {"code", std::string_view(code)},
                   {"took_us", absl::ToInt64Microseconds(record.took)},
                   {"trace_id", record.trace_id},
                   {"message", std::string_view(message.data(), message.size())}});
}

std::string TraceIdOr(std::string_view given) {
  const auto is_allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("._:-").find(c) != std::string_view::npos;
  };
  if (!given.empty() && given.size() <= 128 &&
      std::all_of(given.begin(), given.end(), is_allowed)) {
    return std::string(given);
  }
  std::array<char, 16> random{};
  randombytes_buf(random.data(), random.size());
  return absl::BytesToHexString(absl::string_view(random.data(), random.size()));
}

}  // namespace rondo
