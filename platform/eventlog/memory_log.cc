#include "platform/eventlog/memory_log.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo::eventlog {

using storage::CommitPoint;
using storage::Fault;

MemoryLog::MemoryLog(int partition_count, const Clock& clock, storage::FaultHook fault)
    : clock_(clock), fault_(std::move(fault)), partitions_(static_cast<size_t>(partition_count)) {
  RONDO_CHECK(partition_count >= 1 && partition_count <= kSlotCount);
}

absl::StatusOr<int64_t> MemoryLog::Append(int partition, absl::Span<LogRecord> records,
                                          Durability durability) {
  RONDO_RETURN_IF_ERROR(CheckAppend(partition, partition_count(), records));
  const auto first = [&] {
    const std::lock_guard lock(mutex_);
    return AppendLocked(partition, records, durability);
  }();
  if (first.ok()) {
    const std::lock_guard lock(listener_mutex_);
    if (on_append_) on_append_(partition);
  }
  return first;
}

absl::StatusOr<int64_t> MemoryLog::AppendLocked(int partition, absl::Span<LogRecord> records,
                                                Durability durability) {
  RONDO_RETURN_IF_ERROR(Meet(CommitPoint::kBefore));
  Partition& log = partitions_[static_cast<size_t>(partition)];
  const int64_t first = log.end;
  log.last_append_micros = std::max(log.last_append_micros, ToMicros(clock_.Now()));
  Stamp(partition, first, log.last_append_micros, records);
  for (const LogRecord& record : records) {
    if (log.blocks.empty() || log.blocks.back().records.size() >= kBlockRecords) {
      log.blocks.push_back({log.end, std::make_shared<google::protobuf::Arena>(), {}});
    }
    RecordBlock& block = log.blocks.back();
    auto* copy = google::protobuf::Arena::CreateMessage<LogRecord>(block.arena.get());
    *copy = record;
    block.records.push_back(copy);
    ++log.end;
  }
  if (durability == Durability::kSynced) {
    for (Partition& each : partitions_) each.synced = each.end;
  }
  RONDO_RETURN_IF_ERROR(Meet(CommitPoint::kAfter));
  return first;
}

absl::StatusOr<RecordBlock> MemoryLog::Read(int partition, int64_t offset) const {
  const std::lock_guard lock(mutex_);
  if (crashed_) return absl::UnavailableError("log: the process crashed here");
  const Partition& log = partitions_.at(static_cast<size_t>(partition));
  if (offset < 0 || offset > log.end) {
    return absl::OutOfRangeError(absl::StrFormat(
        "log: partition %d ends at offset %d; there is no %d", partition, log.end, offset));
  }
  if (offset == log.end) return RecordBlock{offset, nullptr, {}};
  const auto after = std::upper_bound(
      log.blocks.begin(), log.blocks.end(), offset,
      [](int64_t wanted, const RecordBlock& block) { return wanted < block.first; });
  const RecordBlock& block = *std::prev(after);
  return RecordBlock{
      offset, block.arena, {block.records.begin() + (offset - block.first), block.records.end()}};
}

absl::StatusOr<int64_t> MemoryLog::End(int partition) const {
  const std::lock_guard lock(mutex_);
  if (crashed_) return absl::UnavailableError("log: the process crashed here");
  return partitions_.at(static_cast<size_t>(partition)).end;
}

absl::Status MemoryLog::Sync() {
  const std::lock_guard lock(mutex_);
  RONDO_RETURN_IF_ERROR(Meet(CommitPoint::kBefore));
  for (Partition& log : partitions_) log.synced = log.end;
  return Meet(CommitPoint::kAfter);
}

void MemoryLog::SetListener(std::function<void(int partition)> on_append) {
  const std::lock_guard lock(listener_mutex_);
  on_append_ = std::move(on_append);
}

void MemoryLog::Crash() {
  const std::lock_guard lock(mutex_);
  crashed_ = true;
}

void MemoryLog::Restart(bool power_lost) {
  const std::lock_guard lock(mutex_);
  crashed_ = false;
  if (!power_lost) return;
  for (Partition& log : partitions_) {
    while (!log.blocks.empty() && log.blocks.back().first >= log.synced) log.blocks.pop_back();
    if (!log.blocks.empty()) {
      RecordBlock& last = log.blocks.back();
      last.records.resize(
          std::min(last.records.size(), static_cast<size_t>(log.synced - last.first)));
    }
    log.end = log.synced;
  }
}

absl::Status MemoryLog::Meet(CommitPoint point) const {
  if (crashed_) return absl::UnavailableError("log: the process crashed here");
  switch (fault_ ? fault_(point) : Fault::kNone) {
    case Fault::kNone:
      return absl::OkStatus();
    case Fault::kFail:
      return absl::UnavailableError("log: injected I/O error");
    case Fault::kCrash:
      crashed_ = true;
      return absl::UnavailableError("log: the process crashed here");
  }
  return absl::OkStatus();
}

}  // namespace rondo::eventlog
