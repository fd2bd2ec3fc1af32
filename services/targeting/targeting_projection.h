// The projection `targeting`: customers, signals and events of every partition as columns in
// memory.
//
// State is rebuilt from the log at each start. Records wait until their batch is committed, so a
// view never holds a part of a batch, nor one that was not committed. Machines' events are left
// out: rules speak of what people did.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/eventlog/projection.h"
#include "services/targeting/domain/customer_table.h"

namespace rondo::targeting {

// Thread-safe.
class TargetingProjection final : public eventlog::Projection {
 public:
  static constexpr std::string_view kName = "targeting";

  explicit TargetingProjection(int partition_count);
  ~TargetingProjection() override;

  int partition_count() const { return static_cast<int>(partitions_.size()); }
  // All committed records of the partition. The same object while nothing changes.
  std::shared_ptr<const CustomerView> View(int partition) const;
  // Names and types of the signals seen in any partition, by name.
  std::vector<std::pair<std::string, CellType>> SignalTypes() const;
  // Lets `fill` write to the partition's table, past the log: how a large population is made for
  // measurements. What is written is lost with the next replay. No record may be pending.
  void Fill(int partition, const std::function<void(CustomerTable&)>& fill);
  // Of all partitions, in bytes.
  size_t memory_bytes() const;
  // Hash of what all views hold: equal for equal logs.
  uint64_t Fingerprint() const;

  std::string_view name() const override { return kName; }
  int state_version() const override { return 1; }
  bool in_memory() const override { return true; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;
  absl::Status Loaded(int partition, int64_t next_offset, const storage::Reader& state) override;

 private:
  struct Partition;
  std::vector<std::unique_ptr<Partition>> partitions_;
};

}  // namespace rondo::targeting
