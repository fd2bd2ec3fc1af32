#include "services/customer/import/mapping.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/core/zone.h"
#include "services/customer/domain/identity.h"
#include "services/customer/import/yaml_fields.h"

namespace rondo::customer {
namespace {

namespace type = ::rondo::type::v1;

constexpr int kCycleMax = 1'000'000;

TextTemplate ReadTemplate(const std::string& text, const std::string& path,
                          FieldViolations& violations) {
  absl::StatusOr<TextTemplate> parsed = TextTemplate::Parse(text);
  if (!parsed.ok()) {
    violations.Add(path, std::string(parsed.status().message()));
    return TextTemplate();
  }
  return *std::move(parsed);
}

// `column: X`, or `value: text with {X}`.
TextTemplate ReadSource(YamlFields& fields) {
  const bool column = fields.Has("column");
  if (column == fields.Has("value")) {
    fields.violations().Add(fields.path(), "expected either column: or value:");
  }
  if (column) {
    return ReadTemplate("{" + fields.Text("column") + "}", fields.PathOf("column"),
                        fields.violations());
  }
  return ReadTemplate(fields.Text("value"), fields.PathOf("value"), fields.violations());
}

type::ValueType ReadType(const std::string& name, const std::string& path,
                         FieldViolations& violations) {
  type::ValueType parsed = type::VALUE_TYPE_UNSPECIFIED;
  if (!type::ValueType_Parse("VALUE_TYPE_" + absl::AsciiStrToUpper(name), &parsed) ||
      parsed == type::VALUE_TYPE_UNSPECIFIED) {
    violations.Add(path,
                   "expected string, int, double, bool, timestamp, date, money, geo_point, "
                   "string_list, code or reference");
  }
  return parsed;
}

// `14d`, `36h`, `90m`.
absl::Duration ReadDuration(const std::string& text, const std::string& path,
                            FieldViolations& violations) {
  int64_t days = 0;
  absl::Duration duration;
  if (absl::EndsWith(text, "d") && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days)) {
    return absl::Hours(24) * days;
  }
  if (!absl::ParseDuration(text, &duration)) {
    violations.Add(path, "expected a duration such as 14d or 36h");
  }
  return duration;
}

ValueRule ReadValue(const YAML::Node& node, const std::string& path, type::ValueType otherwise,
                    FieldViolations& violations) {
  ValueRule rule;
  rule.path = path;
  rule.type = otherwise;
  if (!node.IsDefined()) {
    violations.Add(path, "it is missing");
    return rule;
  }
  if (node.IsScalar()) {  // A constant, or a text with columns in it.
    rule.text = ReadTemplate(node.Scalar(), path, violations);
    return rule;
  }
  YamlFields fields(node, path, violations);
  rule.text = ReadSource(fields);
  if (fields.Has("type")) {
    rule.type = ReadType(fields.Text("type"), fields.PathOf("type"), violations);
  }
  if (fields.Has("times")) {
    rule.times = ReadTemplate("{" + fields.Text("times") + "}", fields.PathOf("times"), violations);
  }
  const YAML::Node codes = fields.Get("map");
  if (codes.IsDefined() && !codes.IsMap()) {
    violations.Add(fields.PathOf("map"), "expected a mapping of texts to texts");
  } else if (codes.IsDefined()) {
    CheckKeys(codes, fields.PathOf("map"), violations);
    for (const auto& entry : codes) {
      if (entry.first.IsScalar() && entry.second.IsScalar()) {
        rule.codes[entry.first.Scalar()] = entry.second.Scalar();
      }
    }
  }
  for (const std::string& text : fields.Texts("missing")) rule.nulls.insert(text);
  rule.format = fields.Text("format");
  if (const auto zone = FindZone(fields.Text("time_zone", "UTC"))) {
    rule.zone = *zone;
  } else {
    violations.Add(fields.PathOf("time_zone"), "expected an IANA time zone such as Asia/Seoul");
  }
  rule.currency = fields.Text("currency");
  if (rule.type == type::VALUE_TYPE_MONEY && rule.currency.empty()) {
    violations.Add(fields.PathOf("currency"), "money needs a currency, ISO 4217");
  }
  rule.separator = fields.Text("separator", ";");
  fields.Close();
  return rule;
}

Condition ReadCondition(const YAML::Node& node, const std::string& path,
                        FieldViolations& violations) {
  YamlFields fields(node, path, violations);
  Condition condition;
  condition.text = ReadSource(fields);
  const auto texts = [&](const std::string& key, Condition::Test test) {
    if (!fields.Has(key)) return;
    condition.test = test;
    for (const std::string& text : fields.Texts(key)) condition.texts.insert(text);
  };
  texts("equals", Condition::Test::kEquals);
  texts("not", Condition::Test::kNot);
  texts("prefix", Condition::Test::kPrefix);
  texts("not_prefix", Condition::Test::kNotPrefix);
  if (fields.Has("above")) {
    condition.test = Condition::Test::kAbove;
    condition.above = fields.Number("above", 0.0);
  }
  if (fields.Text("present", "true") != "true") {
    violations.Add(fields.PathOf("present"), "expected true");
  }
  fields.Close();
  return condition;
}

Conditions ReadConditions(YamlFields& fields, const std::string& key) {
  Conditions conditions;
  const std::vector<YAML::Node> nodes = fields.List(key);
  for (size_t i = 0; i < nodes.size(); ++i) {
    conditions.push_back(ReadCondition(nodes[i], absl::StrCat(fields.PathOf(key), "[", i, "]"),
                                       fields.violations()));
  }
  return conditions;
}

// A mapping of names to values, in the order written.
std::vector<NamedRule> ReadNamed(YamlFields& fields, const std::string& key) {
  std::vector<NamedRule> rules;
  const YAML::Node node = fields.Get(key);
  if (!node.IsDefined()) return rules;
  if (!node.IsMap()) {
    fields.violations().Add(fields.PathOf(key), "expected a mapping of names to values");
    return rules;
  }
  CheckKeys(node, fields.PathOf(key), fields.violations());
  for (const auto& entry : node) {
    const std::string name = entry.first.Scalar();
    const std::string path = fields.PathOf(key) + "." + name;
    if (!IsSnakeName(name)) fields.violations().Add(path, "expected a name in lower_snake_case");
    rules.push_back(
        {name, ReadValue(entry.second, path, type::VALUE_TYPE_STRING, fields.violations())});
  }
  return rules;
}

KeyRule ReadKey(const YAML::Node& node, const std::string& path, FieldViolations& violations) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const size_t colon = text.find(':');
  if (colon == std::string::npos) {
    violations.Add(path, "expected namespace:value, for example crm:{customer_id}");
    return {};
  }
  if (!IsSnakeName(text.substr(0, colon))) {
    violations.Add(path, "expected a namespace in lower_snake_case before the colon");
  }
  return {text.substr(0, colon), ReadTemplate(text.substr(colon + 1), path, violations)};
}

