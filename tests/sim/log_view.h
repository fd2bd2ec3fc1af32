// What the log says, as the ledger reads it: plain sets, no state machine of the house.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "platform/eventlog/event_log.h"
#include "tests/sim/deployment.h"

namespace rondo::sim {

struct Planned {
  std::string cell;
  std::string channel;
  bool control = false;
  absl::Time due;
  absl::Time written;  // When it was planned.
};

struct Decided {
  uint64_t customer = 0;
  size_t returned = 0;
  std::vector<Choice::Proposed> candidates;  // Best first.
};

// How a followed link is written down: `open`, `open machine`, `click`, `unsubscribe`, `receipt 1`.
std::string VisitWord(const std::string& type, bool machine, int64_t receipt);

class LogView {
 public:
  // Reads on from where the last call ended. DATA_LOSS if the log cannot be read.
  absl::Status Read(const eventlog::EventLog& log);
  // The log may have lost its end: everything is read again.
  absl::Status ReadAgain(const eventlog::EventLog& log);

  std::map<ContactId, Planned> planned;                // The first record of each.
  std::set<std::string> events;                        // Message ids.
  std::set<std::pair<ContactId, std::string>> visits;  // By VisitWord.
  std::set<uint64_t> people;                           // With a profile.
  std::set<ContactId> sent;                            // With an outcome that says so.
  std::map<std::string, Decided> decisions;            // By name; the first record of each.
  std::set<PropositionAnswer> answers;
  std::set<ContactId> failed;  // Refused for good.

 private:
  void Take(const eventlog::LogRecord& record);

  std::map<int, int64_t> next_offset_;  // By partition.
};

}  // namespace rondo::sim
