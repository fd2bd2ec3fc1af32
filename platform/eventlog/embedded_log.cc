#include "platform/eventlog/embedded_log.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo::eventlog {
namespace {

// Tells what to do about damage. The log's folder stands in the data folder that commands name.
absl::Status WithWayOut(const absl::Status& status, const std::string& folder) {
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  const std::string data = std::filesystem::path(folder).parent_path().string();
  return absl::DataLossError(absl::StrFormat(
      "%s. Restore %s from a backup; or see what is left by `rondo log verify --data %s` and give "
      "up the rest by `rondo log repair --data %s --yes`",
      std::string(status.message()), folder, data, data));
}

// Makes the folder if there is no log.
absl::Status Prepare(const LogFolder& folder, int partition_count) {
  const auto stored = ReadFormat(folder);
  if (absl::IsNotFound(stored.status())) return CreateLogFolder(folder, partition_count);
  RONDO_RETURN_IF_ERROR(stored.status());
  if (*stored != partition_count) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "log: %s has %d partitions, not %d: the number changes only by rewriting the log; set it "
        "to %d",
        folder.path, *stored, partition_count, *stored));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tail>> ReadTails(const storage::Reader& database,
                                            const std::vector<Tail>& binding) {
  std::vector<Tail> tails;
  for (size_t i = 0; i < binding.size(); ++i) {
    const int partition = static_cast<int>(i);
    RONDO_ASSIGN_OR_RETURN(const Tail tail, ReadTail(database, partition));
    RONDO_RETURN_IF_ERROR(CheckAcknowledged(database, partition, tail, binding[i]));
    tails.push_back(tail);
  }
  return tails;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedLog>> EmbeddedLog::Open(const EmbeddedLogOptions& options,
                                                               const Clock& clock,
                                                               Executor& executor) {
  RONDO_CHECK(options.partition_count >= 1 && options.partition_count <= kSlotCount);
  const LogFolder folder{options.folder};
  RONDO_RETURN_IF_ERROR(Prepare(folder, options.partition_count));
  storage::RocksDbOptions database;
  database.folder = folder.Database();
  database.compress = false;
  database.memory = options.memory;
  auto store = storage::OpenRocksDbStore(database);
  if (!store.ok()) return WithWayOut(store.status(), options.folder);
  auto mark = HighWaterMark::Open(folder.HighWaterFile(), options.partition_count);
  if (!mark.ok()) return WithWayOut(mark.status(), options.folder);
  auto tails = ReadTails(**store, Binding((*mark)->marks()));
  if (!tails.ok()) return WithWayOut(tails.status(), options.folder);
  // What was recovered is now in tables: it is synced, and binding from here on.
  RONDO_RETURN_IF_ERROR((*mark)->Write({CurrentBootId(), *tails, *tails}));
  RONDO_RETURN_IF_ERROR((*mark)->Sync());
  RONDO_RETURN_IF_ERROR(SyncFolder(options.folder));
  std::unique_ptr<EmbeddedLog> log(new EmbeddedLog(options, clock, executor, *std::move(store),
                                                   *std::move(mark), *std::move(tails)));
  return log;
}

EmbeddedLog::EmbeddedLog(EmbeddedLogOptions options, const Clock& clock, Executor& executor,
                         std::unique_ptr<storage::Store> store, std::unique_ptr<HighWaterMark> mark,
                         std::vector<Tail> tails)
    : options_(std::move(options)),
      clock_(clock),
      store_(std::move(store)),
      cache_(options_.partition_count, options_.cache_bytes,
             [this](int partition, int64_t offset, int64_t end) {
               return ReadBlocks(*store_, partition, offset, end);
             }),
      tails_(std::move(tails)),
      boot_id_(CurrentBootId()),
      mark_(std::move(mark)),
      lifeline_(std::make_shared<Lifeline>()) {
  lifeline_->log = this;
  SyncPeriodically(lifeline_, executor, clock, options_.sync_interval);
}

EmbeddedLog::~EmbeddedLog() {
  {
    const std::lock_guard lock(lifeline_->mutex);
    lifeline_->log = nullptr;
  }
  if (Sync().ok()) mark_->Sync().IgnoreError();
}

absl::StatusOr<int64_t> EmbeddedLog::Append(int partition, absl::Span<LogRecord> records,
                                            Durability durability) {
  for (LogRecord& record : records) record.clear_append_time_micros();
  RONDO_RETURN_IF_ERROR(CheckAppend(partition, partition_count(), records));
  Request request;
  request.partition = partition;
  request.records = records;
  request.durability = durability;
  for (const LogRecord& record : records) {
    AppendFrame(record, request.frames);
    request.frame_ends.push_back(request.frames.size());
  }
  Submit(request);
  RONDO_RETURN_IF_ERROR(request.status);
  Stamp(partition, request.first, request.append_time_micros, records);
  return request.first;
}

absl::StatusOr<RecordBlock> EmbeddedLog::Read(int partition, int64_t offset) const {
  RONDO_ASSIGN_OR_RETURN(const int64_t end, End(partition));
  if (offset < 0 || offset > end) {
    return absl::OutOfRangeError(absl::StrFormat(
        "log: partition %d ends at offset %d; there is no %d", partition, end, offset));
  }
  if (offset == end) return RecordBlock{offset, nullptr, {}};
  auto block = cache_.Read(partition, offset, end);
  if (!block.ok()) return WithWayOut(block.status(), options_.folder);
  return block;
}

absl::StatusOr<int64_t> EmbeddedLog::End(int partition) const {
  const std::lock_guard lock(mutex_);
  if (partition < 0 || partition >= partition_count()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("log: partition %d is not in [0, %d)", partition, partition_count()));
  }
  return tails_[static_cast<size_t>(partition)].end;
}

