#include "platform/eventlog/log_check.h"

#include <filesystem>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/high_water_mark.h"
#include "platform/eventlog/log_block.h"
#include "platform/eventlog/log_folder.h"
#include "platform/storage/memory_store.h"
#include "platform/storage/rocksdb_store.h"

namespace rondo::eventlog {
namespace {

constexpr size_t kCopyBatchBytes = 4 << 20;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

storage::RocksDbOptions DatabaseOptions(const std::string& folder, storage::OpenMode mode) {
  storage::RocksDbOptions options;
  options.folder = folder;
  options.mode = mode;
  options.create_if_missing = mode == storage::OpenMode::kReadWrite;
  options.compress = false;
  return options;
}

// Calls `visit` with each block of a partition from its start that is whole and in its place;
// returns the tail after them, and in `damage` why the walk ended before the log's end.
template <typename Visit>
Tail WalkPartition(const storage::Reader& database, int partition, const Visit& visit,
                   absl::Status& damage) {
  Tail tail;
  const auto cursor = database.Scan(BlocksFrom(partition, 0));
  for (; cursor->Valid(); cursor->Next()) {
    const auto header = DecodeBlockHeader(cursor->value());
    damage = header.status();
    if (damage.ok() && (header->first != tail.end || header->chain_before != tail.chain)) {
      damage = absl::DataLossError("a block is missing or was replaced");
    }
    if (damage.ok()) {
      google::protobuf::Arena arena;
      std::vector<const LogRecord*> records;
      damage = DecodeBlock(partition, cursor->value(), arena, records);
    }
    if (damage.ok()) damage = visit(cursor->key(), cursor->value());
    if (!damage.ok()) return tail;
    tail.end = header->end();
    tail.chain = ChainOf(cursor->value());
    tail.last_append_micros = header->append_time_micros;
  }
  damage = cursor->status();
  return tail;
}

void VerifyPartition(const storage::Reader& database, int partition, const Tail& mark,
                     LogReport& report) {
  PartitionReport& counts = report.partitions.emplace_back();
  counts.partition = partition;
  counts.acknowledged = mark.end;
  absl::Status damage;
  const auto count = [&](std::string_view, std::string_view) {
    ++counts.blocks;
    return absl::OkStatus();
  };
  const Tail tail = WalkPartition(database, partition, count, damage);
  counts.records = tail.end;
  if (damage.ok()) {
    const auto stored = ReadTail(database, partition);
    damage = stored.status();
    if (stored.ok() && !(*stored == tail)) {
      damage = absl::DataLossError("its blocks end before the stored end of the log");
    }
  }
  if (damage.ok()) damage = CheckAcknowledged(database, partition, tail, mark);
  if (!damage.ok()) report.damages.push_back({"", partition, tail.end, Text(damage)});
}

// What the high-water mark binds us to; nothing if it cannot be read.
std::vector<Tail> ReadMark(const LogFolder& folder, int partition_count,
                           std::vector<LogDamage>& damages) {
  const auto mark = HighWaterMark::Open(folder.HighWaterFile(), partition_count);
  if (mark.ok()) return Binding((*mark)->marks());
  damages.push_back({folder.HighWaterFile(), -1, -1, Text(mark.status())});
  return std::vector<Tail>(static_cast<size_t>(partition_count));
}

// Opens whatever of the database can be opened.
absl::StatusOr<std::unique_ptr<storage::Store>> OpenDamaged(const std::string& folder) {
  const auto options = DatabaseOptions(folder, storage::OpenMode::kSalvage);
  auto store = storage::OpenRocksDbStore(options);
  if (store.ok() || absl::IsFailedPrecondition(store.status())) return store;
  RONDO_RETURN_IF_ERROR(storage::RepairRocksDbStore(folder));
  return storage::OpenRocksDbStore(options);
}

// Copies the readable start of each partition into a new database at `target`.
absl::Status CopyReadable(const storage::Reader& damaged, const std::vector<Tail>& marks,
                          const std::string& target, std::vector<Tail>& tails,
                          RepairReport& report) {
  RONDO_ASSIGN_OR_RETURN(const auto store, storage::OpenRocksDbStore(DatabaseOptions(
                                               target, storage::OpenMode::kReadWrite)));
  for (size_t i = 0; i < marks.size(); ++i) {
    PartitionReport& counts = report.partitions.emplace_back();
    counts.partition = static_cast<int>(i);
    counts.acknowledged = marks[i].end;
    storage::Batch batch;
    size_t bytes = 0;
    absl::Status write_status;
    const auto copy = [&](std::string_view key, std::string_view block) {
      batch.Put(key, block);
      bytes += block.size();
      ++counts.blocks;
      if (bytes < kCopyBatchBytes) return absl::OkStatus();
      write_status = store->Write(batch, storage::Sync::kNo);
      batch.Clear();
      bytes = 0;
      return write_status;
    };
    absl::Status damage;
    const Tail tail = WalkPartition(damaged, counts.partition, copy, damage);
    RONDO_RETURN_IF_ERROR(write_status);
    if (tail.end > 0) batch.Put(TailKey(counts.partition), EncodeTail(tail));
    RONDO_RETURN_IF_ERROR(store->Write(batch, storage::Sync::kYes));
    counts.records = tail.end;
    report.lost_records += std::max<int64_t>(0, marks[i].end - tail.end);
    tails.push_back(tail);
  }
  return absl::OkStatus();
}

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrFormat("log: cannot rename %s to %s: %s", from, to, error.message()));
}

