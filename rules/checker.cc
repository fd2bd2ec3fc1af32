#include "rules/checker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "platform/core/nearest.h"
#include "rules/check_pass.h"

namespace rondo::rules {
namespace {

constexpr size_t kMaxDiagnostics = 20;

struct TypeName {
  std::string_view name;
  TypeKind kind;
};
constexpr TypeName kTypeNames[] = {
    {"bool", TypeKind::kBool},
    {"int", TypeKind::kInt},
    {"uint", TypeKind::kUint},
    {"double", TypeKind::kDouble},
    {"string", TypeKind::kString},
    {"bytes", TypeKind::kBytes},
    {"list", TypeKind::kList},
    {"map", TypeKind::kMap},
    {"type", TypeKind::kType},
    {"null_type", TypeKind::kNull},
    {"optional_type", TypeKind::kAbstract},
    {"net.IP", TypeKind::kAbstract},
    {"net.CIDR", TypeKind::kAbstract},
    {"google.protobuf.Timestamp", TypeKind::kTimestamp},
    {"google.protobuf.Duration", TypeKind::kDuration},
};

// With open parameters: `list` denotes list(dyn).
Type DenotedType(const TypeName& known) {
  switch (known.kind) {
    case TypeKind::kList:
      return Type::List(Type::Dyn());
    case TypeKind::kMap:
      return Type::Map(Type::Dyn(), Type::Dyn());
    case TypeKind::kAbstract:
      if (known.name == "optional_type") return Type::Optional(Type::Dyn());
      return Type::Abstract(std::string(known.name));
    default:
      return {.kind = known.kind};
  }
}

}  // namespace

std::optional<std::string> DottedName(const Expr& expr) {
  if (expr.kind == ExprKind::kIdent) return expr.name;
  if (expr.kind != ExprKind::kSelect || expr.optional) return std::nullopt;
  std::optional<std::string> operand = DottedName(*expr.args[0]);
  if (!operand) return std::nullopt;
  return *operand + "." + expr.name;
}

const Expr& Root(const Expr& expr) {
  return expr.kind == ExprKind::kSelect ? Root(*expr.args[0]) : expr;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates,
                       std::string_view prefix) {
  const std::string_view near = Nearest(name, candidates);
  return near.empty() ? "" : absl::StrFormat("; did you mean `%s%s`?", prefix, near);
}

bool CheckPass::Run(Expr* root, Checked* checked) {
  const size_t errors_before = errors_->size();
  CheckExpr(*root);
  FinishTypes(*root);
  checked->type = root->type;
  checked->local_slots = max_slots_;
  checked->ranks = ranks_;
  const double cost = Cost(*root);
  if (cost > env_.limits().static_cost) {
    Report(root->offset, "the rule may take too long: too many loops within one another");
  }
  return errors_->size() == errors_before;
}

void CheckPass::Report(int32_t offset, std::string message) {
  if (errors_->size() >= kMaxDiagnostics) return;
  errors_->push_back(DiagnosticAt(Phase::kCheck, source_, offset, std::move(message)));
}

Type CheckPass::Refuse(int32_t offset, std::string message) {
  if (!strict_) return Type::Dyn();
  Report(offset, std::move(message));
  return Type::Error();
}

std::string CheckPass::Show(const Type& type) const {
  return ToString(subst_.Apply(type, Substitution::Unbound::kDyn));
}

Type CheckPass::CheckExpr(Expr& expr) {
  Type type = CheckKind(expr);
  // Unchecked programs keep only what resolution needs.
  if (!strict_ && !type.is_event_list() && !type.is(TypeKind::kEvent)) type = Type::Dyn();
  expr.type = type;
  return type;
}

Type CheckPass::CheckKind(Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kLiteral:
      return LiteralType(expr.literal);
    case ExprKind::kIdent:
      return CheckIdent(expr);
    case ExprKind::kSelect:
      return CheckSelect(expr);
    case ExprKind::kCall:
      return CheckCall(expr);
    case ExprKind::kList:
      return CheckList(expr);
    case ExprKind::kMap:
      return CheckMap(expr);
    case ExprKind::kMacro:
      return CheckMacro(expr);
    case ExprKind::kMessage:
      for (const ExprPtr& arg : expr.args) CheckExpr(*arg);
      Report(expr.offset, "messages cannot be made in rules");
      return Type::Error();
  }
  return Type::Error();
}

