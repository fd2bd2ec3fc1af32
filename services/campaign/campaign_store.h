// Keys of the projection `campaign` and what is stored under them.
//
// A campaign's state, cycles and closings live in the home partition, that of its name; how far a
// cycle's contacts are planned lives in each party partition.
//
//   01 name                  the current definition (catalog::DefinitionTable)
//   02 name                  Campaign: name, state, version that was approved, current cycle
//   03 name u32(cycle)       CycleStarted: the frozen definition, and the cycle as it stands
//   04 name                  CycleClosed: the last cycle whose windows closed
//   05 name u32(cycle)       CyclePlanned: contacts of this partition by cell
//   06 name u32(cycle)       u64: the highest customer planned in this partition
//   07 name u32(cycle)       i64: a cycle that began, at this time, and is not planned to its end
//   08 name                  u32: the next cycle, due but not begun
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/id.h"
#include "platform/eventlog/projection.h"
#include "platform/storage/store.h"
#include "rondo/campaign/v1/campaign.pb.h"
#include "rondo/log/v1/campaigns.pb.h"

namespace rondo::campaign {

inline constexpr uint8_t kDefinitionsTable = 1;

// A cycle whose contacts are not all in the log.
struct UnplannedCycle {
  std::string campaign;
  int number = 0;
  absl::Time begun;  // Partition time when it began: nothing is due earlier.
};

// Reads one partition's state. `reader` must outlive it. All fail with DATA_LOSS if what is stored
// does not decode; what is not there is nullopt or empty.
class CampaignReader {
 public:
  explicit CampaignReader(const storage::Reader& reader) : reader_(reader) {}

  absl::StatusOr<std::optional<v1::Campaign>> State(std::string_view campaign) const;
  absl::StatusOr<std::optional<log::v1::CycleStarted>> Cycle(std::string_view campaign,
                                                             int number) const;
  // At most `limit` cycles with numbers above `after`.
  absl::StatusOr<std::vector<log::v1::CycleStarted>> Cycles(std::string_view campaign, int after,
                                                            size_t limit) const;
  absl::StatusOr<std::optional<log::v1::CycleClosed>> LastClosing(std::string_view campaign) const;
  absl::StatusOr<std::optional<log::v1::CyclePlanned>> Progress(std::string_view campaign,
                                                                int number) const;
  // Unset id: nobody yet.
  absl::StatusOr<CustomerId> LastPlanned(std::string_view campaign, int number) const;
  absl::StatusOr<std::vector<UnplannedCycle>> Unplanned() const;
  // 0 if none waits.
  absl::StatusOr<int> DueCycle(std::string_view campaign) const;

 private:
  const storage::Reader& reader_;
};

// The same with writes, within Apply.
class CampaignWriter {
 public:
  explicit CampaignWriter(eventlog::ApplyContext& context);
  const CampaignReader& read() const { return reader_; }

  void PutState(const v1::Campaign& state);
  void PutCycle(const log::v1::CycleStarted& cycle);
  void PutClosing(const log::v1::CycleClosed& closing);
  void PutProgress(const log::v1::CyclePlanned& progress, CustomerId last_planned);
  void MarkUnplanned(const UnplannedCycle& cycle);
  void ClearUnplanned(std::string_view campaign, int number);
  // 0 clears.
  void SetDueCycle(std::string_view campaign, int number);

 private:
  // What Apply may read, as a reader.
  class ContextReader final : public storage::Reader {
   public:
    explicit ContextReader(const eventlog::ApplyContext& context) : context_(context) {}
    absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
      return context_.Get(key);
    }
    std::unique_ptr<storage::Cursor> Scan(const storage::KeyRange& range) const override {
      return context_.Scan(range);
    }

   private:
    const eventlog::ApplyContext& context_;
  };

  eventlog::ApplyContext& context_;
  ContextReader context_reader_;
  CampaignReader reader_;
};

}  // namespace rondo::campaign
