#include "platform/eventlog/event_log.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {

int PartitionOfName(std::string_view resource_name, int partition_count) {
  // A slot is the upper bits, which FNV-1a moves little for short names: multiply them down and up.
  const uint64_t hash = Fnv1a(resource_name);
  return PartitionOfHash((hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15u, partition_count);
}

absl::Status CheckAppend(int partition, int partition_count, absl::Span<const LogRecord> records) {
  if (partition < 0 || partition >= partition_count) {
    return absl::InvalidArgumentError(
        absl::StrFormat("log: partition %d is not in [0, %d)", partition, partition_count));
  }
  if (records.empty() || records.size() > kMaxAppendRecords) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "log: an append holds 1 to %d records, not %d", kMaxAppendRecords, records.size()));
  }
  size_t total = 0;
  for (const LogRecord& record : records) {
    const size_t size = record.ByteSizeLong();
    if (size > kMaxRecordBytes) {
      return absl::InvalidArgumentError(
          absl::StrFormat("log: a record of %d bytes; the limit is %d", size, kMaxRecordBytes));
    }
    total += size;
  }
  if (total > kMaxAppendBytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "log: an append of %d bytes; the limit is %d: append in parts", total, kMaxAppendBytes));
  }
  return absl::OkStatus();
}

void Stamp(int partition, int64_t first, int64_t append_time_micros,
           absl::Span<LogRecord> records) {
  for (LogRecord& record : records) {
    record.set_append_time_micros(append_time_micros);
    if (record.id().empty()) {
      record.set_id(storage::KeyBuilder()
                        .I64(append_time_micros)
                        .U16(static_cast<uint16_t>(partition))
                        .U16(static_cast<uint16_t>(first >> 32))
                        .U32(static_cast<uint32_t>(first))
                        .Build());
    }
    ++first;
  }
}

}  // namespace rondo::eventlog
