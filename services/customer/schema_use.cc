#include "services/customer/schema_use.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/status_macros.h"
#include "rules/program.h"
#include "rules/schema/schema.h"

namespace rondo::customer {
namespace {

namespace pb = ::rondo::customer::v1;
using google::protobuf::RepeatedPtrField;

constexpr size_t kUsersToldMax = 20;

// All that rules anywhere may name: whether one is valid where it stands is its own service's to
// say; here only whether it stays so.
rules::Environment EnvironmentOf(const rules::Schema& schema, const catalog::Catalog& catalog) {
  rules::Environment environment;
  schema.DeclareAttributes(environment);
  schema.DeclareEvents(environment);
  rules::Schema::DeclareResponses(environment);
  rules::Schema::DeclareSignals(environment);
  environment.AllowRanks();
  for (const catalog::Definition& segment : catalog.ListAll(catalog::kSegments)) {
    environment.AddSegment(segment.name().substr(catalog::kSegments.size()));
  }
  environment.AddVariable("context", rules::Type::Map(rules::Type::String(), rules::Type::Dyn()));
  return environment;
}

struct Rule {
  std::string field;
  std::string text;
  std::string event;  // Bound to `e`; empty for none.
};

std::vector<Rule> RulesOf(const catalog::Definition& definition) {
  std::vector<Rule> rules;
  if (definition.has_segment()) rules.push_back({"expression", definition.segment().expression()});
  if (definition.has_offer()) rules.push_back({"eligibility", definition.offer().eligibility()});
  for (int i = 0; i < definition.campaign().goals_size(); ++i) {
    const auto& goal = definition.campaign().goals(i);
    const std::string field = absl::StrCat("goals[", i, "]");
    rules.push_back({field + ".where", goal.where().empty() ? "true" : goal.where(), goal.event()});
    rules.push_back({field + ".value", goal.value(), goal.event()});
  }
  std::erase_if(rules, [](const Rule& rule) { return rule.text.empty(); });
  return rules;
}

absl::Status Compiles(const Rule& rule, const rules::Schema& schema,
                      const rules::Environment& everything) {
  rules::Environment environment;
  if (!rule.event.empty()) {
    if (!schema.HasEvent(rule.event)) {
      return absl::NotFoundError(absl::StrCat("event type ", rule.event, " is not declared"));
    }
    environment.AddEventType(rule.event, schema.FieldsOfEvent(rule.event))
        .BindEvent("e", rule.event);
  }
  return rules::Compile(rule.text, rule.event.empty() ? everything : environment,
                        rules::Type::Dyn())
      .status();
}

void CheckTypes(const RepeatedPtrField<pb::Attribute>& before,
                const RepeatedPtrField<pb::Attribute>& after, const std::string& of,
                std::vector<std::string>& wrong) {
  for (const pb::Attribute& now : after) {
    for (const pb::Attribute& was : before) {
      if (was.name() != now.name() || was.type() == now.type()) continue;
      wrong.push_back(absl::StrCat(
          of, now.name(), " has values of its type: declare another name for the new one"));
    }
  }
}

}  // namespace

absl::Status CheckUsers(const catalog::Catalog& catalog, const pb::AttributeSet& changed) {
  const auto current = catalog.Get(changed.name());
  if (absl::IsNotFound(current.status())) return absl::OkStatus();
  RONDO_RETURN_IF_ERROR(current.status());
  std::vector<catalog::Definition> sets = catalog.ListAll(catalog::kAttributeSets);
  const rules::Schema before(sets);
  for (catalog::Definition& set : sets) {
    if (set.name() == changed.name()) *set.mutable_attribute_set() = changed;
  }
  const rules::Schema after(sets);

  std::vector<std::string> wrong;
  const pb::AttributeSet& old = current->attribute_set();
  CheckTypes(old.attributes(), changed.attributes(), "attribute ", wrong);
  for (const pb::EventType& now : changed.event_types()) {
    for (const pb::EventType& was : old.event_types()) {
      if (was.name() != now.name()) continue;
      CheckTypes(was.fields(), now.fields(), absl::StrCat("field ", now.name(), "."), wrong);
    }
  }
  const rules::Environment had = EnvironmentOf(before, catalog);
  const rules::Environment has = EnvironmentOf(after, catalog);
  for (const std::string& user : catalog.UsersOf(changed.name())) {
    const auto definition = catalog.Get(user);
    if (!definition.ok()) continue;  // Removed meanwhile.
    for (const Rule& rule : RulesOf(*definition)) {
      const absl::Status valid = Compiles(rule, after, has);
      if (valid.ok() || !Compiles(rule, before, had).ok()) continue;
      wrong.push_back(
          absl::StrCat(user, ", ", rule.field, ": ", absl::string_view(valid.message())));
    }
    const std::string& attribute = definition->campaign().assignment_attribute();
    if (!attribute.empty() && after.OwnerOfAttribute(attribute).empty()) {
      wrong.push_back(absl::StrCat(user, ", assignment_attribute: ", attribute));
    }
  }
  if (wrong.empty()) return absl::OkStatus();
  if (wrong.size() > kUsersToldMax) wrong.resize(kUsersToldMax);
  return absl::FailedPreconditionError(
      absl::StrCat(changed.name(), ": what would go is in use: ", absl::StrJoin(wrong, "; ")));
}

}  // namespace rondo::customer
