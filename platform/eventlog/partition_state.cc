#include "platform/eventlog/partition_state.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/clock.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;
using storage::KeyRange;

// A sequence names the record that caused it, so that it is the same on every replay, and also when
// a newer version of a projection emits more or less for an older record.
constexpr int kIndexBits = 24;
constexpr uint32_t kIndexMax = (1u << kIndexBits) - 2;
// Room for the envelope that is added to an emitted record.
constexpr size_t kEnvelopeBytesMax = 512;
constexpr size_t kTimersReadAtOnce = 256;
constexpr size_t kRequestsForgottenAtOnce = 1'000;

bool CannotBeApplied(const absl::Status& verdict) {
  return absl::IsInternal(verdict) || absl::IsDataLoss(verdict);
}

bool IsControl(const LogRecord& record) {
  switch (record.body_case()) {
    case LogRecord::kTick:
    case LogRecord::kOwnerChanged:
    case LogRecord::kHandedOver:
    case LogRecord::kRecordSkipped:
    case LogRecord::kParkedSettled:
      return true;
    default:
      return false;
  }
}

std::string TimerRest(int64_t due_micros, std::string_view key) {
  return KeyBuilder().I64(due_micros).Raw(key).view();
}

std::string OutboxRest(int target, uint64_t sequence) {
  return KeyBuilder().U16(static_cast<uint16_t>(target)).U64(sequence).view();
}

}  // namespace

PartitionState::PartitionState(const Place& place)
    : place_(place),
      name_(place.projection->name()),
      emitter_(absl::StrFormat("%s/%d", name_, place.partition)),
      state_prefix_(TablePrefix(place.partition, Table::kState)),
      writes_(*place.store) {}

std::string& PartitionState::Key(Table table, std::string_view rest) const {
  key_.clear();
  key_.push_back(static_cast<char>(place_.partition >> 8));
  key_.push_back(static_cast<char>(place_.partition));
  key_.push_back(static_cast<char>(table));
  key_.append(rest);
  return key_;
}

// ---- Loading

absl::StatusOr<std::unique_ptr<PartitionState>> PartitionState::Load(const Place& place) {
  auto state = std::unique_ptr<PartitionState>(new PartitionState(place));
  RONDO_RETURN_IF_ERROR(state->LoadProgress());
  RONDO_RETURN_IF_ERROR(
      state->LoadTable(Table::kSeen, [&](std::string_view key, std::string_view value) {
        RONDO_ASSIGN_OR_RETURN(state->seen_[std::string(key)], DecodeSequence(value));
        return absl::OkStatus();
      }));
  RONDO_RETURN_IF_ERROR(
      state->LoadTable(Table::kOutbox, [&](std::string_view key, std::string_view value) {
        KeyParser parser(key);
        const int target = parser.U16();
        OutboxTarget::Entry entry{.sequence = parser.U64(), .record = {}, .stored = true};
        if (!parser.ok() ||
            !entry.record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          return absl::DataLossError("a stored emission does not decode");
        }
        state->outbox_[target].entries.push_back(std::move(entry));
        ++state->waiting_;
        return absl::OkStatus();
      }));
  RONDO_RETURN_IF_ERROR(
      state->LoadTable(Table::kParked, [&](std::string_view key, std::string_view value) {
        RONDO_ASSIGN_OR_RETURN(state->parked_[KeyParser(key).I64()], DecodeParked(value));
        return absl::OkStatus();
      }));
  state->Publish();
  return state;
}

absl::Status PartitionState::LoadProgress() {
  RONDO_ASSIGN_OR_RETURN(const auto stored, place_.store->Get(Key(Table::kProgress, "")));
  if (stored.has_value()) {
    RONDO_ASSIGN_OR_RETURN(progress_, DecodeProgress(*stored));
  }
  stored_offset_ = progress_.next_offset;
  return absl::OkStatus();
}