absl::Status EmbeddedLog::Sync() {
  Request request;
  request.durability = Durability::kSynced;
  Submit(request);
  return request.status;
}

void EmbeddedLog::SetListener(std::function<void(int partition)> on_append) {
  const std::lock_guard lock(listener_mutex_);
  on_append_ = std::move(on_append);
}

int64_t EmbeddedLog::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

void EmbeddedLog::Submit(Request& request) {
  std::unique_lock lock(mutex_);
  queue_.push_back(&request);
  changed_.wait(lock, [&] { return request.done || !committing_; });
  if (request.done) return;
  committing_ = true;
  while (!request.done) {
    const std::vector<Request*> group = TakeGroup();
    lock.unlock();
    Commit(group);
    Announce(group);
    lock.lock();
    for (Request* committed : group) committed->done = true;
    changed_.notify_all();
  }
  committing_ = false;
  changed_.notify_all();
}

std::vector<EmbeddedLog::Request*> EmbeddedLog::TakeGroup() {
  std::vector<Request*> group;
  size_t bytes = 0;
  while (!queue_.empty() &&
         (group.empty() || bytes + queue_.front()->frames.size() <= kCommitBytes)) {
    bytes += queue_.front()->frames.size();
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  return group;
}

void EmbeddedLog::Commit(const std::vector<Request*>& group) {
  std::map<int, std::vector<Request*>> by_partition;
  Durability durability = Durability::kWritten;
  for (Request* request : group) {
    if (request->durability == Durability::kSynced) durability = Durability::kSynced;
    if (!request->records.empty()) by_partition[request->partition].push_back(request);
  }
  storage::Batch batch;
  std::vector<Tail> tails = tails_;  // Changed by whoever commits only.
  for (const auto& [partition, requests] : by_partition) {
    Tail& tail = tails[static_cast<size_t>(partition)];
    AddBlocks(partition, requests, tail, batch);
    batch.Put(TailKey(partition), EncodeTail(tail));
  }
  const absl::Status status = CommitBatch(batch, tails, durability);
  for (Request* request : group) request->status = status;
  if (!status.ok()) return;
  const std::lock_guard lock(mutex_);
  tails_ = std::move(tails);
  if (!batch.empty()) ++commits_;
}

absl::Status EmbeddedLog::CommitBatch(const storage::Batch& batch, const std::vector<Tail>& tails,
                                      Durability durability) {
  RONDO_RETURN_IF_ERROR(failed_);
  const bool sync = durability == Durability::kSynced;
  absl::Status status = batch.empty()
                            ? store_->Flush()
                            : store_->Write(batch, sync ? storage::Sync::kYes : storage::Sync::kNo);
  if (absl::IsResourceExhausted(status)) return status;
  if (status.ok()) {
    // A sync covers all that was written before, in every partition.
    status = mark_->Write({boot_id_, tails, sync ? tails : mark_->marks().synced});
  }
  if (!status.ok()) {
    failed_ = absl::UnavailableError(absl::StrFormat(
        "log: %s: takes no more records after an error (%s): restart once its cause is removed",
        options_.folder, std::string(status.message())));
  }
  return failed_;
}

void EmbeddedLog::AddBlocks(int partition, absl::Span<Request* const> requests, Tail& tail,
                            storage::Batch& batch) const {
  BlockHeader header;
  header.append_time_micros = std::max(tail.last_append_micros, ToMicros(clock_.Now()));
  tail.last_append_micros = header.append_time_micros;
  std::string frames;
  const auto finish_block = [&] {
    if (header.count == 0) return;
    header.first = tail.end;
    header.chain_before = tail.chain;
    const std::string block = EncodeBlock(header, options_.codec, frames);
    tail.end = header.end();
    tail.chain = ChainOf(block);
    batch.Put(BlockKey(partition, tail.end - 1), block);
    header.count = 0;
    frames.clear();
  };
  for (Request* request : requests) {
    request->first = tail.end + header.count;
    request->append_time_micros = header.append_time_micros;
    size_t begin = 0;
    for (const size_t end : request->frame_ends) {
      if (frames.size() + (end - begin) > kBlockRawBytes || header.count == kBlockRecords) {
        finish_block();
      }
      frames.append(request->frames, begin, end - begin);
      ++header.count;
      begin = end;
    }
  }
  finish_block();
}

void EmbeddedLog::Announce(const std::vector<Request*>& group) {
  std::set<int> partitions;
  for (const Request* request : group) {
    if (request->status.ok() && !request->records.empty()) partitions.insert(request->partition);
  }
  const std::lock_guard lock(listener_mutex_);
  if (!on_append_) return;
  for (const int partition : partitions) on_append_(partition);
}

void EmbeddedLog::SyncPeriodically(const std::shared_ptr<Lifeline>& lifeline, Executor& executor,
                                   const Clock& clock, absl::Duration interval) {
  executor.PostAt(clock.Now() + interval, [lifeline, &executor, &clock, interval] {
    {
      const std::lock_guard lock(lifeline->mutex);
      EmbeddedLog* const log = lifeline->log;
      if (log == nullptr) return;
      // A full disk or an I/O error is told to the next appender.
      const int64_t commits = log->commits();
      if (commits != lifeline->synced_commits && log->Sync().ok() && log->mark_->Sync().ok()) {
        lifeline->synced_commits = commits;
      }
    }
    SyncPeriodically(lifeline, executor, clock, interval);
  });
}

}  // namespace rondo::eventlog
