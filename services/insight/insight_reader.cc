#include "services/insight/insight_reader.h"

#include "platform/core/status_macros.h"

namespace rondo::insight {

absl::StatusOr<std::vector<CycleView>> ReadCampaign(const eventlog::Runtime& runtime,
                                                    std::string_view campaign) {
  std::map<int32_t, CycleView> views;
  for (int partition = 0; partition < runtime.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime.ReadState("insight", partition));
    RONDO_ASSIGN_OR_RETURN(auto cycles, ReadCycles(*state, campaign));
    for (auto& [number, cycle] : cycles) {
      const CycleKey key = {.campaign = std::string(campaign), .cycle = number};
      RONDO_ASSIGN_OR_RETURN(const auto parts, ReadSums(*state, key));
      RONDO_ASSIGN_OR_RETURN(const absl::Time last_due, ReadLastDue(*state, key));
      CycleView& view = views[number];
      view.last_due = std::max(view.last_due, last_due);
      for (const auto& [part, sums] : parts) {
        Merge(view.cells[part.cell], sums);
        Merge(view.parts[part], sums);
      }
      // The home partition learns of planning and closing first.
      const bool later = cycle.planned() || cycle.closed() || !view.state.has_cycle();
      if (later && !view.state.closed()) view.state = std::move(cycle);
    }
  }
  std::vector<CycleView> ordered;
  for (auto& [number, view] : views) ordered.push_back(std::move(view));
  return ordered;
}

}  // namespace rondo::insight