absl::Status PartitionState::LoadTable(
    Table table, const std::function<absl::Status(std::string_view, std::string_view)>& row) {
  const PrefixReader reader(*place_.store, TablePrefix(place_.partition, table));
  const auto cursor = reader.Scan({});
  for (; cursor->Valid(); cursor->Next()) {
    RONDO_RETURN_IF_ERROR(row(cursor->key(), cursor->value()));
  }
  return cursor->status();
}

// ---- Reading

absl::StatusOr<bool> PartitionState::Read(const LogRecord& record, size_t timers_max) {
  if (!uncommitted_) retried_.clear();
  uncommitted_ = true;
  progress_.partition_time_micros =
      std::max(progress_.partition_time_micros, record.append_time_micros());
  current_offset_ = progress_.next_offset;
  current_cause_ = record.id();
  RONDO_ASSIGN_OR_RETURN(const bool all_fired, FireTimers(timers_max));
  if (!all_fired) return false;
  ReadControl(record);
  if (!IsRepeat(record)) {
    if (record.has_parked_settled()) RONDO_RETURN_IF_ERROR(RetryParked(record));
    RONDO_RETURN_IF_ERROR(ReadBody(record));
    MarkSeen(record);
  }
  ++progress_.next_offset;
  progress_.emitted = 0;
  return true;
}

void PartitionState::ReadControl(const LogRecord& record) {
  if (record.has_owner_changed()) {
    progress_.epoch = std::max(progress_.epoch, record.owner_changed().epoch());
  } else if (record.has_handed_over() && record.handed_over().emitter() == emitter_) {
    ClearOutbox(record.handed_over().target_partition(), record.handed_over().sequence());
  }
  if (record.emitter() == emitter_) ClearOutbox(place_.partition, record.sequence());
}

bool PartitionState::IsRepeat(const LogRecord& record) const {
  if (record.emitter().empty()) return false;
  const auto seen = seen_.find(record.emitter());
  return seen != seen_.end() && record.sequence() <= seen->second;
}

void PartitionState::MarkSeen(const LogRecord& record) {
  if (record.emitter().empty()) return;
  seen_[record.emitter()] = record.sequence();
  if (std::find(seen_changed_.begin(), seen_changed_.end(), record.emitter()) ==
      seen_changed_.end()) {
    seen_changed_.push_back(record.emitter());
  }
}

absl::Status PartitionState::ReadBody(const LogRecord& record) {
  std::optional<absl::Status> first;
  if (!record.request_id().empty()) {
    RONDO_ASSIGN_OR_RETURN(first, FirstVerdict(record));
  }
  absl::Status verdict = first.value_or(absl::OkStatus());
  if (!first.has_value()) {
    verdict = Attempt([&] { return place_.projection->Apply(record, *this); });
    if (!store_error_.ok()) return std::exchange(store_error_, absl::OkStatus());
    if (CannotBeApplied(verdict)) Park(record, verdict);
    RememberRequest(record, verdict);
  }
  if (!verdict.ok() && record.emitter().empty()) verdicts_.emplace_back(current_offset_, verdict);
  return absl::OkStatus();
}

template <typename Fold>
absl::Status PartitionState::Attempt(const Fold& fold) {
  writes_.Mark();
  staged_.clear();
  emission_error_ = absl::OkStatus();
  store_error_ = absl::OkStatus();
  absl::Status verdict = fold();
  verdict.Update(emission_error_);
  if (verdict.ok() && store_error_.ok()) {
    KeepEmissions();
  } else {
    writes_.RollBack();
    staged_.clear();
    timer_floor_exact_ = false;
  }
  return verdict;
}

// ---- Records that cannot be applied

void PartitionState::Park(const LogRecord& record, const absl::Status& verdict) {
  ParkedEntry parked{CustomerId(record.party()), std::string(verdict.message())};
  writes_.Put(Key(Table::kParked, KeyBuilder().I64(current_offset_).view()), EncodeParked(parked));
  // A notice about a notice that cannot be applied would never end.
  if (!IsControl(record)) {
    LogRecord notice;
    notice.set_party(record.party());
    notice.mutable_record_skipped()->set_service(name_);
    notice.mutable_record_skipped()->set_offset(current_offset_);
    notice.mutable_record_skipped()->set_reason(parked.reason);
    Stage(place_.partition, std::move(notice));
    KeepEmissions();
  }
  parked_[current_offset_] = std::move(parked);
}

