#include "platform/core/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, ReadsLoopbackAddresses) {
  for (const auto& [text, host, port] :
       std::vector<std::tuple<std::string, std::string, int>>{{"127.0.0.1:8080", "127.0.0.1", 8080},
                                                              {"127.9.9.9:0", "127.9.9.9", 0},
                                                              {"localhost:9090", "127.0.0.1", 9090},
                                                              {"[::1]:65535", "::1", 65535}}) {
    SCOPED_TRACE(text);
    const absl::StatusOr<ListenAddress> address = ParseLoopbackAddress(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->port, port);
  }
}

TEST(ListenAddressTest, RefusesWhatOtherMachinesReachAndSaysWhy) {
  for (const std::string text :
       {"0.0.0.0:8080", "10.0.0.1:8080", "[::]:8080", "[::ffff:127.0.0.1]:1"}) {
    SCOPED_TRACE(text);
    const absl::Status status = ParseLoopbackAddress(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("no login yet"));
  }
}

TEST(ListenAddressTest, RefusesWhatIsNoAddress) {
  for (const std::string text :
       {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.1:80",
        "example.test:80", "::1:80", "[127.0.0.1]:80", "[::1:80"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(ParseLoopbackAddress(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ListenAddressTest, WritesWhatItReads) {
  for (const std::string text : {"127.0.0.1:8080", "[::1]:9090"}) {
    EXPECT_EQ(ToString(*ParseLoopbackAddress(text)), text);
  }
}

}  // namespace
}  // namespace rondo
