// Decoded records near the tail, shared by all readers: a record is decoded once, however many
// services read it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/eventlog/event_log.h"
#include "platform/storage/store.h"

namespace rondo::eventlog {

// Thread-safe. The database must outlive it.
class BlockCache {
 public:
  // Keeps at most about `bytes_max` of decoded records, least recently read ones leave first.
  BlockCache(const storage::Reader& database, int partition_count, size_t bytes_max);

  // Records from `offset` to at most `end`, which must be a block's end beyond `offset`. DATA_LOSS,
  // with partition and offset, for damaged, missing or misplaced blocks.
  absl::StatusOr<RecordBlock> Read(int partition, int64_t offset, int64_t end);

  // Blocks that were decoded so far.
  int64_t decoded_blocks() const;

 private:
  // What one decode reads at most, so that small blocks are read together.
  static constexpr size_t kChunkRawBytes = 256 << 10;
  static constexpr size_t kChunkRecords = 4'096;

  struct Chunk {
    RecordBlock block;
    size_t bytes = 0;
    uint64_t used = 0;
  };
  struct Partition {
    std::mutex mutex;  // Held while decoding: a second reader waits and finds it done.
    std::map<int64_t, Chunk> chunks;  // By first offset; disjoint.
    size_t bytes = 0;
    uint64_t clock = 0;
    int64_t decoded_blocks = 0;
  };

  absl::StatusOr<Chunk> Decode(int partition, int64_t offset, int64_t end, int64_t& blocks) const;
  void Evict(Partition& partition) const;

  const storage::Reader& database_;
  const size_t partition_bytes_max_;
  mutable std::vector<Partition> partitions_;
};

}  // namespace rondo::eventlog