absl::Status PartitionState::RetryParked(const LogRecord& settled) {
  if (settled.parked_settled().service() != name_) return absl::OkStatus();
  const int64_t settled_offset = current_offset_;
  for (auto parked = parked_.begin(); parked != parked_.end();) {
    if (parked->second.customer.value() != settled.party()) {
      ++parked;
      continue;
    }
    if (!settled.parked_settled().dropped()) {
      RONDO_ASSIGN_OR_RETURN(const RecordBlock block,
                             place_.log->Read(place_.partition, parked->first));
      if (block.records.empty()) return absl::DataLossError("a parked record is not in the log");
      retried_.push_back(block);
      current_offset_ = parked->first;
      const absl::Status verdict =
          Attempt([&] { return place_.projection->Apply(*block.records.front(), *this); });
      current_offset_ = settled_offset;
      if (!store_error_.ok()) return std::exchange(store_error_, absl::OkStatus());
      if (CannotBeApplied(verdict)) {
        ++parked;
        continue;
      }
    }
    writes_.Delete(Key(Table::kParked, KeyBuilder().I64(parked->first).view()));
    parked = parked_.erase(parked);
  }
  return absl::OkStatus();
}

// ---- Requests

absl::StatusOr<std::optional<absl::Status>> PartitionState::FirstVerdict(
    const LogRecord& record) const {
  RONDO_ASSIGN_OR_RETURN(const auto stored, writes_.Get(Key(Table::kRequest, record.request_id())));
  if (!stored.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(const RequestVerdict verdict, DecodeVerdict(*stored));
  const int64_t age_micros = progress_.partition_time_micros - verdict.time_micros;
  if (age_micros > absl::ToInt64Microseconds(kRequestIdsKept)) return std::nullopt;
  // Wrapped: a plain Status would be taken for this function's failure.
  return std::optional<absl::Status>(verdict.verdict);
}

void PartitionState::RememberRequest(const LogRecord& record, const absl::Status& verdict) {
  if (record.request_id().empty()) return;
  const int64_t now = progress_.partition_time_micros;
  writes_.Put(Key(Table::kRequest, record.request_id()), EncodeVerdict({now, verdict}));
  writes_.Put(Key(Table::kRequestByTime, KeyBuilder().I64(now).Raw(record.request_id()).view()),
              "");
  oldest_request_micros_ = std::min(oldest_request_micros_, now);
}

absl::Status PartitionState::ForgetOldRequests() {
  const int64_t until =
      progress_.partition_time_micros - absl::ToInt64Microseconds(kRequestIdsKept);
  if (oldest_request_micros_ >= until) return absl::OkStatus();
  const std::string prefix = TablePrefix(place_.partition, Table::kRequestByTime);
  std::vector<std::string> old;
  oldest_request_micros_ = kNever;
  const auto cursor = writes_.Scan(storage::PrefixRange(prefix));
  for (; cursor->Valid(); cursor->Next()) {
    const std::string_view rest = cursor->key().substr(prefix.size());
    const int64_t time = KeyParser(rest).I64();
    if (time >= until || old.size() >= kRequestsForgottenAtOnce) {
      oldest_request_micros_ = time;
      break;
    }
    old.emplace_back(rest);
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  for (const std::string& rest : old) {
    KeyParser parser(rest);
    const int64_t time = parser.I64();
    const std::string id(parser.Rest());
    writes_.Delete(Key(Table::kRequestByTime, rest));
    // The id may have been used again since: then its verdict is younger than this entry.
    RONDO_ASSIGN_OR_RETURN(const auto stored, writes_.Get(Key(Table::kRequest, id)));
    if (!stored.has_value()) continue;
    RONDO_ASSIGN_OR_RETURN(const RequestVerdict verdict, DecodeVerdict(*stored));
    if (verdict.time_micros <= time) writes_.Delete(Key(Table::kRequest, id));
  }
  return absl::OkStatus();
}

// ---- Timers

absl::StatusOr<bool> PartitionState::FireTimers(size_t timers_max) {
  // What is due beyond the limit of emissions fires before the next record, on every replay alike.
  while (timer_floor_micros_ <= progress_.partition_time_micros &&
         progress_.emitted < kEmissionsPerRecordMax) {
    RONDO_ASSIGN_OR_RETURN(const std::vector<Timer> due,
                           TimersUntil(progress_.partition_time_micros, kTimersReadAtOnce));
    if (due.empty()) return true;
    due_timers_changed_ = false;
    for (const Timer& timer : due) {
      if (timers_fired_ >= timers_max) return false;
      ++timers_fired_;
      RONDO_RETURN_IF_ERROR(Fire(timer));
      if (due_timers_changed_ || progress_.emitted >= kEmissionsPerRecordMax) break;
    }
  }
  return true;
}

absl::Status PartitionState::Fire(const Timer& timer) {
  const std::string rest = TimerRest(timer.due_micros, timer.key);
  writes_.Delete(Key(Table::kTimer, rest));
  timer_floor_exact_ = false;
  timer_from_ = rest + '\0';
  firing_ = rest;
  const absl::Status verdict = Attempt([&] {
    return place_.projection->OnTimer(FromMicros(timer.due_micros), timer.key, timer.payload,
                                      *this);
  });
  firing_.clear();
  if (!store_error_.ok()) {
    writes_.Put(Key(Table::kTimer, rest), timer.payload);
    timer_from_ = std::min(timer_from_, rest);
    return std::exchange(store_error_, absl::OkStatus());
  }
  if (CannotBeApplied(verdict)) {
    LogRecord notice;
    notice.mutable_record_skipped()->set_service(name_);
    notice.mutable_record_skipped()->set_offset(current_offset_);
    notice.mutable_record_skipped()->set_reason("a timer: " + std::string(verdict.message()));
    Stage(place_.partition, std::move(notice));
    KeepEmissions();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PartitionState::Timer>> PartitionState::TimersUntil(int64_t until_micros,
                                                                               size_t limit) {
  const std::string prefix = TablePrefix(place_.partition, Table::kTimer);
  std::vector<Timer> timers;
  int64_t first = kNever;
  // Not from the table's start: each timer that fired has left a deletion there.
  const auto cursor = writes_.Scan({prefix + timer_from_, storage::PrefixRange(prefix).end});
  std::string from =
      cursor->Valid() ? std::string(cursor->key().substr(prefix.size())) : TimerRest(kNever, "");
  for (; cursor->Valid() && timers.size() < limit; cursor->Next()) {
    KeyParser parser(cursor->key().substr(prefix.size()));
    Timer timer{.due_micros = parser.I64(), .key = {}, .payload = {}};
    first = std::min(first, timer.due_micros);
    if (timer.due_micros > until_micros) break;
    timer.key = parser.Rest();
    timer.payload = cursor->value();
    timers.push_back(std::move(timer));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  timer_from_ = std::move(from);
  timer_floor_micros_ = first;
  timer_floor_exact_ = true;
  return timers;
}

absl::StatusOr<int64_t> PartitionState::NextTimer() {
  if (!timer_floor_exact_) RONDO_RETURN_IF_ERROR(TimersUntil(kNever, 1).status());
  earliest_timer_micros_.store(timer_floor_micros_);
  return timer_floor_micros_;
}

void PartitionState::SetTimer(absl::Time due, std::string_view key, std::string_view payload) {
  const int64_t due_micros = ToMicros(due);
  const std::string rest = TimerRest(due_micros, key);
  writes_.Put(Key(Table::kTimer, rest), payload);
  timer_from_ = std::min(timer_from_, rest);
  if (rest == firing_) firing_.clear();  // It is set again.
  timer_floor_micros_ = std::min(timer_floor_micros_, due_micros);
  if (due_micros <= progress_.partition_time_micros) due_timers_changed_ = true;
}

void PartitionState::CancelTimer(absl::Time due, std::string_view key) {
  const int64_t due_micros = ToMicros(due);
  const std::string rest = TimerRest(due_micros, key);
  if (rest == firing_) return;  // It is gone already.
  writes_.Delete(Key(Table::kTimer, rest));
  if (due_micros <= timer_floor_micros_) timer_floor_exact_ = false;
  if (due_micros <= progress_.partition_time_micros) due_timers_changed_ = true;
}

// ---- State

absl::Time PartitionState::partition_time() const {
  return FromMicros(progress_.partition_time_micros);
}

absl::StatusOr<std::optional<std::string>> PartitionState::Get(std::string_view key) const {
  auto value = writes_.Get(Key(Table::kState, key));
  store_error_.Update(value.status());
  return value;
}

std::unique_ptr<storage::Cursor> PartitionState::Scan(const KeyRange& range) const {
  return WithoutPrefix(writes_.Scan(Prefixed(state_prefix_, range)), state_prefix_.size(),
                       &store_error_);
}

void PartitionState::Put(std::string_view key, std::string_view value) {
  writes_.Put(Key(Table::kState, key), value);
}

void PartitionState::Delete(std::string_view key) { writes_.Delete(Key(Table::kState, key)); }

// ---- Emissions

void PartitionState::Emit(LogRecord record) {
  const int target = record.party() == 0
                         ? place_.partition
                         : PartitionOf(CustomerId(record.party()), partition_count());
  Stage(target, std::move(record));
}

void PartitionState::EmitTo(int partition, LogRecord record) {
  Stage(partition, std::move(record));
}

void PartitionState::Stage(int target, LogRecord record) {
  if (target < 0 || target >= partition_count()) {
    emission_error_.Update(absl::InternalError("an emission names a partition that is not there"));
    return;
  }
  if (record.ByteSizeLong() + kEnvelopeBytesMax > kMaxRecordBytes) {
    emission_error_.Update(absl::InternalError("an emission is larger than a record may be"));
    return;
  }
  if (progress_.emitted + staged_.size() >= kIndexMax) {
    emission_error_.Update(absl::InternalError("one record emits more than it may"));
    return;
  }
  record.set_emitter(emitter_);
  record.set_cause(current_cause_.data(), current_cause_.size());
  if (record.source().empty()) record.set_source(name_);
  if (record.event_time_micros() == 0) {
    record.set_event_time_micros(progress_.partition_time_micros);
  }
  staged_.emplace_back(target, std::move(record));
}

void PartitionState::KeepEmissions() {
  for (auto& [target, record] : staged_) {
    const uint64_t sequence =
        (static_cast<uint64_t>(progress_.next_offset + 1) << kIndexBits) | progress_.emitted++;
    record.set_sequence(sequence);
    record.set_id(KeyBuilder().U64(Fnv1a(emitter_)).U64(sequence).view());
    outbox_[target].entries.push_back({sequence, std::move(record), false});
    ++waiting_;
  }
  staged_.clear();
}

void PartitionState::ClearOutbox(int target, uint64_t sequence) {
  const auto found = outbox_.find(target);
  if (found == outbox_.end()) return;
  OutboxTarget& outbox = found->second;
  while (!outbox.entries.empty() && outbox.entries.front().sequence <= sequence) {
    if (outbox.entries.front().stored) {
      writes_.Delete(Key(Table::kOutbox, OutboxRest(target, outbox.entries.front().sequence)));
    }
    outbox.entries.pop_front();
    --waiting_;
  }
}

// ---- Committing

bool PartitionState::HasChanges() const {
  if (!writes_.empty()) return true;
  return std::any_of(outbox_.begin(), outbox_.end(), [](const auto& target) {
    return !target.second.entries.empty() && !target.second.entries.back().stored;
  });
}

absl::Status PartitionState::Commit() {
  if (!uncommitted_) return absl::OkStatus();
  if (!pending_.has_value()) {
    RONDO_RETURN_IF_ERROR(ForgetOldRequests());
    if (!HasChanges() && progress_.next_offset - stored_offset_ < kUnstoredRecordsMax) {
      uncommitted_ = false;
      Publish();
      return absl::OkStatus();
    }
  }
  return Store();
}

absl::Status PartitionState::StoreOffset() {
  if (!pending_.has_value() && progress_.next_offset == stored_offset_) return absl::OkStatus();
  return Store();
}

absl::Status PartitionState::Store() {
  if (!pending_.has_value()) {
    WriteChanges();
    pending_ = writes_.TakeBatch();
  }
  RONDO_RETURN_IF_ERROR(place_.store->Write(*pending_, storage::Sync::kNo));
  pending_.reset();
  uncommitted_ = false;
  timers_fired_ = 0;
  stored_offset_ = progress_.next_offset;
  Publish();
  return absl::OkStatus();
}

void PartitionState::WriteChanges() {
  writes_.Put(Key(Table::kProgress, ""), EncodeProgress(progress_));
  for (const std::string& emitter : seen_changed_) {
    writes_.Put(Key(Table::kSeen, emitter), EncodeSequence(seen_[emitter]));
  }
  seen_changed_.clear();
  for (auto& [target, outbox] : outbox_) {
    // Entries are stored in order: the first from the back that is stored ends the new ones.
    for (auto entry = outbox.entries.rbegin(); entry != outbox.entries.rend() && !entry->stored;
         ++entry) {
      writes_.Put(Key(Table::kOutbox, OutboxRest(target, entry->sequence)),
                  entry->record.SerializeAsString());
      entry->stored = true;
    }
  }
}

// The offset of the first record whose emissions wait, or the next to be read.
int64_t PartitionState::OldestUnsettled() const {
  int64_t oldest = progress_.next_offset;
  for (const auto& [target, outbox] : outbox_) {
    if (outbox.entries.empty()) continue;
    const uint64_t cause = outbox.entries.front().sequence >> kIndexBits;
    oldest = std::min(oldest, static_cast<int64_t>(cause) - 1);
  }
  return oldest;
}

void PartitionState::Publish() {
  {
    const std::lock_guard lock(published_mutex_);
    for (auto& verdict : verdicts_) kept_verdicts_.push_back(std::move(verdict));
    verdicts_.clear();
    while (kept_verdicts_.size() > kVerdictsKeptMax) {
      verdicts_forgotten_to_ = kept_verdicts_.front().first + 1;
      kept_verdicts_.pop_front();
    }
    if (published_parked_.size() != parked_.size() || !parked_.empty()) published_parked_ = parked_;
  }
  emissions_waiting_.store(waiting_, std::memory_order_release);
  settled_.store(OldestUnsettled(), std::memory_order_release);
  earliest_timer_micros_.store(timer_floor_micros_);
  applied_.store(progress_.next_offset, std::memory_order_release);
}

absl::Status PartitionState::VerdictOf(int64_t offset) const {
  const std::lock_guard lock(published_mutex_);
  const auto kept =
      std::lower_bound(kept_verdicts_.begin(), kept_verdicts_.end(), offset,
                       [](const auto& verdict, int64_t wanted) { return verdict.first < wanted; });
  if (kept != kept_verdicts_.end() && kept->first == offset) return kept->second;
  if (offset < verdicts_forgotten_to_) {
    return absl::UnavailableError("the verdict was forgotten; repeat with the same request id");
  }
  return absl::OkStatus();
}

std::vector<std::pair<int64_t, ParkedEntry>> PartitionState::ListParked() const {
  const std::lock_guard lock(published_mutex_);
  return {published_parked_.begin(), published_parked_.end()};
}

}  // namespace rondo::eventlog
