// The log that the configuration names: embedded in the data folder, or a topic of Apache Kafka.
//
// A data folder stays with the log it began with: state, keys and ids of its customers follow from
// that log's records. `log/` marks a folder of the embedded log, `kafka/TOPIC.mark` one of a topic.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/eventlog/event_log.h"
#include "platform/storage/rocksdb_store.h"

namespace rondo {

struct KafkaAddress {
  std::string brokers;  // `HOST:PORT,HOST:PORT`.
  std::string topic;    // As Kafka allows: 1 to 249 letters, digits, `.`, `_` and `-`.
  friend bool operator==(const KafkaAddress&, const KafkaAddress&) = default;
};

// `kafka://HOST:PORT[,HOST:PORT]/TOPIC`. INVALID_ARGUMENT, showing the form, for anything else.
absl::StatusOr<KafkaAddress> ParseKafkaAddress(std::string_view text);

// INVALID_ARGUMENT for a `log` that is neither `embedded` nor such an address, and for services
// that do not all run in this process.
absl::Status CheckLogAndTarget(const Config& config);

struct LogParts {
  const Config& config;
  DataFolder& folder;
  std::shared_ptr<storage::RocksDbMemory> memory;
  const Clock& clock;
  Executor& executor;
};

// Opens the log, making it on first use. FAILED_PRECONDITION, saying what to do, for a data folder
// of another log, another number of partitions, or a topic whose records belong to an instance that
// is not this folder's; UNAVAILABLE if no broker answers; DATA_LOSS if the log lacks what was
// acknowledged here, or is damaged. After an error a new folder is as it was.
absl::StatusOr<std::unique_ptr<eventlog::EventLog>> OpenLog(const LogParts& parts);

}  // namespace rondo
