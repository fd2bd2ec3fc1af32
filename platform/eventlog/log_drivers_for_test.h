// The log's drivers as the contract suite sees them: made, closed and opened again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/core/clock.h"
#include "platform/eventlog/event_log.h"

namespace rondo::eventlog {

class LogDriver {
 public:
  virtual ~LogDriver() = default;
  // With what was appended before; nullptr (and a failed expectation) if it does not open.
  virtual std::shared_ptr<EventLog> Open() = 0;
  virtual void Close(std::shared_ptr<EventLog> log) { log.reset(); }
};

struct LogDriverKind {
  const char* name;
  // An empty log; nullptr if what it needs is not installed here.
  std::unique_ptr<LogDriver> (*make)(int partition_count, const Clock& clock);
};

std::vector<LogDriverKind> LogDriverKinds();

}  // namespace rondo::eventlog
