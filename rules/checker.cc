#include "rules/checker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rules/functions.h"
#include "rules/macros.h"
#include "rules/operators.h"
#include "rules/time_text.h"
#include "rules/unify.h"

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

// `a.b.c` when the expression is names and dots only; else nothing.
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
                       std::string_view prefix = "") {
  const std::string_view near = Nearest(name, candidates);
  return near.empty() ? "" : absl::StrFormat("; did you mean `%s%s`?", prefix, near);
}

template <typename T>
std::vector<std::string> NamesOf(const std::vector<T>& list) {
  std::vector<std::string> names;
  for (const T& item : list) names.push_back(item.symbol.name);
  return names;
}

class Checker {
 public:
  Checker(std::string_view source, const Environment& environment, CheckMode mode,
          std::vector<Diagnostic>* errors)
      : source_(source), env_(environment), strict_(mode == CheckMode::kStrict), errors_(errors) {}

  bool Run(Expr* root, Checked* checked) {
    const size_t errors_before = errors_->size();
    CheckExpr(*root);
    FinishTypes(*root);
    checked->type = root->type;
    checked->local_slots = max_slots_;
    const double cost = Cost(*root);
    if (cost > env_.limits().static_cost) {
      Report(root->offset, "the rule may take too long: too many loops within one another");
    }
    return errors_->size() == errors_before;
  }

 private:
  struct Local {
    std::string name;
    Type type;
    int slot;
  };

  void Report(int32_t offset, std::string message) {
    if (errors_->size() >= kMaxDiagnostics) return;
    errors_->push_back(DiagnosticAt(Phase::kCheck, source_, offset, std::move(message)));
  }
  // Only a strict check minds; the result is the type to go on with.
  Type Refuse(int32_t offset, std::string message) {
    if (!strict_) return Type::Dyn();
    Report(offset, std::move(message));
    return Type::Error();
  }
  std::string Show(const Type& type) const {
    return ToString(subst_.Apply(type, Substitution::Unbound::kDyn));
  }
  Type NewParam() { return Type::Param(absl::StrFormat("T#%d", ++fresh_)); }

  Type CheckExpr(Expr& expr) {
    Type type = CheckKind(expr);
    // Unchecked programs keep only what resolution needs.
    if (!strict_ && !type.is_event_list() && !type.is(TypeKind::kEvent)) type = Type::Dyn();
    expr.type = type;
    return type;
  }