std::string FreeDamagedName(const LogFolder& folder) {
  for (int n = 1;; ++n) {
    std::string name = absl::StrFormat("%s.damaged-%d", folder.Database(), n);
    if (!std::filesystem::exists(name)) return name;
  }
}

}  // namespace

absl::StatusOr<LogReport> VerifyLog(const std::string& folder_path) {
  const LogFolder folder{folder_path};
  RONDO_ASSIGN_OR_RETURN(const int partition_count, ReadFormat(folder));
  LogReport report;
  const std::vector<Tail> marks = ReadMark(folder, partition_count, report.damages);
  for (const auto& damage :
       storage::FindRocksDbDamage(folder.Database(), /*report_torn_tail=*/false)) {
    report.damages.push_back({damage.file, -1, damage.offset, damage.what});
  }
  const auto store =
      storage::OpenRocksDbStore(DatabaseOptions(folder.Database(), storage::OpenMode::kReadOnly));
  if (!store.ok()) {
    if (report.damages.empty()) {
      report.damages.push_back({folder.Database(), -1, -1, Text(store.status())});
    }
    return report;
  }
  for (int partition = 0; partition < partition_count; ++partition) {
    VerifyPartition(**store, partition, marks[static_cast<size_t>(partition)], report);
  }
  return report;
}

absl::StatusOr<RepairReport> RepairLog(const std::string& folder_path) {
  const LogFolder folder{folder_path};
  RONDO_ASSIGN_OR_RETURN(const LogReport found, VerifyLog(folder_path));
  if (found.ok()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("log: %s is not damaged: nothing to repair", folder_path));
  }
  RONDO_ASSIGN_OR_RETURN(const int partition_count, ReadFormat(folder));
  std::vector<LogDamage> mark_damage;
  const std::vector<Tail> marks = ReadMark(folder, partition_count, mark_damage);
  const std::string repaired = folder.Database() + ".repaired";
  std::error_code ignored;
  std::filesystem::remove_all(repaired, ignored);

  RepairReport report;
  std::vector<Tail> tails;
  if (std::filesystem::exists(folder.Database())) {
    RONDO_ASSIGN_OR_RETURN(const auto damaged, OpenDamaged(folder.Database()));
    RONDO_RETURN_IF_ERROR(CopyReadable(*damaged, marks, repaired, tails, report));
  } else {
    const storage::MemoryStore nothing;
    RONDO_RETURN_IF_ERROR(CopyReadable(nothing, marks, repaired, tails, report));
  }
  if (std::filesystem::exists(folder.Database())) {
    report.damaged_copy = FreeDamagedName(folder);
    RONDO_RETURN_IF_ERROR(Rename(folder.Database(), report.damaged_copy));
  }
  RONDO_RETURN_IF_ERROR(Rename(repaired, folder.Database()));
  RONDO_RETURN_IF_ERROR(HighWaterMark::Create(folder.HighWaterFile(), partition_count));
  RONDO_ASSIGN_OR_RETURN(const auto mark,
                         HighWaterMark::Open(folder.HighWaterFile(), partition_count));
  RONDO_RETURN_IF_ERROR(mark->Write({CurrentBootId(), tails, tails}));
  RONDO_RETURN_IF_ERROR(mark->Sync());
  RONDO_RETURN_IF_ERROR(SyncFolder(folder_path));
  return report;
}

}  // namespace rondo::eventlog
