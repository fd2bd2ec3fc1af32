#include "platform/eventlog/lane.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo::eventlog {
namespace {
constexpr char kSource[] = "runtime";
}

Lane::Lane(Options options, EventLog& log, Executor& executor, const Clock& clock,
           std::vector<std::unique_ptr<PartitionState>> states)
    : options_(std::move(options)),
      log_(log),
      executor_(executor),
      clock_(clock),
      strand_(executor),
      states_(std::move(states)) {}

absl::Status Lane::Start() {
  RONDO_ASSIGN_OR_RETURN(replay_end_, log_.End(options_.partition));
  Wake();
  return absl::OkStatus();
}

void Lane::Stop() {
  const std::lock_guard lock(run_mutex_);
  stopped_ = true;
  live_ = false;
}

void Lane::Wake() {
  if (scheduled_.exchange(true)) return;
  strand_.Post([weak = weak_from_this()] {
    if (const auto lane = weak.lock()) lane->Run();
  });
}

void Lane::WakeAt(absl::Time when) {
  executor_.PostAt(when, [weak = weak_from_this()] {
    if (const auto lane = weak.lock()) lane->Wake();
  });
}

void Lane::Run() {
  const std::lock_guard lock(run_mutex_);
  if (stopped_) return;
  scheduled_ = false;
  const absl::StatusOr<bool> more = Turn();
  SetHealth(more.status());
  executor_.NotifyAll();
  if (!more.ok()) {
    WakeAt(clock_.Now() + kLaneRetryPause);
  } else if (*more) {
    Wake();
  }
}

absl::StatusOr<bool> Lane::Turn() {
  RONDO_RETURN_IF_ERROR(CommitPending());
  RONDO_ASSIGN_OR_RETURN(const std::vector<Item> items, NextItems(SlowestOffset()));
  if (!items.empty()) {
    for (const auto& state : states_) RONDO_RETURN_IF_ERROR(ApplyTo(*state, items));
    SettleOwnership(items);
    if (live_) RONDO_RETURN_IF_ERROR(AppendEmissions().status());
    return true;
  }
  if (!live_) return TakeOwnership();
  RONDO_ASSIGN_OR_RETURN(const bool appended, AppendEmissions());
  if (appended) return true;
  return Tick();
}

absl::Status Lane::CommitPending() {
  for (const auto& state : states_) {
    if (!state->commit_pending()) continue;
    RONDO_RETURN_IF_ERROR(state->Commit());
    state->projection().Committed(options_.partition, state->applied(), live_);
  }
  return absl::OkStatus();
}

int64_t Lane::SlowestOffset() const {
  int64_t slowest = states_.front()->next_offset();
  for (const auto& state : states_) slowest = std::min(slowest, state->next_offset());
  return slowest;
}

absl::StatusOr<std::vector<Lane::Item>> Lane::NextItems(int64_t offset) {
  std::vector<Item> items;
  // Of the last turn only what is still needed stays: a block larger than a batch.
  std::erase_if(blocks_, [&](const RecordBlock& block) {
    return offset < block.first || offset >= block.end();
  });
  size_t next_block = 0;
  while (items.size() < options_.batch_records_max) {
    if (next_block == blocks_.size()) {
      RONDO_ASSIGN_OR_RETURN(RecordBlock block, log_.Read(options_.partition, offset));
      if (block.records.empty()) break;
      blocks_.push_back(std::move(block));
    }
    const RecordBlock& block = blocks_[next_block++];
    for (; offset < block.end() && items.size() < options_.batch_records_max; ++offset) {
      items.push_back({block.records[static_cast<size_t>(offset - block.first)], offset});
    }
  }
  return items;
}

absl::Status Lane::ApplyTo(PartitionState& state, const std::vector<Item>& items) {
  absl::Status store_error;
  for (const Item& item : items) {
    if (item.offset < state.next_offset()) continue;
    const absl::StatusOr<bool> read = state.Read(*item.record, options_.batch_records_max);
    store_error = read.status();
    if (!read.ok() || !*read) break;
  }
  // What was read before an error is whole: commit it, then stop at the record in question.
  if (state.commit_pending()) {
    RONDO_RETURN_IF_ERROR(state.Commit());
    state.projection().Committed(options_.partition, state.applied(), live_);
  }
  return store_error;
}

absl::StatusOr<bool> Lane::TakeOwnership() {
  if (SlowestOffset() < replay_end_ || owner_offset_ >= 0) return false;
  int64_t newest = 0;
  for (const auto& state : states_) newest = std::max(newest, state->newest_epoch());
  LogRecord record;
  record.set_source(kSource);
  record.set_event_time_micros(ToMicros(clock_.Now()));
  record.mutable_owner_changed()->set_epoch(newest + 1);
  record.mutable_owner_changed()->set_owner(options_.owner);
  RONDO_ASSIGN_OR_RETURN(owner_offset_, log_.Append(options_.partition, absl::MakeSpan(&record, 1),
                                                    Durability::kSynced));
  owner_epoch_ = newest + 1;
  return true;
}