Type CheckPass::LiteralType(const Value& literal) {
  switch (literal.kind()) {
    case Kind::kBool:
      return Type::Bool();
    case Kind::kInt:
      return Type::Int();
    case Kind::kUint:
      return Type::Uint();
    case Kind::kDouble:
      return Type::Double();
    case Kind::kString:
      return Type::String();
    case Kind::kBytes:
      return Type::Bytes();
    default:
      return Type::Null();
  }
}

const CheckPass::Local* CheckPass::FindLocal(const std::string& name) const {
  for (auto local = locals_.rbegin(); local != locals_.rend(); ++local) {
    if (local->name == name) return &*local;
  }
  return nullptr;
}

std::vector<std::string> CheckPass::Candidates(const std::string& name, bool absolute) const {
  std::vector<std::string> candidates;
  std::string container = absolute ? "" : env_.container();
  while (!container.empty()) {
    candidates.push_back(container + "." + name);
    const size_t dot = container.rfind('.');
    container = dot == std::string::npos ? "" : container.substr(0, dot);
  }
  candidates.push_back(name);
  return candidates;
}

bool CheckPass::ResolveName(const std::string& name, bool absolute, Expr& expr, Type* type) {
  for (const std::string& candidate : Candidates(name, absolute)) {
    if (const Environment::Named* variable = env_.FindVariable(candidate)) {
      expr.target = Target::kVariable;
      expr.symbol = variable->symbol;
      *type = variable->type;
      return true;
    }
    for (const TypeName& known : kTypeNames) {
      if (known.name != candidate) continue;
      expr.target = Target::kTypeName;
      expr.literal = Value::TypeName(known.name);
      *type = Type::TypeOf(DenotedType(known));
      return true;
    }
  }
  if (!env_.bound_event_name().empty() && name == env_.bound_event_name()) {
    expr.target = Target::kBoundEvent;
    *type = Type::Event(env_.bound_event_type());
    return true;
  }
  return false;
}

Type CheckPass::CheckIdent(Expr& expr) {
  if (!expr.absolute) {
    if (const Local* local = FindLocal(expr.name)) {
      expr.target = Target::kLocal;
      expr.slot = local->slot;
      return local->type;
    }
  }
  Type type;
  if (ResolveName(expr.name, expr.absolute, expr, &type)) return type;
  expr.target = Target::kUnknown;
  if (expr.name == "customer" || expr.name == "signal") {
    return Refuse(expr.offset,
                  absl::StrFormat("`%s` needs a name after it: %s.NAME", expr.name, expr.name));
  }
  std::vector<std::string> known = NamesOf(env_.variables());
  for (const Local& local : locals_) known.push_back(local.name);
  if (!env_.bound_event_name().empty()) known.push_back(env_.bound_event_name());
  if (env_.FindAttribute(expr.name) != nullptr) known.push_back("customer." + expr.name);
  std::string hint = DidYouMean(expr.name, known);
  if (env_.FindAttribute(expr.name) != nullptr) {
    hint = absl::StrFormat("; did you mean `customer.%s`?", expr.name);
  }
  return Refuse(expr.offset, absl::StrFormat("unknown name `%s`%s", expr.name, hint));
}

std::optional<Type> CheckPass::CheckDeclared(Expr& expr, const std::string& dotted) {
  const bool attribute = dotted.starts_with("customer.");
  if (!attribute && !dotted.starts_with("signal.")) return std::nullopt;
  const std::string root = attribute ? "customer" : "signal";
  if (env_.FindVariable(root) != nullptr) return std::nullopt;
  std::string name = dotted.substr(root.size() + 1);
  const auto find = [&](const std::string& n) {
    return attribute ? env_.FindAttribute(n) : env_.FindSignal(n);
  };
  if (const Environment::Named* found = find(name)) {
    expr.target = attribute ? Target::kAttribute : Target::kSignal;
    expr.symbol = found->symbol;
    return found->type;
  }
  // A field of what is declared: `customer.balance.currency`.
  for (size_t dot = name.rfind('.'); dot != std::string::npos; dot = name.rfind('.', dot - 1)) {
    if (find(name.substr(0, dot)) != nullptr) return std::nullopt;
    if (dot == 0) break;
  }
  expr.target = Target::kUnknown;
  const auto& list = attribute ? env_.attributes() : env_.signals();
  return Refuse(expr.offset,
                absl::StrFormat("unknown %s `%s`%s", attribute ? "attribute" : "signal", dotted,
                                DidYouMean(name, NamesOf(list), root + ".")));
}

