#include "app/customer_commands.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "app/definition_commands.h"
#include "platform/core/field_error.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/decision/v1/decision_service.pb.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "rondo/insight/v1/insight_service.pb.h"
#include "rondo/response/v1/response_service.pb.h"
#include "rondo/targeting/v1/targeting_service.pb.h"

namespace rondo {
namespace {

constexpr int kTimelinePage = 1'000;

// As a person writes it: text as it is, `12.50 EUR`, `2026-12-01`; `-` for no value.
std::string ValueText(const type::v1::Value& value) {
  using Value = type::v1::Value;
  switch (value.kind_case()) {
    case Value::kStringValue:
      return value.string_value();
    case Value::kIntValue:
      return absl::StrCat(value.int_value());
    case Value::kDoubleValue:
      return absl::StrFormat("%.15g", value.double_value());
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case Value::kTimestampMicros:
      return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ",
                              absl::FromUnixMicros(value.timestamp_micros()), absl::UTCTimeZone());
    case Value::kDateDays:
      return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + value.date_days());
    case Value::kMoneyValue: {
      const std::string& currency = value.money_value().currency_code();
      return FormatAmount({currency, value.money_value().minor_units()}) + " " + currency;
    }
    case Value::kGeoPointValue:
      return absl::StrFormat("%.6g, %.6g", value.geo_point_value().latitude(),
                             value.geo_point_value().longitude());
    case Value::kStringListValue:
      return absl::StrJoin(value.string_list_value().values(), ", ");
    default:
      return "-";
  }
}

std::string ContactText(const response::v1::ContactKey& contact) {
  return absl::StrFormat("%s cycle %d", contact.campaign(), contact.cycle());
}

std::string EntryText(const response::v1::TimelineEntry& entry) {
  using Entry = response::v1::TimelineEntry;
  switch (entry.entry_case()) {
    case Entry::kEvent:
      return absl::StrFormat("%s%s", entry.event().type(),
                             entry.event().machine() ? " (machine)" : "");
    case Entry::kContact:
      return absl::StrFormat("planned: %s, cell %s%s", ContactText(entry.contact().contact()),
                             entry.contact().cell(), entry.contact().control() ? " (control)" : "");
    case Entry::kDelivery:
      return absl::StrFormat("%s: %s %s", entry.delivery().state(),
                             ContactText(entry.delivery().contact()), entry.delivery().reason());
    case Entry::kResponse:
      return absl::StrFormat("%s, by %s: %s", entry.response().goal(), entry.response().how(),
                             ContactText(entry.response().contact()));
    default:
      return "";
  }
}

