// A real single-node Kafka (KRaft) for tests, started from the jars that `./x setup` installs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/kit/process/process.h"

namespace rondo::test {

// $RONDO_KAFKA_LIB, else build/kafka; nothing if there are no jars.
std::optional<std::string> KafkaJars();

// For one thread.
class KafkaBroker {
 public:
  // Formats an empty broker and starts it on free ports.
  static absl::StatusOr<std::unique_ptr<KafkaBroker>> Start(const std::string& jars);

  std::string address() const;  // `127.0.0.1:PORT`.
  void Kill();                  // SIGKILL.
  absl::Status StartAgain();    // With the data that it left.
  void Pause();                 // SIGSTOP.
  void Resume();

 private:
  explicit KafkaBroker(std::string jars) : jars_(std::move(jars)) {}
  std::vector<std::string> Java(const std::vector<std::string>& arguments) const;
  absl::Status WriteProperties() const;
  // Runs a tool of Kafka to its end; UNKNOWN, with its output, unless it exits with 0.
  absl::Status RunTool(const std::vector<std::string>& arguments);

  const std::string jars_;
  TempDir folder_;
  const int port_ = FreePort();
  const int controller_port_ = FreePort();
  std::optional<Process> process_;
};

}  // namespace rondo::test
