#include "tests/kit/sinks/sinks.h"

#include <fstream>

#include "platform/core/status_macros.h"

namespace rondo::test {

absl::StatusOr<std::unique_ptr<Sink>> Sink::Start(const char* script, const SinkOptions& options,
                                                  std::vector<std::string> arguments) {
  std::unique_ptr<Sink> sink(new Sink);
  sink->port_ = options.port != 0 ? options.port : FreePort();
  std::vector<std::string> argv = {"python3",  "tests/kit/sinks/" + std::string(script),
                                   "--port",   std::to_string(sink->port_),
                                   "--ledger", sink->ledger_};
  if (!options.rules.empty()) {
    std::ofstream(sink->dir_.File("rules.json")) << options.rules.dump();
    argv.insert(argv.end(), {"--rules", sink->dir_.File("rules.json")});
  }
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  RONDO_ASSIGN_OR_RETURN(Process process, Process::Start({.argv = std::move(argv)}));
  sink->process_ = std::make_unique<Process>(std::move(process));
  RONDO_RETURN_IF_ERROR(sink->process_->AwaitPort(sink->port_));
  return sink;
}

absl::StatusOr<std::unique_ptr<Sink>> Sink::StartSmtp(const SinkOptions& options) {
  std::vector<std::string> arguments;
  if (options.detail == LedgerDetail::kFull) arguments.emplace_back("--full");
  if (options.detail == LedgerDetail::kDecoded) arguments.emplace_back("--decode");
  if (!options.kill_file.empty()) {
    arguments.insert(arguments.end(), {"--kill", options.kill_file});
  }
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  return Start("smtp_sink.py", options, std::move(arguments));
}

absl::StatusOr<std::unique_ptr<Sink>> Sink::StartSms(const SinkOptions& options) {
  std::vector<std::string> arguments;
  if (options.receipts) arguments.emplace_back("--receipts");
  return Start("sms_sink.py", options, std::move(arguments));
}

std::vector<nlohmann::json> Sink::Ledger() const {
  std::vector<nlohmann::json> entries;
  std::ifstream lines(ledger_);
  for (std::string line; std::getline(lines, line);) entries.push_back(nlohmann::json::parse(line));
  return entries;
}

}  // namespace rondo::test