ConsentRule ReadConsent(const YAML::Node& node, const std::string& path,
                        FieldViolations& violations) {
  YamlFields fields(node, path, violations);
  ConsentRule rule;
  rule.channel = fields.RequiredText("channel");
  rule.purpose = fields.RequiredText("purpose");
  rule.business_unit = fields.Text("business_unit");
  rule.text_version = fields.Text("text_version");
  rule.when = ReadConditions(fields, "when");
  rule.granted =
      ReadValue(fields.Get("granted"), fields.PathOf("granted"), type::VALUE_TYPE_BOOL, violations);
  rule.granted.type = type::VALUE_TYPE_BOOL;
  if (fields.Has("time")) {
    rule.time = ReadValue(fields.Get("time"), fields.PathOf("time"), type::VALUE_TYPE_TIMESTAMP,
                          violations);
  }
  fields.Close();
  return rule;
}

EventRule ReadEvent(const YAML::Node& node, const std::string& path, FieldViolations& violations) {
  YamlFields fields(node, path, violations);
  EventRule rule;
  rule.type = fields.RequiredText("type");
  rule.when = ReadConditions(fields, "when");
  rule.time =
      ReadValue(fields.Get("time"), fields.PathOf("time"), type::VALUE_TYPE_TIMESTAMP, violations);
  rule.message_id =
      ReadTemplate(fields.Text("message_id"), fields.PathOf("message_id"), violations);
  rule.fields = ReadNamed(fields, "fields");
  fields.Close();
  return rule;
}

ResponseRule ReadResponse(const YAML::Node& node, const std::string& path,
                          FieldViolations& violations) {
  YamlFields fields(node, path, violations);
  ResponseRule rule;
  rule.goal = fields.RequiredText("goal");
  rule.when = ReadConditions(fields, "when");
  rule.after = ReadDuration(fields.Text("after", "0s"), fields.PathOf("after"), violations);
  if (fields.Has("time")) {
    rule.time = ReadValue(fields.Get("time"), fields.PathOf("time"), type::VALUE_TYPE_TIMESTAMP,
                          violations);
  }
  if (fields.Has("value")) {
    rule.value =
        ReadValue(fields.Get("value"), fields.PathOf("value"), type::VALUE_TYPE_MONEY, violations);
    rule.value->type = type::VALUE_TYPE_MONEY;
  }
  fields.Close();
  return rule;
}

