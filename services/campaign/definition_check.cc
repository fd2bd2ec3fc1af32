#include "services/campaign/definition_check.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "rules/diagnostic.h"
#include "rules/program.h"
#include "services/campaign/campaign_proto.h"
#include "services/campaign/goal_rules.h"

namespace rondo::campaign {
namespace {

// Instants are written with years of four digits, and customers' clocks are a day apart.
absl::Time LastDue() { return absl::FromCivil(absl::CivilYear(9999), absl::UTCTimeZone()); }

// Of cells and goals, in bytes.
constexpr size_t kNameMax = 63;
constexpr std::string_view kChannels[] = {"email", "sms", "web"};
// What reports and attribution call the steps of a contact: a goal of that name would be taken for
// it.
constexpr std::string_view kStepNames[] = {"open",   "click",     "unsubscribe", "complaint",
                                           "bounce", "delivered", "opened",      "clicked"};
// Delivery counts no more contacts of a customer, and none that are older.
constexpr int kCapContactsMax = 500;
constexpr int kCapWindowDaysMax = 366;
constexpr int kMinutesOfDay = 24 * 60;

bool IsChannel(std::string_view channel) {
  return std::find(std::begin(kChannels), std::end(kChannels), channel) != std::end(kChannels);
}

bool IsPurpose(std::string_view purpose) {
  return purpose.size() <= kNameMax && purpose.front() >= 'a' && purpose.front() <= 'z' &&
         purpose.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") ==
             std::string_view::npos;
}

// The checks of one campaign; each adds what it finds wrong.
class CampaignCheck {
 public:
  CampaignCheck(const v1::Campaign& campaign, const catalog::Catalog& catalog)
      : campaign_(campaign), catalog_(catalog) {}

  absl::Status Run() {
    if (!catalog::IsResourceName(campaign_.name(), catalog::kCampaigns)) {
      wrong_.Add("name", "expected campaigns/ and lower-case letters, digits and hyphens");
    }
    CheckAudience();
    CheckReportBy();
    CheckCells();
    CheckControl();
    if (!(campaign_.holdout() >= 0.0 && campaign_.holdout() < 1.0)) {
      wrong_.Add("holdout", "expected a share in [0, 1)");
    }
    CheckGoals();
    if (!campaign_.policy().empty()) CheckExists(campaign_.policy(), catalog::kPolicies, "policy");
    CheckSchedule();
    CheckLearning();
    CheckAssignment();
    CheckCurrency();
    CheckPurpose();
    return wrong_.ToStatus();
  }

 private:
  // Null if it does not exist, which is then said.
  std::optional<catalog::Definition> CheckExists(const std::string& name,
                                                 std::string_view collection,
                                                 const std::string& field) {
    if (!catalog::IsResourceName(name, collection)) {
      wrong_.Add(field, absl::StrFormat("expected %s and a name", collection));
      return std::nullopt;
    }
    absl::StatusOr<catalog::Definition> found = catalog_.Get(name);
    if (found.ok()) return *std::move(found);
    wrong_.Add(field, absl::StrFormat("there is no %s; create it first", name));
    return std::nullopt;
  }

  void CheckAudience() {
    const auto& audience = campaign_.audience();
    std::set<std::string> included;
    for (int i = 0; i < audience.include_size(); ++i) {
      CheckExists(audience.include(i), catalog::kSegments,
                  absl::StrFormat("audience.include[%d]", i));
      included.insert(audience.include(i));
    }
    for (int i = 0; i < audience.exclude_size(); ++i) {
      const std::string field = absl::StrFormat("audience.exclude[%d]", i);
      CheckExists(audience.exclude(i), catalog::kSegments, field);
      if (included.contains(audience.exclude(i))) {
        wrong_.Add(field, "it is included too: nobody of it would be addressed");
      }
    }
  }

  void CheckReportBy() {
    std::set<std::string> names;
    for (int i = 0; i < campaign_.report_by_size(); ++i) {
      const std::string field = absl::StrFormat("report_by[%d]", i);
      CheckExists(campaign_.report_by(i), catalog::kSegments, field);
      if (!names.insert(campaign_.report_by(i)).second) wrong_.Add(field, "it is there already");
    }
    if (campaign_.report_by_size() > kReportSegmentsMax) {
      wrong_.Add("report_by", absl::StrFormat("at most %d segments", kReportSegmentsMax));
    }
  }

