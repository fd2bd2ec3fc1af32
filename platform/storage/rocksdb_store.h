// The store on disk: RocksDB, set up so that damage is refused and never silently skipped.
//
// RocksDB's default opens a database whose write-ahead log has a flipped bit in the middle with
// fewer rows, although they were synced. Mode kTolerateCorruptedTailRecords, which is used here,
// refuses that, but takes a damaged length for a torn tail and drops all that follows: so the logs
// are checked here before they are replayed. A torn last record is accepted, and so is a deleted
// log file: whoever acknowledges writes must keep its own mark outside of the database
// (eventlog/high_water_mark.h does).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "platform/storage/store.h"

namespace rondo::storage {

// The budget of all stores of one process: one block cache and one write buffer budget.
// Thread-safe.
class RocksDbMemory {
 public:
  static std::shared_ptr<RocksDbMemory> Make(size_t block_cache_bytes, size_t write_buffer_bytes);
  virtual ~RocksDbMemory() = default;
};

enum class OpenMode {
  kReadWrite,
  kReadOnly,  // Takes no lock and changes no file: for looking at damage.
  kSalvage,   // Read-write; drops what follows the first damage of a write-ahead log.
};

struct RocksDbOptions {
  std::string folder;
  OpenMode mode = OpenMode::kReadWrite;
  bool create_if_missing = true;
  // Without one, only what was flushed survives the process, and writes cost half: for states that
  // are rebuilt from the log.
  bool write_ahead_log = true;
  // Off for values that are compressed already.
  bool compress = true;
  // nullptr: 8 MiB of cache and 16 MiB of write buffers of its own.
  std::shared_ptr<RocksDbMemory> memory;
};

// FAILED_PRECONDITION if another process holds the folder, or if it is absent and not to be
// created; DATA_LOSS, naming file and offset where they can be found, for damaged files;
// RESOURCE_EXHAUSTED if the disk is full.
//
// Once a write was answered RESOURCE_EXHAUSTED, each further one first asks whether there is space
// again: the store resumes by itself.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbOptions& options);

// A damaged place of a store's files.
struct FileDamage {
  std::string file;
  int64_t offset = -1;  // In bytes; -1 if unknown.
  std::string what;
};

// Reads every file of the store in `folder`, which must not be open for writing, and checks its
// checksums. A torn last record of a write-ahead log is damage only if `report_torn_tail`.
std::vector<FileDamage> FindRocksDbDamage(const std::string& folder, bool report_torn_tail);

// The same for write-ahead logs alone: what is checked at each start.
std::vector<FileDamage> FindWriteAheadLogDamage(const std::string& folder, bool report_torn_tail);

// Rebuilds the table of contents of a store whose files do not open, from the tables that can be
// read. For use after a copy was made: what it cannot read is gone.
absl::Status RepairRocksDbStore(const std::string& folder);

}  // namespace rondo::storage
