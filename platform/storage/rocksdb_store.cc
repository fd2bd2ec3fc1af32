#include "platform/storage/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/statvfs.h>

#include <atomic>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo::storage {
namespace {

constexpr size_t kOwnCacheBytes = 8 << 20;
// Where there is a write-ahead log, so much stays free: for the log itself, and for tables that are
// written in the background meanwhile.
constexpr uint64_t kDiskReserveBytes = 8 << 20;
constexpr size_t kOwnWriteBufferBytes = 16 << 20;
// Of a key: those that say partition and table, in the stores of projections.
constexpr size_t kTableBytes = 4;

class Memory final : public RocksDbMemory {
 public:
  Memory(size_t cache_bytes, size_t write_buffer_bytes)
      : cache(rocksdb::NewLRUCache(cache_bytes)),
        write_buffers(std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes)),
        write_buffer_bytes(write_buffer_bytes) {}

  const std::shared_ptr<rocksdb::Cache> cache;
  const std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
  const size_t write_buffer_bytes;
};

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// RocksDB marks only ENOSPC; a quota or a limit on file size is the same to us.
bool IsFull(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return status.IsNoSpace() || absl::StrContains(text, "File too large") ||
         absl::StrContains(text, "Disk quota exceeded");
}

absl::Status ToStatus(const rocksdb::Status& status, const std::string& folder) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrFormat("storage: %s: %s", folder, status.ToString());
  if (IsFull(status)) {
    return absl::ResourceExhaustedError(text + "; free some space: writing then resumes by itself");
  }
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (absl::StrContains(text, "lock file") || absl::StrContains(text, "lock hold by")) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "storage: another process uses %s: stop it, or choose another data folder", folder));
  }
  if (status.IsInvalidArgument() && absl::StrContains(text, "does not exist")) {
    return absl::FailedPreconditionError(
        absl::StrFormat("storage: %s holds no data: check the data folder's path", folder));
  }
  return absl::UnavailableError(text);
}

class RocksDbCursor final : public Cursor {
 public:
  // `bound` is the end of the range, kept where the iterator can see it.
  RocksDbCursor(rocksdb::DB& db, rocksdb::ReadOptions options, const KeyRange& range,
                const std::string& folder)
      : end_(range.end), end_slice_(end_), folder_(folder) {
    if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
    iterator_.reset(db.NewIterator(options));
    iterator_->Seek(range.begin);
  }
  bool Valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return ToView(iterator_->key()); }
  std::string_view value() const override { return ToView(iterator_->value()); }
  void Next() override { iterator_->Next(); }
  absl::Status status() const override { return ToStatus(iterator_->status(), folder_); }

 private:
  const std::string end_;
  const rocksdb::Slice end_slice_;
  const std::string folder_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

absl::StatusOr<std::optional<std::string>> GetFrom(rocksdb::DB& db,
                                                   const rocksdb::ReadOptions& options,
                                                   std::string_view key,
                                                   const std::string& folder) {
  std::string value;
  const rocksdb::Status status = db.Get(options, ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  RONDO_RETURN_IF_ERROR(ToStatus(status, folder));
  return std::optional<std::string>(std::move(value));
}

// Keeps the database open for as long as it lives.
class SnapshotReader final : public Reader {
 public:
  SnapshotReader(std::shared_ptr<rocksdb::DB> db, const std::string& folder)
      : db_(std::move(db)), folder_(folder) {
    options_.snapshot = db_->GetSnapshot();
  }
  ~SnapshotReader() override { db_->ReleaseSnapshot(options_.snapshot); }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return GetFrom(*db_, options_, key, folder_);
  }
  std::unique_ptr<Cursor> Scan(const KeyRange& range) const override {
    return std::make_unique<RocksDbCursor>(*db_, options_, range, folder_);
  }

 private:
  std::shared_ptr<rocksdb::DB> db_;
  std::string folder_;
  rocksdb::ReadOptions options_;
};