  void CheckCells() {
    if (campaign_.cells().empty()) wrong_.Add("cells", "give at least one cell");
    if (campaign_.cells_size() > kCellsMax) {
      wrong_.Add("cells", absl::StrFormat("at most %d cells", kCellsMax));
    }
    std::set<std::string> names;
    double sum = 0.0;
    for (int i = 0; i < campaign_.cells_size(); ++i) {
      const v1::Cell& cell = campaign_.cells(i);
      const std::string field = absl::StrFormat("cells[%d]", i);
      if (cell.name().empty() || cell.name().size() > kNameMax) {
        wrong_.Add(field + ".name", absl::StrFormat("expected 1 to %d bytes", kNameMax));
      } else if (cell.name() == "treated") {
        wrong_.Add(field + ".name", "reports use `treated` for all cells that are not control");
      } else if (!names.insert(cell.name()).second) {
        wrong_.Add(field + ".name", "another cell has this name");
      }
      if (!(cell.share() >= 0.0 && cell.share() <= 1.0)) {
        wrong_.Add(field + ".share", "expected a share in [0, 1]");
      } else {
        sum += cell.share();
      }
      CheckTreatment(cell, field);
    }
    if (!campaign_.cells().empty() && std::abs(sum - 1.0) > kShareTolerance) {
      wrong_.Add("cells", absl::StrFormat("the shares add up to %.6g, not to 1", sum));
    }
  }

  void CheckTreatment(const v1::Cell& cell, const std::string& cell_field) {
    const std::string field = cell_field + ".treatment";
    if (cell.control()) {
      if (cell.has_treatment()) wrong_.Add(field, "a control cell gets nothing: leave it out");
      return;
    }
    if (!cell.has_treatment()) {
      return wrong_.Add(field, "say what its customers get, or mark it as control");
    }
    const v1::Treatment& treatment = cell.treatment();
    if (!IsChannel(treatment.channel())) {
      wrong_.Add(field + ".channel", "expected email, sms or web");
    }
    if (!treatment.template_().empty()) {
      const auto found =
          CheckExists(treatment.template_(), catalog::kTemplates, field + ".template");
      if (found && found->template_().channel() != treatment.channel()) {
        wrong_.Add(field + ".template",
                   absl::StrFormat("it is a template for %s, not for %s",
                                   found->template_().channel(), treatment.channel()));
      }
    } else {
      wrong_.Add(field + ".template", "give the template of the message");
    }
    if (!treatment.offer().empty())
      CheckExists(treatment.offer(), catalog::kOffers, field + ".offer");
    if (treatment.cost().minor_units() < 0) wrong_.Add(field + ".cost", "expected 0 or more");
    if (treatment.has_cost() && treatment.cost().currency_code() != campaign_.currency()) {
      wrong_.Add(field + ".cost.currency_code",
                 "expected the campaign's currency: amounts of one campaign are added up");
    }
  }

  void CheckControl() {
    int controls = 0;
    for (int i = 0; i < campaign_.cells_size(); ++i) {
      if (!campaign_.cells(i).control()) continue;
      if (++controls > 1) wrong_.Add(absl::StrFormat("cells[%d].control", i), "one is enough");
      if (campaign_.cells(i).share() == 0.0) {
        wrong_.Add(absl::StrFormat("cells[%d].share", i), "a control cell needs a share above 0");
      }
    }
    if (controls == 0 && campaign_.no_control_reason().empty()) {
      wrong_.Add("cells",
                 "make one of them control, or give no_control_reason: without control "
                 "no lift can be known");
    }
    if (controls > 0 && !campaign_.no_control_reason().empty()) {
      wrong_.Add("no_control_reason", "there is a control cell: leave the reason out");
    }
  }

  void CheckGoals() {
    if (campaign_.goals().empty()) {
      wrong_.Add("goals", "say what counts as success: at least one goal");
    }
    if (campaign_.goals_size() > kGoalsMax) {
      wrong_.Add("goals", absl::StrFormat("at most %d goals", kGoalsMax));
    }
    std::set<std::string> names;
    for (int i = 0; i < campaign_.goals_size(); ++i) {
      const v1::Goal& goal = campaign_.goals(i);
      const std::string field = absl::StrFormat("goals[%d]", i);
      if (goal.name().empty() || goal.name().size() > kNameMax) {
        wrong_.Add(field + ".name", absl::StrFormat("expected 1 to %d bytes", kNameMax));
      } else if (std::find(std::begin(kStepNames), std::end(kStepNames), goal.name()) !=
                 std::end(kStepNames)) {
        wrong_.Add(field + ".name",
                   "reports count this for every campaign under this name: choose another");
      } else if (!names.insert(goal.name()).second) {
        wrong_.Add(field + ".name", "another goal has this name");
      }
      const absl::Duration within = DurationOf(goal.within());
      if (within <= absl::ZeroDuration() || within > absl::Hours(24) * kResponseWindowDaysMax) {
        wrong_.Add(field + ".within", absl::StrFormat("expected a window of up to %d days: 14d",
                                                      kResponseWindowDaysMax));
      }
      CheckGoalRules(goal, field);
    }
  }