// Live from the read-back of our OwnerChanged on, if no other owner came before it with the same
// epoch; no longer live once a newer owner is read.
void Lane::SettleOwnership(const std::vector<Item>& items) {
  if (owner_offset_ < 0) return;
  for (const Item& item : items) {
    if (!item.record->has_owner_changed() || item.offset == owner_offset_) continue;
    if (item.record->owner_changed().epoch() < owner_epoch_) continue;
    if (item.offset < owner_offset_) {
      owner_offset_ = -1;  // Lost the race: take the next epoch.
      return;
    }
    if (live_.exchange(false) && options_.on_warning) {
      options_.on_warning(absl::StrFormat("partition %d: another process owns it since epoch %d",
                                          options_.partition,
                                          item.record->owner_changed().epoch()));
    }
    return;
  }
  const bool read_back = items.front().offset <= owner_offset_ && SlowestOffset() > owner_offset_;
  if (!read_back || live_.exchange(true)) return;
  for (const auto& state : states_) {
    state->projection().Committed(options_.partition, state->applied(), /*live=*/true);
  }
}

absl::StatusOr<bool> Lane::AppendEmissions() {
  bool appended = false;
  std::vector<LogRecord> own;  // Tells this partition what others have received.
  absl::Status failed;
  for (const auto& state : states_) {
    for (auto& [target, outbox] : state->outbox()) {
      const absl::StatusOr<bool> one = AppendTarget(*state, target, outbox, own);
      if (one.ok()) {
        appended |= *one;
      } else {
        failed.Update(one.status());
      }
    }
  }
  if (!own.empty()) {
    RONDO_RETURN_IF_ERROR(
        log_.Append(options_.partition, absl::MakeSpan(own), Durability::kWritten).status());
    for (const auto& state : states_) {
      for (auto& [target, outbox] : state->outbox()) outbox.handed_over = outbox.appended;
    }
    appended = true;
  }
  RONDO_RETURN_IF_ERROR(failed);
  return appended;
}

absl::StatusOr<bool> Lane::AppendTarget(PartitionState& state, int target, OutboxTarget& outbox,
                                        std::vector<LogRecord>& own) {
  bool appended = false;
  auto next = std::upper_bound(outbox.entries.begin(), outbox.entries.end(), outbox.appended,
                               [](uint64_t sequence, const OutboxTarget::Entry& entry) {
                                 return sequence < entry.sequence;
                               });
  while (next != outbox.entries.end()) {
    std::vector<LogRecord> records;
    size_t bytes = 0;
    auto end = next;
    for (; end != outbox.entries.end() && records.size() < kEmissionsPerAppendMax; ++end) {
      bytes += end->record.ByteSizeLong();
      if (bytes > kMaxAppendBytes / 2 && !records.empty()) break;
      records.push_back(std::move(end->record));
    }
    const absl::Status status =
        log_.Append(target, absl::MakeSpan(records), Durability::kWritten).status();
    if (!status.ok()) {
      for (LogRecord& record : records) (next++)->record = std::move(record);
      return status;
    }
    outbox.appended = records.back().sequence();
    next = end;  // Stored and appended: of their entries only the number matters.
    appended = true;
  }
  if (target != options_.partition && outbox.handed_over < outbox.appended) {
    LogRecord& notice = own.emplace_back();
    notice.set_source(kSource);
    notice.set_event_time_micros(ToMicros(clock_.Now()));
    notice.mutable_handed_over()->set_emitter(
        absl::StrFormat("%s/%d", std::string(state.projection().name()), options_.partition));
    notice.mutable_handed_over()->set_target_partition(target);
    notice.mutable_handed_over()->set_sequence(outbox.appended);
  }
  return appended;
}

absl::StatusOr<bool> Lane::Tick() {
  int64_t due = PartitionState::kNever;
  for (const auto& state : states_) {
    RONDO_ASSIGN_OR_RETURN(const int64_t next, state->NextTimer());
    due = std::min(due, next);
  }
  if (due == PartitionState::kNever) return false;
  const absl::Time now = clock_.Now();
  if (FromMicros(due) > now) {
    // One wake-up on its way is enough, unless it comes too late.
    if (wake_at_ <= now || FromMicros(due) < wake_at_) {
      wake_at_ = FromMicros(due);
      WakeAt(wake_at_);
    }
    return false;
  }
  LogRecord tick;
  tick.set_source(kSource);
  tick.set_event_time_micros(ToMicros(now));
  tick.mutable_tick();
  RONDO_RETURN_IF_ERROR(
      log_.Append(options_.partition, absl::MakeSpan(&tick, 1), Durability::kWritten).status());
  return true;
}

bool Lane::IsQuiet(absl::Time now) const {
  if (!live_) return false;
  const absl::StatusOr<int64_t> end = log_.End(options_.partition);
  if (!end.ok()) return false;
  return std::all_of(states_.begin(), states_.end(), [&](const auto& state) {
    return state->applied() >= *end && state->emissions_waiting() == 0 &&
           state->earliest_timer_micros() > ToMicros(now);
  });
}

void Lane::SetHealth(const absl::Status& health) {
  const std::lock_guard lock(health_mutex_);
  if (!health.ok() && health_.ok() && options_.on_warning) {
    options_.on_warning(absl::StrFormat("partition %d waits: %s", options_.partition,
                                        std::string(health.message())));
  }
  health_ = health;
}

absl::Status Lane::Health() const {
  const std::lock_guard lock(health_mutex_);
  return health_;
}

}  // namespace rondo::eventlog
