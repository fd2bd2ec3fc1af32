// A clock that another process moves: 8 bytes of a file, shared by memory mapping. Demonstrations
// and end-to-end tests run months of campaigns with it in seconds.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "platform/core/clock.h"

namespace rondo {

class FileClock final : public Clock {
 public:
  // `path` holds a little-endian int64: microseconds since 1970-01-01T00:00:00Z, above 0. The file
  // may change at any time, but must never shrink. INVALID_ARGUMENT, naming it, if it is not such a
  // file.
  static absl::StatusOr<std::unique_ptr<FileClock>> Open(const std::string& path);
  ~FileClock() override;

  absl::Time Now() const override;

 private:
  explicit FileClock(const std::atomic<int64_t>* micros) : micros_(micros) {}
  const std::atomic<int64_t>* micros_;
};

}  // namespace rondo
