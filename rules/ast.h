// The tree of a rule: what the parser makes, the checker annotates, and both evaluators compile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rules/row.h"
#include "rules/type.h"
#include "rules/value.h"

namespace rondo::rules {

enum class ExprKind : uint8_t { kLiteral, kIdent, kSelect, kCall, kList, kMap, kMessage, kMacro };

enum class Op : uint8_t {
  kFunction,  // A call by name.
  kAnd,       // Any number of operands, at least two.
  kOr,
  kNot,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kConditional,
  kIndex,
  kOptionalIndex,
};

// What is written with a variable over a list, or expands before anything is evaluated. Operands:
// args[0] is the range (of kBind: the value), the rest are evaluated with the variables.
enum class Macro : uint8_t {
  kHas,  // args[0] is a select.
  kAll,
  kExists,
  kExistsOne,
  kMap,  // range, [condition], result
  kFilter,
  kTransformList,
  kTransformMap,
  kTransformMapEntry,
  kBind,
  kOptMap,
  kOptFlatMap,
  kWhere,  // Filter of events: a condition without a value counts as false.
  kSum,
  kMin,
  kMax,
};

// How the checker resolved a name.
enum class Target : uint8_t {
  kNone,
  kLocal,     // A macro's variable; `slot`.
  kVariable,  // `symbol`.
  kAttribute,
  kSignal,
  kBoundEvent,
  kEventField,  // Of a select: args[0] is the event; symbol.index -1 is its time.
  kTypeName,    // `int`, `google.protobuf.Timestamp`: the literal.
  kEvents,      // Of the call events('...'): `symbol`.
  kSegment,     // Of the call in_segment('...').
  kUnder,       // Of the call code.under('...'); `fields` are the codes at or below.
  kRank,        // Of percentile_rank, ntile and top; symbol.index counts them within the rule.
  kUnknown,     // Only in unchecked programs: an error when evaluated.
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
  ExprKind kind = ExprKind::kLiteral;
  Op op = Op::kFunction;
  Macro macro = Macro::kHas;
  bool receiver = false;  // kCall: args[0] is what stands before the dot.
  bool optional = false;  // kSelect: `.?`.
  bool absolute = false;  // kIdent: a leading dot.
  int32_t offset = 0;     // Byte in the source: of the operator, the name or the literal.
  std::string name;       // Ident, field, function, message; of literals, the text borrowed.
  std::string variable, variable2;  // Of macros.
  Value literal;
  std::vector<ExprPtr> args;           // kMap: key, value, key, value, ...
  std::vector<bool> optional_entries;  // kList, kMap: `?item`; empty when there are none.
  std::vector<std::string> fields;     // kMessage: names. kUnder: codes.

  // From the checker.
  Type type;
  Target target = Target::kNone;
  Symbol symbol;
  int slot = -1;  // Of locals; of macros, the first variable's (the second's follows).
  // Of a call that is short for another rule, such as last_contact('email'): that rule, which is
  // evaluated in its place.
  ExprPtr expansion;
};

// What is evaluated for `expr`.
inline const Expr& Meaning(const Expr& expr) {
  return expr.expansion == nullptr ? expr : *expr.expansion;
}

// Calls `visit` on `expr`, everything below it and what it is short for, parents first.
template <typename Visit>
void ForEach(const Expr& expr, const Visit& visit) {
  visit(expr);
  for (const ExprPtr& arg : expr.args) ForEach(*arg, visit);
  if (expr.expansion != nullptr) ForEach(*expr.expansion, visit);
}

}  // namespace rondo::rules
