// The checker's one pass over a tree, in four files: names and literals (checker.cc), calls
// (check_calls.cc), the domain's words (check_domain.cc), macros (check_macros.cc).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/checker.h"
#include "rules/unify.h"

namespace rondo::rules {

// `a.b.c` when the expression is names and dots only; else nothing.
std::optional<std::string> DottedName(const Expr& expr);
// The leftmost operand of selects.
const Expr& Root(const Expr& expr);
// "; did you mean `...`?", or nothing.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates,
                       std::string_view prefix = "");

template <typename T>
std::vector<std::string> NamesOf(const std::vector<T>& list) {
  std::vector<std::string> names;
  for (const T& item : list) names.push_back(item.symbol.name);
  return names;
}

class CheckPass {
 public:
  CheckPass(std::string_view source, const Environment& environment, CheckMode mode,
            std::vector<Diagnostic>* errors)
      : source_(source), env_(environment), strict_(mode == CheckMode::kStrict), errors_(errors) {}

  bool Run(Expr* root, Checked* checked);

 private:
  struct Local {
    std::string name;
    Type type;
    int slot;
  };

  void Report(int32_t offset, std::string message);
  // Only a strict check minds; the result is the type to go on with.
  Type Refuse(int32_t offset, std::string message);
  std::string Show(const Type& type) const;
  Type NewParam() { return Type::Param(absl::StrFormat("T#%d", ++fresh_)); }

  Type CheckExpr(Expr& expr);

  Type CheckKind(Expr& expr);

  static Type LiteralType(const Value& literal);

  const Local* FindLocal(const std::string& name) const;

  // `C.name` for the container and those around it, then `name` itself.
  std::vector<std::string> Candidates(const std::string& name, bool absolute) const;

  // A variable, the bound event or a type of that full name.
  bool ResolveName(const std::string& name, bool absolute, Expr& expr, Type* type);

  Type CheckIdent(Expr& expr);

  // customer.NAME and signal.NAME, where NAME may have dots.
  std::optional<Type> CheckDeclared(Expr& expr, const std::string& dotted);

  Type CheckSelect(Expr& expr);

  Type FieldType(Expr& expr, const Type& operand);

  Type EventFieldType(Expr& expr, const std::string& event_type);

  // The type that holds both; unlike items of a literal make it dyn.
  Type Join(const Type& a, const Type& b);

  Type OptionalEntry(const Expr& list, size_t entry, const Expr& item, const Type& type);

  Type CheckList(Expr& expr);

  Type CheckMap(Expr& expr);

  void NeedBool(const Expr& expr, const Type& type, std::string_view where);

  Type CheckCall(Expr& expr);

  // math.floor(x): a call of `math.floor`, not of a member of `math`.
  void ResolveNamespace(Expr& expr);

  // check_domain.cc: calls whose arguments are names, and those of lists of events.
  using DomainForm = Type (CheckPass::*)(Expr& expr);
  // Null for calls that are no words of the domain.
  DomainForm DomainFormOf(const Expr& expr) const;
  Type CheckEvents(Expr& expr);
  Type CheckSegment(Expr& expr);
  Type CheckLastContact(Expr& expr);
  Type CheckResponded(Expr& expr);
  Type CheckUnder(Expr& expr);
  // Refuses codes that their list has not: x == 'FRUTI', x in ['FRUTI'], for x of a code list.
  void CheckCodesNamed(const Expr& expr, const std::vector<Type>& args);
  bool CheckCode(const Expr& literal, const Type& list);
  Type CheckRank(Expr& expr);
  // Makes the call short for the rule `text`, whose places are all the call's.
  Type Expand(Expr& expr, const std::string& text);
  // The text of a literal string; nothing when it is none.
  std::optional<std::string> TextArgument(const Expr& expr, size_t index) const;
  // .last('90d'), .since(t), .between(a, b), .followed_by(...) are of lists of events only.
  void CheckWindow(const Expr& expr, const std::vector<Type>& args);

  struct Candidate {
    bool member;
    std::vector<Type> params;
    Type result;
  };

  std::vector<Candidate> CandidatesOf(const std::string& name) const;

  // The result of the overloads that fit; nothing when none does.
  std::optional<Type> Resolve(const std::string& name, bool member, const std::vector<Type>& args);

  std::string TypesText(const std::vector<Type>& types) const;

  Type CheckFunction(Expr& expr, const std::vector<Type>& args);

  Type UnknownFunction(const Expr& expr);

  Type CheckVariadic(Expr& expr, const std::vector<Type>& args);

  Type CheckOperator(Expr& expr);

  // Types of the variables over a range; the second is unused when there is one variable.
  std::pair<Type, Type> VariableTypes(const Expr& expr, const Type& range);

  Type CheckMacro(Expr& expr);

  Type MacroType(const Expr& expr, const std::pair<Type, Type>& variables,
                 const std::vector<Type>& bodies);

  Type EntryType(const Expr& expr, const Type& body);
  Type FlatType(const Expr& expr, const Type& body);
  Type SumType(const Expr& expr, const Type& body);

  Type ExtremeType(const Expr& expr, const Type& body);

  // Types as they are known at the end; what stayed open is dyn.
  void FinishTypes(Expr& expr);

  static double Cost(const Expr& expr);

  std::string_view source_;
  const Environment& env_;
  const bool strict_;
  std::vector<Diagnostic>* errors_;
  Substitution subst_;
  std::vector<Local> locals_;
  int slots_ = 0;
  int max_slots_ = 0;
  int fresh_ = 0;
  int ranks_ = 0;
  bool in_rank_ = false;
};

}  // namespace rondo::rules
