// Macros: their variables and results; the estimate of the cost.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "rules/check_pass.h"
#include "rules/macros.h"

namespace rondo::rules {

std::pair<Type, Type> CheckPass::VariableTypes(const Expr& expr, const Type& range) {
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

Type CheckPass::CheckMacro(Expr& expr) {
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

Type CheckPass::MacroType(const Expr& expr, const std::pair<Type, Type>& variables,
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
      return Type::Map(range.is(TypeKind::kMap) ? range.params[0] : variables.first, bodies.back());
    }
    case Macro::kTransformMapEntry:
      return EntryType(expr, bodies.back());
    case Macro::kOptMap:
      return Type::Optional(bodies[0]);
    case Macro::kOptFlatMap:
      return FlatType(expr, bodies[0]);
    case Macro::kSum:
      return SumType(expr, bodies[0]);
    case Macro::kMin:
    case Macro::kMax:
      return ExtremeType(expr, bodies[0]);
    default:
      return bodies[0];
  }
}

Type CheckPass::EntryType(const Expr& expr, const Type& body) {
  const Type type = subst_.Apply(body, Substitution::Unbound::kKeep);
  if (type.is(TypeKind::kMap)) return body;
  if (type.is_dyn()) return Type::Map(Type::Dyn(), Type::Dyn());
  return Refuse(expr.args.back()->offset,
                absl::StrFormat("`transformMapEntry` needs a map, not %s", Show(body)));
}

Type CheckPass::FlatType(const Expr& expr, const Type& body) {
  const Type type = subst_.Apply(body, Substitution::Unbound::kKeep);
  const bool fits =
      type.is_optional() || type.is_dyn() || type.is(TypeKind::kParam) || type.is(TypeKind::kNull);
  if (fits) return body;
  return Refuse(expr.args[1]->offset,
                absl::StrFormat("`optFlatMap` needs an optional value, not %s", Show(body)));
}

Type CheckPass::SumType(const Expr& expr, const Type& body) {
  Type type = subst_.Apply(body, Substitution::Unbound::kKeep);
  const bool fits = type.is(TypeKind::kInt) || type.is(TypeKind::kUint) ||
                    type.is(TypeKind::kDouble) || type.is(TypeKind::kDuration) || type.is_dyn();
  if (!fits) {
    return Refuse(expr.args[1]->offset, absl::StrFormat("`sum` adds numbers, not %s", Show(body)));
  }
  type.nullable = false;
  return type;
}

Type CheckPass::ExtremeType(const Expr& expr, const Type& body) {
  const Type type = subst_.Apply(body, Substitution::Unbound::kKeep);
  if (!Resolve("_<_", false, {type, type})) {
    return Refuse(expr.args[1]->offset, absl::StrFormat("`%s` needs values with an order, not %s",
                                                        NameOf(expr.macro), Show(body)));
  }
  return type.Nullable();
}

void CheckPass::FinishTypes(Expr& expr) {
  expr.type = subst_.Apply(expr.type, Substitution::Unbound::kDyn);
  for (const ExprPtr& arg : expr.args) FinishTypes(*arg);
  if (expr.expansion != nullptr) FinishTypes(*expr.expansion);
}

double CheckPass::Cost(const Expr& written) {
  const Expr& expr = Meaning(written);
  double cost = 1;
  const bool loop = expr.kind == ExprKind::kMacro && expr.macro != Macro::kHas &&
                    expr.macro != Macro::kBind && expr.macro != Macro::kOptMap &&
                    expr.macro != Macro::kOptFlatMap;
  constexpr double kUnknownLength = 100;
  double times = 1;
  if (loop) {
    const Expr& range = *expr.args[0];
    times = range.kind == ExprKind::kList ? static_cast<double>(range.args.size()) : kUnknownLength;
  }
  for (size_t i = 0; i < expr.args.size(); ++i) cost += Cost(*expr.args[i]) * (i == 0 ? 1 : times);
  return cost;
}

}  // namespace rondo::rules
