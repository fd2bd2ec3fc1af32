#include "tests/kit/kafka/kafka_broker.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "platform/core/status_macros.h"

namespace rondo::test {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr char kProperties[] = "tests/kit/kafka/server.properties";
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
  RONDO_RETURN_IF_ERROR(broker->WriteProperties());
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

absl::Status KafkaBroker::WriteProperties() const {
  std::ostringstream form;
  form << std::ifstream(kProperties).rdbuf();
  if (form.str().empty()) {
    return absl::NotFoundError(
        absl::StrFormat("%s: run this in the repository's root", kProperties));
  }
  std::ofstream(folder_.File("server.properties"))
      << absl::StrReplaceAll(form.str(), {{"@PORT@", absl::StrCat(port_)},
                                          {"@CONTROLLER_PORT@", absl::StrCat(controller_port_)},
                                          {"@DATA@", folder_.File("data")}});
  return absl::OkStatus();
}

}  // namespace rondo::test
