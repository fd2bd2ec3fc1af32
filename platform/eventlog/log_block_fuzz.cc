// Any bytes are a block or DATA_LOSS; a block that decodes holds as many records as it says.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "platform/eventlog/log_block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view block(reinterpret_cast<const char*>(data), size);
  google::protobuf::Arena arena;
  std::vector<const rondo::eventlog::LogRecord*> records;
  const absl::Status status = rondo::eventlog::DecodeBlock(0, block, arena, records);
  if (!status.ok() && !absl::IsDataLoss(status)) std::abort();
  if (!status.ok()) return 0;
  if (records.size() != rondo::eventlog::DecodeBlockHeader(block)->count) std::abort();
  return 0;
}