  void CheckGoalRules(const v1::Goal& goal, const std::string& field) {
    const auto environment = GoalEnvironment(catalog_, goal.event());
    if (!environment) {
      return wrong_.Add(field + ".event", "no attribute set defines this type of event");
    }
    CheckRule(goal.where(), *environment, rules::Type::Bool(), field + ".where");
    CheckRule(goal.value(), *environment, rules::Type::Double(), field + ".value");
  }

  void CheckRule(const std::string& text, const rules::Environment& environment,
                 const rules::Type& expected, const std::string& field) {
    if (text.empty()) return;
    const absl::Status compiled = rules::Compile(text, environment, expected).status();
    if (compiled.ok()) return;
    const std::vector<rules::Diagnostic> diagnostics = rules::DiagnosticsOf(compiled);
    for (const rules::Diagnostic& diagnostic : diagnostics) {
      wrong_.Add(absl::StrFormat("%s:%d:%d", field, diagnostic.line, diagnostic.column),
                 diagnostic.message);
    }
    if (diagnostics.empty()) wrong_.Add(field, std::string(compiled.message()));
  }

  void CheckSchedule() {
    const v1::Schedule& schedule = campaign_.schedule();
    if (!schedule.has_start_time() && schedule.time_zone() == "customer") {
      wrong_.Add("schedule.start_time",
                 "say what customers' clocks show when the first cycle is "
                 "due: 2026-12-01T10:00:00+09:00");
    }
    if (const auto parsed = ScheduleOf(schedule); !parsed.ok()) {
      for (const FieldViolation& violation : ViolationsOf(parsed.status())) {
        wrong_.Add(violation.field, violation.description);
      }
    }
    if (schedule.cycles() < 0 || schedule.cycles() > kCyclesMax) {
      wrong_.Add("schedule.cycles", absl::StrFormat("expected 0 to %d", kCyclesMax));
    }
    const absl::Duration every = DurationOf(schedule.every());
    if (every < absl::ZeroDuration() || (schedule.cycles() > 1 && every < absl::Minutes(1))) {
      wrong_.Add("schedule.every", "expected at least a minute between cycles: 7d");
    } else if (schedule.has_start_time() &&
               TimeOf(schedule.start_time()) + every * std::max(schedule.cycles() - 1, 0) >
                   LastDue()) {
      wrong_.Add("schedule.cycles", "the last cycle would be due after the year 9998");
    }
    if (std::abs(schedule.start_offset_minutes()) > 14 * 60) {
      wrong_.Add("schedule.start_offset_minutes", "expected at most 14 hours");
    }
  }

  void CheckLearning() {
    const v1::Learning& learning = campaign_.learning();
    const auto is_floor = [](double share) { return share >= 0.0 && share < 1.0; };
    if (!is_floor(learning.control_floor())) {
      wrong_.Add("learning.control_floor", "expected a share in [0, 1)");
    }
    if (!is_floor(learning.cell_floor())) {
      wrong_.Add("learning.cell_floor", "expected a share in [0, 1)");
    }
    if (!Learns(campaign_)) return;
    const auto& cells = campaign_.cells();
    const auto controls = std::count_if(cells.begin(), cells.end(),
                                        [](const v1::Cell& cell) { return cell.control(); });
    if (controls == 0) {
      wrong_.Add("learning.allocate",
                 "thompson learns from differences to control: add a control "
                 "cell or use fixed");
    }
    const double floors = learning.control_floor() * static_cast<double>(controls) +
                          learning.cell_floor() * static_cast<double>(cells.size() - controls);
    if (floors > 1.0) {
      wrong_.Add("learning", absl::StrFormat("the floors add up to %.6g, above 1", floors));
    }
  }

  void CheckAssignment() {
    if (campaign_.hash_from_cycle() < 0) wrong_.Add("hash_from_cycle", "expected 0 or more");
    if (campaign_.plan_only_from_cycle() < 0) {
      wrong_.Add("plan_only_from_cycle", "expected 0 or more");
    }
    const bool by_attribute = campaign_.assignment() == v1::ASSIGNMENT_ATTRIBUTE;
    if (!by_attribute && !campaign_.assignment_attribute().empty()) {
      wrong_.Add("assignment_attribute", "only for assignment by attribute: leave it out");
    }
    if (by_attribute && OwnerOfAttribute(catalog_, campaign_.assignment_attribute()).empty()) {
      wrong_.Add("assignment_attribute",
                 "no attribute set defines it as an attribute that is not PII");
    }
  }