  Type CheckKind(Expr& expr) {
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

  static Type LiteralType(const Value& literal) {
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

  const Local* FindLocal(const std::string& name) const {
    for (auto local = locals_.rbegin(); local != locals_.rend(); ++local) {
      if (local->name == name) return &*local;
    }
    return nullptr;
  }

  // `C.name` for the container and those around it, then `name` itself.
  std::vector<std::string> Candidates(const std::string& name, bool absolute) const {
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

  // A variable, the bound event or a type of that full name.
  bool ResolveName(const std::string& name, bool absolute, Expr& expr, Type* type) {
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

  Type CheckIdent(Expr& expr) {
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

  // customer.NAME and signal.NAME, where NAME may have dots.
  std::optional<Type> CheckDeclared(Expr& expr, const std::string& dotted) {
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

  Type CheckSelect(Expr& expr) {
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

  Type FieldType(Expr& expr, const Type& operand) {
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

  Type EventFieldType(Expr& expr, const std::string& event_type) {
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

  // The type that holds both; unlike items of a literal make it dyn.
  Type Join(const Type& a, const Type& b) {
    if (!subst_.Assign(a, b)) return Type::Dyn();
    return Substitution::MoreGeneral(a, b);
  }

  Type OptionalEntry(const Expr& list, size_t entry, const Expr& item, const Type& type) {
    if (entry >= list.optional_entries.size() || !list.optional_entries[entry]) return type;
    const Type applied = subst_.Apply(type, Substitution::Unbound::kKeep);
    if (applied.is_optional()) return applied.params[0];
    if (applied.is_dyn()) return Type::Dyn();
    return Refuse(item.offset,
                  absl::StrFormat("after `?` an optional value is needed, not %s", Show(type)));
  }

  Type CheckList(Expr& expr) {
    std::optional<Type> element;
    for (size_t i = 0; i < expr.args.size(); ++i) {
      const Type type = OptionalEntry(expr, i, *expr.args[i], CheckExpr(*expr.args[i]));
      element = element ? Join(*element, type) : type;
    }
    return Type::List(element ? *element : NewParam());
  }

  Type CheckMap(Expr& expr) {
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

  void NeedBool(const Expr& expr, const Type& type, std::string_view where) {
    if (subst_.Assign(type, Type::Bool())) return;
    Refuse(expr.offset, absl::StrFormat("%s needs true or false, not %s", where, Show(type)));
  }

  Type CheckCall(Expr& expr) {
    if (expr.op == Op::kAnd || expr.op == Op::kOr) {
      for (const ExprPtr& arg : expr.args) {
        NeedBool(*arg, CheckExpr(*arg), expr.op == Op::kAnd ? "`&&`" : "`||`");
      }
      return Type::Bool();
    }
    if (expr.op != Op::kFunction) return CheckOperator(expr);
    if (expr.receiver) ResolveNamespace(expr);
    std::vector<Type> args;
    for (const ExprPtr& arg : expr.args) args.push_back(CheckExpr(*arg));
    if (!expr.receiver && expr.name == "events") return CheckEvents(expr);
    if (!expr.receiver && expr.name == "in_segment") return CheckSegment(expr);
    if (expr.receiver) CheckWindow(expr, args);
    return CheckFunction(expr, args);
  }

  // math.floor(x): a call of `math.floor`, not of a member of `math`.
  void ResolveNamespace(Expr& expr) {
    const std::optional<std::string> dotted = DottedName(*expr.args[0]);
    if (!dotted) return;
    const Expr& root = Root(*expr.args[0]);
    if (!root.absolute && FindLocal(root.name) != nullptr) return;
    for (const std::string& name : Candidates(*dotted + "." + expr.name, root.absolute)) {
      if (SignaturesOf(name).empty() && env_.FindFunction(name) == nullptr) continue;
      expr.name = name;
      expr.receiver = false;
      expr.args.erase(expr.args.begin());
      return;
    }
  }

  Type CheckEvents(Expr& expr) {
    if (expr.args.size() != 1 || !expr.args[0]->literal.is(Kind::kString)) {
      return Refuse(expr.offset,
                    "events() takes an event type's name in quotes: events('purchase')");
    }
    const std::string name(expr.args[0]->literal.text());
    const Environment::EventType* type = env_.FindEventType(name);
    if (type == nullptr) {
      expr.target = Target::kUnknown;
      return Refuse(expr.args[0]->offset,
                    absl::StrFormat("unknown event type `%s`%s", name,
                                    DidYouMean(name, NamesOf(env_.event_types()))));
    }
    expr.target = Target::kEvents;
    expr.symbol = type->symbol;
    return Type::List(Type::Event(name));
  }

  Type CheckSegment(Expr& expr) {
    if (expr.args.size() != 1 || !expr.args[0]->literal.is(Kind::kString)) {
      return Refuse(expr.offset, "in_segment() takes a segment's name in quotes");
    }
    const std::string name(expr.args[0]->literal.text());
    const Symbol* symbol = env_.FindSegment(name);
    if (symbol == nullptr) {
      expr.target = Target::kUnknown;
      std::vector<std::string> known;
      for (const Symbol& segment : env_.segments()) known.push_back(segment.name);
      return Refuse(expr.args[0]->offset,
                    absl::StrFormat("unknown segment `%s`%s", name, DidYouMean(name, known)));
    }
    expr.target = Target::kSegment;
    expr.symbol = *symbol;
    return Type::Bool();
  }

  // .last('90d'), .since(t), .between(a, b) are of lists of events only.
  void CheckWindow(const Expr& expr, const std::vector<Type>& args) {
    const bool window =
        expr.name == "since" || expr.name == "between" || (expr.name == "last" && args.size() > 1);
    if (!window || args.empty()) return;
    const Type list = subst_.Apply(args[0], Substitution::Unbound::kKeep);
    if (!list.is_event_list() && !list.is_dyn()) {
      Refuse(expr.offset, absl::StrFormat("`.%s` is for events: events('purchase').%s(...)",
                                          expr.name, expr.name));
    }
    if (expr.name != "last" || args.size() != 2) return;
    const Value& literal = expr.args[1]->literal;
    if (literal.is(Kind::kString) && !ParseWindowMicros(literal.text())) {
      Refuse(expr.args[1]->offset, "a window is a number and one of s m h d w, such as '90d'");
    }
  }

  struct Candidate {
    bool member;
    std::vector<Type> params;
    Type result;
  };

  std::vector<Candidate> CandidatesOf(const std::string& name) const {
    std::vector<Candidate> all;
    for (const Signature& s : SignaturesOf(name)) all.push_back({s.member, s.params, s.result});
    if (const std::vector<Overload>* declared = env_.FindFunction(name)) {
      for (const Overload& o : *declared) all.push_back({o.member, o.params, o.result});
    }
    return all;
  }

  // The result of the overloads that fit; nothing when none does.
  std::optional<Type> Resolve(const std::string& name, bool member, const std::vector<Type>& args) {
    std::optional<Type> result;
    for (const Candidate& candidate : CandidatesOf(name)) {
      if (candidate.member != member) continue;
      const std::string suffix = absl::StrFormat("#%d", ++fresh_);
      std::vector<Type> params;
      for (const Type& param : candidate.params) params.push_back(Fresh(param, suffix));
      if (!subst_.AssignAll(args, params)) continue;
      const Type type = subst_.Apply(Fresh(candidate.result, suffix), Substitution::Unbound::kKeep);
      if (!result) {
        result = type;
      } else if (!(*result == type)) {
        result = Type::Dyn();
      }
    }
    return result;
  }

  std::string TypesText(const std::vector<Type>& types) const {
    std::string out;
    for (const Type& type : types) absl::StrAppend(&out, out.empty() ? "" : ", ", Show(type));
    return out;
  }

  Type CheckFunction(Expr& expr, const std::vector<Type>& args) {
    if (IsVariadic(expr.name) && !args.empty()) return CheckVariadic(expr, args);
    const std::vector<Candidate> candidates = CandidatesOf(expr.name);
    if (candidates.empty()) {
      std::string plain = DidYouMean(expr.name, FunctionNames());
      return Refuse(expr.offset, absl::StrFormat("unknown function `%s`%s", expr.name, plain));
    }
    if (std::optional<Type> result = Resolve(expr.name, expr.receiver, args)) return *result;
    return Refuse(expr.offset, absl::StrFormat("no matching overload: `%s` does not take (%s)",
                                               expr.name, TypesText(args)));
  }

  Type CheckVariadic(Expr& expr, const std::vector<Type>& args) {
    std::optional<Type> result;
    for (const Type& arg : args) {
      Type type = subst_.Apply(arg, Substitution::Unbound::kKeep);
      if (args.size() == 1 && type.is(TypeKind::kList)) type = type.params[0];
      const bool number = type.is(TypeKind::kInt) || type.is(TypeKind::kUint) ||
                          type.is(TypeKind::kDouble) || type.is_dyn();
      if (!number) {
        return Refuse(expr.offset,
                      absl::StrFormat("`%s` takes numbers, not %s", expr.name, Show(type)));
      }
      result = !result || *result == type ? type : Type::Dyn();
    }
    result->nullable = false;
    return *result;
  }

  Type CheckOperator(Expr& expr) {
    std::vector<Type> args;
    for (const ExprPtr& arg : expr.args) args.push_back(CheckExpr(*arg));
    if (std::optional<Type> result = Resolve(std::string(NameOf(expr.op)), false, args)) {
      return *result;
    }
    std::string hint;
    const auto is = [&](size_t i, TypeKind kind) {
      return i < args.size() && subst_.Apply(args[i], Substitution::Unbound::kKeep).is(kind);
    };
    if ((is(0, TypeKind::kInt) && is(1, TypeKind::kDouble)) ||
        (is(0, TypeKind::kDouble) && is(1, TypeKind::kInt))) {
      hint = "; write a double with a point, 50.0, or convert: double(x)";
    }
    return Refuse(expr.offset, absl::StrFormat("no matching overload: `%s` does not take (%s)%s",
                                               NameOf(expr.op), TypesText(args), hint));
  }

  // Types of the variables over a range; the second is unused when there is one variable.
  std::pair<Type, Type> VariableTypes(const Expr& expr, const Type& range) {
    const bool two = !expr.variable2.empty();
    switch (range.kind) {
      case TypeKind::kList:
        return two ? std::pair(Type::Int(), range.params[0]) : std::pair(range.params[0], Type());
      case TypeKind::kMap:
        return {range.params[0], range.params[1]};
      case TypeKind::kDyn:
      case TypeKind::kError:
        return {Type::Dyn(), Type::Dyn()};
      case TypeKind::kParam:
        subst_.Assign(Type::Dyn(), range);
        return {Type::Dyn(), Type::Dyn()};
      default:
        Refuse(expr.offset, absl::StrFormat("`%s` runs over a list or a map, not %s",
                                            NameOf(expr.macro), Show(range)));
        return {Type::Dyn(), Type::Dyn()};
    }
  }

  Type CheckMacro(Expr& expr) {
    if (expr.macro == Macro::kHas) {
      CheckExpr(*expr.args[0]);
      return Type::Bool();
    }
    const Type range = subst_.Apply(CheckExpr(*expr.args[0]), Substitution::Unbound::kKeep);
    std::pair<Type, Type> types;
    if (expr.macro == Macro::kBind) {
      types.first = range;
    } else if (expr.macro == Macro::kOptMap || expr.macro == Macro::kOptFlatMap) {
      if (!range.is_optional() && !range.is_dyn()) {
        Refuse(expr.offset, absl::StrFormat("`%s` is of optional values", NameOf(expr.macro)));
      }
      types.first = range.is_optional() ? range.params[0] : Type::Dyn();
    } else {
      types = VariableTypes(expr, range);
    }
    expr.slot = slots_;
    locals_.push_back({expr.variable, types.first, slots_++});
    if (!expr.variable2.empty()) locals_.push_back({expr.variable2, types.second, slots_++});
    max_slots_ = std::max(max_slots_, slots_);
    std::vector<Type> bodies;
    for (size_t i = 1; i < expr.args.size(); ++i) bodies.push_back(CheckExpr(*expr.args[i]));
    const size_t variables = expr.variable2.empty() ? 1 : 2;
    locals_.resize(locals_.size() - variables);
    slots_ -= static_cast<int>(variables);
    return MacroType(expr, types, bodies);
  }

  Type MacroType(const Expr& expr, const std::pair<Type, Type>& variables,
                 const std::vector<Type>& bodies) {
    const bool with_condition = bodies.size() == 2;
    if (with_condition) NeedBool(*expr.args[1], bodies[0], "the condition");
    switch (expr.macro) {
      case Macro::kAll:
      case Macro::kExists:
      case Macro::kExistsOne:
        NeedBool(*expr.args[1], bodies[0], "the condition");
        return Type::Bool();
      case Macro::kFilter:
      case Macro::kWhere:
        NeedBool(*expr.args[1], bodies[0], "the condition");
        return Type::List(variables.first);
      case Macro::kMap:
      case Macro::kTransformList:
        return Type::List(bodies.back());
      case Macro::kTransformMap: {
        const Type range = subst_.Apply(expr.args[0]->type, Substitution::Unbound::kKeep);
        return Type::Map(range.is(TypeKind::kMap) ? range.params[0] : variables.first,
                         bodies.back());
      }
      case Macro::kOptMap:
        return Type::Optional(bodies[0]);
      case Macro::kSum:
        return SumType(expr, bodies[0]);
      case Macro::kMin:
      case Macro::kMax:
        return ExtremeType(expr, bodies[0]);
      default:
        return bodies[0];
    }
  }

  Type SumType(const Expr& expr, const Type& body) {
    Type type = subst_.Apply(body, Substitution::Unbound::kKeep);
    const bool fits = type.is(TypeKind::kInt) || type.is(TypeKind::kUint) ||
                      type.is(TypeKind::kDouble) || type.is(TypeKind::kDuration) || type.is_dyn();
    if (!fits) {
      return Refuse(expr.args[1]->offset,
                    absl::StrFormat("`sum` adds numbers, not %s", Show(body)));
    }
    type.nullable = false;
    return type;
  }

  Type ExtremeType(const Expr& expr, const Type& body) {
    const Type type = subst_.Apply(body, Substitution::Unbound::kKeep);
    if (!Resolve("_<_", false, {type, type})) {
      return Refuse(expr.args[1]->offset, absl::StrFormat("`%s` needs values with an order, not %s",
                                                          NameOf(expr.macro), Show(body)));
    }
    return type.Nullable();
  }

  // Types as they are known at the end; what stayed open is dyn.
  void FinishTypes(Expr& expr) {
    expr.type = subst_.Apply(expr.type, Substitution::Unbound::kDyn);
    for (const ExprPtr& arg : expr.args) FinishTypes(*arg);
  }

  static double Cost(const Expr& expr) {
    double cost = 1;
    const bool loop = expr.kind == ExprKind::kMacro && expr.macro != Macro::kHas &&
                      expr.macro != Macro::kBind && expr.macro != Macro::kOptMap &&
                      expr.macro != Macro::kOptFlatMap;
    constexpr double kUnknownLength = 100;
    double times = 1;
    if (loop) {
      const Expr& range = *expr.args[0];
      times =
          range.kind == ExprKind::kList ? static_cast<double>(range.args.size()) : kUnknownLength;
    }
    for (size_t i = 0; i < expr.args.size(); ++i)
      cost += Cost(*expr.args[i]) * (i == 0 ? 1 : times);
    return cost;
  }

  std::string_view source_;
  const Environment& env_;
  const bool strict_;
  std::vector<Diagnostic>* errors_;
  Substitution subst_;
  std::vector<Local> locals_;
  int slots_ = 0;
  int max_slots_ = 0;
  int fresh_ = 0;
};

}  // namespace

bool Check(std::string_view source, const Environment& environment, CheckMode mode, Expr* expr,
           Checked* checked, std::vector<Diagnostic>* errors) {
  return Checker(source, environment, mode, errors).Run(expr, checked);
}

}  // namespace rondo::rules
