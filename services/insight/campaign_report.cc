#include "services/insight/campaign_report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/core/money.h"
#include "services/insight/insight_projection.h"
#include "stats/sample_ratio.h"

namespace rondo::insight {
namespace {

// Below this a proportion's Wald interval is too short more often than it says.
constexpr int64_t kFewConversions = 10;

struct Cell {
  std::string name;
  bool control = false;
};

// One metric of the report: a goal's rate, or its value.
struct Metric {
  std::string name;
  std::string goal;
  bool is_value = false;
};

const rondo::campaign::v1::Campaign& DefinitionOf(std::span<const CycleView> cycles) {
  return cycles.back().state.campaign();
}

// Cells in the order of the definition; then those that only earlier cycles had, by name.
std::vector<Cell> CellsOf(std::span<const CycleView> cycles) {
  std::vector<Cell> cells;
  std::set<std::string> seen;
  for (const auto& cell : DefinitionOf(cycles).cells()) {
    if (seen.insert(cell.name()).second) {
      cells.push_back({.name = cell.name(), .control = cell.control()});
    }
  }
  std::map<std::string, bool> others;
  for (const CycleView& cycle : cycles) {
    for (const auto& [name, sums] : cycle.cells) others[name] = sums.control;
  }
  for (const auto& [name, control] : others) {
    if (seen.insert(name).second) cells.push_back({.name = name, .control = control});
  }
  return cells;
}

std::vector<Metric> MetricsOf(std::span<const CycleView> cycles) {
  std::vector<std::string> goals;
  std::set<std::string> seen;
  for (const auto& goal : DefinitionOf(cycles).goals()) {
    if (seen.insert(goal.name()).second) goals.push_back(goal.name());
  }
  std::set<std::string> others;
  for (const CycleView& cycle : cycles) {
    for (const auto& [cell, sums] : cycle.cells) {
      for (const auto& [goal, goal_sums] : sums.goals) others.insert(goal);
    }
  }
  for (const std::string& goal : others) {
    if (seen.insert(goal).second) goals.push_back(goal);
  }
  std::vector<Metric> metrics;
  for (const std::string& goal : goals) {
    metrics.push_back({.name = goal, .goal = goal, .is_value = false});
    if (HasValue(cycles, goal)) {
      metrics.push_back({.name = goal + ".value", .goal = goal, .is_value = true});
    }
  }
  return metrics;
}

CellSums SumsOfCell(const CycleView& cycle, const std::string& cell) {
  const auto it = cycle.cells.find(cell);
  return it == cycle.cells.end() ? CellSums{} : it->second;
}

CellSums SumsOfArm(const CycleView& cycle, std::string_view arm) {
  return arm == kAllTreated ? TreatedOf(cycle) : SumsOfCell(cycle, std::string(arm));
}

void FillFunnel(std::span<const CycleView> cycles, pb::Funnel& funnel) {
  CellSums all;
  for (const CycleView& cycle : cycles) Merge(all, TreatedOf(cycle));
  funnel.set_planned(all.customers());
  for (const auto& [reason, count] : all.suppressed) {
    pb::SuppressedCount& suppressed = *funnel.add_suppressed();
    suppressed.set_reason(reason);
    suppressed.set_count(count);
  }
  funnel.set_sent(all.Count(Step::kSent));
  funnel.set_in_doubt(all.Count(Step::kInDoubt));
  funnel.set_delivered(all.Count(Step::kDelivered));
  funnel.set_bounced(all.Count(Step::kBounced));
  funnel.set_opened(all.Count(Step::kOpened));
  funnel.set_opened_machine(all.Count(Step::kOpenedByMachineOnly));
  funnel.set_clicked(all.Count(Step::kClicked));
  funnel.set_clicked_machine(all.Count(Step::kClickedByMachineOnly));
  funnel.set_unsubscribed(all.Count(Step::kUnsubscribed));
  funnel.set_complained(all.Count(Step::kComplained));
  funnel.set_unknown(all.Count(Step::kUnknown));
  const std::vector<Metric> metrics = MetricsOf(cycles);
  if (!metrics.empty()) funnel.set_converted(all.Conversions(metrics[0].goal).conversions);
}

void AddMean(const std::string& metric, double mean, pb::Arm& arm) {
  pb::MetricMean& added = *arm.add_means();
  added.set_metric(metric);
  added.set_mean(mean);
}

void FillArms(std::span<const CycleView> cycles, double minor_per_major,
              pb::CampaignReport& report) {
  const std::vector<Metric> metrics = MetricsOf(cycles);
  for (const Cell& cell : CellsOf(cycles)) {
    CellSums all;
    for (const CycleView& cycle : cycles) Merge(all, SumsOfCell(cycle, cell.name));
    pb::Arm& arm = *report.add_arms();
    arm.set_arm(cell.name);
    arm.set_n(all.customers());
    arm.set_control(cell.control);
    for (const Metric& metric : metrics) {
      const double mean = metric.is_value ? stats::Mean(all.Values(metric.goal)) / minor_per_major
                                          : stats::Mean(all.Conversions(metric.goal));
      AddMean(metric.name, mean, arm);
    }
    const auto rate = [&all](Step step) {
      return stats::Mean(
          stats::ProportionArm{.customers = all.customers(), .conversions = all.Count(step)});
    };
    AddMean("opened", rate(Step::kOpened), arm);
    AddMean("clicked", rate(Step::kClicked), arm);
  }
}

absl::StatusOr<stats::Lift> LiftOf(std::span<const CycleView> cycles, std::string_view arm,
                                   const Metric& metric) {
  if (metric.is_value) {
    std::vector<stats::MeanStratum> strata;
    for (const CycleView& cycle : cycles) {
      strata.push_back({.treated = SumsOfArm(cycle, arm).Values(metric.goal),
                        .control = ControlOf(cycle).Values(metric.goal)});
    }
    return stats::StratifiedLift(strata);
  }
  std::vector<stats::ProportionStratum> strata;
  for (const CycleView& cycle : cycles) {
    strata.push_back({.treated = SumsOfArm(cycle, arm).Conversions(metric.goal),
                      .control = ControlOf(cycle).Conversions(metric.goal)});
  }
  return stats::StratifiedLift(strata);
}

void FillEffects(std::span<const CycleView> cycles, double minor_per_major,
                 pb::CampaignReport& report) {
  std::vector<std::string> arms;
  for (const Cell& cell : CellsOf(cycles)) {
    if (!cell.control) arms.push_back(cell.name);
  }
  arms.emplace_back(kAllTreated);
  for (const std::string& arm : arms) {
    for (const Metric& metric : MetricsOf(cycles)) {
      const auto lift = LiftOf(cycles, arm, metric);
      if (!lift.ok()) {
        report.add_warnings(absl::StrFormat("%s, %s: no effect can be given: %s", arm, metric.name,
                                            lift.status().message()));
        continue;
      }
      const double unit = metric.is_value ? minor_per_major : 1.0;
      pb::Effect& effect = *report.add_effects();
      effect.set_arm(arm);
      effect.set_metric(metric.name);
      effect.set_difference(lift->difference / unit);
      effect.set_low(lift->interval.low / unit);
      effect.set_high(lift->interval.high / unit);
      effect.set_p_value(lift->p_value);
    }
  }
}

// Customers expected in each cell are summed over cycles, whose shares may differ.
void FillSampleRatio(std::span<const CycleView> cycles, pb::CampaignReport& report) {
  std::vector<int64_t> customers;
  std::vector<double> expected;
  for (const Cell& cell : CellsOf(cycles)) {
    int64_t found = 0;
    double planned = 0.0;
    for (const CycleView& cycle : cycles) {
      int64_t all = 0;
      for (const auto& [name, sums] : cycle.cells) all += sums.customers();
      found += SumsOfCell(cycle, cell.name).customers();
      planned += ShareOf(cycle, cell.name) * static_cast<double>(all);
    }
    if (found == 0 && planned <= 0.0) continue;
    if (planned <= 0.0) {
      report.add_warnings(absl::StrFormat(
          "%d customers are in cell %s, which has no share of the plan: do not trust the effects "
          "before the cause is known",
          found, cell.name));
      return;
    }
    customers.push_back(found);
    expected.push_back(planned);
  }
  if (customers.size() < 2) return;
  const auto p_value = stats::SampleRatioPValue(customers, expected);
  if (!p_value.ok()) return;
  report.set_srm_p_value(*p_value);
  if (*p_value < stats::kSampleRatioAlarm) {
    report.add_warnings(
        absl::StrFormat("sample ratio mismatch (p = %.2g): customers did not arrive in the cells "
                        "as planned; do not "
                        "trust the effects before the cause is known",
                        *p_value));
  }
}

// Sum over cells of the value gained per customer times customers, less what was spent.
void FillProfit(std::span<const CycleView> cycles, pb::CampaignReport& report) {
  int64_t cost = 0;
  double gained = 0.0;
  bool known = false;
  const std::vector<Metric> metrics = MetricsOf(cycles);
  for (const CycleView& cycle : cycles) {
    cost += TreatedOf(cycle).cost;
    const CellSums control = ControlOf(cycle);
    if (metrics.empty() || control.customers() == 0) continue;
    const std::string& goal = metrics[0].goal;
    const CellSums treated = TreatedOf(cycle);
    gained += (stats::Mean(treated.Values(goal)) - stats::Mean(control.Values(goal))) *
              static_cast<double>(treated.customers());
    known = HasValue(cycles, goal);
  }
  report.set_cost_minor_units(cost);
  if (known) report.set_incremental_profit_minor_units(gained - static_cast<double>(cost));
}

// What the rule of a goal that is defined now reads, for whoever has to mend it.
std::string ValueRuleOf(std::span<const CycleView> cycles, const std::string& goal) {
  for (const auto& defined : DefinitionOf(cycles).goals()) {
    if (defined.name() == goal && !defined.value().empty()) {
      return absl::StrFormat(" `%s`", defined.value());
    }
  }
  return "";
}

void WarnOfMissingValues(std::span<const CycleView> cycles, pb::CampaignReport& report) {
  for (const Metric& metric : MetricsOf(cycles)) {
    if (metric.is_value) continue;
    int64_t missing = 0;
    for (const CycleView& cycle : cycles) {
      for (const auto& [name, sums] : cycle.cells) {
        const auto goal = sums.goals.find(metric.goal);
        if (goal != sums.goals.end()) missing += goal->second.events_without_value;
      }
    }
    if (missing == 0) continue;
    report.add_warnings(absl::StrFormat(
        "%s: the value of %d events could not be computed and counts as 0: send every event with "
        "the fields that the goal's value%s reads, or say in it what to take without them: "
        "`has(e.amount) ? e.amount : 0.0`",
        metric.goal, missing, ValueRuleOf(cycles, metric.goal)));
  }
}

void AddWarnings(std::span<const CycleView> cycles, absl::Time as_of, pb::CampaignReport& report) {
  const auto& definition = DefinitionOf(cycles);
  const bool has_control = std::any_of(cycles.begin(), cycles.end(), [](const CycleView& cycle) {
    return ControlOf(cycle).customers() > 0;
  });
  if (!has_control) {
    report.add_warnings(definition.no_control_reason().empty()
                            ? "no control cell: no lift can be known"
                            : absl::StrFormat("no control cell (%s): no lift can be known",
                                              definition.no_control_reason()));
  }
  for (const CycleView& cycle : cycles) {
    const absl::Time end = WindowsEnd(cycle);
    if (as_of < end) {
      report.add_warnings(absl::StrFormat(
          "cycle %d: response windows are open until %s; the figures are not final",
          cycle.state.cycle().number(), absl::FormatTime(end, absl::UTCTimeZone())));
    }
  }
  if (report.funnel().in_doubt() > 0) {
    report.add_warnings(absl::StrFormat(
        "%d contacts are in doubt: sent or not; of %d of them no evidence is waited "
        "for any more",
        report.funnel().in_doubt(), report.funnel().unknown()));
  }
  WarnOfMissingValues(cycles, report);
  for (const Metric& metric : MetricsOf(cycles)) {
    if (metric.is_value || !has_control) continue;
    for (const Cell& cell : CellsOf(cycles)) {
      int64_t conversions = 0;
      for (const CycleView& cycle : cycles) {
        conversions += SumsOfCell(cycle, cell.name).Conversions(metric.goal).conversions;
      }
      if (conversions < kFewConversions) {
        report.add_warnings(
            absl::StrFormat("%s, %s: %d conversions are too few for a reliable interval", cell.name,
                            metric.name, conversions));
      }
    }
  }
}

}  // namespace

absl::Time WindowsEnd(const CycleView& cycle) {
  return std::max(DueTimeOf(cycle.state), cycle.last_due) + LongestWindow(cycle.state);
}

CellSums TreatedOf(const CycleView& cycle) {
  CellSums all;
  for (const auto& [name, sums] : cycle.cells) {
    if (!sums.control) Merge(all, sums);
  }
  return all;
}

CellSums ControlOf(const CycleView& cycle) {
  CellSums all;
  for (const auto& [name, sums] : cycle.cells) {
    if (sums.control) Merge(all, sums);
  }
  return all;
}

bool HasValue(std::span<const CycleView> cycles, const std::string& goal) {
  for (const auto& defined : DefinitionOf(cycles).goals()) {
    if (defined.name() == goal && !defined.value().empty()) return true;
  }
  for (const CycleView& cycle : cycles) {
    for (const auto& [name, sums] : cycle.cells) {
      const auto it = sums.goals.find(goal);
      if (it != sums.goals.end() && it->second.value_squares != 0) return true;
    }
  }
  return false;
}

double ShareOf(const CycleView& cycle, const std::string& cell) {
  for (const auto& share : cycle.state.cycle().shares()) {
    if (share.cell() == cell) return share.share();
  }
  for (const auto& defined : cycle.state.campaign().cells()) {
    if (defined.name() == cell) return defined.share();
  }
  return 0.0;
}

double MinorPerMajor(const std::string& currency) {
  const auto digits = MinorUnitDigits(currency);
  return digits.ok() ? std::pow(10.0, *digits) : 1.0;
}

namespace {

// The cycles in which `segment` was frozen, with the sums of its members alone.
std::vector<CycleView> Within(std::span<const CycleView> cycles, const std::string& segment) {
  std::vector<CycleView> within;
  for (const CycleView& cycle : cycles) {
    const auto& include = cycle.state.campaign().audience().include();
    if (include.size() == 1 && include[0] == segment) {  // All targets are in it.
      within.push_back(cycle);
      continue;
    }
    const auto& segments = cycle.state.cycle().segments();
    const auto at = std::find(segments.begin(), segments.end(), segment);
    if (at == segments.end()) continue;
    const auto bit = static_cast<uint32_t>(at - segments.begin());
    CycleView members = {
        .state = cycle.state, .cells = {}, .parts = {}, .last_due = cycle.last_due};
    for (const auto& [part, sums] : cycle.parts) {
      if ((part.segments >> bit & 1u) != 0) Merge(members.cells[part.cell], sums);
    }
    within.push_back(std::move(members));
  }
  return within;
}

// Those of the newest cycle first, then those that only earlier ones had.
std::vector<std::string> SegmentsOf(std::span<const CycleView> cycles) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (auto cycle = cycles.rbegin(); cycle != cycles.rend(); ++cycle) {
    for (const std::string& name : cycle->state.cycle().segments()) add(name);
    const auto& include = cycle->state.campaign().audience().include();
    if (include.size() == 1) add(include[0]);
  }
  return names;
}

}  // namespace

