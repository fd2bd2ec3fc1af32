#include "platform/eventlog/kafka_log.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/log_block.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

constexpr size_t kErrorBytes = 512;
constexpr absl::Duration kRetryInterval = absl::Milliseconds(50);

int Millis(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

int64_t SteadyNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::Status Failed(const std::string& what, rd_kafka_resp_err_t error) {
  return absl::UnavailableError(
      absl::StrFormat("log: kafka: %s: %s", what, rd_kafka_err2str(error)));
}

absl::Status Configure(rd_kafka_conf_t* conf,
                       std::initializer_list<std::pair<const char*, std::string>> settings) {
  char error[kErrorBytes];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof(error)) != RD_KAFKA_CONF_OK) {
      return absl::InternalError(absl::StrFormat("log: kafka: %s: %s", name, error));
    }
  }
  return absl::OkStatus();
}

// A message's payload: CRC-32C, record.
std::string Encode(const LogRecord& record) {
  const std::string bytes = record.SerializeAsString();
  return storage::KeyBuilder().U32(Crc32c(bytes)).Raw(bytes).Build();
}

bool DecodeInto(std::string_view payload, LogRecord& record) {
  storage::KeyParser parser(payload);
  const uint32_t crc = parser.U32();
  const std::string_view bytes = parser.Rest();
  return parser.ok() && Crc32c(bytes) == crc &&
         record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// Appends what `message` holds to `block`.
absl::Status AddRecord(int partition, const rd_kafka_message_t& message, RecordBlock& block) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed("read", message.err);
  auto* record = google::protobuf::Arena::CreateMessage<LogRecord>(block.arena.get());
  if (message.offset != block.end()) {
    return absl::DataLossError(absl::StrFormat(
        "log: partition %d, offset %d: the record is missing", partition, block.end()));
  }
  if (!DecodeInto({static_cast<const char*>(message.payload), message.len}, *record)) {
    return absl::DataLossError(absl::StrFormat(
        "log: partition %d, offset %d: the record is damaged", partition, block.end()));
  }
  block.records.push_back(record);
  return absl::OkStatus();
}

// What the mark remembers of the record before `tail.end`: a chain over one record.
Tail TailAfter(int64_t offset, const LogRecord& record) {
  return {.end = offset + 1,
          .chain = ChainOf(Encode(record)),
          .last_append_micros = record.append_time_micros()};
}

}  // namespace

// An append on its way: shared with its delivery reports, which may come after the appender left.
struct KafkaLog::Pending {
  KafkaLog* log = nullptr;
  int partition = 0;
  size_t wanted = 0;
  LogRecord last;
  std::mutex mutex;
  std::condition_variable changed;
  size_t reported = 0;
  int64_t first = -1;
  int64_t newest = -1;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  bool done() const { return reported == wanted; }
};

KafkaLog::KafkaLog(KafkaLogOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      partitions_(static_cast<size_t>(options_.partition_count)),
      cache_(options_.partition_count, options_.cache_bytes,
             [this](int partition, int64_t offset, int64_t end) {
               return Fetch(partition, offset, end);
             }) {}

absl::StatusOr<std::unique_ptr<KafkaLog>> KafkaLog::Open(const KafkaLogOptions& options,
                                                         const Clock& clock) {
  RONDO_CHECK(options.partition_count >= 1 && options.partition_count <= kSlotCount);
  std::unique_ptr<KafkaLog> log(new KafkaLog(options, clock));
  RONDO_RETURN_IF_ERROR(log->Connect());
  RONDO_RETURN_IF_ERROR(log->PrepareTopic());
  // Not before: a producer's question for a topic makes the broker create it, with its defaults.
  log->produced_ = rd_kafka_topic_new(log->producer_, options.topic.c_str(), nullptr);
  RONDO_RETURN_IF_ERROR(log->CheckMark());
  return log;
}

KafkaLog::~KafkaLog() {
  if (producer_ != nullptr) rd_kafka_flush(producer_, Millis(options_.request_timeout));
  for (size_t i = 0; i < partitions_.size() && consumed_ != nullptr; ++i) {
    if (partitions_[i].reading_at >= 0) rd_kafka_consume_stop(consumed_, static_cast<int32_t>(i));
  }
  if (produced_ != nullptr) rd_kafka_topic_destroy(produced_);
  if (consumed_ != nullptr) rd_kafka_topic_destroy(consumed_);
  if (producer_ != nullptr) {
    // What the broker never answered for: its reports come now, as failures.
    rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer_, Millis(options_.request_timeout));
    rd_kafka_destroy(producer_);
  }
  if (consumer_ != nullptr) rd_kafka_destroy(consumer_);
  if (mark_ != nullptr) mark_->Sync().IgnoreError();
}