// The newest entries, `most` at most; says on standard error if there are more.
absl::StatusOr<std::vector<response::v1::TimelineEntry>> TimelineOf(Shell& shell,
                                                                    const std::string& customer,
                                                                    int64_t most) {
  std::vector<response::v1::TimelineEntry> entries;
  response::v1::ListTimelineRequest request;
  request.set_customer(customer);
  request.set_page_size(kTimelinePage);
  do {
    RONDO_ASSIGN_OR_RETURN(const auto page, Call<response::v1::ListTimelineResponse>(
                                                shell.caller(), shell.call(), request));
    for (const auto& entry : page.entries()) {
      if (static_cast<int64_t>(entries.size()) == most) {
        std::cerr << absl::StrFormat(
            "the newest %d entries are shown, and there are more: --limit N or --all\n", most);
        return entries;
      }
      entries.push_back(entry);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return entries;
}

absl::Status ShowCustomer(Shell& shell, const std::string& who, int64_t most) {
  RONDO_ASSIGN_OR_RETURN(const std::string name, ResolveCustomer(shell, who));
  customer::v1::GetCustomerRequest get;
  get.set_name(name);
  RONDO_ASSIGN_OR_RETURN(const auto customer,
                         Call<customer::v1::Customer>(shell.caller(), shell.call(), get));
  RONDO_ASSIGN_OR_RETURN(const std::vector<response::v1::TimelineEntry> timeline,
                         TimelineOf(shell, name, most));
  if (shell.json()) {
    nlohmann::ordered_json json = ToJson(customer);
    json["timeline"] = nlohmann::ordered_json::array();
    for (const auto& entry : timeline) json["timeline"].push_back(ToJson(entry));
    shell.PrintJson(json);
    return absl::OkStatus();
  }
  std::cout << customer.name() << (customer.erased() ? " (erased)" : "") << "\n";
  for (const auto& key : customer.keys()) {
    std::cout << absl::StrFormat("  key       %s:%s\n", key.namespace_(), key.value());
  }
  for (const auto& field : customer.attributes()) {
    std::cout << absl::StrFormat("  %-9s %s\n", field.name(), ValueText(field.value()));
  }
  for (const auto& consent : customer.consents()) {
    std::cout << absl::StrFormat("  consent   %s %s %s\n", consent.channel(), consent.purpose(),
                                 consent.granted() ? "given" : "withdrawn");
  }
  for (const auto& entry : timeline) {
    std::cout << absl::StrFormat("  %s  %s\n", TimeText(entry.time()), EntryText(entry));
  }
  return absl::OkStatus();
}

absl::Status EraseCustomer(Shell& shell, const std::string& who) {
  RONDO_ASSIGN_OR_RETURN(const std::string name, ResolveCustomer(shell, who));
  customer::v1::EraseCustomerRequest request;
  request.set_name(name);
  RONDO_RETURN_IF_ERROR(
      Call<google::protobuf::Empty>(shell.caller(), shell.call(), request).status());
  if (shell.json()) {
    shell.PrintJson({{"name", name}, {"erased", true}});
  } else {
    std::cout << name << " is erased\n";
  }
  return absl::OkStatus();
}

absl::Status PreviewSegment(Shell& shell, const targeting::v1::PreviewSegmentRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const auto answer, Call<targeting::v1::PreviewSegmentResponse>(
                                                shell.caller(), shell.call(), request));
  if (shell.json()) {
    shell.PrintMessage(answer);
    return absl::OkStatus();
  }
  std::cout << absl::StrFormat("%d of %d customers\n", answer.count(), answer.total());
  if (answer.error_count() > 0) {
    std::cout << absl::StrFormat("the rule failed for %d customers; they are not selected\n",
                                 answer.error_count());
  }
  Table table{{"ATTRIBUTE", "VALUE", "CUSTOMERS"}, {}};
  for (const auto& row : answer.breakdown()) {
    table.rows.push_back(
        {row.attribute(), row.value().empty() ? "-" : row.value(), std::to_string(row.count())});
  }
  if (!table.rows.empty()) shell.PrintTable(table);
  for (const std::string& name : answer.sample()) std::cout << "  " << name << "\n";
  return absl::OkStatus();
}

// `0.75 EUR`, rounded to the currency's smallest unit. An offer without a value has no currency.
std::string ExpectedValueText(const decision::v1::Proposition& proposition) {
  const std::string& currency = proposition.offer().value().currency_code();
  const double minor_units = proposition.expected_value_minor_units();
  if (currency.empty()) return absl::StrFormat("%.2f", minor_units);
  return FormatAmount({currency, std::llround(minor_units)}) + " " + currency;
}

absl::Status Decide(Shell& shell, const decision::v1::DecideRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const auto answer,
                         Call<decision::v1::DecideResponse>(shell.caller(), shell.call(), request));
  if (shell.json()) {
    shell.PrintMessage(answer);
    return absl::OkStatus();
  }
  if (answer.propositions().empty()) std::cout << "no offer\n";
  Table table{{"OFFER", "PROPENSITY", "EXPECTED VALUE", "PROBABILITY"}, {}};
  for (const auto& proposition : answer.propositions()) {
    table.rows.push_back({proposition.offer().name(),
                          absl::StrFormat("%.4f", proposition.propensity()),
                          ExpectedValueText(proposition),
                          absl::StrFormat("%.4f", proposition.assignment_probability())});
  }
  if (!table.rows.empty()) shell.PrintTable(table);
  for (const auto& exclusion : answer.exclusions()) {
    std::cout << absl::StrFormat("  left out: %s, %s\n", exclusion.offer(), exclusion.reason());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ResolveCustomer(Shell& shell, const std::string& text) {
  if (text.starts_with("customers/")) return text;
  const size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0) {
    return FieldError("customer", "expected customers/ID or namespace:value, such as crm:4711");
  }
  customer::v1::LookupCustomerRequest request;
  request.mutable_key()->set_namespace_(text.substr(0, colon));
  request.mutable_key()->set_value(text.substr(colon + 1));
  RONDO_ASSIGN_OR_RETURN(const auto customer,
                         Call<customer::v1::Customer>(shell.caller(), shell.call(), request));
  return customer.name();
}

void AddCustomerCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("customer", "Who they are, and what happened with them");
  noun->footer("Example:\n  rondo customer show crm:4711");
  noun->require_subcommand(1);
  CLI::App* show = noun->add_subcommand("show", "Profile, contacts and responses in time order");
  show->footer("Example:\n  rondo customer show crm:4711");
  auto shown = std::make_shared<std::string>();
  auto limit = std::make_shared<int64_t>(200);
  auto all = std::make_shared<bool>(false);
  show->add_option("CUSTOMER", *shown, "customers/ID or namespace:value")->required();
  CLI::Option* limited =
      show->add_option("--limit", *limit, "Entries of the timeline to show, the newest")
          ->check(CLI::Range(0, 1'000'000'000))
          ->capture_default_str();
  show->add_flag("--all", *all, "Show all of them")->excludes(limited);
  shell.OnRun(show, [&shell, shown, limit, all] {
    return ShowCustomer(shell, *shown, *all ? std::numeric_limits<int64_t>::max() : *limit);
  });
  CLI::App* erase = noun->add_subcommand("erase", "Forget a person; cannot be undone");
  erase->footer("Example:\n  rondo customer erase crm:4711 --yes");
  auto erased = std::make_shared<std::string>();
  auto sure = std::make_shared<bool>(false);
  erase->add_option("CUSTOMER", *erased, "customers/ID or namespace:value")->required();
  erase->add_flag("--yes", *sure, "Do it; without this nothing is erased");
  shell.OnRun(erase, [&shell, erased, sure]() -> absl::Status {
    if (!*sure) {
      return shell.UsageError("erasing cannot be undone: say --yes to do it");
    }
    return EraseCustomer(shell, *erased);
  });
}

void AddSegmentCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("segment", "Whom to address");
  noun->footer("Example:\n  rondo segment preview lapsing-good --by country");
  noun->require_subcommand(1);
  AddListAndShow(*noun, shell, "segments/");
  CLI::App* preview = noun->add_subcommand("preview", "Count whom a rule or a segment selects now");
  preview->footer(
      "Example:\n  rondo segment preview --expr \"customer.tier == 'gold'\" --by country,tier");
  auto name = std::make_shared<std::string>();
  auto expression = std::make_shared<std::string>();
  auto breakdown = std::make_shared<std::vector<std::string>>();
  auto sample = std::make_shared<int>(5);
  CLI::Option* by_name = preview->add_option("NAME", *name, "A stored segment");
  preview->add_option("--expr", *expression, "A rule in CEL")->excludes(by_name);
  preview->add_option("--by", *breakdown, "Attributes to break the count down by")->delimiter(',');
  preview->add_option("--sample", *sample, "Customers to list")->check(CLI::Range(0, 100));
  shell.OnRun(preview, [=, &shell]() -> absl::Status {
    targeting::v1::PreviewSegmentRequest request;
    if (name->empty() && expression->empty()) {
      return shell.UsageError("name a segment, or give a rule with --expr");
    }
    if (name->empty()) {
      request.set_expression(*expression);
    } else {
      request.set_segment(InCollection("segments/", *name));
    }
    for (const std::string& attribute : *breakdown) request.add_breakdown(attribute);
    request.set_sample_size(*sample);
    return PreviewSegment(shell, request);
  });
}

void AddDeliveryCommands(CLI::App& root, Shell& shell) {
  CLI::App* templates = root.add_subcommand("template", "What is said");
  templates->footer("Example:\n  rondo template show templates/winback");
  templates->require_subcommand(1);
  AddListAndShow(*templates, shell, "templates/");
  CLI::App* noun = root.add_subcommand("delivery", "What is being sent");
  noun->footer("Example:\n  rondo delivery status");
  noun->require_subcommand(1);
  CLI::App* status = noun->add_subcommand("status", "How much is waiting, and what limits now");
  status->footer("Example:\n  rondo delivery status --output json");
  shell.OnRun(status, [&shell]() -> absl::Status {
    RONDO_ASSIGN_OR_RETURN(const auto now, Call<delivery::v1::DeliveryStatus>(
                                               shell.caller(), shell.call(),
                                               delivery::v1::GetDeliveryStatusRequest()));
    if (shell.json()) {
      shell.PrintMessage(now);
    } else {
      std::cout << absl::StrFormat("waiting %d, ready %d, in flight %d, in doubt %d\n",
                                   now.waiting(), now.ready(), now.in_flight(), now.in_doubt());
      if (!now.limited_by().empty()) std::cout << "limited by: " << now.limited_by() << "\n";
    }
    return absl::OkStatus();
  });
  CLI::App* in_doubt = noun->add_subcommand("in-doubt",
                                            "Contacts of which a crash left unknown "
                                            "whether they were sent");
  in_doubt->footer("Example:\n  rondo delivery in-doubt --output json");
  shell.OnRun(in_doubt, [&shell]() -> absl::Status {
    delivery::v1::ListInDoubtRequest request;
    request.set_page_size(1000);
    Table table{{"CUSTOMER", "CONTACT", "CLAIMED", "MESSAGE ID"}, {}};
    do {
      RONDO_ASSIGN_OR_RETURN(const auto page, Call<delivery::v1::ListInDoubtResponse>(
                                                  shell.caller(), shell.call(), request));
      for (const auto& contact : page.contacts()) {
        if (shell.json()) shell.PrintJsonLine(ToJson(contact));
        table.rows.push_back({contact.customer(), ContactText(contact.contact()),
                              TimeText(contact.attempt_time()), contact.message_id()});
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    if (!shell.json()) shell.PrintTable(table);
    return absl::OkStatus();
  });
}

void AddDecisionCommands(CLI::App& root, Shell& shell) {
  CLI::App* decide = root.add_subcommand("decide", "The offer for one customer now");
  decide->footer("Example:\n  rondo decide crm:4711 home-hero");
  auto customer = std::make_shared<std::string>();
  auto placement = std::make_shared<std::string>();
  auto most = std::make_shared<int>(1);
  decide->add_option("CUSTOMER", *customer, "customers/ID or namespace:value")->required();
  decide->add_option("PLACEMENT", *placement, "Where the offer would appear")->required();
  decide->add_option("--max", *most, "Offers to return")->check(CLI::Range(1, 20));
  shell.OnRun(decide, [=, &shell]() -> absl::Status {
    decision::v1::DecideRequest request;
    request.set_customer(*customer);
    request.set_placement(*placement);
    request.set_max_offers(*most);
    return Decide(shell, request);
  });
}

void AddSignalCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("signals", "What rondo computes of each customer");
  noun->footer("Example:\n  rondo signals refresh");
  noun->require_subcommand(1);
  CLI::App* refresh = noun->add_subcommand("refresh", "Score recency, frequency and value now");
  refresh->footer("Example:\n  rondo signals refresh --output json");
  shell.OnRun(refresh, [&shell]() -> absl::Status {
    RONDO_ASSIGN_OR_RETURN(const auto answer, Call<insight::v1::RefreshSignalsResponse>(
                                                  shell.caller(), shell.call(absl::Minutes(10)),
                                                  insight::v1::RefreshSignalsRequest()));
    if (shell.json()) {
      shell.PrintMessage(answer);
    } else {
      std::cout << absl::StrFormat("%d customers scored, %d changed\n", answer.scored(),
                                   answer.changed());
    }
    return absl::OkStatus();
  });
}

}  // namespace rondo