void AddSegments(std::span<const CycleView> cycles, absl::Time as_of, pb::CampaignReport& report) {
  for (const std::string& name : SegmentsOf(cycles)) {
    pb::CampaignReport all = MakeReport(Within(cycles, name), 0, as_of);
    pb::SegmentFigures& figures = *report.add_segments();
    figures.set_segment(name);
    *figures.mutable_funnel() = std::move(*all.mutable_funnel());
    figures.mutable_arms()->Swap(all.mutable_arms());
    figures.mutable_effects()->Swap(all.mutable_effects());
    figures.set_cost_minor_units(all.cost_minor_units());
    if (all.has_incremental_profit_minor_units()) {
      figures.set_incremental_profit_minor_units(all.incremental_profit_minor_units());
    }
    figures.mutable_warnings()->Swap(all.mutable_warnings());
  }
  if (report.segments().empty()) {
    report.add_warnings("no segments: the campaign names none in audience.include or report_by");
  }
}

pb::CampaignReport MakeReport(std::span<const CycleView> cycles, int32_t number, absl::Time as_of) {
  pb::CampaignReport report;
  const auto& definition = DefinitionOf(cycles);
  const double minor_per_major = MinorPerMajor(definition.currency());
  report.set_campaign(definition.name());
  report.set_cycle(number);
  const int64_t micros = absl::ToUnixMicros(as_of);
  report.mutable_as_of()->set_seconds(absl::ToUnixSeconds(as_of));
  report.mutable_as_of()->set_nanos(
      static_cast<int32_t>((micros - absl::ToUnixSeconds(as_of) * 1'000'000) * 1000));
  report.set_currency(definition.currency());
  FillFunnel(cycles, *report.mutable_funnel());
  FillArms(cycles, minor_per_major, report);
  AddWarnings(cycles, as_of, report);
  const bool has_control =
      std::any_of(report.arms().begin(), report.arms().end(),
                  [](const pb::Arm& arm) { return arm.control() && arm.n() > 0; });
  if (has_control) FillEffects(cycles, minor_per_major, report);
  FillSampleRatio(cycles, report);
  FillProfit(cycles, report);
  return report;
}

}  // namespace rondo::insight
