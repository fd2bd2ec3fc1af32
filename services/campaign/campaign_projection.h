// The projection `campaign`: states, cycles, and how far each cycle is planned.
//
// All that follows from the log alone happens here: verdicts on transitions, and the start of a
// cycle once it is due, the one before it is planned, and, if the campaign learns, closed. Then the
// definition and the shares are frozen into CycleStarted. Selecting and planning contacts is the
// planner's, which acts only live.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/catalog/catalog.h"
#include "platform/eventlog/projection.h"
#include "services/campaign/campaign_store.h"

namespace rondo::campaign {

// Thread-safe.
class CampaignProjection final : public eventlog::Projection {
 public:
  static constexpr std::string_view kName = "campaign";

  explicit CampaignProjection(int partition_count);

  // `on_unplanned(partition)` is called when a live partition has a cycle to plan; on the lane: it
  // must be quick. Before Runtime::Start.
  void SetPlanner(std::function<void(int partition)> on_unplanned);

  std::string_view name() const override { return kName; }
  int state_version() const override { return 2; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  absl::Status OnTimer(absl::Time due, std::string_view key, std::string_view payload,
                       eventlog::ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;
  absl::Status Loaded(int partition, int64_t next_offset, const storage::Reader& state) override;

 private:
  absl::Status OnDefinition(const catalog::Definition& definition, eventlog::ApplyContext& context);
  // Makes the current version the approved one. FAILED_PRECONDITION unless it is `version` (0: any)
  // and is not approved yet.
  absl::Status Approve(int64_t version, rondo::campaign::v1::Campaign& state,
                       eventlog::ApplyContext& context) const;
  absl::Status OnProposed(const log::v1::CampaignTransitionProposed& proposed,
                          eventlog::ApplyContext& context);
  absl::Status OnStarted(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status OnContact(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status OnPlanned(const log::v1::CyclePlanned& planned, eventlog::ApplyContext& context);
  absl::Status OnClosed(const log::v1::CycleClosed& closed, eventlog::ApplyContext& context);

  // Ends the campaign if the last cycle of what is approved has closed; else begins what is due.
  absl::Status GoOn(v1::Campaign state, eventlog::ApplyContext& context);
  // Begins the cycle that is due, if nothing stands in its way.
  absl::Status StartDueCycle(v1::Campaign state, eventlog::ApplyContext& context);
  // When the campaign's next cycle is to be planned, by its current definition; nullopt where none
  // comes, or the start of the current one is still on its way.
  absl::StatusOr<std::optional<absl::Time>> NextPlanDue(const catalog::Definition& definition,
                                                        const v1::Campaign& state,
                                                        eventlog::ApplyContext& context);
  // Has the timer of the campaign's next cycle set, by its current definition.
  absl::Status SetNextTimer(const v1::Campaign& state, eventlog::ApplyContext& context);

  catalog::DefinitionTable definitions_;
  std::function<void(int)> on_unplanned_;
  // By partition, of the lane alone: a cycle may wait for the planner since it was last woken.
  std::vector<char> unplanned_;
};

}  // namespace rondo::campaign