  void CheckCurrency() {
    const bool has_value = std::any_of(campaign_.goals().begin(), campaign_.goals().end(),
                                       [](const v1::Goal& goal) { return !goal.value().empty(); });
    if (campaign_.currency().empty()) {
      if (has_value) wrong_.Add("currency", "goals have values: give the currency, such as KRW");
    } else if (!MinorUnitDigits(campaign_.currency()).ok()) {
      wrong_.Add("currency", "expected an ISO 4217 code in upper case: KRW");
    }
  }

  void CheckPurpose() {
    if (campaign_.purpose().empty() || IsPurpose(campaign_.purpose())) return;
    wrong_.Add("purpose", absl::StrFormat("expected at most %d lower-case letters, digits, hyphens "
                                          "and underscores, a letter first: newsletter",
                                          kNameMax));
  }

  const v1::Campaign& campaign_;
  const catalog::Catalog& catalog_;
  FieldViolations wrong_;
};

}  // namespace

absl::Status CheckCampaign(const v1::Campaign& campaign, const catalog::Catalog& catalog) {
  return CampaignCheck(campaign, catalog).Run();
}

std::vector<std::string> ReferencesOf(const v1::Campaign& campaign,
                                      const catalog::Catalog& catalog) {
  std::set<std::string> names(campaign.audience().include().begin(),
                              campaign.audience().include().end());
  names.insert(campaign.audience().exclude().begin(), campaign.audience().exclude().end());
  names.insert(campaign.report_by().begin(), campaign.report_by().end());
  for (const v1::Cell& cell : campaign.cells()) {
    names.insert(cell.treatment().template_());
    names.insert(cell.treatment().offer());
  }
  for (const v1::Goal& goal : campaign.goals()) names.insert(OwnerOfEvent(catalog, goal.event()));
  names.insert(campaign.policy());
  if (!campaign.assignment_attribute().empty()) {
    names.insert(OwnerOfAttribute(catalog, campaign.assignment_attribute()));
  }
  names.erase("");
  return {names.begin(), names.end()};
}

absl::Status CheckPolicy(const v1::Policy& policy) {
  FieldViolations wrong;
  if (!catalog::IsResourceName(policy.name(), catalog::kPolicies)) {
    wrong.Add("name", "expected policies/ and lower-case letters, digits and hyphens");
  }
  if (policy.caps_size() > kCapsMax) wrong.Add("caps", absl::StrFormat("at most %d", kCapsMax));
  for (int i = 0; i < policy.caps_size(); ++i) {
    const v1::FrequencyCap& cap = policy.caps(i);
    const std::string field = absl::StrFormat("caps[%d]", i);
    if (!cap.channel().empty() && !IsChannel(cap.channel())) {
      wrong.Add(field + ".channel", "expected email, sms or web, or nothing for all together");
    }
    if (cap.max_contacts() < 0 || cap.max_contacts() > kCapContactsMax) {
      wrong.Add(field + ".max_contacts", absl::StrFormat("expected 0 to %d", kCapContactsMax));
    }
    const absl::Duration window = DurationOf(cap.window());
    if (window <= absl::ZeroDuration() || window > absl::Hours(24) * kCapWindowDaysMax) {
      wrong.Add(field + ".window",
                absl::StrFormat("expected a window of up to %d days: 7d", kCapWindowDaysMax));
    }
  }
  if (policy.has_quiet_hours()) {
    const auto is_minute = [](int minute) { return minute >= 0 && minute < kMinutesOfDay; };
    const v1::QuietHours& quiet = policy.quiet_hours();
    if (!is_minute(quiet.start_minute()) || !is_minute(quiet.end_minute())) {
      wrong.Add("quiet_hours", "expected minutes after midnight, 0 to 1439");
    } else if (quiet.start_minute() == quiet.end_minute()) {
      wrong.Add("quiet_hours", "they start when they end: leave them out");
    }
  }
  if (!policy.default_time_zone().empty() && !LoadZone(policy.default_time_zone()).ok()) {
    wrong.Add("default_time_zone", "expected an IANA name: Asia/Seoul");
  }
  if (DurationOf(policy.defer_at_most()) < absl::ZeroDuration()) {
    wrong.Add("defer_at_most", "expected 0 or more");
  }
  return wrong.ToStatus();
}

}  // namespace rondo::campaign
