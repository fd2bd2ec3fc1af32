#include "services/customer/csv/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "platform/core/status_macros.h"

namespace rondo::customer {
namespace {

constexpr size_t kPackedBlock = 128 * 1024;

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, std::string name, std::atomic<int64_t>* taken)
      : fd_(fd), name_(std::move(name)), taken_(taken) {}
  ~FileSource() override {
    if (fd_ != STDIN_FILENO) close(fd_);
  }
  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    while (true) {
      const ssize_t got = read(fd_, out, size);
      if (got >= 0) {
        if (taken_ != nullptr) *taken_ += got;
        return static_cast<size_t>(got);
      }
      if (errno != EINTR) {
        return absl::UnavailableError(absl::StrCat(name_, ": ", std::strerror(errno)));
      }
    }
  }

 private:
  int fd_;
  std::string name_;
  std::atomic<int64_t>* taken_;
};

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    const size_t got = std::min(size, text_.size() - at_);
    std::memcpy(out, text_.data() + at_, got);
    at_ += got;
    return got;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

// A block of packed bytes that is filled again when it is used up.
class PackedInput {
 public:
  PackedInput(std::unique_ptr<ByteSource> source, std::string head)
      : source_(std::move(source)), block_(std::move(head)), filled_(block_.size()) {
    block_.resize(kPackedBlock);
  }

  // Makes at least one byte available; false at the end.
  absl::StatusOr<bool> Fill() {
    if (used_ < filled_) return true;
    RONDO_ASSIGN_OR_RETURN(filled_, source_->Read(block_.data(), block_.size()));
    used_ = 0;
    return filled_ > 0;
  }
  std::string_view rest() const { return std::string_view(block_).substr(used_, filled_ - used_); }
  void Use(size_t bytes) {
    used_ += bytes;
    total_ += static_cast<int64_t>(bytes);
  }
  int64_t total() const { return total_; }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string block_;  // Of a fixed size, filled_ bytes of it read.
  size_t filled_;
  size_t used_ = 0;
  int64_t total_ = 0;
};

absl::Status CheckLimits(int64_t packed, int64_t unpacked, const InputLimits& limits) {
  if (unpacked > limits.unpacked_bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("input: more than ", limits.unpacked_bytes_max, " bytes: split the file"));
  }
  if (unpacked > kRatioGraceBytes && unpacked / std::max<int64_t>(packed, 1) > limits.ratio_max) {
    return absl::InvalidArgumentError(absl::StrCat("input: unpacks more than ", limits.ratio_max,
                                                   ":1, which no table does: refused"));
  }
  return absl::OkStatus();
}

class PlainSource final : public ByteSource {
 public:
  PlainSource(PackedInput input, InputLimits limits) : input_(std::move(input)), limits_(limits) {}
  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    RONDO_ASSIGN_OR_RETURN(const bool more, input_.Fill());
    if (!more) return 0;
    const size_t got = std::min(size, input_.rest().size());
    std::memcpy(out, input_.rest().data(), got);
    input_.Use(got);
    RONDO_RETURN_IF_ERROR(CheckLimits(input_.total(), input_.total(), limits_));
    return got;
  }

 private:
  PackedInput input_;
  InputLimits limits_;
};

// RFC 1952, members one after another.
class GzipSource final : public ByteSource {
 public:
  GzipSource(PackedInput input, InputLimits limits) : input_(std::move(input)), limits_(limits) {
    ready_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK;
  }
  ~GzipSource() override {
    if (ready_) inflateEnd(&stream_);
  }
  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    if (!ready_) return absl::ResourceExhaustedError("input: no memory to unpack gzip");
    size_t got = 0;
    while (got == 0) {
      RONDO_ASSIGN_OR_RETURN(const bool more, input_.Fill());
      if (!more) {
        if (within_member_) return absl::InvalidArgumentError("input: gzip data ends too early");
        return 0;
      }
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.rest().data()));
      stream_.avail_in = static_cast<uInt>(input_.rest().size());
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = static_cast<uInt>(size);
      const size_t before = input_.rest().size();
      const int result = inflate(&stream_, Z_NO_FLUSH);
      input_.Use(before - stream_.avail_in);
      got = size - stream_.avail_out;
      if (result != Z_OK && result != Z_STREAM_END) {
        return absl::InvalidArgumentError("input: damaged gzip data");
      }
      within_member_ = result != Z_STREAM_END;
      if (result == Z_STREAM_END) inflateReset(&stream_);
    }
    unpacked_ += static_cast<int64_t>(got);
    RONDO_RETURN_IF_ERROR(CheckLimits(input_.total(), unpacked_, limits_));
    return got;
  }

 private:
  PackedInput input_;
  InputLimits limits_;
  z_stream stream_ = {};
  bool ready_ = false;
  bool within_member_ = false;
  int64_t unpacked_ = 0;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(PackedInput input, InputLimits limits)
      : input_(std::move(input)), limits_(limits), stream_(ZSTD_createDStream()) {}
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    ZSTD_outBuffer to = {out, size, 0};
    while (to.pos == 0) {
      RONDO_ASSIGN_OR_RETURN(const bool more, input_.Fill());
      if (!more) {
        if (within_frame_) return absl::InvalidArgumentError("input: zstd data ends too early");
        return 0;
      }
      ZSTD_inBuffer from = {input_.rest().data(), input_.rest().size(), 0};
      const size_t result = ZSTD_decompressStream(stream_, &to, &from);
      if (ZSTD_isError(result) != 0) return absl::InvalidArgumentError("input: damaged zstd data");
      input_.Use(from.pos);
      within_frame_ = result != 0;
    }
    unpacked_ += static_cast<int64_t>(to.pos);
    RONDO_RETURN_IF_ERROR(CheckLimits(input_.total(), unpacked_, limits_));
    return to.pos;
  }

 private:
  PackedInput input_;
  InputLimits limits_;
  ZSTD_DStream* stream_;
  bool within_frame_ = false;
  int64_t unpacked_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> Unpack(std::unique_ptr<ByteSource> packed,
                                                   InputLimits limits) {
  std::string head(4, '\0');
  size_t size = 0;
  while (size < head.size()) {
    RONDO_ASSIGN_OR_RETURN(const size_t got, packed->Read(head.data() + size, head.size() - size));
    if (got == 0) break;
    size += got;
  }
  head.resize(size);
  const bool gzip = head.starts_with("\x1f\x8b");
  const bool zstd = head == "\x28\xb5\x2f\xfd";
  PackedInput input(std::move(packed), std::move(head));
  if (gzip) return std::make_unique<GzipSource>(std::move(input), limits);
  if (zstd) return std::make_unique<ZstdSource>(std::move(input), limits);
  return std::make_unique<PlainSource>(std::move(input), limits);
}

absl::StatusOr<std::unique_ptr<ByteSource>> OpenInput(const std::string& path, InputLimits limits,
                                                      std::atomic<int64_t>* taken) {
  if (path == "-") {
    return Unpack(std::make_unique<FileSource>(STDIN_FILENO, "standard input", taken), limits);
  }
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const std::string why = absl::StrCat(path, ": ", std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(why) : absl::UnavailableError(why);
  }
  struct stat found {};
  if (fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(path + " is a folder: name a file");
  }
  return Unpack(std::make_unique<FileSource>(fd, path, taken), limits);
}

std::unique_ptr<ByteSource> SourceOf(std::string text) {
  return std::make_unique<TextSource>(std::move(text));
}

}  // namespace rondo::customer
