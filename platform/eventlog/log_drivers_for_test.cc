#include "platform/eventlog/log_drivers_for_test.h"

#include "platform/eventlog/memory_log.h"

namespace rondo::eventlog {
namespace {

class MemoryLogDriver final : public LogDriver {
 public:
  MemoryLogDriver(int partition_count, const Clock& clock)
      : log_(std::make_shared<MemoryLog>(partition_count, clock)) {}
  std::shared_ptr<EventLog> Open() override {
    log_->Restart(/*power_lost=*/true);
    return log_;
  }

 private:
  std::shared_ptr<MemoryLog> log_;
};

}  // namespace

std::vector<LogDriverKind> LogDriverKinds() {
  return {{"Memory", [](int partition_count, const Clock& clock) -> std::unique_ptr<LogDriver> {
             return std::make_unique<MemoryLogDriver>(partition_count, clock);
           }}};
}

}  // namespace rondo::eventlog