absl::Status KafkaLog::Connect() {
  char error[kErrorBytes];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  RONDO_RETURN_IF_ERROR(
      Configure(conf, {{"bootstrap.servers", options_.brokers},
                       {"enable.idempotence", "true"},
                       {"reconnect.backoff.max.ms", "1000"},
                       {"acks", "all"},
                       {"compression.codec", "lz4"},
                       {"linger.ms", "1"},
                       // A record is on its way until it is acknowledged: giving up on one and not
                       // on the next would leave a hole in an append.
                       {"message.timeout.ms", "0"},
                       {"message.max.bytes", std::to_string(kMaxRecordBytes + 65'536)},
                       {"queue.buffering.max.messages", std::to_string(2 * kMaxInFlight)},
                       {"queue.buffering.max.kbytes", std::to_string(1 << 20)},
                       {"log_level", "2"}}));
  rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_background_event_cb(conf, &KafkaLog::OnDelivery);
  producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
  if (producer_ == nullptr) return absl::InternalError(absl::StrFormat("log: kafka: %s", error));
  // Delivery reports are served by the library's own background thread.
  rd_kafka_queue_t* reports = rd_kafka_queue_get_main(producer_);
  rd_kafka_queue_t* background = rd_kafka_queue_get_background(producer_);
  rd_kafka_queue_forward(reports, background);
  rd_kafka_queue_destroy(reports);
  rd_kafka_queue_destroy(background);

  conf = rd_kafka_conf_new();
  RONDO_RETURN_IF_ERROR(Configure(conf, {{"bootstrap.servers", options_.brokers},
                                         {"enable.auto.commit", "false"},
                                         {"auto.offset.reset", "error"},
                                         {"reconnect.backoff.max.ms", "1000"},
                                         {"check.crcs", "true"},
                                         {"fetch.wait.max.ms", "50"},
                                         {"fetch.error.backoff.ms", "50"},
                                         {"queued.max.messages.kbytes", "4096"},
                                         {"log_level", "2"}}));
  consumer_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
  if (consumer_ == nullptr) return absl::InternalError(absl::StrFormat("log: kafka: %s", error));
  consumed_ = rd_kafka_topic_new(consumer_, options_.topic.c_str(), nullptr);
  return absl::OkStatus();
}

absl::Status KafkaLog::PrepareTopic() {
  bool created = false;
  for (auto left = options_.request_timeout; left > absl::ZeroDuration(); left -= kRetryInterval) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_metadata(consumer_, 0, consumed_, &metadata, Millis(options_.request_timeout));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Failed(absl::StrFormat("no broker answers at %s", options_.brokers), error);
    }
    const bool told = metadata->topic_cnt == 1;
    const rd_kafka_resp_err_t topic_error =
        told ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    const int partitions = told ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    if (topic_error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (partitions == options_.partition_count) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrFormat(
          "log: topic %s has %d partitions, not %d: the number changes only by rewriting the log",
          options_.topic, partitions, options_.partition_count));
    }
    if (topic_error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
        topic_error != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
      return Failed(options_.topic, topic_error);
    }
    if (created) absl::SleepFor(kRetryInterval);  // Not known to all of the broker yet.
    if (!created) RONDO_RETURN_IF_ERROR(CreateTopic());
    created = true;
  }
  return absl::UnavailableError(
      absl::StrFormat("log: topic %s was made but is not known yet: try again", options_.topic));
}

