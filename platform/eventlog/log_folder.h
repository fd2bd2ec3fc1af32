// The embedded log's folder: its files, its keys, and what must hold between them.
//
//   FORMAT      text: version and number of partitions
//   HIGHWATER   what was acknowledged (high_water_mark.h)
//   db/         RocksDB: 'b' partition (2) last offset (8) -> block (log_block.h)
//                        't' partition (2)                -> end (8) chain (8) append time (8)
//
// A block's key is its last offset, so that the block that holds an offset is the first at or after
// it. Block and tail are written in one batch.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/eventlog/high_water_mark.h"
#include "platform/storage/store.h"

namespace rondo::eventlog {

inline constexpr int kLogFormatVersion = 1;

struct LogFolder {
  std::string path;
  std::string FormatFile() const { return path + "/FORMAT"; }
  std::string HighWaterFile() const { return path + "/HIGHWATER"; }
  std::string Database() const { return path + "/db"; }
};

// The number of partitions. NOT_FOUND if there is no log; FAILED_PRECONDITION if a newer version
// wrote it; DATA_LOSS if FORMAT is missing beside data, or damaged.
absl::StatusOr<int> ReadFormat(const LogFolder& folder);
// Makes FORMAT and HIGHWATER of an empty log; what was done survives loss of power.
absl::Status CreateLogFolder(const LogFolder& folder, int partition_count);
// Makes the names in `folder` survive loss of power.
absl::Status SyncFolder(const std::string& folder);

std::string BlockKey(int partition, int64_t last_offset);
storage::KeyRange BlocksFrom(int partition, int64_t offset);
std::string TailKey(int partition);
std::string EncodeTail(const Tail& tail);

// The stored tail of `partition`; all zero if nothing was appended. DATA_LOSS unless the last block
// agrees with it.
absl::StatusOr<Tail> ReadTail(const storage::Reader& database, int partition);

// DATA_LOSS, with the number of records, unless the log up to `tail` holds what `mark` says was
// acknowledged.
absl::Status CheckAcknowledged(const storage::Reader& database, int partition, const Tail& tail,
                               const Tail& mark);

// The marks that must hold on this machine now.
const std::vector<Tail>& Binding(const Marks& marks);

}  // namespace rondo::eventlog
