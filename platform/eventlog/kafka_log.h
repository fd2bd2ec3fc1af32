// The log on Apache Kafka: for when one machine is outgrown.
//
// One topic, one of its partitions for each of ours, one message a record: our offset is Kafka's.
// The producer is idempotent and never transactional; nobody joins a consumer group: partitions and
// offsets are asked for explicitly, and the only offset that counts is the one in a service's
// store. A local high-water mark (high_water_mark.h) remembers what was acknowledged or read here:
// a topic that was truncated, deleted or replaced is refused.
//
// Weaker than the embedded log, as Kafka without transactions is: death of the process within an
// append of several records may leave its first ones in the log. `synced` means acknowledged by all
// in-sync replicas; give the topic a replication factor of 3 and min.insync.replicas of 2.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "platform/core/clock.h"
#include "platform/eventlog/event_log.h"
#include "platform/eventlog/high_water_mark.h"
#include "platform/eventlog/record_cache.h"

namespace rondo::eventlog {

// The replication factor that the broker gives a topic that names none.
inline constexpr int kBrokersReplicationFactor = -1;

struct KafkaLogOptions {
  std::string brokers;  // `HOST:PORT,HOST:PORT`.
  std::string topic;
  // Of a new topic; an existing one must have as many.
  int partition_count = 64;
  int replication_factor = 1;
  std::string mark_file;  // The local high-water mark; made if the topic is empty.
  size_t cache_bytes = 64 << 20;
  // How long an append waits for the broker. The records stay on their way afterwards.
  absl::Duration append_timeout = absl::Seconds(10);
  absl::Duration request_timeout = absl::Seconds(10);
};

// Thread-safe. The clock must outlive it. A broker that did not answer is not asked again for
// kSilence: calls fail at once meanwhile, so that a caller that asks for several partitions waits
// once.
class KafkaLog final : public EventLog {
 public:
  // Makes the topic if it is absent and was never used from here. FAILED_PRECONDITION if it has
  // another number of partitions; DATA_LOSS if it lacks records that were acknowledged, or its
  // oldest ones were deleted; UNAVAILABLE if no broker answers.
  static absl::StatusOr<std::unique_ptr<KafkaLog>> Open(const KafkaLogOptions& options,
                                                        const Clock& clock);
  ~KafkaLog() override;

  int partition_count() const override { return options_.partition_count; }
  absl::StatusOr<int64_t> Append(int partition, absl::Span<LogRecord> records,
                                 Durability durability) override;
  absl::StatusOr<RecordBlock> Read(int partition, int64_t offset) const override;
  absl::StatusOr<int64_t> End(int partition) const override;
  absl::Status Sync() override;
  void SetListener(std::function<void(int partition)> on_append) override;

 private:
  struct Pending;
  struct Partition {
    std::mutex
        mutex;  // Held while records are stamped and queued: the order of one is the other's.
    int64_t last_append_micros = INT64_MIN;
    int64_t reading_at = -1;  // The offset that the consumer delivers next; -1: not started.
  };
  struct Ends {
    int64_t low = 0;   // The oldest record that is left.
    int64_t high = 0;  // The offset that the next record gets.
  };
  // Records on their way at most; more is refused.
  static constexpr int kMaxInFlight = 100'000;
  static constexpr int64_t kReadAhead = 1'000;
  static constexpr absl::Duration kSilence = absl::Seconds(1);

  KafkaLog(KafkaLogOptions options, const Clock& clock);

  absl::Status Connect();
  absl::Status PrepareTopic();
  absl::Status CreateTopic();
  absl::Status CheckMark();
  // UNAVAILABLE while the broker is given time to come back.
  absl::Status CheckAnswering() const;
  void NoteSilence() const;
  // `which`: RD_KAFKA_OFFSET_BEGINNING or _END; `deadline` in std::chrono::steady_clock's
  // nanoseconds.
  rd_kafka_resp_err_t QueryOffset(int partition, int64_t which, int64_t deadline,
                                  int64_t& offset) const;
  absl::StatusOr<Ends> QueryEnds(int partition) const;
  absl::Status Enqueue(int partition, absl::Span<LogRecord> records,
                       const std::shared_ptr<Pending>& pending);
  absl::StatusOr<RecordBlock> Fetch(int partition, int64_t offset, int64_t end) const;
  // Adds up to `wanted` records to `block`: at least one, which it waits for.
  absl::Status Consume(int partition, int64_t wanted, RecordBlock& block) const;
  void Remember(int partition, const Tail& tail) const;
  std::string NewId();
  static void OnDelivery(rd_kafka_t* producer, rd_kafka_event_t* event, void* log);
  void Announce(int partition);

  const KafkaLogOptions options_;
  const Clock& clock_;
  rd_kafka_t* producer_ = nullptr;
  rd_kafka_t* consumer_ = nullptr;
  rd_kafka_topic_t* produced_ = nullptr;
  rd_kafka_topic_t* consumed_ = nullptr;
  mutable std::vector<Partition> partitions_;
  mutable RecordCache cache_;
  // In std::chrono::steady_clock's nanoseconds: how long to wait is real time, whatever the clock.
  mutable std::atomic<int64_t> silent_until_{0};
  mutable std::mutex mark_mutex_;
  mutable std::unique_ptr<HighWaterMark> mark_;
  std::mutex id_mutex_;
  std::random_device random_;
  std::mutex listener_mutex_;
  std::function<void(int)> on_append_;
};

}  // namespace rondo::eventlog
