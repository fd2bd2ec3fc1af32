#include "platform/eventlog/high_water_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

constexpr size_t kBootIdBytes = 36;

// Generation, boot id, tails and checksum, to whole pages: a slot never shares one with the other.
size_t SlotBytes(int partition_count) {
  const size_t bytes = 8 + kBootIdBytes + static_cast<size_t>(partition_count) * 2 * 24 + 4;
  return (bytes + 4'095) / 4'096 * 4'096;
}

std::string EncodeSlot(uint64_t generation, const Marks& marks, size_t slot_bytes) {
  std::string boot_id = marks.boot_id;
  boot_id.resize(kBootIdBytes, ' ');
  KeyBuilder slot;
  slot.U64(generation).Raw(boot_id);
  for (const auto* tails : {&marks.written, &marks.synced}) {
    for (const Tail& tail : *tails) {
      slot.I64(tail.end).U64(tail.chain).I64(tail.last_append_micros);
    }
  }
  slot.U32(Crc32c(slot.view()));
  std::string bytes = slot.Build();
  bytes.resize(slot_bytes, '\0');
  return bytes;
}

struct Slot {
  uint64_t generation = 0;  // 0: not whole.
  Marks marks;
};

Slot DecodeSlot(std::string_view bytes, int partition_count) {
  Slot slot;
  KeyParser parser(bytes);
  slot.generation = parser.U64();
  slot.marks.boot_id = parser.Rest().substr(0, kBootIdBytes);
  while (!slot.marks.boot_id.empty() && slot.marks.boot_id.back() == ' ') {
    slot.marks.boot_id.pop_back();
  }
  parser = KeyParser(parser.Rest().substr(kBootIdBytes));
  for (auto* tails : {&slot.marks.written, &slot.marks.synced}) {
    for (int partition = 0; partition < partition_count; ++partition) {
      Tail tail;
      tail.end = parser.I64();
      tail.chain = parser.U64();
      tail.last_append_micros = parser.I64();
      tails->push_back(tail);
    }
  }
  const size_t covered = bytes.size() - parser.Rest().size();
  if (parser.U32() != Crc32c(bytes.substr(0, covered))) slot.generation = 0;
  return slot;
}

absl::Status Failed(const std::string& file, std::string_view what) {
  const std::string text =
      absl::StrFormat("log: %s: cannot %s: %s", file, what, std::strerror(errno));
  return errno == ENOSPC || errno == EDQUOT ? absl::ResourceExhaustedError(text)
                                            : absl::UnavailableError(text);
}

absl::Status WriteAt(int descriptor, std::string_view bytes, size_t at, const std::string& file) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Failed(file, "write");
    bytes.remove_prefix(static_cast<size_t>(written));
    at += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

}  // namespace

std::string CurrentBootId() {
  std::ifstream stream("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(stream, id);
  return id;
}

absl::Status HighWaterMark::Create(const std::string& file, int partition_count) {
  const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return Failed(file, "create");
  HighWaterMark mark(file, descriptor, partition_count);
  Marks none;
  none.boot_id = CurrentBootId();
  none.written.resize(static_cast<size_t>(partition_count));
  none.synced = none.written;
  RONDO_RETURN_IF_ERROR(mark.Write(none));  // Both slots: the file never grows again.
  RONDO_RETURN_IF_ERROR(mark.Write(none));
  return mark.Sync();
}

absl::StatusOr<std::unique_ptr<HighWaterMark>> HighWaterMark::Open(const std::string& file,
                                                                   int partition_count) {
  const int descriptor = open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) {
    return absl::FailedPreconditionError(absl::StrFormat("log: %s is missing", file));
  }
  if (descriptor < 0) return Failed(file, "open");
  std::unique_ptr<HighWaterMark> mark(new HighWaterMark(file, descriptor, partition_count));
  const size_t slot_bytes = SlotBytes(partition_count);
  std::string bytes(2 * slot_bytes, '\0');
  const ssize_t count = pread(descriptor, bytes.data(), bytes.size(), 0);
  if (count < 0) return Failed(file, "read");
  for (size_t i = 0; i < 2; ++i) {
    Slot slot =
        DecodeSlot(std::string_view(bytes).substr(i * slot_bytes, slot_bytes), partition_count);
    if (slot.generation > mark->generation_) {
      mark->generation_ = slot.generation;
      mark->marks_ = std::move(slot.marks);
    }
  }
  if (mark->generation_ == 0) {
    return absl::DataLossError(absl::StrFormat("log: %s is damaged: neither slot is whole", file));
  }
  return mark;
}

HighWaterMark::~HighWaterMark() { close(descriptor_); }

absl::Status HighWaterMark::Write(Marks marks) {
  const size_t slot_bytes = SlotBytes(partition_count_);
  ++generation_;
  marks_ = std::move(marks);
  return WriteAt(descriptor_, EncodeSlot(generation_, marks_, slot_bytes),
                 generation_ % 2 * slot_bytes, file_);
}

absl::Status HighWaterMark::Sync() {
  return fdatasync(descriptor_) == 0 ? absl::OkStatus() : Failed(file_, "sync");
}

}  // namespace rondo::eventlog
