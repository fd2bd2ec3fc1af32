#include "platform/eventlog/block_cache.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/log_block.h"
#include "platform/eventlog/log_folder.h"

namespace rondo::eventlog {
namespace {

absl::Status Damaged(int partition, int64_t offset, std::string_view what) {
  return absl::DataLossError(
      absl::StrFormat("log: partition %d, offset %d: %s", partition, offset, what));
}

}  // namespace

BlockCache::BlockCache(const storage::Reader& database, int partition_count, size_t bytes_max)
    : database_(database),
      partition_bytes_max_(bytes_max / static_cast<size_t>(partition_count)),
      partitions_(static_cast<size_t>(partition_count)) {}

absl::StatusOr<RecordBlock> BlockCache::Read(int partition, int64_t offset, int64_t end) {
  Partition& cached = partitions_.at(static_cast<size_t>(partition));
  const std::lock_guard lock(cached.mutex);
  auto next = cached.chunks.upper_bound(offset);
  if (next == cached.chunks.begin() || std::prev(next)->second.block.end() <= offset) {
    const int64_t stop = next == cached.chunks.end() ? end : std::min(end, next->first);
    RONDO_ASSIGN_OR_RETURN(Chunk chunk, Decode(partition, offset, stop, cached.decoded_blocks));
    cached.bytes += chunk.bytes;
    const int64_t first = chunk.block.first;
    next = std::next(cached.chunks.insert_or_assign(first, std::move(chunk)).first);
  }
  Chunk& chunk = std::prev(next)->second;
  chunk.used = ++cached.clock;
  const RecordBlock& block = chunk.block;
  RecordBlock wanted{
      offset, block.arena, {block.records.begin() + (offset - block.first), block.records.end()}};
  Evict(cached);
  return wanted;
}

int64_t BlockCache::decoded_blocks() const {
  int64_t sum = 0;
  for (Partition& partition : partitions_) {
    const std::lock_guard lock(partition.mutex);
    sum += partition.decoded_blocks;
  }
  return sum;
}

absl::StatusOr<BlockCache::Chunk> BlockCache::Decode(int partition, int64_t offset, int64_t end,
                                                     int64_t& blocks) const {
  Chunk chunk;
  chunk.block.arena = std::make_shared<google::protobuf::Arena>();
  auto& records = chunk.block.records;
  size_t raw_bytes = 0;
  uint64_t chain = 0;
  const auto cursor = database_.Scan(BlocksFrom(partition, offset));
  for (; cursor->Valid(); cursor->Next()) {
    const auto header = DecodeBlockHeader(cursor->value());
    if (!header.ok()) return Damaged(partition, offset, std::string(header.status().message()));
    if (records.empty()) {
      if (header->first > offset) return Damaged(partition, offset, "its block is missing");
      chunk.block.first = header->first;
    } else {
      if (header->first >= end || raw_bytes + header->raw_bytes > kChunkRawBytes ||
          records.size() + header->count > kChunkRecords) {
        break;
      }
      if (header->first != chunk.block.end() || header->chain_before != chain) {
        return Damaged(partition, chunk.block.end(), "its block is missing or was replaced");
      }
    }
    RONDO_RETURN_IF_ERROR(DecodeBlock(partition, cursor->value(), *chunk.block.arena, records));
    raw_bytes += header->raw_bytes;
    chain = ChainOf(cursor->value());
    ++blocks;
  }
  if (const absl::Status status = cursor->status(); !status.ok()) {
    return absl::Status(status.code(),
                        absl::StrFormat("log: partition %d, offset %d: %s", partition, offset,
                                        std::string(status.message())));
  }
  if (records.empty()) return Damaged(partition, offset, "its block is missing");
  chunk.bytes = chunk.block.arena->SpaceUsed() + records.size() * sizeof(void*);
  return chunk;
}

void BlockCache::Evict(Partition& partition) const {
  while (partition.bytes > partition_bytes_max_ && partition.chunks.size() > 1) {
    const auto oldest = std::min_element(
        partition.chunks.begin(), partition.chunks.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    partition.bytes -= oldest->second.bytes;
    partition.chunks.erase(oldest);
  }
}

}  // namespace rondo::eventlog
