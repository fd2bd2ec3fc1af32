// Q1 and Q2: the broker is killed or paused; the topic is truncated, shortened, replaced, or has
// other partitions than ours.
#include "platform/eventlog/kafka_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "absl/strings/str_format.h"
#include "tests/conformance/kafka/kafka_driver.h"

namespace rondo::test {
namespace {

using eventlog::Durability;
using eventlog::KafkaLog;
using eventlog::KafkaLogOptions;
using eventlog::LogRecord;
using ::testing::HasSubstr;

absl::StatusOr<int64_t> AppendOne(KafkaLog& log, const std::string& source, int partition = 0) {
  LogRecord record;
  record.set_source(source);
  return log.Append(partition, absl::MakeSpan(&record, 1), Durability::kSynced);
}

std::vector<std::string> SourcesIn(const KafkaLog& log, int partition = 0) {
  std::vector<std::string> sources;
  while (true) {
    const auto block = log.Read(partition, static_cast<int64_t>(sources.size()));
    EXPECT_TRUE(block.ok()) << block.status();
    if (!block.ok() || block->records.empty()) return sources;
    for (const LogRecord* record : block->records) sources.push_back(record->source());
  }
}

// As retention does.
void DeleteRecordsBelow(int64_t offset, const KafkaLogOptions& options) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", options.brokers.c_str(), error, sizeof(error));
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, options.topic.c_str(), 0)->offset = offset;
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list);
  rd_kafka_queue_t* answers = rd_kafka_queue_new(client);
  rd_kafka_DeleteRecords(client, &request, 1, nullptr, answers);
  rd_kafka_event_t* answer = rd_kafka_queue_poll(answers, 10'000);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(rd_kafka_event_error(answer), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_event_destroy(answer);
  rd_kafka_queue_destroy(answers);
  rd_kafka_DeleteRecords_destroy(request);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy(client);
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

class KafkaLogTest : public testing::Test {
 protected:
  TempDir folder_;
  SystemClock clock_;
};

TEST_F(KafkaLogTest, AnAppendThatABrokersDeathInterruptsIsInTheLogOnce) {
  RONDO_REQUIRE_KAFKA(broker);
  const auto log = KafkaLog::Open(NewTopic(*broker, folder_, 1), clock_);
  ASSERT_TRUE(log.ok()) << log.status();
  std::atomic<int> acknowledged = 0;
  std::atomic<bool> failed = false;
  std::thread appender([&] {
    for (int i = 0; i < 300 && !failed; ++i) {
      failed = !AppendOne(**log, std::to_string(i)).ok();
      acknowledged = i + 1;
    }
  });
  EXPECT_TRUE(Eventually([&] { return acknowledged >= 100; }));
  broker->Kill();
  EXPECT_TRUE(broker->StartAgain().ok());
  appender.join();
  EXPECT_FALSE(failed);
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(SourcesIn(**log), expected);
}

TEST_F(KafkaLogTest, APausedBrokerMeansUnavailableAndThenItGoesOn) {
  RONDO_REQUIRE_KAFKA(broker);
  KafkaLogOptions options = NewTopic(*broker, folder_, 1);
  options.append_timeout = absl::Milliseconds(300);
  options.request_timeout = absl::Seconds(5);
  const auto log = KafkaLog::Open(options, clock_);
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_TRUE(Eventually([&] { return AppendOne(**log, "before").ok(); }));
  broker->Pause();
  const auto paused = AppendOne(**log, "during");
  EXPECT_EQ(paused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(paused.status()), HasSubstr("stay on their way"));
  broker->Resume();
  EXPECT_TRUE(Eventually([&] { return AppendOne(**log, "after").ok(); }));
  // What was not acknowledged may be there, once, and in its place.
  std::vector<std::string> sources = SourcesIn(**log);
  EXPECT_EQ(std::count(sources.begin(), sources.end(), "during"), 1);
  EXPECT_EQ(sources.back(), "after");
}

TEST_F(KafkaLogTest, ATopicWithAnotherNumberOfPartitionsIsRefused) {
  RONDO_REQUIRE_KAFKA(broker);
  KafkaLogOptions options = NewTopic(*broker, folder_, 2);
  { ASSERT_TRUE(KafkaLog::Open(options, clock_).ok()); }
  options.partition_count = 3;
  const auto log = KafkaLog::Open(options, clock_);
  EXPECT_EQ(log.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(log.status()), HasSubstr("has 2 partitions, not 3"));
}

TEST_F(KafkaLogTest, ATruncatedTopicIsRefusedAtOpenAndWhileItRuns) {
  RONDO_REQUIRE_KAFKA(broker);
  const KafkaLogOptions options = NewTopic(*broker, folder_, 1);
  auto log = KafkaLog::Open(options, clock_);
  ASSERT_TRUE(log.ok()) << log.status();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(AppendOne(**log, "a").ok());
  DeleteRecordsBelow(5, options);
  EXPECT_EQ((*log)->Read(0, 9).status().code(), absl::StatusCode::kDataLoss);
  log->reset();
  log = KafkaLog::Open(options, clock_);
  EXPECT_EQ(log.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(log.status()), HasSubstr("its first 5 records were deleted"));
}

TEST_F(KafkaLogTest, ALogThatIsShorterThanWhatWasAcknowledgedIsRefused) {
  RONDO_REQUIRE_KAFKA(broker);
  // A topic that another one's mark is held against: as after a restore from an older backup.
  const KafkaLogOptions options = NewTopic(*broker, folder_, 1);
  const KafkaLogOptions other = [&] {
    KafkaLogOptions shorter = NewTopic(*broker, folder_, 1);
    shorter.mark_file = folder_.File("other");
    return shorter;
  }();
  const auto fill = [&](const KafkaLogOptions& topic, int count) {
    const auto log = KafkaLog::Open(topic, clock_);
    ASSERT_TRUE(log.ok()) << log.status();
    for (int i = 0; i < count; ++i) ASSERT_TRUE(AppendOne(**log, "a").ok());
  };
  fill(options, 10);
  fill(other, 4);
  KafkaLogOptions restored = other;
  restored.mark_file = options.mark_file;
  const auto shorter = KafkaLog::Open(restored, clock_);
  EXPECT_EQ(shorter.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(shorter.status()), HasSubstr("holds 4 records, but 10 were acknowledged"));

  fill(other, 8);  // Longer now, and still another log.
  const auto replaced = KafkaLog::Open(restored, clock_);
  EXPECT_EQ(replaced.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(replaced.status()), HasSubstr("offset 9: the record here is not the one"));
}

TEST_F(KafkaLogTest, ATopicThatIsGoneIsNotMadeAgain) {
  RONDO_REQUIRE_KAFKA(broker);
  KafkaLogOptions options = NewTopic(*broker, folder_, 1);
  {
    const auto log = KafkaLog::Open(options, clock_);
    ASSERT_TRUE(log.ok());
    ASSERT_TRUE(AppendOne(**log, "a").ok());
  }
  options.topic += "-gone";
  const auto log = KafkaLog::Open(options, clock_);
  EXPECT_EQ(log.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(log.status()), HasSubstr("is gone"));
}

TEST_F(KafkaLogTest, WithoutABrokerItSaysWhereItLooked) {
  KafkaLogOptions options;
  options.brokers = absl::StrFormat("127.0.0.1:%d", FreePort());
  options.topic = "rondo";
  options.partition_count = 1;
  options.mark_file = folder_.File("HIGHWATER");
  options.request_timeout = absl::Milliseconds(500);
  const auto log = KafkaLog::Open(options, clock_);
  EXPECT_EQ(log.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(log.status()), HasSubstr(options.brokers));
}

}  // namespace
}  // namespace rondo::test
