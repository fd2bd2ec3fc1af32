#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo {
namespace {

using ::testing::HasSubstr;

TEST(ParseConfigTest, KeepsDefaultsOfWhatTheFileDoesNotSay) {
  const auto config = ParseConfig("c.yaml", "http: 127.0.0.1:0\nsmtp: {port: 2525}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->http, "127.0.0.1:0");
  EXPECT_EQ(config->smtp_port, 2525);
  EXPECT_EQ(config->grpc, Config().grpc);
  EXPECT_TRUE(ParseConfig("empty.yaml", "").ok());
}

TEST(ParseConfigTest, RefusesUnknownKeysWithTheNearestAndThePlace) {
  const auto config = ParseConfig("c.yaml", "smtp:\n  prot: 25\n");
  EXPECT_THAT(config.status().message(),
              HasSubstr("c.yaml:2:3: smtp.prot: unknown key; did you mean `smtp.port`?"));
}

TEST(ParseConfigTest, RefusesNumbersOutOfRange) {
  EXPECT_THAT(ParseConfig("c.yaml", "partitions: 0\n").status().message(),
              HasSubstr("expected a whole number from 1 to 1024"));
  EXPECT_FALSE(ParseConfig("c.yaml", "partitions: many\n").ok());
}

TEST(ParseConfigTest, TakesTlsAndTheReferenceToAPassword) {
  const auto config = ParseConfig(
      "c.yaml",
      "smtp:\n  tls: starttls\n  verify: false\n  user: rondo\n  password_env: SMTP_PASSWORD\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->smtp_tls, "starttls");
  EXPECT_EQ(config->smtp_verify, "false");
  EXPECT_EQ(config->smtp_password_env, "SMTP_PASSWORD");
}

TEST(ParseConfigTest, RefusesAKeyThatItsMappingHasAlready) {
  EXPECT_THAT(ParseConfig("c.yaml", "smtp:\n  port: 25\n  port: 26\n").status().message(),
              HasSubstr("c.yaml:3:3: smtp.port: given in line 2 already"));
  EXPECT_THAT(ParseConfig("c.yaml", "smtp: {port: 25}\nsmtp: {tls: none}\n").status().message(),
              HasSubstr("c.yaml:2:1: smtp: given in line 1 already"));
}

TEST(ParseConfigTest, TakesTheHostsThatAProxyIsReachedBy) {
  const auto config =
      ParseConfig("c.yaml", "allowed_hosts: [rondo.example.com, 192.0.2.7, \"[2001:db8::7]\"]");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->allowed_hosts,
              ::testing::ElementsAre("rondo.example.com", "192.0.2.7", "[2001:db8::7]"));
  EXPECT_EQ(ConfigValue(*config, "allowed_hosts"), "[rondo.example.com, 192.0.2.7, [2001:db8::7]]");
  for (const char* wrong : {"rondo.test", "[\"https://rondo.test\"]", "[\"rondo.test:443\"]",
                            "[\"\"]", "[\"*\"]", "[{a: b}]"}) {
    EXPECT_THAT(ParseConfig("c.yaml", std::string("allowed_hosts: ") + wrong).status().message(),
                HasSubstr("c.yaml:1:"))
        << wrong;
  }
  EXPECT_TRUE(ParseConfig("c.yaml", "allowed_hosts:\n")->allowed_hosts.empty());
}

TEST(ParseConfigTest, RefusesWhatIsWrongTogether) {
  const auto message_of = [](const char* text) {
    return std::string(ParseConfig("c.yaml", text).status().message());
  };
  EXPECT_THAT(message_of("smtp: {tls: ssl}"), HasSubstr("expected none or starttls or implicit"));
  EXPECT_THAT(message_of("smtp: {verify: maybe}"), HasSubstr("expected true or false"));
  EXPECT_THAT(message_of("smtp: {user: a, password_file: f}"), HasSubstr("needs smtp.tls"));
  EXPECT_THAT(message_of("smtp: {user: a, tls: implicit}"), HasSubstr("give its password too"));
  EXPECT_THAT(message_of("smtp: {user: a, tls: implicit, password_file: f, password_env: E}"),
              HasSubstr("keep one of them"));
  // A password itself has no key.
  EXPECT_THAT(message_of("smtp: {password: secret}"), HasSubstr("unknown key"));
  EXPECT_THAT(message_of("smtp: {password: secret}"), ::testing::Not(HasSubstr("secret")));
}

TEST(ExplainConfigTest, IsAFileThatSaysWhatTheDefaultsSay) {
  const auto config = ParseConfig("explained", ExplainConfig());
  ASSERT_TRUE(config.ok()) << config.status();
  for (const ConfigKey& key : ConfigKeys()) {
    EXPECT_EQ(ConfigValue(*config, key.name), ConfigValue(Config(), key.name)) << key.name;
    EXPECT_FALSE(key.description.empty()) << key.name;
  }
}

}  // namespace
}  // namespace rondo
