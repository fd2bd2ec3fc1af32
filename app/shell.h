// What every command shares: where results and messages go, the output format, the server, and the
// exit status that an error becomes.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/timestamp.pb.h"
#include "platform/rpc/caller.h"

namespace rondo {

enum class ExitCode {
  kDone = 0,
  kFailed = 1,      // Server or I/O.
  kUsage = 2,       // The command line is wrong.
  kRefused = 3,     // The input is wrong.
  kWrongState = 4,  // Not found, or not now.
  kInterrupted = 130,
};

ExitCode ExitCodeOf(const absl::Status& status);

// A table or a stream of JSON objects on standard output.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

class Shell {
 public:
  // Adds --output and --server to `root`. `root` and the shell live until the command has run.
  explicit Shell(CLI::App& root);

  bool json(bool by_default = false) const {
    return output_ == "json" || (output_.empty() && by_default);
  }
  const std::string& server() const { return server_; }
  // Connected when first used.
  Caller& caller();
  // A call with a deadline of `timeout` from now.
  CallInfo call(absl::Duration timeout = absl::Seconds(60)) const;

  // Runs `body` when `command` is chosen and keeps its status for exit_code().
  void OnRun(CLI::App* command, std::function<absl::Status()> body);

  // For a command line that is wrong in a way that its options do not say: ends with kUsage.
  absl::Status UsageError(std::string_view message) {
    EndWith(ExitCode::kUsage);
    return absl::InvalidArgumentError(std::string(message));
  }
  // The exit code of a command that reports its errors itself; call it from the body.
  void EndWith(ExitCode code) { own_code_ = code; }

  // One JSON object, indented on a terminal.
  void PrintJson(const nlohmann::ordered_json& value) const;
  // One JSON line of a list.
  void PrintJsonLine(const nlohmann::ordered_json& value) const;
  void PrintTable(const Table& table) const;
  // A protobuf message as one JSON object with the contract's field names.
  void PrintMessage(const google::protobuf::Message& message) const;

  int exit_code() const { return static_cast<int>(exit_code_); }

 private:
  std::string output_;
  std::string server_ = "127.0.0.1:9090";
  std::unique_ptr<Caller> caller_;
  ExitCode exit_code_ = ExitCode::kDone;
  std::optional<ExitCode> own_code_;
};

// The contract's JSON of `message`: snake_case names, int64 as numbers where exact in a double.
nlohmann::ordered_json ToJson(const google::protobuf::Message& message);

// `2026-12-01T10:00:00Z`; empty for a time that is not set.
std::string TimeText(const google::protobuf::Timestamp& time);

// The whole of a file, `-` for standard input, gzip and zstd opened. INVALID_ARGUMENT naming the
// path if it cannot be read or holds more than `bytes_max`.
absl::StatusOr<std::string> ReadInput(const std::string& path, size_t bytes_max);

}  // namespace rondo
