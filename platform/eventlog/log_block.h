// The stored form of records: blocks, the unit of writing, compression and checking.
//
//   block   = version (1) codec (1) count (4) first offset (8) append time (8) chain (8)
//             raw size (4) CRC-32C of these (4) payload
//   payload = frames, compressed as `codec` says
//   frame   = size (4) CRC-32C (4) the record's bytes, without append time and derived id
//
// Integers are big-endian. All records of a block have one append time. `chain` is the hash of the
// partition's block before (0 for the first), so that a block that was removed, replaced or put in
// another place is noticed.
#pragma once

#include <google/protobuf/arena.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/eventlog/event_log.h"

namespace rondo::eventlog {

enum class BlockCodec : uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };

// Limits of one block: what one decode costs. A record larger than this is a block of its own.
inline constexpr size_t kBlockRawBytes = 128 << 10;
inline constexpr size_t kBlockRecords = 4'096;

struct BlockHeader {
  int64_t first = 0;
  uint32_t count = 0;
  int64_t append_time_micros = 0;
  uint64_t chain_before = 0;
  uint32_t raw_bytes = 0;
  BlockCodec codec = BlockCodec::kNone;
  int64_t end() const { return first + count; }
};

// Appends the frame of `record`, whose append time must be unset, and whose size ByteSizeLong has
// told since it was changed last.
void AppendFrame(const LogRecord& record, std::string& frames);

// The block of `header` (its codec and raw_bytes are set here) over `frames`. Falls back to kNone
// where compression gains nothing.
std::string EncodeBlock(BlockHeader header, BlockCodec codec, std::string_view frames);

// DATA_LOSS if the header is damaged or of a newer version.
absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view block);

// Appends the records of `block` to `records`, on `arena`, stamped as they were when appended.
// DATA_LOSS, with the offset, for damaged ones.
absl::Status DecodeBlock(int partition, std::string_view block, google::protobuf::Arena& arena,
                         std::vector<const LogRecord*>& records);

// The chain value after `block`.
uint64_t ChainOf(std::string_view block);

}  // namespace rondo::eventlog
