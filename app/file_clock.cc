#include "app/file_clock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rondo {

static_assert(std::atomic<int64_t>::is_always_lock_free && sizeof(std::atomic<int64_t>) == 8);

absl::StatusOr<std::unique_ptr<FileClock>> FileClock::Open(const std::string& path) {
  const absl::Status refused = absl::InvalidArgumentError(
      path + ": expected a file of 8 bytes, the microseconds since 1970 as a little-endian number");
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return refused;
  struct stat info {};
  const bool sized = fstat(file, &info) == 0 && info.st_size >= 8;
  void* memory = sized ? mmap(nullptr, 8, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  close(file);
  if (memory == MAP_FAILED) return refused;
  const auto* micros = static_cast<const std::atomic<int64_t>*>(memory);
  std::unique_ptr<FileClock> clock(new FileClock(micros));
  if (micros->load() <= 0) return refused;
  return clock;
}

FileClock::~FileClock() { munmap(const_cast<std::atomic<int64_t>*>(micros_), 8); }

absl::Time FileClock::Now() const { return absl::FromUnixMicros(micros_->load()); }

}  // namespace rondo
