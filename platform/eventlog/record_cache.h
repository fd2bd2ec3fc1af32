// Decoded records near the tail, shared by all readers: a record is decoded once, however many
// services read it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/eventlog/event_log.h"
#include "platform/storage/store.h"

namespace rondo::eventlog {

// What one decode reads at most, so that small blocks are read together.
inline constexpr size_t kChunkRawBytes = 256 << 10;
inline constexpr size_t kChunkRecords = 4'096;

// Thread-safe.
class RecordCache {
 public:
  // Reads and decodes records of `partition`: a block that holds `offset`, and ends at `end` at
  // most, which is the end of a stored block. Called by one thread at a time for each partition.
  using Decode =
      std::function<absl::StatusOr<RecordBlock>(int partition, int64_t offset, int64_t end)>;

  // Keeps at most about `bytes_max` of decoded records, those decoded first leave first.
  RecordCache(int partition_count, size_t bytes_max, Decode decode);

  // Records from `offset` to at most `end`, which must be beyond `offset`.
  absl::StatusOr<RecordBlock> Read(int partition, int64_t offset, int64_t end);

 private:
  struct Chunk {
    RecordBlock block;
    size_t bytes = 0;
  };
  struct Partition {
    std::mutex mutex;                 // Held while decoding: a second reader waits and finds it.
    std::map<int64_t, Chunk> chunks;  // By first offset; disjoint.
    std::deque<int64_t> decoded;      // Their first offsets, in order of decoding.
    size_t bytes = 0;
  };

  void Evict(Partition& partition) const;

  const size_t partition_bytes_max_;
  const Decode decode_;
  std::vector<Partition> partitions_;
};

// Decodes from the embedded log's blocks. DATA_LOSS, with partition and offset, for damaged,
// missing or misplaced ones.
absl::StatusOr<RecordBlock> ReadBlocks(const storage::Reader& database, int partition,
                                       int64_t offset, int64_t end);

}  // namespace rondo::eventlog
