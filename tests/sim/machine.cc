#include "tests/sim/machine.h"

namespace rondo::sim {
namespace {
// A Monday; any would do.
const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
}  // namespace

Machine::Machine(uint64_t seed, int partitions, FaultOptions faults)
    : faults_(faults),
      rng_(seed ^ 0x6d616368696e65u),
      clock_(kStart),
      executor_(seed, clock_),
      log_(partitions, clock_, [this](storage::CommitPoint) {
        return log_frozen_ ? storage::Fault::kFail : AtCommit();
      }) {
  Rng rng(seed);
  for (unsigned char& byte : instance_key_) byte = static_cast<unsigned char>(rng.Next());
}

storage::Fault Machine::AtCommit() {
  if (crashed_) return storage::Fault::kCrash;
  if (!faults_enabled_) return storage::Fault::kNone;
  if (rng_.Chance(faults_.crash)) {
    crashed_ = true;
    executor_.Halt();
    return storage::Fault::kCrash;
  }
  return rng_.Chance(faults_.fail) ? storage::Fault::kFail : storage::Fault::kNone;
}

eventlog::StoreOpener Machine::StoreOpener() {
  return [this](std::string_view service,
                bool in_memory) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
    if (in_memory) return std::make_unique<storage::MemoryStore>();
    auto& disk = disks_[std::string(service)];
    if (disk == nullptr) disk = std::make_shared<storage::MemoryDisk>();
    return std::make_unique<storage::MemoryStore>(
        disk,
        storage::MemoryStoreOptions{.write_ahead_log = faults_.stores_survive_crash,
                                    .fault = [this](storage::CommitPoint) { return AtCommit(); }});
  };
}

eventlog::StoreRemover Machine::StoreRemover() {
  return [this](std::string_view service) {
    disks_.erase(std::string(service));
    return absl::OkStatus();
  };
}

std::unique_ptr<storage::Store> Machine::OpenStore(const std::string& name) {
  auto& disk = other_disks_[name];
  if (disk == nullptr) disk = std::make_shared<storage::MemoryDisk>();
  return std::make_unique<storage::MemoryStore>(
      disk,
      storage::MemoryStoreOptions{.write_ahead_log = true,
                                  .fault = [this](storage::CommitPoint) { return AtCommit(); }});
}

void Machine::Crash() {
  crashed_ = true;
  executor_.Halt();
  log_.Crash();
}

void Machine::Restart(bool power_may_be_lost) {
  executor_.DropAll();
  const bool power_lost = power_may_be_lost && rng_.Chance(faults_.power_lost);
  if (power_lost) {
    ++power_losses_;
    for (auto& [name, disk] : disks_) disk->LosePower();
    for (auto& [name, disk] : other_disks_) disk->LosePower();
  }
  log_.Crash();
  log_.Restart(power_lost);
  crashed_ = false;
  ++process_;
}

}  // namespace rondo::sim
