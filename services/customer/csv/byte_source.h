// Bytes of an import, from a file or standard input, unpacked if gzip or zstd.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace rondo::customer {

// Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads up to `size` bytes to `out` and returns how many; 0 at the end. UNAVAILABLE on I/O
  // errors; INVALID_ARGUMENT for damaged compressed data or beyond the limits.
  virtual absl::StatusOr<size_t> Read(char* out, size_t size) = 0;
};

struct InputLimits {
  // Unpacked bytes for each packed one, looked at after the first kRatioGraceBytes: a legitimate
  // table packs 5:1 to 30:1, a bomb 1,000:1.
  int64_t ratio_max = 100;
  int64_t unpacked_bytes_max = int64_t{1} << 40;
};
inline constexpr int64_t kRatioGraceBytes = int64_t{8} << 20;

// `path` `-` is standard input. NOT_FOUND if there is no such file. `taken`, which must outlive the
// source, counts the file's own bytes (packed ones, if it is) as they are read; null for none.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenInput(const std::string& path, InputLimits limits,
                                                      std::atomic<int64_t>* taken = nullptr);

// The bytes of `text`; for tests and for what is in memory anyway.
std::unique_ptr<ByteSource> SourceOf(std::string text);

// `packed` with gzip or zstd taken off, as its first bytes say; anything else is handed through.
absl::StatusOr<std::unique_ptr<ByteSource>> Unpack(std::unique_ptr<ByteSource> packed,
                                                   InputLimits limits);

}  // namespace rondo::customer
