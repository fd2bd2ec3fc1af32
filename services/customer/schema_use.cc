#include "services/customer/schema_use.h"

#include <algorithm>
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
    schema.DeclareCodeLists(environment);
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

// Puts the changed definition in the place of the one of its name.
template <typename Replace>
std::vector<catalog::Definition> With(std::vector<catalog::Definition> definitions,
                                      const std::string& name, const Replace& replace) {
  for (catalog::Definition& definition : definitions) {
    if (definition.name() == name) replace(definition);
  }
  return definitions;
}

// What rules would no longer be valid after a change, and are before it.
class RuleCheck {
 public:
  RuleCheck(const catalog::Catalog& catalog, const rules::Schema& before,
            const rules::Schema& after)
      : catalog_(catalog),
        before_(before),
        after_(after),
        had_(EnvironmentOf(before, catalog)),
        has_(EnvironmentOf(after, catalog)) {}

  // Adds to `wrong` what the change breaks in the users of the attribute set.
  void CheckUsersOf(const std::string& attribute_set, std::vector<std::string>& wrong) const {
    for (const std::string& user : catalog_.UsersOf(attribute_set)) {
      const auto definition = catalog_.Get(user);
      if (!definition.ok()) continue;  // Removed meanwhile.
      for (const Rule& rule : RulesOf(*definition)) {
        const absl::Status valid = Compiles(rule, after_, has_);
        if (valid.ok() || !Compiles(rule, before_, had_).ok()) continue;
        wrong.push_back(
            absl::StrCat(user, ", ", rule.field, ": ", absl::string_view(valid.message())));
      }
      const std::string& attribute = definition->campaign().assignment_attribute();
      if (!attribute.empty() && after_.OwnerOfAttribute(attribute).empty()) {
        wrong.push_back(absl::StrCat(user, ", assignment_attribute: ", attribute));
      }
    }
  }

 private:
  const catalog::Catalog& catalog_;
  const rules::Schema& before_;
  const rules::Schema& after_;
  const rules::Environment had_;
  const rules::Environment has_;
};

absl::Status Verdict(const std::string& name, std::vector<std::string> wrong) {
  if (wrong.empty()) return absl::OkStatus();
  if (wrong.size() > kUsersToldMax) wrong.resize(kUsersToldMax);
  return absl::FailedPreconditionError(
      absl::StrCat(name, ": what would go is in use: ", absl::StrJoin(wrong, "; ")));
}

}  // namespace

absl::Status CheckUsers(const catalog::Catalog& catalog, const pb::AttributeSet& changed) {
  const auto current = catalog.Get(changed.name());
  if (absl::IsNotFound(current.status())) return absl::OkStatus();
  RONDO_RETURN_IF_ERROR(current.status());
  std::vector<std::string> wrong;
  const pb::AttributeSet& old = current->attribute_set();
  CheckTypes(old.attributes(), changed.attributes(), "attribute ", wrong);
  for (const pb::EventType& now : changed.event_types()) {
    for (const pb::EventType& was : old.event_types()) {
      if (was.name() != now.name()) continue;
      CheckTypes(was.fields(), now.fields(), absl::StrCat("field ", now.name(), "."), wrong);
    }
  }
  const auto sets = catalog.ListAll(catalog::kAttributeSets);
  const auto lists = catalog.ListAll(catalog::kCodeLists);
  const auto replace = [&](catalog::Definition& set) { *set.mutable_attribute_set() = changed; };
  const rules::Schema before(sets, lists);
  const rules::Schema after(With(sets, changed.name(), replace), lists);
  RuleCheck(catalog, before, after).CheckUsersOf(changed.name(), wrong);
  return Verdict(changed.name(), std::move(wrong));
}

absl::Status CheckUsers(const catalog::Catalog& catalog, const pb::CodeList& changed) {
  const auto current = catalog.Get(changed.name());
  if (absl::IsNotFound(current.status())) return absl::OkStatus();
  RONDO_RETURN_IF_ERROR(current.status());
  const auto sets = catalog.ListAll(catalog::kAttributeSets);
  const auto lists = catalog.ListAll(catalog::kCodeLists);
  const auto replace = [&](catalog::Definition& list) { *list.mutable_code_list() = changed; };
  const rules::Schema before(sets, lists);
  const rules::Schema after(sets, With(lists, changed.name(), replace));
  const RuleCheck check(catalog, before, after);
  std::vector<std::string> wrong;
  for (const std::string& set : catalog.UsersOf(changed.name())) check.CheckUsersOf(set, wrong);
  // A rule that uses two of the sets is told once.
  std::sort(wrong.begin(), wrong.end());
  wrong.erase(std::unique(wrong.begin(), wrong.end()), wrong.end());
  return Verdict(changed.name(), std::move(wrong));
}

}  // namespace rondo::customer