std::string CampaignName(const std::string& name) {
  return absl::StartsWith(name, "campaigns/") ? name : "campaigns/" + name;
}

ContactRule ReadContact(const YAML::Node& node, const std::string& path,
                        FieldViolations& violations) {
  YamlFields fields(node, path, violations);
  ContactRule rule;
  rule.campaign = CampaignName(fields.RequiredText("campaign"));
  rule.when = ReadConditions(fields, "when");
  rule.cell =
      ReadValue(fields.Get("cell"), fields.PathOf("cell"), type::VALUE_TYPE_STRING, violations);
  const std::vector<YAML::Node> responses = fields.List("responses");
  for (size_t i = 0; i < responses.size(); ++i) {
    rule.responses.push_back(ReadResponse(
        responses[i], absl::StrCat(fields.PathOf("responses"), "[", i, "]"), violations));
  }
  fields.Close();
  return rule;
}

rondo::customer::v1::PastCampaign ReadCampaign(const YAML::Node& node, const std::string& path,
                                               FieldViolations& violations) {
  YamlFields fields(node, path, violations);
  rondo::customer::v1::PastCampaign past;
  auto& campaign = *past.mutable_campaign();
  campaign.set_name(CampaignName(fields.RequiredText("name")));
  campaign.set_description(fields.Text("description"));
  campaign.set_business_unit(fields.Text("business_unit"));
  campaign.set_currency(fields.Text("currency"));
  const double cycle = fields.Number("cycle", 1);
  if (cycle >= 1 && cycle <= kCycleMax && cycle == std::trunc(cycle)) {
    past.set_cycle(static_cast<int>(cycle));
  } else {
    violations.Add(fields.PathOf("cycle"),
                   absl::StrCat("expected a whole number from 1 to ", kCycleMax));
  }
  absl::Time due;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, fields.RequiredText("due"), &due, &error)) {
    violations.Add(fields.PathOf("due"), "expected a time such as 2008-03-20T00:00:00Z");
  }
  past.mutable_due_time()->set_seconds(absl::ToUnixSeconds(due));
  const std::vector<YAML::Node> cells = fields.List("cells");
  for (size_t i = 0; i < cells.size(); ++i) {
    YamlFields cell(cells[i], absl::StrCat(fields.PathOf("cells"), "[", i, "]"), violations);
    auto& out = *campaign.add_cells();
    out.set_name(cell.RequiredText("name"));
    out.set_share(cell.Number("share", 0.0));
    out.set_control(cell.Text("control", "false") == "true");
    const std::string channel = cell.Text("channel");
    if (!channel.empty()) out.mutable_treatment()->set_channel(channel);
    cell.Close();
  }
  const std::vector<YAML::Node> goals = fields.List("goals");
  for (size_t i = 0; i < goals.size(); ++i) {
    YamlFields goal(goals[i], absl::StrCat(fields.PathOf("goals"), "[", i, "]"), violations);
    auto& out = *campaign.add_goals();
    out.set_name(goal.RequiredText("name"));
    out.set_event(goal.Text("event"));
    out.mutable_within()->set_seconds(absl::ToInt64Seconds(
        ReadDuration(goal.RequiredText("within"), goal.PathOf("within"), violations)));
    out.set_value(goal.Text("value"));
    goal.Close();
  }
  fields.Close();
  return past;
}

char ReadDelimiter(const std::string& text, FieldViolations& violations) {
  if (text == "tab" || text == "\t") return '\t';
  if (text.size() == 1 && text != "\"" && text != "\n" && text != "\r") return text[0];
  violations.Add("delimiter", "expected one character, or tab");
  return ',';
}

// Reads each item of a list by `read(node, path, violations)`.
template <typename Read>
auto ReadAll(YamlFields& fields, const std::string& key, Read read) {
  std::vector<decltype(read(YAML::Node(), std::string(), fields.violations()))> items;
  const std::vector<YAML::Node> nodes = fields.List(key);
  for (size_t i = 0; i < nodes.size(); ++i) {
    items.push_back(
        read(nodes[i], absl::StrCat(fields.PathOf(key), "[", i, "]"), fields.violations()));
  }
  return items;
}

