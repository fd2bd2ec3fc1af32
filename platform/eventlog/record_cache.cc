#include "platform/eventlog/record_cache.h"

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

RecordCache::RecordCache(int partition_count, size_t bytes_max, Decode decode)
    : partition_bytes_max_(bytes_max / static_cast<size_t>(partition_count)),
      decode_(std::move(decode)),
      partitions_(static_cast<size_t>(partition_count)) {}

absl::StatusOr<RecordBlock> RecordCache::Read(int partition, int64_t offset, int64_t end) {
  Partition& cached = partitions_.at(static_cast<size_t>(partition));
  const std::lock_guard lock(cached.mutex);
  auto next = cached.chunks.upper_bound(offset);
  if (next == cached.chunks.begin() || std::prev(next)->second.block.end() <= offset) {
    const int64_t stop = next == cached.chunks.end() ? end : std::min(end, next->first);
    Chunk chunk;
    RONDO_ASSIGN_OR_RETURN(chunk.block, decode_(partition, offset, stop));
    chunk.bytes = chunk.block.arena->SpaceAllocated() + chunk.block.records.size() * sizeof(void*);
    cached.bytes += chunk.bytes;
    const int64_t first = chunk.block.first;
    next = std::next(cached.chunks.insert_or_assign(first, std::move(chunk)).first);
    cached.decoded.push_back(first);
  }
  const RecordBlock& block = std::prev(next)->second.block;
  RecordBlock wanted{
      offset, block.arena, {block.records.begin() + (offset - block.first), block.records.end()}};
  Evict(cached);
  return wanted;
}

void RecordCache::Evict(Partition& partition) const {
  while (partition.bytes > partition_bytes_max_ && partition.decoded.size() > 1) {
    const auto oldest = partition.chunks.find(partition.decoded.front());
    partition.decoded.pop_front();
    partition.bytes -= oldest->second.bytes;
    partition.chunks.erase(oldest);
  }
}

absl::StatusOr<RecordBlock> ReadBlocks(const storage::Reader& database, int partition,
                                       int64_t offset, int64_t end) {
  RecordBlock block;
  block.arena = std::make_shared<google::protobuf::Arena>();
  auto& records = block.records;
  size_t raw_bytes = 0;
  uint64_t chain = 0;
  const auto cursor = database.Scan(BlocksFrom(partition, offset));
  for (; cursor->Valid(); cursor->Next()) {
    const auto header = DecodeBlockHeader(cursor->value());
    if (!header.ok()) return Damaged(partition, offset, std::string(header.status().message()));
    if (records.empty()) {
      if (header->first > offset) return Damaged(partition, offset, "its block is missing");
      block.first = header->first;
    } else {
      if (header->first >= end || raw_bytes + header->raw_bytes > kChunkRawBytes ||
          records.size() + header->count > kChunkRecords) {
        break;
      }
      if (header->first != block.end() || header->chain_before != chain) {
        return Damaged(partition, block.end(), "its block is missing or was replaced");
      }
    }
    RONDO_RETURN_IF_ERROR(DecodeBlock(partition, cursor->value(), *block.arena, records));
    raw_bytes += header->raw_bytes;
    chain = ChainOf(cursor->value());
  }
  if (const absl::Status status = cursor->status(); !status.ok()) {
    return absl::Status(status.code(),
                        absl::StrFormat("log: partition %d, offset %d: %s", partition, offset,
                                        std::string(status.message())));
  }
  if (records.empty()) return Damaged(partition, offset, "its block is missing");
  return block;
}

}  // namespace rondo::eventlog
