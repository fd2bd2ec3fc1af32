// A mail server and an SMS gateway as processes of a test, whose ledgers say what they took:
// smtp_sink.py and sms_sink.py beside this file, whose heads describe rules and ledgers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/kit/process/process.h"

namespace rondo::test {

enum class LedgerDetail : uint8_t { kHeaders, kFull, kDecoded };

struct SinkOptions {
  nlohmann::json rules = nlohmann::json::array();
  LedgerDetail detail = LedgerDetail::kHeaders;  // Of mail.
  bool receipts = false;                         // Of SMS: calls the dlr-url.
  int port = 0;                                  // 0: a free one.
  std::string kill_file = {};                    // Of mail: who is killed where; smtp_sink.py.
  // Of mail: further arguments of smtp_sink.py, such as {"--tls", "starttls"}.
  std::vector<std::string> arguments = {};
};

// Ends with its process and its ledger when destroyed. Thread-compatible.
class Sink {
 public:
  // Ready to take messages when it returns.
  static absl::StatusOr<std::unique_ptr<Sink>> StartSmtp(const SinkOptions& options);
  static absl::StatusOr<std::unique_ptr<Sink>> StartSms(const SinkOptions& options);

  int port() const { return port_; }
  const std::string& ledger_file() const { return ledger_; }
  // What was accepted so far, in order.
  std::vector<nlohmann::json> Ledger() const;
  Process& process() { return *process_; }

 private:
  Sink() : ledger_(dir_.File("ledger.jsonl")) {}
  static absl::StatusOr<std::unique_ptr<Sink>> Start(const char* script, const SinkOptions& options,
                                                     std::vector<std::string> arguments);

  TempDir dir_;
  std::string ledger_;
  int port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace rondo::test
