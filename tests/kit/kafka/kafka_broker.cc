#include "tests/kit/kafka/kafka_broker.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo::test {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr char kClusterId[] =
    "cm9uZG8tdGVzdHMtMDAwMQ";  // 16 bytes in base64, as Kafka's tools make.

}  // namespace

std::optional<std::string> KafkaJars() {
  const char* set = std::getenv("RONDO_KAFKA_LIB");
  const std::string folder = set != nullptr ? set : "build/kafka";
  std::error_code absent;
  if (!std::filesystem::is_directory(folder, absent) || std::filesystem::is_empty(folder, absent)) {
    return std::nullopt;
  }
  return std::filesystem::absolute(folder).string();
}

absl::StatusOr<std::unique_ptr<KafkaBroker>> KafkaBroker::Start(const std::string& jars) {
  std::unique_ptr<KafkaBroker> broker(new KafkaBroker(jars));
  broker->WriteProperties();
  RONDO_RETURN_IF_ERROR(broker->RunTool({"kafka.tools.StorageTool", "format", "-t", kClusterId,
                                         "-c", broker->folder_.File("server.properties")}));
  RONDO_RETURN_IF_ERROR(broker->StartAgain());
  return broker;
}

std::string KafkaBroker::address() const { return absl::StrFormat("127.0.0.1:%d", port_); }

void KafkaBroker::Kill() {
  process_->KillGroup();
  process_->Wait().IgnoreError();
}

absl::Status KafkaBroker::StartAgain() {
  RONDO_ASSIGN_OR_RETURN(
      process_, Process::Start({.argv = Java({"kafka.Kafka", folder_.File("server.properties")})}));
  return process_->AwaitPort(port_, kStartTimeout);
}

void KafkaBroker::Pause() { process_->Signal(SIGSTOP); }
void KafkaBroker::Resume() { process_->Signal(SIGCONT); }

absl::Status KafkaBroker::RunTool(const std::vector<std::string>& arguments) {
  RONDO_ASSIGN_OR_RETURN(Process tool, Process::Start({.argv = Java(arguments)}));
  RONDO_ASSIGN_OR_RETURN(const int exit, tool.Wait(kStartTimeout));
  return exit == 0 ? absl::OkStatus() : absl::UnknownError(tool.Output());
}

std::vector<std::string> KafkaBroker::Java(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {"java",
                                   "-Xmx512m",
                                   "-Xms128m",
                                   "-XX:+UseSerialGC",
                                   "-XX:TieredStopAtLevel=1",
                                   "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                                   "-cp",
                                   jars_ + "/*"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

void KafkaBroker::WriteProperties() const {
  std::ofstream(folder_.File("server.properties")) << absl::StrFormat(
      "process.roles=broker,controller\n"
      "node.id=1\n"
      "controller.quorum.voters=1@127.0.0.1:%d\n"
      "listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d\n"
      "advertised.listeners=PLAINTEXT://127.0.0.1:%d\n"
      "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
      "controller.listener.names=CONTROLLER\n"
      "log.dirs=%s\n"
      "offsets.topic.replication.factor=1\n"
      "transaction.state.log.replication.factor=1\n"
      "transaction.state.log.min.isr=1\n"
      "group.initial.rebalance.delay.ms=0\n"
      // After kill -9 the broker waits for its own registration to lapse.
      "broker.session.timeout.ms=2000\n"
      "broker.heartbeat.interval.ms=200\n",
      controller_port_, port_, controller_port_, port_, folder_.File("data"));
}

}  // namespace rondo::test
