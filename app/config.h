// The configuration of `rondo serve`: one YAML file, every key documented by `rondo config
// explain`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rondo {

struct Config {
  std::string data = "./rondo-data";
  std::string target = "all";
  std::string log = "embedded";
  int partitions = 8;
  int threads = 0;
  std::string http = "127.0.0.1:8080";
  std::string grpc = "127.0.0.1:9090";
  std::string dashboards;
  std::string public_url;
  std::vector<std::string> allowed_hosts;
  std::string smtp_host = "127.0.0.1";
  int smtp_port = 25;
  int smtp_sessions = 10;
  std::string smtp_return_path = "bounces@localhost";
  std::string smtp_tls = "none";
  std::string smtp_ca_file;
  std::string smtp_verify = "true";
  std::string smtp_user;
  std::string smtp_password_file;
  std::string smtp_password_env;
  std::string sms_url;
  int sms_sessions = 4;
  std::string sms_username;
  std::string sms_password_file;
  std::string time_zone_attribute = "time_zone";
  std::string email_attribute = "email";
  std::string phone_attribute = "phone";
  std::string clock = "system";
};

// One key of the file.
struct ConfigKey {
  std::string_view name;  // `smtp.host`: nested keys of the file.
  std::string_view type;  // `text`, `number`, `list`.
  std::string_view description;
};

// All keys, in the order of the file.
const std::vector<ConfigKey>& ConfigKeys();
// The value of a key of ConfigKeys as text.
std::string ConfigValue(const Config& config, std::string_view key);

// Defaults with what `text` says on top. INVALID_ARGUMENT, `FILE:LINE:COLUMN: key: …`, for unknown
// keys (with the nearest known one) and wrong types.
absl::StatusOr<Config> ParseConfig(std::string_view file, std::string_view text);

// A YAML file with every key, its default and what it means, which ParseConfig reads.
std::string ExplainConfig();

}  // namespace rondo
