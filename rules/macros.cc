#include "rules/macros.h"

#include <utility>

#include "absl/strings/str_format.h"

namespace rondo::rules {
namespace {

struct MacroForm {
  std::string_view name;
  size_t arguments;  // Without the receiver.
  Macro macro;
  int variables;
};

// The standard macros, those of two variables (cel-spec, extensions: comprehensions), of optional
// values, and of lists of events.
constexpr MacroForm kForms[] = {
    {"all", 2, Macro::kAll, 1},
    {"all", 3, Macro::kAll, 2},
    {"exists", 2, Macro::kExists, 1},
    {"exists", 3, Macro::kExists, 2},
    {"exists_one", 2, Macro::kExistsOne, 1},
    {"existsOne", 2, Macro::kExistsOne, 1},
    {"exists_one", 3, Macro::kExistsOne, 2},
    {"existsOne", 3, Macro::kExistsOne, 2},
    {"map", 2, Macro::kMap, 1},
    {"map", 3, Macro::kMap, 1},
    {"filter", 2, Macro::kFilter, 1},
    {"transformList", 3, Macro::kTransformList, 2},
    {"transformList", 4, Macro::kTransformList, 2},
    {"transformMap", 3, Macro::kTransformMap, 2},
    {"transformMap", 4, Macro::kTransformMap, 2},
    {"transformMapEntry", 3, Macro::kTransformMapEntry, 2},
    {"transformMapEntry", 4, Macro::kTransformMapEntry, 2},
    {"optMap", 2, Macro::kOptMap, 1},
    {"optFlatMap", 2, Macro::kOptFlatMap, 1},
    {"where", 2, Macro::kWhere, 1},
    {"sum", 2, Macro::kSum, 1},
    {"min", 2, Macro::kMin, 1},
    {"max", 2, Macro::kMax, 1},
};

// Takes the variables' names off the arguments that follow the range.
bool TakeVariables(Expr* call, int count, size_t first, MacroError* error) {
  for (int i = 0; i < count; ++i) {
    const Expr& arg = *call->args[first];
    if (arg.kind != ExprKind::kIdent || arg.absolute) {
      *error = {arg.offset, "here a new, simple name is expected, such as `e`"};
      return false;
    }
    (i == 0 ? call->variable : call->variable2) = arg.name;
    call->args.erase(call->args.begin() + static_cast<std::ptrdiff_t>(first));
  }
  if (count == 2 && call->variable == call->variable2) {
    *error = {call->offset, "the two variables need different names"};
    return false;
  }
  return true;
}

void Become(Macro macro, Expr* call) {
  call->kind = ExprKind::kMacro;
  call->macro = macro;
}

void ExpandHas(Expr* call, MacroError* error) {
  if (call->args[0]->kind != ExprKind::kSelect) {
    *error = {call->args[0]->offset, "has() takes a field: has(customer.tier)"};
    return;
  }
  Become(Macro::kHas, call);
}

// cel.bind(name, value, body).
void ExpandBind(Expr* call, MacroError* error) {
  call->args.erase(call->args.begin());
  if (TakeVariables(call, 1, 0, error)) Become(Macro::kBind, call);
}

}  // namespace

void ExpandMacro(Expr* call, MacroError* error) {
  if (!call->receiver) {
    if (call->name == "has" && call->args.size() == 1) ExpandHas(call, error);
    return;
  }
  const Expr& receiver = *call->args[0];
  if (receiver.kind == ExprKind::kIdent && receiver.name == "cel" && call->name == "bind" &&
      call->args.size() == 4) {
    return ExpandBind(call, error);
  }
  for (const MacroForm& form : kForms) {
    if (form.name != call->name || form.arguments + 1 != call->args.size()) continue;
    if (TakeVariables(call, form.variables, 1, error)) Become(form.macro, call);
    return;
  }
}

std::string_view NameOf(Macro macro) {
  if (macro == Macro::kHas) return "has";
  if (macro == Macro::kBind) return "cel.bind";
  for (const MacroForm& form : kForms) {
    if (form.macro == macro) return form.name;
  }
  return "macro";
}

}  // namespace rondo::rules
