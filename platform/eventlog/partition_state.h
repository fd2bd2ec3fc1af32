// One service's state of one partition: reads records in order, folds each by the service's
// projection and commits writes, emissions, timers, verdicts and offset together.
//
// Invariants: between two commits nothing is visible outside; a record's verdict other than OK
// leaves no trace but the verdict (and, if it could not be applied, the parked customer); equal
// records give equal stores. Internal to the runtime (lane.h drives it).
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/eventlog/bookkeeping.h"
#include "platform/eventlog/prefix_reader.h"
#include "platform/eventlog/projection.h"
#include "platform/storage/store.h"
#include "platform/storage/transaction.h"

namespace rondo::eventlog {

// Limits. Verdicts of older refused records than these are forgotten (a request id still knows).
inline constexpr size_t kVerdictsKeptMax = 16'384;
inline constexpr uint32_t kEmissionsPerRecordMax = 1u << 23;
inline constexpr absl::Duration kRequestIdsKept = absl::Hours(24);
inline constexpr int64_t kUnstoredRecordsMax = 4'096;

// What a projection emitted and nobody has read back yet, by target partition and in order of
// sequence. Kept by the lane's thread alone.
struct OutboxTarget {
  struct Entry {
    uint64_t sequence = 0;
    LogRecord record;
    bool stored = false;
  };
  std::deque<Entry> entries;
  uint64_t appended = 0;  // All up to here are in the target's log, as far as this process knows.
  uint64_t handed_over = 0;  // As far as the own partition was told.
};

// Used by one lane at a time; what is said to be thread-safe may be called from anywhere.
class PartitionState final : private ApplyContext {
 public:
  struct Place {
    Projection* projection = nullptr;
    storage::Store* store = nullptr;
    const EventLog* log = nullptr;
    int partition = 0;
  };

  // With what `place.store` holds of the partition. DATA_LOSS if that does not decode.
  static absl::StatusOr<std::unique_ptr<PartitionState>> Load(const Place& place);

  // Next offset to read; ahead of applied() while a commit is pending.
  int64_t next_offset() const { return progress_.next_offset; }
  int64_t newest_epoch() const { return progress_.epoch; }
  Projection& projection() const { return *place_.projection; }

  // Folds `record`, found at next_offset(). False if so many timers came due that they need a
  // commit of their own first: commit and read the same record again. An error is the store's (or
  // the log's): nothing of this record was folded; commit what was before and try again.
  absl::StatusOr<bool> Read(const LogRecord& record, size_t timers_max);

  // Writes all that was read since the last commit. Where records changed nothing their offset is
  // not worth a write: it is stored with the next one, or after kUnstoredRecordsMax records; a
  // process that dies before reads them again, to the same effect, none. On an error nothing is
  // lost: call it again before the next Read.
  absl::Status Commit();
  // Stores the offset also where nothing else changed: before a stop in good order.
  absl::Status StoreOffset();
  bool commit_pending() const { return uncommitted_; }

  // Emissions for the lane to append. Empty targets may remain.
  std::map<int, OutboxTarget>& outbox() { return outbox_; }

  // When the earliest timer is due, in microseconds; kNever if there is none.
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  absl::StatusOr<int64_t> NextTimer();

  // Thread-safe: as of the last commit.
  int64_t applied() const { return applied_.load(std::memory_order_acquire); }
  int64_t emissions_waiting() const { return emissions_waiting_.load(std::memory_order_acquire); }
  // What the records before this offset emitted was read back from where it went.
  int64_t settled() const { return settled_.load(std::memory_order_acquire); }
  // Never later than the earliest timer; exact once NextTimer was called.
  int64_t earliest_timer_micros() const { return earliest_timer_micros_.load(); }
  // The verdict on an applied record. UNAVAILABLE if it is so old that it was forgotten.
  absl::Status VerdictOf(int64_t offset) const;
  std::vector<std::pair<int64_t, ParkedEntry>> ListParked() const;

 private:
  struct Timer {
    int64_t due_micros = 0;
    std::string key;
    std::string payload;
  };

  explicit PartitionState(const Place& place);

  absl::Status LoadProgress();
  absl::Status LoadTable(
      Table table, const std::function<absl::Status(std::string_view, std::string_view)>& row);
  bool HasChanges() const;
  void WriteChanges();
  int64_t OldestUnsettled() const;
  absl::Status Store();
  void Publish();

