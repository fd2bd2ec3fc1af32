#include "app/open_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/kit/process/process.h"

namespace rondo {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

TEST(ParseKafkaAddressTest, ReadsBrokersAndTopic) {
  EXPECT_EQ(*ParseKafkaAddress("kafka://127.0.0.1:9092/rondo"),
            (KafkaAddress{"127.0.0.1:9092", "rondo"}));
  EXPECT_EQ(*ParseKafkaAddress("kafka://a:1,[::1]:2/shop.rondo_v-1"),
            (KafkaAddress{"a:1,[::1]:2", "shop.rondo_v-1"}));
}

TEST(ParseKafkaAddressTest, RefusesWhatIsNoneAndShowsTheForm) {
  for (const char* text : {"", "kafka", "kafka:/a:1/t", "kafka://a:1", "kafka://a:1/", "kafka:///t",
                           "kafka://a/t", "kafka://:1/t", "kafka://a:1,/t", "kafka://a:x/t",
                           "kafka://a:1/t/u", "kafka://a:1/..", "http://a:1/t"}) {
    const auto address = ParseKafkaAddress(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(address.status().message(), HasSubstr("kafka://HOST:PORT/TOPIC")) << text;
  }
}

TEST(CheckLogAndTargetTest, RefusesASplitAndSaysWhy) {
  Config config;
  EXPECT_TRUE(CheckLogAndTarget(config).ok());
  config.target = "customer,targeting";
  EXPECT_THAT(CheckLogAndTarget(config).message(),
              HasSubstr("target: expected `all`: the embedded"));
  config.log = "kafka://127.0.0.1:9092/rondo";
  EXPECT_THAT(CheckLogAndTarget(config).message(), HasSubstr("runs all services in one process"));
  config.target = "all";
  EXPECT_TRUE(CheckLogAndTarget(config).ok());
  config.log = "redis";
  EXPECT_EQ(CheckLogAndTarget(config).code(), absl::StatusCode::kInvalidArgument);
}

class OpenLogTest : public ::testing::Test {
 protected:
  absl::Status Open(const std::string& log) {
    config_.log = log;
    const auto folder = DataFolder::Open(root_.path());
    EXPECT_TRUE(folder.ok()) << folder.status();
    return OpenLog({config_, **folder, nullptr, clock_, executor_}).status();
  }

  test::TempDir root_;
  SystemClock clock_;
  ThreadPoolExecutor executor_{1, clock_};
  Config config_;
};

TEST_F(OpenLogTest, ADataFolderStaysWithItsEmbeddedLog) {
  ASSERT_TRUE(Open("embedded").ok());
  ASSERT_TRUE(Open("embedded").ok());
  const absl::Status other = Open("kafka://127.0.0.1:9/rondo");
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(other.message(), HasSubstr("belongs to its embedded log"));
}

TEST_F(OpenLogTest, ADataFolderStaysWithItsTopic) {
  ASSERT_TRUE(DataFolder::Open(root_.path()).ok());
  fs::create_directories(root_.File("kafka"));
  std::ofstream(root_.File("kafka/shop.v1.mark")) << "x";
  for (const char* log : {"embedded", "kafka://127.0.0.1:9/rondo"}) {
    const absl::Status other = Open(log);
    EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(other.message(), HasSubstr("belongs to topic shop.v1 of Kafka"));
  }
  EXPECT_FALSE(fs::exists(root_.File("log")));
}

TEST_F(OpenLogTest, StateWithoutTheMarkOfItsTopicIsRefused) {
  ASSERT_TRUE(DataFolder::Open(root_.path()).ok());
  fs::create_directories(root_.File("state/customer"));
  const absl::Status status = Open("kafka://127.0.0.1:9/rondo");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("kafka/rondo.mark"));
}

}  // namespace
}  // namespace rondo
