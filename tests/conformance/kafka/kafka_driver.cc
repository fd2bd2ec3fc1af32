#include "tests/conformance/kafka/kafka_driver.h"

#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "platform/eventlog/log_drivers_for_test.h"

namespace rondo::test {

KafkaBroker* SharedBroker() {
  static const std::unique_ptr<KafkaBroker> broker = []() -> std::unique_ptr<KafkaBroker> {
    const auto jars = KafkaJars();
    if (!jars.has_value()) return nullptr;
    auto started = KafkaBroker::Start(*jars);
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? *std::move(started) : nullptr;
  }();
  return broker.get();
}

eventlog::KafkaLogOptions NewTopic(const KafkaBroker& broker, const TempDir& folder,
                                   int partition_count) {
  static int topics = 0;
  eventlog::KafkaLogOptions options;
  options.brokers = broker.address();
  options.topic = absl::StrFormat("rondo-%d", ++topics);
  options.partition_count = partition_count;
  options.mark_file = folder.File("HIGHWATER");
  return options;
}

}  // namespace rondo::test

namespace rondo::eventlog {
namespace {

class KafkaLogDriver final : public LogDriver {
 public:
  KafkaLogDriver(const test::KafkaBroker& broker, int partition_count, const Clock& clock)
      : clock_(clock), options_(test::NewTopic(broker, folder_, partition_count)) {}
  std::shared_ptr<EventLog> Open() override {
    auto log = KafkaLog::Open(options_, clock_);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : nullptr;
  }

 private:
  test::TempDir folder_;
  const Clock& clock_;
  const KafkaLogOptions options_;
};

}  // namespace

std::vector<LogDriverKind> LogDriverKinds() {
  return {{"Kafka", [](int partition_count, const Clock& clock) -> std::unique_ptr<LogDriver> {
             const test::KafkaBroker* broker = test::SharedBroker();
             if (broker == nullptr) return nullptr;
             return std::make_unique<KafkaLogDriver>(*broker, partition_count, clock);
           }}};
}

}  // namespace rondo::eventlog