  // ApplyContext.
  int partition() const override { return place_.partition; }
  int partition_count() const override { return place_.log->partition_count(); }
  absl::Time partition_time() const override;
  int64_t epoch() const override { return progress_.epoch; }
  int64_t offset() const override { return current_offset_; }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<storage::Cursor> Scan(const storage::KeyRange& range) const override;
  void Put(std::string_view key, std::string_view value) override;
  void Delete(std::string_view key) override;
  void Emit(LogRecord record) override;
  void EmitTo(int partition, LogRecord record) override;
  void SetTimer(absl::Time due, std::string_view key, std::string_view payload) override;
  void CancelTimer(absl::Time due, std::string_view key) override;

  // Runs `fold`, and keeps what it did only if it is OK.
  template <typename Fold>
  absl::Status Attempt(const Fold& fold);
  absl::StatusOr<bool> FireTimers(size_t timers_max);
  absl::Status Fire(const Timer& timer);
  // The earliest timers due by `until`, at most `limit`; moves the floor up to the first of all.
  absl::StatusOr<std::vector<Timer>> TimersUntil(int64_t until_micros, size_t limit);
  void ReadControl(const LogRecord& record);
  absl::Status RetryParked(const LogRecord& settled);
  absl::Status ReadBody(const LogRecord& record);
  void Judge(const LogRecord& record, const absl::Status& verdict);
  void Park(const LogRecord& record, const absl::Status& verdict);
  bool IsRepeat(const LogRecord& record) const;
  void MarkSeen(const LogRecord& record);
  // Of a record with a request id; nullopt if that is new.
  absl::StatusOr<std::optional<absl::Status>> FirstVerdict(const LogRecord& record) const;
  void RememberRequest(const LogRecord& record, const absl::Status& verdict);
  absl::Status ForgetOldRequests();
  void KeepEmissions();
  void Stage(int target, LogRecord record);
  void ClearOutbox(int target, uint64_t sequence);
  std::string& Key(Table table, std::string_view rest) const;

  const Place place_;
  const std::string name_;     // The service's.
  const std::string emitter_;  // `campaign/3`.
  const std::string state_prefix_;

  Progress progress_;
  storage::Transaction writes_;
  std::optional<storage::Batch> pending_;  // Built, not yet written.
  std::vector<RecordBlock> retried_;       // Kept until what was parked in them is committed.
  bool uncommitted_ = false;               // Something was read since the last commit.
  int64_t stored_offset_ = 0;              // Next offset as the store knows it.
  absl::flat_hash_map<std::string, uint64_t> seen_;
  std::vector<std::string> seen_changed_;
  std::map<int, OutboxTarget> outbox_;
  int64_t waiting_ = 0;  // Entries in outbox_.
  std::map<int64_t, ParkedEntry> parked_;
  std::vector<std::pair<int64_t, absl::Status>> verdicts_;

  // Of the record being folded.
  int64_t current_offset_ = 0;
  std::string_view current_cause_;  // Its id.
  std::vector<std::pair<int, LogRecord>> staged_;
  absl::Status emission_error_;
  mutable absl::Status store_error_;
  mutable std::string key_;  // Scratch.

  std::string timer_from_;  // No timer lies before this, of all after their table's prefix.
  std::string firing_;      // Key of the timer that fires now; it was deleted before.
  // No timer is due before this; one may be cancelled.
  int64_t timer_floor_micros_ = std::numeric_limits<int64_t>::min();
  bool timer_floor_exact_ = false;
  bool due_timers_changed_ = false;
  size_t timers_fired_ = 0;                                              // Since the last commit.
  int64_t oldest_request_micros_ = std::numeric_limits<int64_t>::min();  // None is older.

  std::atomic<int64_t> applied_ = 0;
  std::atomic<int64_t> emissions_waiting_ = 0;
  std::atomic<int64_t> settled_ = 0;
  std::atomic<int64_t> earliest_timer_micros_ = std::numeric_limits<int64_t>::min();
  mutable std::mutex published_mutex_;
  std::deque<std::pair<int64_t, absl::Status>> kept_verdicts_;
  int64_t verdicts_forgotten_to_ = 0;  // Of offsets below this a missing verdict may be not OK.
  std::map<int64_t, ParkedEntry> published_parked_;
};

}  // namespace rondo::eventlog