absl::Status KafkaLog::CreateTopic() {
  if (std::filesystem::exists(options_.mark_file)) {
    return absl::DataLossError(absl::StrFormat(
        "log: topic %s is gone, but records in it were acknowledged (%s): restore it; or, to start "
        "over with an empty log, delete that file and every service's state",
        options_.topic, options_.mark_file));
  }
  char error[kErrorBytes];
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(options_.topic.c_str(), options_.partition_count,
                            options_.replication_factor, error, sizeof(error));
  if (topic == nullptr) return absl::InvalidArgumentError(absl::StrFormat("log: kafka: %s", error));
  // The log is kept whole.
  rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
  rd_kafka_NewTopic_set_config(topic, "retention.ms", "-1");
  rd_kafka_NewTopic_set_config(topic, "retention.bytes", "-1");
  rd_kafka_NewTopic_set_config(topic, "max.message.bytes",
                               std::to_string(kMaxRecordBytes + 65'536).c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(producer_);
  rd_kafka_AdminOptions_t* admin =
      rd_kafka_AdminOptions_new(producer_, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_AdminOptions_set_operation_timeout(admin, Millis(options_.request_timeout), error,
                                              sizeof(error));
  rd_kafka_CreateTopics(producer_, &topic, 1, admin, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 2 * Millis(options_.request_timeout));
  absl::Status status = absl::UnavailableError("log: kafka: no answer to CreateTopics");
  if (event != nullptr) {
    size_t count = 0;
    const rd_kafka_CreateTopics_result_t* result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t** topics =
        result == nullptr ? nullptr : rd_kafka_CreateTopics_result_topics(result, &count);
    const rd_kafka_resp_err_t failed =
        count == 1 ? rd_kafka_topic_result_error(topics[0]) : rd_kafka_event_error(event);
    // Another process may have been first.
    status =
        failed == RD_KAFKA_RESP_ERR_NO_ERROR || failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
            ? absl::OkStatus()
            : Failed("cannot make topic " + options_.topic, failed);
    rd_kafka_event_destroy(event);
  }
  rd_kafka_AdminOptions_destroy(admin);
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(topic);
  return status;
}

absl::Status KafkaLog::CheckMark() {
  if (!std::filesystem::exists(options_.mark_file)) {
    RONDO_RETURN_IF_ERROR(HighWaterMark::Create(options_.mark_file, options_.partition_count));
  }
  RONDO_ASSIGN_OR_RETURN(mark_, HighWaterMark::Open(options_.mark_file, options_.partition_count));
  const std::vector<Tail> marks = mark_->marks().written;
  for (int partition = 0; partition < options_.partition_count; ++partition) {
    RONDO_ASSIGN_OR_RETURN(const Ends ends, QueryEnds(partition));
    const auto [low, high] = ends;
    const Tail& mark = marks[static_cast<size_t>(partition)];
    if (low > 0) {
      return absl::DataLossError(absl::StrFormat(
          "log: topic %s, partition %d: its first %d records were deleted. The log is kept whole: "
          "restore the topic, and set retention.ms and retention.bytes to -1",
          options_.topic, partition, low));
    }
    if (high < mark.end) {
      return absl::DataLossError(absl::StrFormat(
          "log: topic %s, partition %d holds %d records, but %d were acknowledged: restore the "
          "topic; or, to give up what is lost, delete %s and every service's state",
          options_.topic, partition, high, mark.end, options_.mark_file));
    }
    if (high == 0) continue;
    // Read beyond the cache: what is checked is what the broker has.
    RONDO_ASSIGN_OR_RETURN(const RecordBlock last, Fetch(partition, high - 1, high));
    partitions_[static_cast<size_t>(partition)].last_append_micros =
        last.records.back()->append_time_micros();
    if (mark.end == 0) continue;
    RONDO_ASSIGN_OR_RETURN(const RecordBlock marked, Fetch(partition, mark.end - 1, mark.end));
    const LogRecord& there = *marked.records.at(static_cast<size_t>(mark.end - 1 - marked.first));
    if (TailAfter(mark.end - 1, there).chain != mark.chain) {
      return absl::DataLossError(absl::StrFormat(
          "log: topic %s, partition %d, offset %d: the record here is not the one that was "
          "acknowledged: the topic was replaced; restore it",
          options_.topic, partition, mark.end - 1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> KafkaLog::Append(int partition, absl::Span<LogRecord> records, Durability) {
  RONDO_RETURN_IF_ERROR(CheckAppend(partition, partition_count(), records));
  RONDO_RETURN_IF_ERROR(CheckAnswering());
  const auto pending = std::make_shared<Pending>();
  pending->log = this;
  pending->partition = partition;
  pending->wanted = records.size();
  RONDO_RETURN_IF_ERROR(Enqueue(partition, records, pending));
  std::unique_lock lock(pending->mutex);
  const bool answered = pending->changed.wait_for(
      lock, absl::ToChronoMilliseconds(options_.append_timeout), [&] { return pending->done(); });
  if (!answered) {
    NoteSilence();
    return absl::UnavailableError(
        absl::StrFormat("log: kafka: no acknowledgement within %s; the records stay on their way",
                        absl::FormatDuration(options_.append_timeout)));
  }
  if (pending->error != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed("append", pending->error);
  if (pending->newest - pending->first + 1 != static_cast<int64_t>(records.size())) {
    return absl::UnavailableError(
        "log: kafka: another process wrote between the records of this append");
  }
  return pending->first;
}

absl::Status KafkaLog::Enqueue(int partition, absl::Span<LogRecord> records,
                               const std::shared_ptr<Pending>& pending) {
  Partition& state = partitions_[static_cast<size_t>(partition)];
  const std::lock_guard lock(state.mutex);
  if (rd_kafka_outq_len(producer_) + static_cast<int>(records.size()) > kMaxInFlight) {
    return absl::UnavailableError(
        "log: kafka: too many records wait for the broker; nothing was written, try again later");
  }
  state.last_append_micros = std::max(state.last_append_micros, ToMicros(clock_.Now()));
  for (LogRecord& record : records) {
    record.set_append_time_micros(state.last_append_micros);
    if (record.id().empty()) record.set_id(NewId());
  }
  pending->last = records.back();
  for (const LogRecord& record : records) {
    const std::string payload = Encode(record);
    // Freed by its delivery report.
    auto* const reference = new std::shared_ptr<Pending>(pending);
    if (rd_kafka_produce(produced_, partition, RD_KAFKA_MSG_F_COPY,
                         const_cast<char*>(payload.data()), payload.size(), nullptr, 0,
                         reference) != 0) {
      delete reference;
      const std::lock_guard pending_lock(pending->mutex);
      pending->error = rd_kafka_last_error();
      ++pending->reported;
    }
  }
  return absl::OkStatus();
}

void KafkaLog::OnDelivery(rd_kafka_t*, rd_kafka_event_t* event, void*) {
  while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
    const std::unique_ptr<std::shared_ptr<Pending>> reference(
        static_cast<std::shared_ptr<Pending>*>(message->_private));
    Pending& pending = **reference;
    bool last = false;
    {
      const std::lock_guard lock(pending.mutex);
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        pending.error = message->err;
      } else {
        if (pending.first < 0) pending.first = message->offset;
        pending.newest = message->offset;
      }
      last = pending.reported + 1 == pending.wanted && pending.error == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (last) {
      pending.log->Remember(pending.partition, TailAfter(pending.newest, pending.last));
      pending.log->Announce(pending.partition);
    }
    const std::lock_guard lock(pending.mutex);
    ++pending.reported;
    pending.changed.notify_all();
  }
  rd_kafka_event_destroy(event);
}

void KafkaLog::Remember(int partition, const Tail& tail) const {
  const std::lock_guard lock(mark_mutex_);
  Marks marks = mark_->marks();
  Tail& known = marks.written[static_cast<size_t>(partition)];
  if (tail.end <= known.end) return;
  known = tail;
  marks.synced = marks.written;
  // A mark that cannot be written is behind, and so weaker; the records themselves are safe.
  mark_->Write(std::move(marks)).IgnoreError();
}

void KafkaLog::Announce(int partition) {
  const std::lock_guard lock(listener_mutex_);
  if (on_append_) on_append_(partition);
}

absl::Status KafkaLog::CheckAnswering() const {
  if (SteadyNanos() >= silent_until_.load(std::memory_order_relaxed)) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrFormat("log: kafka: no broker answers at %s; try again later", options_.brokers));
}

void KafkaLog::NoteSilence() const {
  silent_until_.store(SteadyNanos() + absl::ToInt64Nanoseconds(kSilence),
                      std::memory_order_relaxed);
}

// By the producer's connection: on the consumer's the answer waits behind a fetch for what is new.
// Not rd_kafka_query_watermark_offsets, which as packaged (2.0.2) keeps to no time-out where a
// broker is gone.
rd_kafka_resp_err_t KafkaLog::QueryOffset(int partition, int64_t which, int64_t deadline,
                                          int64_t& offset) const {
  const auto left = absl::Nanoseconds(std::max<int64_t>(0, deadline - SteadyNanos()));
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_t* asked =
      rd_kafka_topic_partition_list_add(list, options_.topic.c_str(), partition);
  asked->offset = which;
  rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(producer_, list, Millis(left));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = asked->err;
  offset = asked->offset;
  rd_kafka_topic_partition_list_destroy(list);
  return error;
}

absl::StatusOr<KafkaLog::Ends> KafkaLog::QueryEnds(int partition) const {
  RONDO_RETURN_IF_ERROR(CheckAnswering());
  const int64_t deadline = SteadyNanos() + absl::ToInt64Nanoseconds(options_.request_timeout);
  while (true) {
    Ends ends;
    rd_kafka_resp_err_t error =
        QueryOffset(partition, RD_KAFKA_OFFSET_BEGINNING, deadline, ends.low);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      error = QueryOffset(partition, RD_KAFKA_OFFSET_END, deadline, ends.high);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return ends;
    // A topic that was just made has no leader yet; after a broker's death one is elected.
    const bool passing = error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
                         error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                         error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!passing || SteadyNanos() >= deadline) {
      NoteSilence();
      return Failed("cannot read the log's end", error);
    }
    absl::SleepFor(kRetryInterval);
  }
}

absl::StatusOr<int64_t> KafkaLog::End(int partition) const {
  if (partition < 0 || partition >= partition_count()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("log: partition %d is not in [0, %d)", partition, partition_count()));
  }
  // Before the broker is asked: what was acknowledged by now must be in its answer.
  const int64_t marked = [&] {
    const std::lock_guard lock(mark_mutex_);
    return mark_->marks().written[static_cast<size_t>(partition)].end;
  }();
  RONDO_ASSIGN_OR_RETURN(const Ends ends, QueryEnds(partition));
  if (ends.high >= marked && ends.low == 0) return ends.high;
  return absl::DataLossError(absl::StrFormat(
      "log: topic %s, partition %d holds records [%d, %d), but %d were acknowledged: it was "
      "truncated; restore it",
      options_.topic, partition, ends.low, ends.high, marked));
}

absl::StatusOr<RecordBlock> KafkaLog::Read(int partition, int64_t offset) const {
  RONDO_ASSIGN_OR_RETURN(const int64_t end, End(partition));
  if (offset < 0 || offset > end) {
    return absl::OutOfRangeError(absl::StrFormat(
        "log: partition %d ends at offset %d; there is no %d", partition, end, offset));
  }
  if (offset == end) return RecordBlock{offset, nullptr, {}};
  RONDO_ASSIGN_OR_RETURN(RecordBlock block, cache_.Read(partition, offset, end));
  Remember(partition, TailAfter(block.end() - 1, *block.records.back()));
  return block;
}

// Under the cache's lock of the partition, or while the log opens.
absl::StatusOr<RecordBlock> KafkaLog::Fetch(int partition, int64_t offset, int64_t end) const {
  int64_t& at = partitions_[static_cast<size_t>(partition)].reading_at;
  // A little ahead of where the consumer stands: what lies between will be wanted too.
  const bool near = at >= 0 && at <= offset && offset - at < kReadAhead;
  if (!near) {
    if (at >= 0) rd_kafka_consume_stop(consumed_, partition);
    at = -1;
    if (rd_kafka_consume_start(consumed_, partition, offset) != 0) {
      return Failed("cannot read", rd_kafka_last_error());
    }
    at = offset;
  }
  RecordBlock block;
  block.first = at;
  block.arena = std::make_shared<google::protobuf::Arena>();
  absl::Status status;
  while (status.ok() && block.end() <= offset) {
    status = Consume(partition, std::min<int64_t>(end - block.end(), kReadAhead), block);
  }
  at = block.end();
  if (!status.ok()) {
    rd_kafka_consume_stop(consumed_, partition);
    at = -1;
    if (block.end() <= offset) return status;
  }
  return block;
}

absl::Status KafkaLog::Consume(int partition, int64_t wanted, RecordBlock& block) const {
  RONDO_RETURN_IF_ERROR(CheckAnswering());
  std::vector<rd_kafka_message_t*> messages(static_cast<size_t>(wanted));
  // Only the first is waited for.
  messages[0] = rd_kafka_consume(consumed_, partition, Millis(options_.request_timeout));
  if (messages[0] == nullptr) {
    NoteSilence();
    return absl::UnavailableError(absl::StrFormat(
        "log: kafka: partition %d, offset %d: the broker gave nothing", partition, block.end()));
  }
  ssize_t count = 1;
  if (wanted > 1) {
    count += std::max<ssize_t>(0, rd_kafka_consume_batch(consumed_, partition, 0,
                                                         messages.data() + 1, messages.size() - 1));
  }
  absl::Status status;
  for (ssize_t i = 0; i < count; ++i) {
    rd_kafka_message_t* const message = messages[static_cast<size_t>(i)];
    if (status.ok()) status = AddRecord(partition, *message, block);
    rd_kafka_message_destroy(message);
  }
  return status;
}

absl::Status KafkaLog::Sync() {
  const rd_kafka_resp_err_t error = rd_kafka_flush(producer_, Millis(options_.append_timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed("sync", error);
  const std::lock_guard lock(mark_mutex_);
  return mark_->Sync();
}

void KafkaLog::SetListener(std::function<void(int partition)> on_append) {
  const std::lock_guard lock(listener_mutex_);
  on_append_ = std::move(on_append);
}

std::string KafkaLog::NewId() {
  const std::lock_guard lock(id_mutex_);
  return storage::KeyBuilder().U32(random_()).U32(random_()).U32(random_()).U32(random_()).Build();
}

}  // namespace rondo::eventlog
