// Any bytes are a block or DATA_LOSS; a block that decodes holds as many records as it says. Each
// input is tried as it is, and with its checksums put right: else none would get past them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "platform/core/hash.h"
#include "platform/eventlog/log_block.h"
#include "platform/storage/key.h"

namespace {

using rondo::storage::KeyBuilder;
using rondo::storage::KeyParser;

constexpr size_t kHeaderBytes = 34;  // As log_block.h says; its checksum follows.
constexpr size_t kChecksumBytes = 4;

void PutChecksum(std::string_view of, std::string& bytes, size_t at) {
  KeyBuilder checksum;
  checksum.U32(rondo::Crc32c(of));
  bytes.replace(at, kChecksumBytes, checksum.Build());
}

// Of a block that is not compressed its frames' checksums too.
std::string WithChecksums(std::string block) {
  if (block.size() < kHeaderBytes + kChecksumBytes) return block;
  PutChecksum(std::string_view(block).substr(0, kHeaderBytes), block, kHeaderBytes);
  size_t at = kHeaderBytes + kChecksumBytes;
  while (block.size() - at >= 2 * kChecksumBytes) {
    const size_t size = KeyParser(std::string_view(block).substr(at)).U32();
    at += kChecksumBytes;
    const size_t record_at = at + kChecksumBytes;
    if (size > block.size() - record_at) break;
    PutChecksum(std::string(block, record_at, size), block, at);
    at = record_at + size;
  }
  return block;
}

void Decode(std::string_view block) {
  google::protobuf::Arena arena;
  std::vector<const rondo::eventlog::LogRecord*> records;
  const absl::Status status = rondo::eventlog::DecodeBlock(0, block, arena, records);
  if (!status.ok() && !absl::IsDataLoss(status)) std::abort();
  if (!status.ok()) return;
  if (records.size() != rondo::eventlog::DecodeBlockHeader(block)->count) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string block(reinterpret_cast<const char*>(data), size);
  Decode(block);
  Decode(WithChecksums(block));
  return 0;
}