Type CheckPass::CheckSelect(Expr& expr) {
  const std::optional<std::string> dotted = DottedName(expr);
  const Expr& root = Root(expr);
  const bool local = dotted && !root.absolute && FindLocal(root.name) != nullptr;
  if (dotted && !local) {
    Type type;
    if (ResolveName(*dotted, root.absolute, expr, &type)) return type;
    if (std::optional<Type> declared = CheckDeclared(expr, *dotted)) return *declared;
  }
  const Type operand = subst_.Apply(CheckExpr(*expr.args[0]), Substitution::Unbound::kKeep);
  if (operand.is_optional()) return Type::Optional(FieldType(expr, operand.params[0]));
  const Type field = FieldType(expr, operand);
  return expr.optional ? Type::Optional(field) : field;
}

Type CheckPass::FieldType(Expr& expr, const Type& operand) {
  switch (operand.kind) {
    case TypeKind::kDyn:
    case TypeKind::kError:
    case TypeKind::kParam:
      return Type::Dyn();
    case TypeKind::kMap:
      return operand.params[1];
    case TypeKind::kEvent:
      return EventFieldType(expr, operand.name);
    case TypeKind::kMoney:
      if (expr.name == "currency") return Type::String();
      if (expr.name == "minor_units") return Type::Int();
      break;
    case TypeKind::kGeoPoint:
      if (expr.name == "latitude" || expr.name == "longitude") return Type::Double();
      break;
    default:
      break;
  }
  return Refuse(expr.offset, absl::StrFormat("%s has no field `%s`", Show(operand), expr.name));
}

Type CheckPass::EventFieldType(Expr& expr, const std::string& event_type) {
  const Environment::EventType* type = env_.FindEventType(event_type);
  const int index = type == nullptr ? -1 : type->FieldIndex(expr.name);
  if (index >= 0 || expr.name == "time") {
    expr.target = Target::kEventField;
    expr.symbol = {expr.name, index};
    return index >= 0 ? type->fields[static_cast<size_t>(index)].type : Type::Timestamp();
  }
  std::vector<std::string> known = {"time"};
  for (const Field& field : type == nullptr ? std::vector<Field>() : type->fields) {
    known.push_back(field.name);
  }
  return Refuse(expr.offset, absl::StrFormat("events of `%s` have no field `%s`%s", event_type,
                                             expr.name, DidYouMean(expr.name, known)));
}

Type CheckPass::Join(const Type& a, const Type& b) {
  if (!subst_.Assign(a, b)) return Type::Dyn();
  return Substitution::MoreGeneral(a, b);
}

Type CheckPass::OptionalEntry(const Expr& list, size_t entry, const Expr& item, const Type& type) {
  if (entry >= list.optional_entries.size() || !list.optional_entries[entry]) return type;
  const Type applied = subst_.Apply(type, Substitution::Unbound::kKeep);
  if (applied.is_optional()) return applied.params[0];
  if (applied.is_dyn()) return Type::Dyn();
  return Refuse(item.offset,
                absl::StrFormat("after `?` an optional value is needed, not %s", Show(type)));
}

Type CheckPass::CheckList(Expr& expr) {
  std::optional<Type> element;
  for (size_t i = 0; i < expr.args.size(); ++i) {
    const Type type = OptionalEntry(expr, i, *expr.args[i], CheckExpr(*expr.args[i]));
    element = element ? Join(*element, type) : type;
  }
  return Type::List(element ? *element : NewParam());
}

Type CheckPass::CheckMap(Expr& expr) {
  std::optional<Type> key;
  std::optional<Type> value;
  for (size_t i = 0; i + 1 < expr.args.size(); i += 2) {
    const Type key_type = CheckExpr(*expr.args[i]);
    const Type type = OptionalEntry(expr, i / 2, *expr.args[i + 1], CheckExpr(*expr.args[i + 1]));
    key = key ? Join(*key, key_type) : key_type;
    value = value ? Join(*value, type) : type;
  }
  return Type::Map(key ? *key : NewParam(), value ? *value : NewParam());
}

void CheckPass::NeedBool(const Expr& expr, const Type& type, std::string_view where) {
  if (subst_.Assign(type, Type::Bool())) return;
  Refuse(expr.offset, absl::StrFormat("%s needs true or false, not %s", where, Show(type)));
}

bool Check(std::string_view source, const Environment& environment, CheckMode mode, Expr* expr,
           Checked* checked, std::vector<Diagnostic>* errors) {
  return CheckPass(source, environment, mode, errors).Run(expr, checked);
}

}  // namespace rondo::rules
