#include "rules/unparser.h"

#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "rules/lexer.h"
#include "rules/macros.h"

namespace rondo::rules {
namespace {

// How tightly an expression binds; larger is tighter.
enum Level : int { kTernary, kOrLevel, kAndLevel, kRelation, kSum, kProduct, kUnary, kPrimary };

struct Form {
  std::string_view text;
  Level level;
};

Form FormOf(Op op) {
  switch (op) {
    case Op::kConditional:
      return {"?", kTernary};
    case Op::kOr:
      return {"||", kOrLevel};
    case Op::kAnd:
      return {"&&", kAndLevel};
    case Op::kEqual:
      return {"==", kRelation};
    case Op::kNotEqual:
      return {"!=", kRelation};
    case Op::kLess:
      return {"<", kRelation};
    case Op::kLessEqual:
      return {"<=", kRelation};
    case Op::kGreater:
      return {">", kRelation};
    case Op::kGreaterEqual:
      return {">=", kRelation};
    case Op::kIn:
      return {"in", kRelation};
    case Op::kAdd:
      return {"+", kSum};
    case Op::kSubtract:
      return {"-", kSum};
    case Op::kMultiply:
      return {"*", kProduct};
    case Op::kDivide:
      return {"/", kProduct};
    case Op::kModulo:
      return {"%", kProduct};
    case Op::kNot:
      return {"!", kUnary};
    case Op::kNegate:
      return {"-", kUnary};
    default:
      return {"", kPrimary};
  }
}

std::string Text(const Expr& expr, Level needed);

std::string List(const std::vector<ExprPtr>& args, size_t from) {
  std::string out;
  for (size_t i = from; i < args.size(); ++i) {
    absl::StrAppend(&out, i > from ? ", " : "", Text(*args[i], kTernary));
  }
  return out;
}

// A field's name, in backquotes when it is no identifier.
std::string FieldName(const std::string& name) {
  bool plain = !name.empty() && (name[0] < '0' || name[0] > '9') && !IsKeyword(name);
  for (const char c : name) {
    plain = plain && (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9'));
  }
  return plain ? name : "`" + name + "`";
}

std::string CallText(const Expr& expr) {
  if (expr.receiver) {
    return absl::StrCat(Text(*expr.args[0], kPrimary), ".", expr.name, "(", List(expr.args, 1),
                        ")");
  }
  return absl::StrCat(expr.absolute ? "." : "", expr.name, "(", List(expr.args, 0), ")");
}

std::string OperatorText(const Expr& expr) {
  const Form form = FormOf(expr.op);
  const auto tighter = static_cast<Level>(form.level + 1);
  switch (expr.op) {
    case Op::kFunction:
      return CallText(expr);
    case Op::kIndex:
    case Op::kOptionalIndex:
      return absl::StrCat(Text(*expr.args[0], kPrimary), expr.op == Op::kIndex ? "[" : "[?",
                          Text(*expr.args[1], kTernary), "]");
    case Op::kConditional:
      return absl::StrCat(Text(*expr.args[0], kOrLevel), " ? ", Text(*expr.args[1], kOrLevel),
                          " : ", Text(*expr.args[2], kTernary));
    case Op::kNot:
    case Op::kNegate: {
      const std::string inner = Text(*expr.args[0], kUnary);
      // `-1` would become a literal, also in `-1.size()`: what begins with a number keeps its
      // brackets.
      const bool number = expr.op == Op::kNegate && (expr.args[0]->kind == ExprKind::kLiteral ||
                                                     absl::ascii_isdigit(inner[0]));
      return absl::StrCat(std::string(form.text), number ? "(" + inner + ")" : inner);
    }
    default:
      break;
  }
  std::string out;
  const bool chain = expr.op == Op::kAnd || expr.op == Op::kOr;
  for (size_t i = 0; i < expr.args.size(); ++i) {
    if (i > 0) absl::StrAppend(&out, " ", std::string(form.text), " ");
    out += Text(*expr.args[i], i == 0 && !chain ? form.level : tighter);
  }
  return out;
}

std::string MacroText(const Expr& expr) {
  std::string variables = expr.variable;
  if (!expr.variable2.empty()) absl::StrAppend(&variables, ", ", expr.variable2);
  if (expr.macro == Macro::kHas) return "has(" + Text(*expr.args[0], kTernary) + ")";
  if (expr.macro == Macro::kBind) {
    return absl::StrCat("cel.bind(", variables, ", ", List(expr.args, 0), ")");
  }
  return absl::StrCat(Text(*expr.args[0], kPrimary), ".", std::string(NameOf(expr.macro)), "(",
                      variables, ", ", List(expr.args, 1), ")");
}

std::string EntriesText(const Expr& expr) {
  const size_t step = expr.kind == ExprKind::kMap ? 2 : 1;
  std::string out;
  for (size_t i = 0; i < expr.args.size(); i += step) {
    const size_t entry = i / step;
    const bool optional = entry < expr.optional_entries.size() && expr.optional_entries[entry];
    absl::StrAppend(&out, i > 0 ? ", " : "", optional ? "?" : "", Text(*expr.args[i], kTernary));
    if (step == 2) absl::StrAppend(&out, ": ", Text(*expr.args[i + 1], kTernary));
  }
  return step == 2 ? "{" + out + "}" : "[" + out + "]";
}

std::string MessageText(const Expr& expr) {
  std::string out = expr.name + "{";
  for (size_t i = 0; i < expr.args.size(); ++i) {
    absl::StrAppend(&out, i > 0 ? ", " : "", expr.fields[i], ": ", Text(*expr.args[i], kTernary));
  }
  return out + "}";
}

std::string PlainText(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kLiteral:
      return DebugString(expr.literal);
    case ExprKind::kIdent:
      return (expr.absolute ? "." : "") + expr.name;
    case ExprKind::kSelect:
      return absl::StrCat(Text(*expr.args[0], kPrimary), expr.optional ? ".?" : ".",
                          FieldName(expr.name));
    case ExprKind::kCall:
      return OperatorText(expr);
    case ExprKind::kMacro:
      return MacroText(expr);
    case ExprKind::kMessage:
      return MessageText(expr);
    default:
      return EntriesText(expr);
  }
}

std::string Text(const Expr& expr, Level needed) {
  Level level = expr.kind == ExprKind::kCall ? FormOf(expr.op).level : kPrimary;
  // A negative number before a dot or a bracket.
  if (expr.kind == ExprKind::kLiteral && DebugString(expr.literal)[0] == '-') level = kUnary;
  const std::string text = PlainText(expr);
  return level < needed ? "(" + text + ")" : text;
}

}  // namespace

std::string Unparse(const Expr& expr) { return Text(expr, kTernary); }

}  // namespace rondo::rules