class RocksDbStore final : public Store {
 public:
  RocksDbStore(std::shared_ptr<rocksdb::DB> db, RocksDbOptions options)
      : db_(std::move(db)), options_(std::move(options)) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return GetFrom(*db_, {}, key, options_.folder);
  }

  std::unique_ptr<Cursor> Scan(const KeyRange& range) const override {
    return std::make_unique<RocksDbCursor>(*db_, rocksdb::ReadOptions(), range, options_.folder);
  }

  absl::Status Write(const Batch& batch, Sync sync) override {
    RONDO_RETURN_IF_ERROR(ResumeIfFull());
    if (options_.write_ahead_log) RONDO_RETURN_IF_ERROR(CheckReserve());
    rocksdb::WriteBatch writes;
    for (const Batch::Write& write : batch.writes()) {
      if (write.value.has_value()) {
        writes.Put(ToSlice(write.key), ToSlice(*write.value));
      } else {
        writes.Delete(ToSlice(write.key));
      }
    }
    rocksdb::WriteOptions options;
    options.disableWAL = !options_.write_ahead_log;
    options.sync = options_.write_ahead_log && sync == Sync::kYes;
    RONDO_RETURN_IF_ERROR(Note(db_->Write(options, &writes)));
    if (sync == Sync::kYes && !options_.write_ahead_log) return Flush();
    return absl::OkStatus();
  }

  std::unique_ptr<Reader> Snapshot() const override {
    return std::make_unique<SnapshotReader>(db_, options_.folder);
  }

  absl::Status Flush() override {
    RONDO_RETURN_IF_ERROR(ResumeIfFull());
    if (options_.write_ahead_log) return Note(db_->SyncWAL());
    return Note(db_->Flush(rocksdb::FlushOptions()));
  }

  absl::Status Checkpoint(const std::string& folder) const override {
    rocksdb::Checkpoint* raw = nullptr;
    RONDO_RETURN_IF_ERROR(ToStatus(rocksdb::Checkpoint::Create(db_.get(), &raw), options_.folder));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    return ToStatus(checkpoint->CreateCheckpoint(folder), folder);
  }

 private:
  absl::Status Note(const rocksdb::Status& status) {
    if (IsFull(status)) full_ = true;
    return ToStatus(status, options_.folder);
  }

  // Refuses before the disk is full. The packaged library ends the process when a log is written to
  // again after a write to it has failed, which recovery by itself does not rule out.
  absl::Status CheckReserve() const {
    struct statvfs disk {};
    if (statvfs(options_.folder.c_str(), &disk) != 0) return absl::OkStatus();
    if (uint64_t{disk.f_bavail} * disk.f_frsize >= kDiskReserveBytes) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrFormat(
        "storage: %s: less than %d MiB are free; free some space: writing then resumes by itself",
        options_.folder, kDiskReserveBytes >> 20));
  }

  // After a full disk RocksDB refuses all writes until it is resumed. It also looks by itself,
  // every few seconds; asking here makes the answer prompt.
  absl::Status ResumeIfFull() {
    if (!full_) return absl::OkStatus();
    const rocksdb::Status status = db_->Resume();
    if (status.ok()) {
      full_ = false;
      return absl::OkStatus();
    }
    if (status.IsBusy() || status.IsShutdownInProgress()) {
      return absl::ResourceExhaustedError(
          absl::StrFormat("storage: %s: resuming after a full disk: try again", options_.folder));
    }
    return ToStatus(status, options_.folder);
  }

  std::shared_ptr<rocksdb::DB> db_;
  const RocksDbOptions options_;
  std::atomic<bool> full_ = false;
};

// After a full disk RocksDB resumes only once a whole write buffer would fit: small ones resume
// soon.
constexpr size_t kWriteBufferBytesMax = 16 << 20;

