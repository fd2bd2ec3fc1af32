#include "app/open_log.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/embedded_log.h"
#include "platform/eventlog/kafka_log.h"

namespace rondo {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScheme = "kafka://";
constexpr std::string_view kMarkEnding = ".mark";
constexpr size_t kTopicNameMax = 249;  // Kafka's own: a topic is a folder's name.

bool IsTopicName(std::string_view name) {
  return !name.empty() && name.size() <= kTopicNameMax && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

// The topic that `folder` was made with; empty if with none.
std::string TopicOf(const fs::path& folder) {
  std::error_code absent;
  for (fs::directory_iterator at(folder, absent), end; !absent && at != end; at.increment(absent)) {
    if (at->path().extension() == kMarkEnding) return at->path().stem();
  }
  return "";
}

absl::Status BelongsTo(const DataFolder& folder, std::string_view log) {
  return absl::FailedPreconditionError(
      absl::StrFormat("log: the data folder %s belongs to %s, and its state follows from that log: "
                      "name it, or another folder with --data",
                      folder.root().string(), log));
}

absl::StatusOr<std::unique_ptr<eventlog::EventLog>> OpenEmbedded(const LogParts& parts) {
  if (const std::string topic = TopicOf(parts.folder.kafka()); !topic.empty()) {
    return BelongsTo(parts.folder, "topic " + topic + " of Kafka");
  }
  eventlog::EmbeddedLogOptions options;
  options.folder = parts.folder.log();
  options.partition_count = parts.config.partitions;
  options.memory = parts.memory;
  return eventlog::EmbeddedLog::Open(options, parts.clock, parts.executor);
}

// Ids of customers depend on the instance's key: with a key made just now, the records in the topic
// would be somebody else's.
absl::Status CheckNotAnothers(const LogParts& parts, const eventlog::EventLog& log,
                              const std::string& topic) {
  if (!parts.folder.instance_key_is_new()) return absl::OkStatus();
  for (int partition = 0; partition < log.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const int64_t end, log.End(partition));
    if (end == 0) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "log: topic %s holds records already, and the key that their ids depend on is not in %s: "
        "copy instance.key and keys/ there from the data folder that wrote them, or name a new "
        "topic",
        topic, parts.folder.root().string()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<eventlog::EventLog>> OpenKafka(const LogParts& parts,
                                                              const KafkaAddress& address) {
  std::error_code error;
  if (fs::exists(parts.folder.log(), error)) return BelongsTo(parts.folder, "its embedded log");
  const std::string topic = TopicOf(parts.folder.kafka());
  if (!topic.empty() && topic != address.topic) {
    return BelongsTo(parts.folder, "topic " + topic + " of Kafka");
  }
  if (topic.empty() && parts.folder.has_state()) {
    return absl::DataLossError(absl::StrFormat(
        "log: %s/kafka/%s.mark, which remembers what was acknowledged, is missing beside state "
        "that was read from a log: restore it from a backup; or delete %s/state, to read the topic "
        "anew as it is",
        parts.folder.root().string(), address.topic, parts.folder.root().string()));
  }
  fs::create_directories(parts.folder.kafka(), error);
  eventlog::KafkaLogOptions options;
  options.brokers = address.brokers;
  options.topic = address.topic;
  options.partition_count = parts.config.partitions;
  options.replication_factor = eventlog::kBrokersReplicationFactor;
  options.mark_file = parts.folder.kafka() / (address.topic + std::string(kMarkEnding));
  auto log = eventlog::KafkaLog::Open(options, parts.clock);
  absl::Status status = log.status();
  if (status.ok()) status = CheckNotAnothers(parts, **log, address.topic);
  if (status.ok()) return log;
  log = status;  // Closed before its mark is removed.
  if (topic.empty()) {
    fs::remove(options.mark_file, error);
    fs::remove(parts.folder.kafka(), error);
    parts.folder.ForgetNewInstanceKey();
  }
  return status;
}

}  // namespace

absl::StatusOr<KafkaAddress> ParseKafkaAddress(std::string_view text) {
  const auto refused = [&](std::string_view expected) {
    return FieldError("log",
                      absl::StrFormat("expected `embedded` or `kafka://HOST:PORT/TOPIC`: %s, got "
                                      "`%s`",
                                      expected, text));
  };
  if (!text.starts_with(kScheme)) return refused("another log is not known");
  const std::string_view rest = text.substr(kScheme.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return refused("the topic is missing");
  const std::string_view brokers = rest.substr(0, slash);
  const std::string_view topic = rest.substr(slash + 1);
  for (size_t at = 0; at <= brokers.size();) {
    const size_t end = std::min(brokers.find(',', at), brokers.size());
    const std::string_view broker = brokers.substr(at, end - at);
    const size_t colon = broker.rfind(':');
    const std::string_view port = colon == std::string_view::npos ? "" : broker.substr(colon + 1);
    if (colon == 0 || port.empty() || port.size() > 5 ||
        !std::all_of(port.begin(), port.end(), absl::ascii_isdigit)) {
      return refused("a broker is HOST:PORT");
    }
    at = end + 1;
  }
  if (!IsTopicName(topic)) {
    return refused("a topic has 1 to 249 letters, digits, `.`, `_` or `-`");
  }
  return KafkaAddress{std::string(brokers), std::string(topic)};
}

absl::Status CheckLogAndTarget(const Config& config) {
  if (config.log != "embedded") RONDO_RETURN_IF_ERROR(ParseKafkaAddress(config.log).status());
  if (config.target == "all") return absl::OkStatus();
  if (config.log == "embedded") {
    return FieldError("target",
                      "expected `all`: the embedded log belongs to one process, and a split of the "
                      "services needs log: kafka://HOST:PORT/TOPIC");
  }
  return FieldError("target",
                    "expected `all`: this version runs all services in one process, over Kafka "
                    "too");
}

absl::StatusOr<std::unique_ptr<eventlog::EventLog>> OpenLog(const LogParts& parts) {
  if (parts.config.log == "embedded") return OpenEmbedded(parts);
  RONDO_ASSIGN_OR_RETURN(const KafkaAddress address, ParseKafkaAddress(parts.config.log));
  return OpenKafka(parts, address);
}

}  // namespace rondo