Mapping ReadMapping(const YAML::Node& node, FieldViolations& violations) {
  YamlFields fields(node, "", violations);
  Mapping mapping;
  if (fields.Text("kind", "ImportMapping") != "ImportMapping") {
    violations.Add("kind", "expected ImportMapping");
  }
  mapping.name = fields.RequiredText("name");
  mapping.delimiter = ReadDelimiter(fields.Text("delimiter", ","), violations);
  mapping.where = ReadConditions(fields, "where");
  mapping.keys = ReadAll(fields, "keys", ReadKey);
  if (mapping.keys.empty()) {
    violations.Add("keys", "expected at least one key, for example [\"crm:{customer_id}\"]");
  }
  mapping.attributes = ReadNamed(fields, "attributes");
  mapping.consents = ReadAll(fields, "consents", ReadConsent);
  mapping.events = ReadAll(fields, "events", ReadEvent);
  mapping.campaigns = ReadAll(fields, "campaigns", ReadCampaign);
  mapping.contacts = ReadAll(fields, "contacts", ReadContact);
  for (size_t i = 0; i < mapping.contacts.size(); ++i) {
    if (mapping.FindCampaign(mapping.contacts[i].campaign) == nullptr) {
      violations.Add(absl::StrCat("contacts[", i, "].campaign"),
                     "expected one of the campaigns of this mapping");
    }
  }
  if (fields.Has("effective_time")) {
    mapping.effective_time = ReadValue(fields.Get("effective_time"), "effective_time",
                                       type::VALUE_TYPE_TIMESTAMP, violations);
  }
  fields.Close();
  return mapping;
}

// Calls `visit(template, path)` for every template of the mapping.
template <typename Visit>
void ForEachTemplate(Mapping& mapping, Visit visit) {
  const auto value = [&](ValueRule& rule) {
    visit(rule.text, rule.path);
    if (rule.times.has_value()) visit(*rule.times, rule.path + ".times");
  };
  const auto optional_value = [&](std::optional<ValueRule>& rule) {
    if (rule.has_value()) value(*rule);
  };
  const auto conditions = [&](Conditions& all, const std::string& path) {
    for (Condition& condition : all) visit(condition.text, path);
  };
  conditions(mapping.where, "where");
  for (KeyRule& key : mapping.keys) visit(key.value, "keys");
  for (NamedRule& attribute : mapping.attributes) value(attribute.rule);
  for (ConsentRule& consent : mapping.consents) {
    conditions(consent.when, "consents.when");
    value(consent.granted);
    optional_value(consent.time);
  }
  for (EventRule& event : mapping.events) {
    conditions(event.when, "events.when");
    value(event.time);
    visit(event.message_id, "events.message_id");
    for (NamedRule& field : event.fields) value(field.rule);
  }
  for (ContactRule& contact : mapping.contacts) {
    conditions(contact.when, "contacts.when");
    value(contact.cell);
    for (ResponseRule& response : contact.responses) {
      conditions(response.when, "contacts.responses.when");
      optional_value(response.time);
      optional_value(response.value);
    }
  }
  optional_value(mapping.effective_time);
}

}  // namespace

const rondo::customer::v1::PastCampaign* Mapping::FindCampaign(std::string_view campaign) const {
  const auto at = std::find_if(campaigns.begin(), campaigns.end(), [&](const auto& past) {
    return past.campaign().name() == campaign;
  });
  return at == campaigns.end() ? nullptr : &*at;
}

absl::Status Mapping::Bind(const std::vector<std::string>& header) {
  FieldViolations violations;
  std::set<std::string> seen;
  for (const std::string& column : header) {
    if (!seen.insert(column).second) {
      violations.Add("header", "the column " + column + " stands twice");
    }
  }
  ForEachTemplate(*this, [&](TextTemplate& text, const std::string& path) {
    const absl::Status bound = text.Bind(header);
    if (bound.ok()) return;
    violations.Add(path, absl::StrCat("no column ", std::string(bound.message()), "; the file has ",
                                      absl::StrJoin(header, ", ")));
  });
  return violations.ToStatus();
}

absl::StatusOr<Mapping> ParseMapping(const std::string& yaml) {
  FieldViolations violations;
  try {
    const YAML::Node node = YAML::Load(yaml);
    if (!node.IsMap()) return FieldError("mapping", "expected a YAML mapping");
    Mapping mapping = ReadMapping(node, violations);
    RONDO_RETURN_IF_ERROR(violations.ToStatus());
    return mapping;
  } catch (const YAML::Exception& error) {
    return FieldError(absl::StrCat("line ", error.mark.line + 1),
                      "not YAML: " + std::string(error.msg));
  }
}

}  // namespace rondo::customer