rocksdb::Options EngineOptions(const RocksDbOptions& options, const Memory& memory) {
  rocksdb::Options engine;
  engine.create_if_missing = options.create_if_missing && options.mode == OpenMode::kReadWrite;
  engine.paranoid_checks = true;
  engine.recycle_log_file_num = 0;
  engine.wal_recovery_mode = options.mode == OpenMode::kSalvage
                                 ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                 : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  engine.atomic_flush = !options.write_ahead_log;
  engine.max_background_jobs = 2;
  engine.write_buffer_manager = memory.write_buffers;
  engine.write_buffer_size = std::min(memory.write_buffer_bytes / 2, kWriteBufferBytesMax);
  engine.level_compaction_dynamic_level_bytes = true;
  // Most keys that are asked for are new (is this message known?), and recent writes are searched
  // first: the filter spares a walk through them, a quarter of what taking events in cost.
  engine.memtable_whole_key_filtering = true;
  engine.memtable_prefix_bloom_size_ratio = 0.05;
  // A state's batch is sorted, and of one partition and one or few tables: each insert starts its
  // search where the last one of its table ended. Writers take turns for it: there are about as
  // many cores as stores that are written at once. Other stores' keys do not begin with a table,
  // and a place would be kept for each of them.
  if (!options.write_ahead_log) {
    engine.memtable_insert_with_hint_prefix_extractor.reset(
        rocksdb::NewCappedPrefixTransform(kTableBytes));
    engine.allow_concurrent_memtable_write = false;
  }
  engine.compression = options.compress ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  // What is flushed is soon merged and compressed then: once is enough.
  if (options.compress) {
    engine.compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  }
  engine.info_log_level = rocksdb::WARN_LEVEL;
  engine.keep_log_file_num = 2;
  engine.max_log_file_size = 1 << 20;
  engine.max_manifest_file_size = 16 << 20;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory.cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  engine.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return engine;
}

absl::Status Damaged(const FileDamage& damage) {
  return absl::DataLossError(absl::StrFormat("storage: %s is damaged at offset %d: %s", damage.file,
                                             damage.offset, damage.what));
}

// What RocksDB says of a corruption rarely names the place: look for it.
absl::Status WithPlace(const absl::Status& status, const std::string& folder) {
  // A missing file is an I/O error to RocksDB.
  if (!absl::IsDataLoss(status) && !absl::IsUnavailable(status)) return status;
  const auto damages = FindRocksDbDamage(folder, /*report_torn_tail=*/false);
  return damages.empty() ? status : Damaged(damages.front());
}

}  // namespace

std::shared_ptr<RocksDbMemory> RocksDbMemory::Make(size_t block_cache_bytes,
                                                   size_t write_buffer_bytes) {
  return std::make_shared<Memory>(block_cache_bytes, write_buffer_bytes);
}

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbOptions& options) {
  const auto memory = std::static_pointer_cast<Memory>(
      options.memory ? options.memory : RocksDbMemory::Make(kOwnCacheBytes, kOwnWriteBufferBytes));
  const rocksdb::Options engine = EngineOptions(options, *memory);
  if (engine.create_if_missing) {
    std::error_code error;
    std::filesystem::create_directories(options.folder, error);
    if (error) {
      return absl::FailedPreconditionError(absl::StrFormat("storage: cannot make the folder %s: %s",
                                                           options.folder, error.message()));
    }
  }
  if (options.mode != OpenMode::kSalvage && std::filesystem::exists(options.folder)) {
    const auto damages = FindWriteAheadLogDamage(options.folder, /*report_torn_tail=*/false);
    if (!damages.empty()) return Damaged(damages.front());
  }
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status = options.mode == OpenMode::kReadOnly
                                     ? rocksdb::DB::OpenForReadOnly(engine, options.folder, &raw)
                                     : rocksdb::DB::Open(engine, options.folder, &raw);
  std::shared_ptr<rocksdb::DB> db(raw);
  if (!status.ok()) return WithPlace(ToStatus(status, options.folder), options.folder);
  return std::make_unique<RocksDbStore>(std::move(db), options);
}

absl::Status RepairRocksDbStore(const std::string& folder) {
  const Memory memory(kOwnCacheBytes, kOwnWriteBufferBytes);
  RocksDbOptions options;
  options.folder = folder;
  options.mode = OpenMode::kSalvage;
  return ToStatus(rocksdb::RepairDB(folder, EngineOptions(options, memory)), folder);
}

}  // namespace rondo::storage
