// Calls: overloads, operators, and the functions that take names.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rules/check_pass.h"
#include "rules/functions.h"
#include "rules/operators.h"
#include "rules/time_text.h"

namespace rondo::rules {

Type CheckPass::CheckCall(Expr& expr) {
  if (expr.op == Op::kAnd || expr.op == Op::kOr) {
    for (const ExprPtr& arg : expr.args) {
      NeedBool(*arg, CheckExpr(*arg), expr.op == Op::kAnd ? "`&&`" : "`||`");
    }
    return Type::Bool();
  }
  if (expr.op != Op::kFunction) return CheckOperator(expr);
  if (expr.receiver) ResolveNamespace(expr);
  // A misspelled macro first: its variables would all be reported as unknown names.
  const DomainForm form = DomainFormOf(expr);
  if (strict_ && form == nullptr && CandidatesOf(expr.name).empty()) return UnknownFunction(expr);
  if (form != nullptr) return (this->*form)(expr);
  std::vector<Type> args;
  for (const ExprPtr& arg : expr.args) args.push_back(CheckExpr(*arg));
  if (expr.receiver) CheckWindow(expr, args);
  return CheckFunction(expr, args);
}

void CheckPass::ResolveNamespace(Expr& expr) {
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

std::vector<CheckPass::Candidate> CheckPass::CandidatesOf(const std::string& name) const {
  std::vector<Candidate> all;
  for (const Signature& s : SignaturesOf(name)) all.push_back({s.member, s.params, s.result});
  if (const std::vector<Overload>* declared = env_.FindFunction(name)) {
    for (const Overload& o : *declared) all.push_back({o.member, o.params, o.result});
  }
  return all;
}

std::optional<Type> CheckPass::Resolve(const std::string& name, bool member,
                                       const std::vector<Type>& args) {
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

std::string CheckPass::TypesText(const std::vector<Type>& types) const {
  std::string out;
  for (const Type& type : types) absl::StrAppend(&out, out.empty() ? "" : ", ", Show(type));
  return out;
}

Type CheckPass::CheckFunction(Expr& expr, const std::vector<Type>& args) {
  if (IsVariadic(expr.name) && !args.empty()) return CheckVariadic(expr, args);
  if (std::optional<Type> result = Resolve(expr.name, expr.receiver, args)) return *result;
  return Refuse(expr.offset, absl::StrFormat("no matching overload: `%s` does not take (%s)",
                                             expr.name, TypesText(args)));
}

Type CheckPass::UnknownFunction(const Expr& expr) {
  return Refuse(expr.offset, absl::StrFormat("unknown function `%s`%s", expr.name,
                                             DidYouMean(expr.name, FunctionNames())));
}

Type CheckPass::CheckVariadic(Expr& expr, const std::vector<Type>& args) {
  std::optional<Type> result;
  for (const Type& arg : args) {
    Type type = subst_.Apply(arg, Substitution::Unbound::kKeep);
    if (args.size() == 1 && type.is(TypeKind::kList)) type = type.params[0];
    if (type.is(TypeKind::kParam)) type = Type::Dyn();  // Of an empty list: anything.
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

Type CheckPass::CheckOperator(Expr& expr) {
  std::vector<Type> args;
  for (const ExprPtr& arg : expr.args) args.push_back(CheckExpr(*arg));
  if (std::optional<Type> result = Resolve(std::string(NameOf(expr.op)), false, args)) {
    CheckCodesNamed(expr, args);
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

}  // namespace rondo::rules
