#include "app/campaign_commands.h"

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "app/definition_commands.h"
#include "app/documents.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "rondo/campaign/v1/campaign_service.pb.h"
#include "rondo/insight/v1/insight_service.pb.h"

namespace rondo {
namespace {

namespace pb = campaign::v1;

constexpr std::string_view kCollection = "campaigns/";

// `running` of CAMPAIGN_STATE_RUNNING.
std::string StateName(pb::CampaignState state) {
  const std::string name = pb::CampaignState_Name(state);
  return absl::AsciiStrToLower(name.substr(std::string_view("CAMPAIGN_STATE_").size()));
}

std::string Percent(double share) { return absl::StrFormat("%.1f%%", share * 100); }

// Adds a verb that moves a campaign's state.
template <typename Request>
void AddTransition(CLI::App& noun, Shell& shell, const char* verb, const char* description) {
  CLI::App* command = noun.add_subcommand(verb, description);
  command->footer(absl::StrFormat("Example:\n  rondo campaign %s spring-winback", verb));
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name)->required();
  shell.OnRun(command, [&shell, name]() -> absl::Status {
    Request request;
    request.set_name(InCollection(kCollection, *name));
    RONDO_ASSIGN_OR_RETURN(const auto now,
                           Call<pb::Campaign>(shell.caller(), shell.call(), request));
    if (shell.json()) {
      shell.PrintJson({{"name", now.name()}, {"state", StateName(now.state())}});
    } else {
      std::cout << now.name() << " is " << StateName(now.state()) << "\n";
    }
    return absl::OkStatus();
  });
}

// A launched campaign whose newest content nobody has approved begins no cycle: that is to be seen.
std::string VersionText(const pb::Campaign& campaign) {
  const bool waits =
      campaign.approved_version() != 0 && campaign.approved_version() != campaign.version();
  return absl::StrFormat("%d%s", campaign.version(), waits ? ", waits for approval" : "");
}

absl::Status ListCampaigns(Shell& shell) {
  pb::ListCampaignsRequest request;
  request.set_page_size(1000);
  Table table{{"NAME", "STATE", "CYCLE", "PROGRAMME", "VERSION"}, {}};
  do {
    RONDO_ASSIGN_OR_RETURN(const auto page,
                           Call<pb::ListCampaignsResponse>(shell.caller(), shell.call(), request));
    for (const pb::Campaign& campaign : page.campaigns()) {
      if (shell.json()) {
        shell.PrintJsonLine({{"name", campaign.name()},
                             {"state", StateName(campaign.state())},
                             {"cycle", campaign.current_cycle()},
                             {"programme", campaign.programme()},
                             {"version", campaign.version()},
                             {"approved_version", campaign.approved_version()}});
        continue;
      }
      table.rows.push_back({campaign.name(), StateName(campaign.state()),
                            std::to_string(campaign.current_cycle()), campaign.programme(),
                            VersionText(campaign)});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (!shell.json()) shell.PrintTable(table);
  return absl::OkStatus();
}

absl::Status DryRun(Shell& shell, const std::string& name, int sample) {
  pb::DryRunCampaignRequest request;
  request.set_name(InCollection(kCollection, name));
  request.set_sample_size(sample);
  RONDO_ASSIGN_OR_RETURN(
      const auto answer,
      Call<pb::DryRunCampaignResponse>(shell.caller(), shell.call(absl::Minutes(5)), request));
  if (shell.json()) {
    shell.PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table{{"CELL", "CHANNEL", "CUSTOMERS", "COST", "SAMPLE"}, {}};
  for (const pb::DryRunCell& cell : answer.cells()) {
    std::string sample_text;
    for (const std::string& customer : cell.sample()) {
      if (!sample_text.empty()) sample_text += " ";
      sample_text += customer;
    }
    const std::string cost =
        cell.cost().currency_code().empty()
            ? ""
            : FormatAmount({cell.cost().currency_code(), cell.cost().minor_units()}) + " " +
                  cell.cost().currency_code();
    table.rows.push_back({cell.cell(), cell.channel().empty() ? "-" : cell.channel(),
                          std::to_string(cell.count()), cost, sample_text});
  }
  std::cout << absl::StrFormat("audience %d, held out %d\n", answer.audience(), answer.held_out());
  shell.PrintTable(table);
  return absl::OkStatus();
}

void PrintCycle(const pb::Cycle& cycle) {
  std::cout << absl::StrFormat("cycle %d  due %s  targeted %d  held out %d%s\n", cycle.number(),
                               TimeText(cycle.due_time()), cycle.targeted(), cycle.held_out(),
                               cycle.has_closed_time() ? "  closed" : "");
  for (const pb::CellShare& share : cycle.shares()) {
    std::cout << absl::StrFormat("  %-20s %6s", share.cell(), Percent(share.share()));
    if (share.previous_share() > 0) {
      std::cout << absl::StrFormat("  was %s, best with probability %.2f",
                                   Percent(share.previous_share()), share.probability_best());
    }
    std::cout << "\n";
  }
  for (const std::string& reason : cycle.reasons()) std::cout << "  " << reason << "\n";
}

absl::Status Cycles(Shell& shell, const std::string& name) {
  pb::ListCyclesRequest request;
  request.set_parent(InCollection(kCollection, name));
  request.set_page_size(1000);
  do {
    RONDO_ASSIGN_OR_RETURN(const auto page,
                           Call<pb::ListCyclesResponse>(shell.caller(), shell.call(), request));
    for (const pb::Cycle& cycle : page.cycles()) {
      if (shell.json()) {
        shell.PrintJsonLine(ToJson(cycle));
      } else {
        PrintCycle(cycle);
      }
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

void PrintSegments(const Shell& shell, const insight::v1::CampaignReport& report) {
  Table table{{"SEGMENT", "EFFECT", "METRIC", "DIFFERENCE", "95% INTERVAL", "P"}, {}};
  Table funnel{{"SEGMENT", "PLANNED", "SENT", "DELIVERED", "CLICKED", "CONVERTED"}, {}};
  for (const auto& segment : report.segments()) {
    const auto& counts = segment.funnel();
    funnel.rows.push_back({segment.segment(), std::to_string(counts.planned()),
                           std::to_string(counts.sent()), std::to_string(counts.delivered()),
                           std::to_string(counts.clicked()), std::to_string(counts.converted())});
    for (const auto& effect : segment.effects()) {
      table.rows.push_back({segment.segment(), effect.arm(), effect.metric(),
                            absl::StrFormat("%+.6g", effect.difference()),
                            absl::StrFormat("%+.6g to %+.6g", effect.low(), effect.high()),
                            absl::StrFormat("%.3g", effect.p_value())});
    }
  }
  std::cout << "\n";
  shell.PrintTable(funnel);
  if (table.rows.empty()) return;
  std::cout << "\n";
  shell.PrintTable(table);
}

// Warnings in their order, without one for each metric: what is said of several metrics of an arm
// in the same words, `mail, bought: too few`, becomes `mail, bought, visits: too few`.
std::vector<std::string> FoldWarnings(const insight::v1::CampaignReport& report) {
  std::vector<std::string> folded;
  std::map<std::pair<std::string, std::string>, size_t> seen;  // Arm and words.
  for (const std::string& warning : report.warnings()) {
    const size_t comma = warning.find(", ");
    const size_t colon = warning.find(": ");
    if (comma == std::string::npos || colon == std::string::npos || colon < comma) {
      folded.push_back(warning);
      continue;
    }
    const auto [at, is_new] =
        seen.try_emplace(std::pair(warning.substr(0, comma), warning.substr(colon)), folded.size());
    if (is_new) {
      folded.push_back(warning);
    } else {
      std::string& first = folded[at->second];
      first.insert(first.size() - warning.substr(colon).size(),
                   warning.substr(comma, colon - comma));
    }
  }
  return folded;
}

void PrintReport(const Shell& shell, const insight::v1::CampaignReport& report) {
  const insight::v1::Funnel& funnel = report.funnel();
  std::cout << report.campaign();
  if (report.cycle() != 0) std::cout << ", cycle " << report.cycle();
  std::cout << ", as of " << TimeText(report.as_of()) << "\n";
  Table counts{{"FUNNEL", "CUSTOMERS"}, {}};
  const auto add = [&](const char* name, int64_t count) {
    counts.rows.push_back({name, std::to_string(count)});
  };
  add("planned", funnel.planned());
  for (const auto& suppressed : funnel.suppressed()) {
    add(("  suppressed: " + suppressed.reason()).c_str(), suppressed.count());
  }
  add("sent", funnel.sent());
  add("in doubt", funnel.in_doubt());
  add("delivered", funnel.delivered());
  add("bounced", funnel.bounced());
  add("opened", funnel.opened());
  add("  by machines", funnel.opened_machine());
  add("clicked", funnel.clicked());
  add("  by machines", funnel.clicked_machine());
  add("converted", funnel.converted());
  add("unsubscribed", funnel.unsubscribed());
  add("complained", funnel.complained());
  shell.PrintTable(counts);
  Table arms{{"ARM", "CUSTOMERS", "METRIC", "MEAN"}, {}};
  for (const auto& arm : report.arms()) {
    for (const auto& mean : arm.means()) {
      arms.rows.push_back({arm.arm(), std::to_string(arm.n()), mean.metric(),
                           absl::StrFormat("%.6g", mean.mean())});
    }
  }
  std::cout << "\n";
  shell.PrintTable(arms);
  Table effects{{"EFFECT", "METRIC", "DIFFERENCE", "95% INTERVAL", "P"}, {}};
  for (const auto& effect : report.effects()) {
    effects.rows.push_back({effect.arm(), effect.metric(),
                            absl::StrFormat("%+.6g", effect.difference()),
                            absl::StrFormat("%+.6g to %+.6g", effect.low(), effect.high()),
                            absl::StrFormat("%.3g", effect.p_value())});
  }
  if (!effects.rows.empty()) {
    std::cout << "\n";
    shell.PrintTable(effects);
  }
  if (report.has_incremental_profit_minor_units() && !report.currency().empty()) {
    const int64_t profit = std::llround(report.incremental_profit_minor_units());
    std::cout << absl::StrFormat("\ncost %s %s, incremental profit %s %s\n",
                                 FormatAmount({report.currency(), report.cost_minor_units()}),
                                 report.currency(), FormatAmount({report.currency(), profit}),
                                 report.currency());
  }
  if (!report.segments().empty()) PrintSegments(shell, report);
  for (const std::string& warning : FoldWarnings(report)) {
    std::cout << "warning: " << warning << "\n";
  }
}

absl::Status Report(Shell& shell, const std::string& name, int cycle, const std::string& by) {
  insight::v1::GetCampaignReportRequest request;
  request.set_name(InCollection(kCollection, name));
  request.set_cycle(cycle);
  if (by == "segment") request.set_by(insight::v1::REPORT_DIMENSION_SEGMENT);
  const auto answer = Call<insight::v1::CampaignReport>(shell.caller(), shell.call(), request);
  if (absl::IsNotFound(answer.status()) && absl::StartsWith(answer.status().message(), "name:")) {
    // Not begun, or not there at all.
    pb::GetCampaignRequest get;
    get.set_name(request.name());
    const auto campaign = Call<pb::Campaign>(shell.caller(), shell.call(), get);
    if (absl::IsNotFound(campaign.status())) {
      return absl::NotFoundError("there is no " + request.name() +
                                 "; `rondo campaign list` names them");
    }
  }
  RONDO_ASSIGN_OR_RETURN(const insight::v1::CampaignReport report, answer);
  if (shell.json()) {
    shell.PrintJson(ReportToJson(report));
  } else {
    PrintReport(shell, report);
  }
  return absl::OkStatus();
}

nlohmann::ordered_json ToJson(const insight::v1::Funnel& funnel) {
  nlohmann::ordered_json suppressed = nlohmann::ordered_json::object();
  for (const auto& entry : funnel.suppressed()) suppressed[entry.reason()] = entry.count();
  return {{"planned", funnel.planned()},
          {"suppressed", suppressed},
          {"sent", funnel.sent()},
          {"in_doubt", funnel.in_doubt()},
          {"delivered", funnel.delivered()},
          {"bounced", funnel.bounced()},
          {"opened", funnel.opened()},
          {"opened_machine", funnel.opened_machine()},
          {"clicked", funnel.clicked()},
          {"clicked_machine", funnel.clicked_machine()},
          {"converted", funnel.converted()},
          {"unsubscribed", funnel.unsubscribed()},
          {"complained", funnel.complained()}};
}

// Of a report, or of one segment's figures in it.
template <typename Figures>
nlohmann::ordered_json ArmsToJson(const Figures& figures) {
  nlohmann::ordered_json arms = nlohmann::ordered_json::array();
  for (const auto& arm : figures.arms()) {
    nlohmann::ordered_json means = nlohmann::ordered_json::object();
    for (const auto& mean : arm.means()) means[mean.metric()] = mean.mean();
    arms.push_back({{"arm", arm.arm()}, {"n", arm.n()}, {"means", means}});
  }
  return arms;
}

template <typename Figures>
nlohmann::ordered_json EffectsToJson(const Figures& figures) {
  nlohmann::ordered_json effects = nlohmann::ordered_json::array();
  for (const auto& effect : figures.effects()) {
    effects.push_back({{"arm", effect.arm()},
                       {"metric", effect.metric()},
                       {"difference", effect.difference()},
                       {"low", effect.low()},
                       {"high", effect.high()},
                       {"p_value", effect.p_value()}});
  }
  return effects;
}

nlohmann::ordered_json Optional(bool present, double value) {
  return present ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

nlohmann::ordered_json ReportToJson(const insight::v1::CampaignReport& report) {
  using nlohmann::ordered_json;
  ordered_json json = {{"campaign", report.campaign()},
                       {"cycle", report.cycle()},
                       {"as_of", TimeText(report.as_of())},
                       {"currency", report.currency()},
                       {"funnel", ToJson(report.funnel())},
                       {"arms", ArmsToJson(report)},
                       {"effects", EffectsToJson(report)},
                       {"srm_p_value", Optional(report.has_srm_p_value(), report.srm_p_value())},
                       {"warnings", ordered_json(std::vector<std::string>(
                                        report.warnings().begin(), report.warnings().end()))}};
  for (const auto& segment : report.segments()) {
    json["segments"].push_back(
        {{"segment", segment.segment()},
         {"funnel", ToJson(segment.funnel())},
         {"arms", ArmsToJson(segment)},
         {"effects", EffectsToJson(segment)},
         {"cost_minor_units", segment.cost_minor_units()},
         {"incremental_profit_minor_units", Optional(segment.has_incremental_profit_minor_units(),
                                                     segment.incremental_profit_minor_units())},
         {"warnings", ordered_json(std::vector<std::string>(segment.warnings().begin(),
                                                            segment.warnings().end()))}});
  }
  return json;
}

void AddCampaignCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("campaign", "Launch campaigns and watch them run");
  noun->require_subcommand(1);
  noun->footer("Example:\n  rondo campaign report spring-winback");
  CLI::App* list = noun->add_subcommand("list", "Campaigns and where they stand");
  list->footer("Example:\n  rondo campaign list --output json");
  shell.OnRun(list, [&shell] { return ListCampaigns(shell); });
  AddTransition<pb::ApproveCampaignRequest>(*noun, shell, "approve",
                                            "Approve its content: of a draft, or of a change");
  AddTransition<pb::LaunchCampaignRequest>(*noun, shell, "launch", "Schedule an approved campaign");
  AddTransition<pb::PauseCampaignRequest>(*noun, shell, "pause", "Send nothing until resumed");
  AddTransition<pb::ResumeCampaignRequest>(*noun, shell, "resume", "Go on after a pause");
  AddTransition<pb::StopCampaignRequest>(*noun, shell, "stop",
                                         "End it; what was not sent never will be");

  const auto named = [&](const char* verb, const char* description, const char* footer) {
    CLI::App* command = noun->add_subcommand(verb, description);
    command->footer(footer);
    auto name = std::make_shared<std::string>();
    command->add_option("NAME", *name)->required();
    return std::pair{command, name};
  };
  const auto [show, show_name] = named("show", "The definition as a document",
                                       "Example:\n  rondo campaign show spring-winback");
  shell.OnRun(show, [&shell, name = show_name]() -> absl::Status {
    pb::GetCampaignRequest request;
    request.set_name(InCollection(kCollection, *name));
    RONDO_ASSIGN_OR_RETURN(const auto campaign,
                           Call<pb::Campaign>(shell.caller(), shell.call(), request));
    if (shell.json()) {
      shell.PrintMessage(campaign);
      return absl::OkStatus();
    }
    log::v1::Definition definition;
    definition.set_name(campaign.name());
    *definition.mutable_campaign() = campaign;
    std::cout << absl::StrFormat("# %s, cycle %d, version %s\n", StateName(campaign.state()),
                                 campaign.current_cycle(), VersionText(campaign))
              << FormatDocument(definition);
    return absl::OkStatus();
  });
  const auto [dry_run, dry_run_name] = named("dry-run", "Who would get what; writes nothing",
                                             "Example:\n  rondo campaign dry-run spring-winback");
  auto sample = std::make_shared<int>(3);
  dry_run->add_option("--sample", *sample, "Customers to list for each cell")
      ->check(CLI::Range(0, 100));
  shell.OnRun(dry_run,
              [&shell, name = dry_run_name, sample] { return DryRun(shell, *name, *sample); });
  const auto [cycles, cycles_name] = named("cycles", "Its cycles: shares, counts and reasons",
                                           "Example:\n  rondo campaign cycles spring-winback");
  shell.OnRun(cycles, [&shell, name = cycles_name] { return Cycles(shell, *name); });
  const auto [report, report_name] =
      named("report", "Funnel, arms and what the campaign caused",
            "Example:\n  rondo campaign report spring-winback --cycle 2 --output json");
  auto cycle = std::make_shared<int>(0);
  report->add_option("--cycle", *cycle, "One cycle; all together if left out")
      ->check(CLI::Range(0, 1'000'000));
  auto by = std::make_shared<std::string>();
  report->add_option("--by", *by, "Break the figures down: by the segments that contacts bear")
      ->check(CLI::IsMember({"segment"}));
  shell.OnRun(report, [&shell, name = report_name, cycle, by] {
    return Report(shell, *name, *cycle, *by);
  });
}

}  // namespace rondo
