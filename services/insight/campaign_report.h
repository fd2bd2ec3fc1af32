// The report of a campaign from the sums of its cycles: funnel, arms, effects, sample ratio, and
// what a reader must know before believing them.
//
// Effects are intention-to-treat: every customer assigned to a cell counts, reached or not, cell
// against control. Over several cycles each customer counts once in each cycle, and effects are
// compared within cycles (stats::StratifiedLift), since shares may differ between them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "rondo/insight/v1/report.pb.h"
#include "services/insight/insight_store.h"

namespace rondo::insight {

// The arm of all cells together that are not control, in effects.
inline constexpr std::string_view kAllTreated = "treated";

// One cycle with the sums of all partitions.
struct CycleView {
  pb::CycleState state;
  std::map<std::string, CellSums> cells;
  // The same customers, by the segments that they are in too.
  std::map<CellPart, CellSums> parts;
  absl::Time last_due = absl::InfinitePast();  // Of its contacts.
};

// When the last response window of the cycle ends.
absl::Time WindowsEnd(const CycleView& cycle);

// Of one cycle: its cells that are not control together, and its control cells together.
CellSums TreatedOf(const CycleView& cycle);
CellSums ControlOf(const CycleView& cycle);

// Whether events of `goal` carry a value in any of `cycles`.
bool HasValue(std::span<const CycleView> cycles, const std::string& goal);

// The share with which `cell` was drawn in the cycle: as begun, else as defined; 0 if neither says.
double ShareOf(const CycleView& cycle, const std::string& cell);

// 1 for KRW, 100 for EUR: how many minor units are one major unit. 1 for an unknown currency.
double MinorPerMajor(const std::string& currency);

// `cycles` are of one campaign, ascending, at least one; definitions are the last one's. `number`
// is the cycle asked for, 0 for all.
pb::CampaignReport MakeReport(std::span<const CycleView> cycles, int32_t number, absl::Time as_of);

// Adds to `report` the figures of each segment that contacts of `cycles` bear, and of a sole
// included segment, in which all of them are. A cycle counts for the segments that were frozen for
// it.
void AddSegments(std::span<const CycleView> cycles, absl::Time as_of, pb::CampaignReport& report);

}  // namespace rondo::insight
