#include "platform/eventlog/log_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"
#include "platform/core/id.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/log_block.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

constexpr uint8_t kBlocks = 'b';
constexpr uint8_t kTails = 't';

absl::Status Damaged(int partition, int64_t offset, const std::string& what) {
  return absl::DataLossError(
      absl::StrFormat("log: partition %d, offset %d: %s", partition, offset, what));
}

}  // namespace

absl::StatusOr<int> ReadFormat(const LogFolder& folder) {
  std::ifstream stream(folder.FormatFile());
  if (!stream) {
    if (std::filesystem::exists(folder.Database())) {
      return absl::DataLossError(absl::StrFormat(
          "log: %s is missing beside data: restore it from a backup", folder.FormatFile()));
    }
    return absl::NotFoundError(absl::StrFormat("log: there is no log in %s", folder.path));
  }
  std::string name;
  std::string partitions_name;
  int version = 0;
  int partitions = 0;
  stream >> name >> version >> partitions_name >> partitions;
  if (name == "rondo-log" && version > kLogFormatVersion) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "log: %s was written by a newer version of rondo (log format %d; this one reads up to %d): "
        "start that version, or restore a backup made before the upgrade",
        folder.path, version, kLogFormatVersion));
  }
  if (!stream || name != "rondo-log" || version < 1 || partitions_name != "partitions" ||
      partitions < 1 || partitions > kSlotCount) {
    return absl::DataLossError(absl::StrFormat(
        "log: %s is damaged: it should read `rondo-log VERSION` and `partitions NUMBER`",
        folder.FormatFile()));
  }
  return partitions;
}

absl::Status CreateLogFolder(const LogFolder& folder, int partition_count) {
  std::error_code error;
  std::filesystem::create_directories(folder.path, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrFormat("log: cannot make the folder %s: %s", folder.path, error.message()));
  }
  RONDO_RETURN_IF_ERROR(HighWaterMark::Create(folder.HighWaterFile(), partition_count));
  // FORMAT comes last and whole: a folder without it is no log yet.
  const std::string draft = folder.FormatFile() + ".new";
  {
    std::ofstream stream(draft);
    stream << "rondo-log " << kLogFormatVersion << "\npartitions " << partition_count << "\n";
    stream.close();
    if (!stream) return absl::UnavailableError(absl::StrFormat("log: cannot write %s", draft));
  }
  RONDO_RETURN_IF_ERROR(SyncFolder(draft));
  std::filesystem::rename(draft, folder.FormatFile(), error);
  if (error) {
    return absl::UnavailableError(
        absl::StrFormat("log: cannot make %s: %s", folder.FormatFile(), error.message()));
  }
  return SyncFolder(folder.path);
}

absl::Status SyncFolder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (synced) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrFormat("log: cannot sync %s: %s", folder, std::strerror(error)));
}

std::string BlockKey(int partition, int64_t last_offset) {
  return KeyBuilder().Byte(kBlocks).U16(static_cast<uint16_t>(partition)).I64(last_offset).Build();
}

storage::KeyRange BlocksFrom(int partition, int64_t offset) {
  const std::string prefix =
      KeyBuilder().Byte(kBlocks).U16(static_cast<uint16_t>(partition)).Build();
  return {BlockKey(partition, offset), storage::PrefixRange(prefix).end};
}

std::string TailKey(int partition) {
  return KeyBuilder().Byte(kTails).U16(static_cast<uint16_t>(partition)).Build();
}

std::string EncodeTail(const Tail& tail) {
  return KeyBuilder().I64(tail.end).U64(tail.chain).I64(tail.last_append_micros).Build();
}

absl::StatusOr<Tail> ReadTail(const storage::Reader& database, int partition) {
  RONDO_ASSIGN_OR_RETURN(const auto stored, database.Get(TailKey(partition)));
  Tail tail;
  if (stored.has_value()) {
    KeyParser parser(*stored);
    tail.end = parser.I64();
    tail.chain = parser.U64();
    tail.last_append_micros = parser.I64();
    if (!parser.ok() || tail.end < 1) return Damaged(partition, -1, "its tail does not decode");
  }
  const auto beyond = database.Scan(BlocksFrom(partition, tail.end));
  RONDO_RETURN_IF_ERROR(beyond->status());
  if (beyond->Valid()) return Damaged(partition, tail.end, "a block beyond the log's end");
  if (tail.end > 0) RONDO_RETURN_IF_ERROR(CheckAcknowledged(database, partition, tail, tail));
  return tail;
}

absl::Status CheckAcknowledged(const storage::Reader& database, int partition, const Tail& tail,
                               const Tail& mark) {
  if (mark.end == 0) return absl::OkStatus();
  if (tail.end < mark.end) {
    return absl::DataLossError(absl::StrFormat(
        "log: partition %d holds %d records, but %d were acknowledged: files are missing or "
        "damaged, %d records are lost",
        partition, tail.end, mark.end, mark.end - tail.end));
  }
  RONDO_ASSIGN_OR_RETURN(const auto block, database.Get(BlockKey(partition, mark.end - 1)));
  if (!block.has_value() || ChainOf(*block) != mark.chain) {
    return Damaged(partition, mark.end - 1, "the block here is not the one that was acknowledged");
  }
  return absl::OkStatus();
}

const std::vector<Tail>& Binding(const Marks& marks) {
  const std::string boot_id = CurrentBootId();
  return !boot_id.empty() && marks.boot_id == boot_id ? marks.written : marks.synced;
}

}  // namespace rondo::eventlog
