#include "app/log_commands.h"

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "app/customer_commands.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/log_check.h"
#include "rondo/log/v1/log_service.pb.h"

namespace rondo {
namespace {

std::string PlaceOf(const eventlog::LogDamage& damage) {
  std::string place = damage.file;
  if (damage.partition >= 0) {
    place += absl::StrFormat("%spartition %d", place.empty() ? "" : ", ", damage.partition);
  }
  if (damage.offset >= 0) place += absl::StrFormat(", offset %d", damage.offset);
  return place;
}

nlohmann::ordered_json ToJson(const std::vector<eventlog::PartitionReport>& partitions) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const eventlog::PartitionReport& partition : partitions) {
    rows.push_back({{"partition", partition.partition},
                    {"records", partition.records},
                    {"blocks", partition.blocks},
                    {"acknowledged", partition.acknowledged}});
  }
  return rows;
}

// Kafka's log is its broker's to check and to mend.
absl::Status CheckEmbedded(const std::string& data) {
  std::error_code error;
  const bool is_kafka = std::filesystem::exists(data + "/kafka", error) &&
                        !std::filesystem::exists(data + "/log", error);
  if (!is_kafka) return absl::OkStatus();
  return absl::FailedPreconditionError(
      data + " has its log in Kafka, which checks it itself; this command is for the embedded log");
}

absl::Status Verify(Shell& shell, const std::string& data) {
  RONDO_RETURN_IF_ERROR(CheckEmbedded(data));
  RONDO_ASSIGN_OR_RETURN(const eventlog::LogReport report, eventlog::VerifyLog(data + "/log"));
  if (shell.json()) {
    nlohmann::ordered_json damages = nlohmann::ordered_json::array();
    for (const eventlog::LogDamage& damage : report.damages) {
      damages.push_back({{"file", damage.file},
                         {"partition", damage.partition},
                         {"offset", damage.offset},
                         {"what", damage.what}});
    }
    shell.PrintJson(
        {{"ok", report.ok()}, {"partitions", ToJson(report.partitions)}, {"damages", damages}});
  } else {
    Table table{{"PARTITION", "RECORDS", "BLOCKS", "ACKNOWLEDGED"}, {}};
    for (const eventlog::PartitionReport& partition : report.partitions) {
      table.rows.push_back({std::to_string(partition.partition), std::to_string(partition.records),
                            std::to_string(partition.blocks),
                            std::to_string(partition.acknowledged)});
    }
    shell.PrintTable(table);
    for (const eventlog::LogDamage& damage : report.damages) {
      std::cout << "damaged: " << PlaceOf(damage) << ": " << damage.what << "\n";
    }
  }
  if (report.ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "the log in %s is damaged in %d places; restore a backup, or keep what can be read: "
      "rondo log repair --data %s --yes",
      data, report.damages.size(), data));
}

absl::Status Repair(Shell& shell, const std::string& data, bool sure) {
  if (!sure) {
    return shell.UsageError(
        "repair gives up what follows the first damage of each partition (rondo log verify shows "
        "it) and keeps the damaged files beside: say --yes to do it");
  }
  RONDO_RETURN_IF_ERROR(CheckEmbedded(data));
  RONDO_ASSIGN_OR_RETURN(const eventlog::RepairReport report, eventlog::RepairLog(data + "/log"));
  if (shell.json()) {
    shell.PrintJson({{"lost_records", report.lost_records},
                     {"damaged_copy", report.damaged_copy},
                     {"partitions", ToJson(report.partitions)}});
  } else {
    std::cout << absl::StrFormat(
        "repaired: %d acknowledged records are lost; the damaged files are in %s\n",
        report.lost_records, report.damaged_copy);
  }
  return absl::OkStatus();
}

absl::Status ListParked(Shell& shell) {
  RONDO_ASSIGN_OR_RETURN(const auto answer,
                         Call<log::v1::ListParkedResponse>(shell.caller(), shell.call(),
                                                           log::v1::ListParkedRequest()));
  Table table{{"CUSTOMER", "SERVICE", "PARTITION", "OFFSET", "REASON"}, {}};
  for (const log::v1::ParkedCustomer& parked : answer.parked()) {
    if (shell.json()) shell.PrintJsonLine(::rondo::ToJson(parked));
    table.rows.push_back({parked.customer(), parked.service(), std::to_string(parked.partition()),
                          std::to_string(parked.offset()), parked.reason()});
  }
  if (!shell.json()) shell.PrintTable(table);
  return absl::OkStatus();
}

void AddSettle(CLI::App& noun, Shell& shell, const char* verb, const char* description, bool drop) {
  CLI::App* command = noun.add_subcommand(verb, description);
  command->footer(absl::StrFormat("Example:\n  rondo parked %s crm:4711 --service delivery", verb));
  auto customer = std::make_shared<std::string>();
  auto service = std::make_shared<std::string>();
  command->add_option("CUSTOMER", *customer, "customers/ID or namespace:value")->required();
  command->add_option("--service", *service, "The service that parked it")->required();
  shell.OnRun(command, [&shell, customer, service, drop]() -> absl::Status {
    log::v1::SettleParkedRequest request;
    RONDO_ASSIGN_OR_RETURN(*request.mutable_customer(), ResolveCustomer(shell, *customer));
    request.set_service(*service);
    request.set_drop(drop);
    RONDO_RETURN_IF_ERROR(
        Call<log::v1::SettleParkedResponse>(shell.caller(), shell.call(), request).status());
    if (shell.json()) {
      shell.PrintJson({{"customer", request.customer()},
                       {"service", request.service()},
                       {"settled", drop ? "drop" : "retry"}});
    } else {
      std::cout << absl::StrFormat("%s: its record is %s by %s\n", request.customer(),
                                   drop ? "given up" : "tried again", request.service());
    }
    return absl::OkStatus();
  });
}

}  // namespace

void AddParkedCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun =
      root.add_subcommand("parked", "Customers whose record a service could not apply");
  noun->require_subcommand(1);
  noun->footer("Example:\n  rondo parked list");
  CLI::App* list = noun->add_subcommand("list", "All of them; they get no marketing until settled");
  list->footer("Example:\n  rondo parked list --output json");
  shell.OnRun(list, [&shell] { return ListParked(shell); });
  AddSettle(*noun, shell, "retry", "Try the record again", /*drop=*/false);
  AddSettle(*noun, shell, "drop", "Give the record up", /*drop=*/true);
}

void AddLogCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("log", "The embedded log, while nobody serves it");
  noun->footer("Example:\n  rondo log verify --data ./rondo-data");
  noun->require_subcommand(1);
  auto data = std::make_shared<std::string>("./rondo-data");
  const auto add = [&](const char* verb, const char* description) {
    CLI::App* command = noun->add_subcommand(verb, description);
    command->add_option("--data", *data, "The data folder")->capture_default_str();
    return command;
  };
  CLI::App* verify = add("verify", "Read and check every byte; changes nothing");
  verify->footer("Example:\n  rondo log verify --data ./rondo-data");
  shell.OnRun(verify, [&shell, data] { return Verify(shell, *data); });
  CLI::App* repair = add("repair", "Keep what can be read of a damaged log");
  repair->footer("Example:\n  rondo log repair --data ./rondo-data --yes");
  auto sure = std::make_shared<bool>(false);
  repair->add_flag("--yes", *sure, "Do it; without this nothing changes");
  shell.OnRun(repair, [&shell, data, sure] { return Repair(shell, *data, *sure); });
}

}  // namespace rondo
