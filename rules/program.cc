#include "rules/program.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "rules/compiled_rule.h"
#include "rules/parser.h"
#include "rules/unify.h"
#include "rules/unparser.h"
#include "rules/vector_plan.h"

namespace rondo::rules {
namespace internal {
namespace {

std::vector<std::string> Sorted(const std::set<std::string>& names) {
  return {names.begin(), names.end()};
}

// The type of the event that a field select reads, "" when unknown.
std::string EventTypeOf(const Type& type) {
  if (type.is(TypeKind::kEvent)) return type.name;
  return type.is_optional() ? EventTypeOf(type.params[0]) : "";
}

References ReferencesOf(const Expr& tree, const Environment& environment) {
  std::set<std::string> attributes;
  std::set<std::string> signals;
  std::set<std::string> events;
  std::set<std::string> fields;
  std::set<std::string> segments;
  References references;
  ForEach(tree, [&](const Expr& expr) {
    const std::string& name = expr.symbol.name;
    if (expr.target == Target::kAttribute) attributes.insert(name);
    if (expr.target == Target::kSignal) signals.insert(name);
    if (expr.target == Target::kEvents) events.insert(name);
    if (expr.target == Target::kBoundEvent) events.insert(environment.bound_event_type());
    if (expr.target == Target::kSegment) segments.insert(name);
    if (expr.target == Target::kRank) references.ranks = true;
    if (expr.target == Target::kEventField && expr.symbol.index >= 0) {
      fields.insert(EventTypeOf(expr.args[0]->type) + "." + name);
    }
    const bool window = expr.kind == ExprKind::kCall && expr.receiver && expr.name == "last" &&
                        expr.args.size() == 2;
    if (window || (expr.kind == ExprKind::kCall && expr.name == "now")) references.reads_now = true;
  });
  references.attributes = Sorted(attributes);
  references.signals = Sorted(signals);
  references.event_types = Sorted(events);
  references.event_fields = Sorted(fields);
  references.segments = Sorted(segments);
  return references;
}

}  // namespace

std::shared_ptr<CompiledRule> CompileRule(std::string_view text, const Environment& environment,
                                          CheckMode mode, bool macros,
                                          std::vector<Diagnostic>* errors) {
  auto rule = std::make_shared<CompiledRule>();
  rule->text = text;
  rule->limits = environment.limits();
  rule->tree =
      Parse(text, environment.limits(), macros ? Macros::kExpand : Macros::kDisable, errors);
  if (rule->tree == nullptr) return nullptr;
  if (!Check(text, environment, mode, rule->tree.get(), &rule->checked, errors)) return nullptr;
  rule->root = NodeBuilder(environment, rule->constants).Build(*rule->tree);
  rule->references = ReferencesOf(*rule->tree, environment);
  return rule;
}

Value Run(const Node& root, const Limits& limits, int local_slots, const Input& input,
          Arena& arena) {
  constexpr size_t kInlineSlots = 8;
  std::array<Value, kInlineSlots> inline_slots;
  Frame frame{.arena = arena, .limits = limits, .row = input.row, .event = input.event};
  frame.now = Value::TimestampMicros(absl::ToUnixMicros(input.now));
  frame.steps = limits.steps;
  const auto slots = static_cast<size_t>(local_slots);
  frame.locals = slots <= kInlineSlots ? inline_slots.data() : arena.NewArray<Value>(slots);
  return root.Eval(frame);
}

}  // namespace internal

Value Program::Evaluate(const Input& input, Arena& arena) const {
  return internal::Run(*rule_->root, rule_->limits, rule_->checked.local_slots, input, arena);
}

absl::Status Program::ErrorStatus(const Value& error) const {
  const ErrorData& data = error.error();
  return ToStatus({DiagnosticAt(Phase::kEval, rule_->text, data.offset, std::string(data.message))},
                  rule_->text);
}

absl::StatusOr<bool> Program::Matches(const Input& input) const {
  Arena arena(rule_->limits.arena_bytes);
  const Value value = Evaluate(input, arena);
  if (value.is(Kind::kBool)) return value.boolean();
  if (value.is_null() || IsNoValue(value)) return false;
  if (value.is_error()) return ErrorStatus(value);
  return absl::InvalidArgumentError("the rule gives no truth value");
}

absl::StatusOr<double> Program::Number(const Input& input) const {
  Arena arena(rule_->limits.arena_bytes);
  const Value value = Evaluate(input, arena);
  switch (value.kind()) {
    case Kind::kDouble:
      return value.real();
    case Kind::kInt:
      return static_cast<double>(value.integer());
    case Kind::kUint:
      return static_cast<double>(value.natural());
    case Kind::kNull:
      return 0.0;
    case Kind::kError:
      if (IsNoValue(value)) return 0.0;
      return ErrorStatus(value);
    default:
      return absl::InvalidArgumentError("the rule gives no number");
  }
}

absl::StatusOr<Selection> Program::Select(const Columns& columns, absl::Time now) const {
  const Columns* const table = &columns;
  RONDO_ASSIGN_OR_RETURN(std::vector<Selection> selections, Select({&table, 1}, now));
  return std::move(selections[0]);
}

absl::StatusOr<std::vector<Selection>> Program::Select(std::span<const Columns* const> tables,
                                                       absl::Time now,
                                                       const ForAll& for_all) const {
  if (rule_->plan == nullptr) {
    return absl::InvalidArgumentError("only rules that are true or false select customers");
  }
  return rule_->plan->Select(tables, now, for_all);
}

std::string Program::Explain() const {
  return rule_->plan == nullptr ? "by rows\n" : rule_->plan->Explain();
}

const References& Program::references() const { return rule_->references; }
const Type& Program::result_type() const { return rule_->checked.type; }
const std::string& Program::text() const { return rule_->text; }
std::string Program::Formatted() const { return Unparse(*rule_->tree); }

absl::StatusOr<Program> Compile(std::string_view text, const Environment& environment,
                                const Type& expected) {
  std::vector<Diagnostic> errors;
  std::shared_ptr<internal::CompiledRule> rule =
      internal::CompileRule(text, environment, CheckMode::kStrict, true, &errors);
  if (rule == nullptr) return ToStatus(errors, text);
  const Type& type = rule->checked.type;
  const bool number = type.is(TypeKind::kInt) || type.is(TypeKind::kUint);
  const bool fits = Substitution().Assign(type, expected) && !type.is(TypeKind::kNull);
  if (!fits && !(expected.is(TypeKind::kDouble) && number)) {
    errors.push_back(DiagnosticAt(Phase::kCheck, text, rule->tree->offset,
                                  absl::StrFormat("the rule must give %s, but gives %s",
                                                  ToString(expected), ToString(type))));
    return ToStatus(errors, text);
  }
  if (type.is(TypeKind::kBool) || type.is_dyn()) {
    rule->plan = VectorPlan::Build(*rule->tree, environment, rule->checked.local_slots);
  }
  return Program(std::move(rule));
}

void InTurn(size_t count, const std::function<void(size_t)>& work) {
  for (size_t i = 0; i < count; ++i) work(i);
}

absl::StatusOr<std::string> Format(std::string_view text) {
  std::vector<Diagnostic> errors;
  const ExprPtr tree = Parse(text, Limits(), Macros::kExpand, &errors);
  if (tree == nullptr) return ToStatus(errors, text);
  return Unparse(*tree);
}

}  // namespace rondo::rules
