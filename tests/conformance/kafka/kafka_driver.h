// One broker for all tests of this program, each test with a topic of its own.
#pragma once

#include "platform/eventlog/kafka_log.h"
#include "tests/kit/kafka/kafka_broker.h"

namespace rondo::test {

// nullptr where Kafka is not installed; a failed expectation if it does not start.
KafkaBroker* SharedBroker();

// An unused topic on the broker, with a mark file in `folder`.
eventlog::KafkaLogOptions NewTopic(const KafkaBroker& broker, const TempDir& folder,
                                   int partition_count);

// Skips where Kafka is not installed, fails if CI=true.
#define RONDO_REQUIRE_KAFKA(broker)                                                           \
  KafkaBroker* const broker = SharedBroker();                                                 \
  if (broker == nullptr) {                                                                    \
    const char* ci = std::getenv("CI");                                                       \
    if (ci != nullptr && std::string_view(ci) == "true") FAIL() << "Kafka's jars are absent"; \
    GTEST_SKIP() << "KAFKA ABSENT: run ./x setup, or set RONDO_KAFKA_LIB";                    \
  }

}  // namespace rondo::test
