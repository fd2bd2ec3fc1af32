#include "rules/parser.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "rules/lexer.h"
#include "rules/macros.h"
#include "rules/number.h"

namespace rondo::rules {
namespace {

struct BinaryOp {
  std::string_view text;
  Op op;
  int level;  // Binds tighter when larger.
};

constexpr BinaryOp kBinaryOps[] = {
    {"<", Op::kLess, 1},          {"<=", Op::kLessEqual, 1}, {">", Op::kGreater, 1},
    {">=", Op::kGreaterEqual, 1}, {"==", Op::kEqual, 1},     {"!=", Op::kNotEqual, 1},
    {"in", Op::kIn, 1},           {"+", Op::kAdd, 2},        {"-", Op::kSubtract, 2},
    {"*", Op::kMultiply, 3},      {"/", Op::kDivide, 3},     {"%", Op::kModulo, 3},
};

class Parser {
 public:
  Parser(std::string_view source, const Limits& limits, Macros macros,
         std::vector<Diagnostic>* errors)
      : source_(source), limits_(limits), macros_(macros), errors_(errors) {}

  ExprPtr Run() {
    if (source_.size() > limits_.source_bytes) {
      return Fail(static_cast<int32_t>(limits_.source_bytes),
                  absl::StrFormat("the rule is longer than %d bytes", limits_.source_bytes));
    }
    Diagnostic error;
    tokens_ = Tokenize(source_, &error);
    if (tokens_.empty()) {
      errors_->push_back(std::move(error));
      return nullptr;
    }
    if (Token().kind == TokenKind::kEnd) return Fail(0, "the rule is empty");
    ExprPtr expr = ParseExpr();
    if (expr != nullptr && Token().kind != TokenKind::kEnd)
      return Unexpected("an operator or the end");
    if (expr == nullptr || !errors_->empty()) return nullptr;
    if (Depth(*expr, 1) > limits_.tree_depth) {
      return Fail(expr->offset, absl::StrFormat("the rule is nested or chained more than %d deep; "
                                                "split it",
                                                limits_.tree_depth));
    }
    return expr;
  }

 private:
  const rules::Token& Token(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool IsPunctuation(std::string_view text, size_t ahead = 0) const {
    return Token(ahead).kind == TokenKind::kPunctuation && Token(ahead).text == text;
  }
  bool Take(std::string_view text) {
    if (!IsPunctuation(text)) return false;
    ++at_;
    return true;
  }
  ExprPtr Fail(int32_t offset, std::string message) {
    if (errors_->empty()) {
      errors_->push_back(DiagnosticAt(Phase::kParse, source_, offset, std::move(message)));
    }
    return nullptr;
  }
  ExprPtr Unexpected(std::string_view wanted) {
    const rules::Token& token = Token();
    if (token.kind == TokenKind::kEnd) {
      return Fail(token.offset, absl::StrFormat("the rule ends where %s is expected", wanted));
    }
    if (token.kind == TokenKind::kString || token.kind == TokenKind::kBytes) {
      return Fail(token.offset, absl::StrFormat("unexpected text literal; expected %s", wanted));
    }
    return Fail(token.offset, absl::StrFormat("unexpected `%s`; expected %s", token.text, wanted));
  }
  bool Expect(std::string_view text) {
    if (Take(text)) return true;
    Unexpected(absl::StrFormat("`%s`", text));
    return false;
  }
  ExprPtr New(ExprKind kind, int32_t offset) {
    if (++nodes_ > limits_.nodes) {
      return Fail(offset,
                  absl::StrFormat("the rule has more than %d parts; split it", limits_.nodes));
    }
    auto expr = std::make_unique<Expr>();
    expr->kind = kind;
    expr->offset = offset;
    return expr;
  }
  ExprPtr NewCall(Op op, int32_t offset, std::vector<ExprPtr> args) {
    ExprPtr expr = New(ExprKind::kCall, offset);
    if (expr == nullptr) return nullptr;
    expr->op = op;
    expr->args = std::move(args);
    return expr;
  }
  template <typename... Args>
  ExprPtr Combine(Op op, int32_t offset, Args... args) {
    std::vector<ExprPtr> list;
    (list.push_back(std::move(args)), ...);
    return NewCall(op, offset, std::move(list));
  }
  static int Depth(const Expr& expr, int depth) {
    int deepest = depth;
    for (const ExprPtr& arg : expr.args) {
      // Trees come from chains of at most `nodes` links; stop counting long before the stack ends.
      if (depth > 2000) return depth;
      deepest = std::max(deepest, Depth(*arg, depth + 1));
    }
    return deepest;
  }

  // Counts the levels of recursion that the text's nesting causes.
  struct Level {
    explicit Level(Parser* p) : parser(p) { ++parser->nesting_; }
    ~Level() { --parser->nesting_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Parser* parser;
  };

  ExprPtr ParseExpr() {
    const Level level(this);
    if (nesting_ > limits_.nesting) {
      return Fail(Token().offset, absl::StrFormat("brackets or conditions are nested more than %d "
                                                  "deep",
                                                  limits_.nesting));
    }
    ExprPtr condition = ParseLogic(Op::kOr);
    const int32_t offset = Token().offset;
    if (condition == nullptr || !Take("?")) return condition;
    ExprPtr then = ParseLogic(Op::kOr);
    if (then == nullptr || !Expect(":")) return nullptr;
    ExprPtr otherwise = ParseExpr();
    if (otherwise == nullptr) return nullptr;
    return Combine(Op::kConditional, offset, std::move(condition), std::move(then),
                   std::move(otherwise));
  }

  // A chain of || or of &&: one node with all operands.
  ExprPtr ParseLogic(Op op) {
    const std::string_view text = op == Op::kOr ? "||" : "&&";
    const auto operand = [&] { return op == Op::kOr ? ParseLogic(Op::kAnd) : ParseBinary(1); };
    std::vector<ExprPtr> operands;
    operands.push_back(operand());
    const int32_t offset = Token().offset;
    while (operands.back() != nullptr && Take(text)) operands.push_back(operand());
    if (operands.back() == nullptr) return nullptr;
    if (operands.size() == 1) return std::move(operands[0]);
    return NewCall(op, offset, std::move(operands));
  }

  const BinaryOp* BinaryHere(int level) const {
    if (Token().kind != TokenKind::kPunctuation && Token().text != "in") return nullptr;
    if (Token().kind == TokenKind::kString || Token().quoted) return nullptr;
    for (const BinaryOp& op : kBinaryOps) {
      if (op.level == level && op.text == Token().text) return &op;
    }
    return nullptr;
  }

  ExprPtr ParseBinary(int level) {
    if (level > 3) return ParseUnary();
    ExprPtr left = ParseBinary(level + 1);
    while (left != nullptr) {
      const BinaryOp* op = BinaryHere(level);
      if (op == nullptr) break;
      const int32_t offset = Token().offset;
      ++at_;
      ExprPtr right = ParseBinary(level + 1);
      if (right == nullptr) return nullptr;
      left = Combine(op->op, offset, std::move(left), std::move(right));
    }
    return left;
  }

  ExprPtr ParseUnary() {
    const bool negate = IsPunctuation("-");
    if (!negate && !IsPunctuation("!")) return ParseMember();
    const std::string_view sign = negate ? "-" : "!";
    std::vector<int32_t> offsets;
    // The literal takes the last minus: -9223372036854775808 is one number.
    while (IsPunctuation(sign) && !(negate && IsNumber(1))) {
      offsets.push_back(Token().offset);
      ++at_;
    }
    if (offsets.size() > static_cast<size_t>(limits_.nesting)) {
      return Fail(offsets[0], "too many signs in a row");
    }
    ExprPtr expr = ParseMember();
    while (expr != nullptr && !offsets.empty()) {
      expr = Combine(negate ? Op::kNegate : Op::kNot, offsets.back(), std::move(expr));
      offsets.pop_back();
    }
    return expr;
  }

  bool IsNumber(size_t ahead) const {
    return Token(ahead).kind == TokenKind::kInt || Token(ahead).kind == TokenKind::kDouble;
  }

  ExprPtr ParseMember() {
    ExprPtr expr = ParsePrimary();
    while (expr != nullptr) {
      const int32_t offset = Token().offset;
      if (Take(".")) {
        expr = ParseSelect(std::move(expr), offset);
      } else if (Take("[")) {
        const Op op = Take("?") ? Op::kOptionalIndex : Op::kIndex;
        ExprPtr index = ParseExpr();
        if (index == nullptr || !Expect("]")) return nullptr;
        expr = Combine(op, offset, std::move(expr), std::move(index));
      } else if (IsPunctuation("{") && IsTypeName(*expr)) {
        expr = ParseMessage(*expr);
      } else {
        break;
      }
    }
    return expr;
  }

  ExprPtr ParseSelect(ExprPtr operand, int32_t dot) {
    const bool optional = Take("?");
    const rules::Token token = Token();
    if (token.kind != TokenKind::kIdent || (!token.quoted && IsKeyword(token.text))) {
      return Unexpected("a field or function name");
    }
    ++at_;
    if (!optional && !token.quoted && Take("(")) {
      ExprPtr call = New(ExprKind::kCall, token.offset);
      if (call == nullptr) return nullptr;
      call->name = token.text;
      call->receiver = true;
      call->args.push_back(std::move(operand));
      if (!ParseArguments(")", call.get())) return nullptr;
      return Finish(std::move(call));
    }
    ExprPtr select = New(ExprKind::kSelect, optional ? dot : token.offset);
    if (select == nullptr) return nullptr;
    select->name = token.text;
    select->optional = optional;
    select->args.push_back(std::move(operand));
    return select;
  }

  // Recognises macros in a call that is complete.
  ExprPtr Finish(ExprPtr call) {
    if (macros_ == Macros::kDisable) return call;
    MacroError error;
    ExpandMacro(call.get(), &error);
    if (!error.message.empty()) return Fail(error.offset, std::move(error.message));
    return call;
  }

  bool ParseArguments(std::string_view close, Expr* call) {
    if (Take(close)) return true;
    while (true) {
      ExprPtr arg = ParseExpr();
      if (arg == nullptr) return false;
      call->args.push_back(std::move(arg));
      if (Take(close)) return true;
      if (!IsPunctuation(",")) {
        Unexpected(absl::StrFormat("`,` or `%s`", close));
        return false;
      }
      ++at_;
    }
  }

  ExprPtr ParsePrimary() {
    const rules::Token& token = Token();
    switch (token.kind) {
      case TokenKind::kIdent:
        return ParseName();
      case TokenKind::kPunctuation:
        break;
      case TokenKind::kEnd:
        return Unexpected("a value");
      default:
        return ParseLiteral();
    }
    if (token.text == "-" && IsNumber(1)) return ParseLiteral();
    if (token.text == "(") {
      ++at_;
      ExprPtr inner = ParseExpr();
      return inner != nullptr && Expect(")") ? std::move(inner) : nullptr;
    }
    if (token.text == "[") return ParseList();
    if (token.text == "{") return ParseMap();
    if (token.text == ".") return ParseName();
    return Unexpected("a value");
  }

  ExprPtr ParseName() {
    const bool absolute = Take(".");
    const rules::Token token = Token();
    if (token.kind != TokenKind::kIdent) return Unexpected("a name");
    if (!absolute && !token.quoted && IsKeyword(token.text) && token.text != "in") {
      return ParseLiteral();
    }
    if (token.quoted || IsReserved(token.text) || IsKeyword(token.text)) {
      return Fail(token.offset, absl::StrFormat("`%s` is a reserved word", token.text));
    }
    ++at_;
    const bool call = Take("(");
    ExprPtr expr = New(call ? ExprKind::kCall : ExprKind::kIdent, token.offset);
    if (expr == nullptr) return nullptr;
    expr->name = token.text;
    expr->absolute = absolute;
    if (!call) return expr;
    if (!ParseArguments(")", expr.get())) return nullptr;
    return Finish(std::move(expr));
  }

  ExprPtr ParseLiteral() {
    const int32_t offset = Token().offset;
    const bool negative = Take("-");
    const rules::Token token = Token();
    ++at_;
    ExprPtr expr = New(ExprKind::kLiteral, offset);
    if (expr == nullptr) return nullptr;
    const std::string text = (negative ? "-" : "") + token.text;
    switch (token.kind) {
      case TokenKind::kInt:
      case TokenKind::kUint:
        return ParseWholeNumber(token, negative, std::move(expr));
      case TokenKind::kDouble:
        expr->literal = Value::Double(ParseDouble(text).value_or(0));
        if (std::isinf(expr->literal.real())) return Fail(offset, "this number is too large");
        break;
      case TokenKind::kString:
        expr->name = token.text;
        expr->literal = Value::String(expr->name);
        break;
      case TokenKind::kBytes:
        expr->name = token.text;
        expr->literal = Value::Bytes(expr->name);
        break;
      default:
        if (token.text != "null") expr->literal = Value::Bool(token.text == "true");
    }
    return expr;
  }

  ExprPtr ParseWholeNumber(const rules::Token& token, bool negative, ExprPtr expr) {
    std::string_view digits = token.text;
    const bool hex = digits.size() > 2 && (digits[1] == 'x' || digits[1] == 'X');
    if (hex) digits.remove_prefix(2);
    uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    const uint64_t limit = (uint64_t{1} << 63) - (negative ? 0 : 1);
    if (error != std::errc() || (token.kind == TokenKind::kInt && value > limit)) {
      return Fail(expr->offset, "this number is too large; a double has a point: 1.0e19");
    }
    if (token.kind == TokenKind::kUint) {
      expr->literal = Value::Uint(value);
    } else {
      expr->literal = Value::Int(static_cast<int64_t>(negative ? 0 - value : value));
    }
    return expr;
  }

  ExprPtr ParseList() {
    ExprPtr list = New(ExprKind::kList, Token().offset);
    if (list == nullptr) return nullptr;
    ++at_;
    if (IsPunctuation("]", 1)) Take(",");  // `[,]` is a list, too.
    while (!Take("]")) {
      const bool optional = Take("?");
      ExprPtr item = ParseExpr();
      if (item == nullptr) return nullptr;
      list->args.push_back(std::move(item));
      if (!NoteOptional(optional, list->args.size() - 1, list.get()) || !Separator("]"))
        return nullptr;
    }
    return list;
  }

  // After an item: a comma (also before the end), or the end itself.
  bool Separator(std::string_view close) {
    if (Take(",") || IsPunctuation(close)) return true;
    Unexpected(absl::StrFormat("`,` or `%s`", close));
    return false;
  }

  bool NoteOptional(bool optional, size_t index, Expr* list) {
    if (optional || !list->optional_entries.empty()) {
      list->optional_entries.resize(index + 1);
      list->optional_entries[index] = optional;
    }
    return true;
  }

  ExprPtr ParseMap() {
    ExprPtr map = New(ExprKind::kMap, Token().offset);
    if (map == nullptr) return nullptr;
    ++at_;
    if (IsPunctuation("}", 1)) Take(",");
    while (!Take("}")) {
      const bool optional = Take("?");
      ExprPtr key = ParseExpr();
      if (key == nullptr || !Expect(":")) return nullptr;
      ExprPtr value = ParseExpr();
      if (value == nullptr) return nullptr;
      NoteOptional(optional, map->args.size() / 2, map.get());
      map->args.push_back(std::move(key));
      map->args.push_back(std::move(value));
      if (!Separator("}")) return nullptr;
    }
    return map;
  }

  static bool IsTypeName(const Expr& expr) {
    if (expr.kind == ExprKind::kIdent) return true;
    return expr.kind == ExprKind::kSelect && !expr.optional && IsTypeName(*expr.args[0]);
  }
  static std::string TypeName(const Expr& expr) {
    if (expr.kind == ExprKind::kIdent) return (expr.absolute ? "." : "") + expr.name;
    return TypeName(*expr.args[0]) + "." + expr.name;
  }

  ExprPtr ParseMessage(const Expr& name) {
    ExprPtr message = New(ExprKind::kMessage, name.offset);
    if (message == nullptr) return nullptr;
    message->name = TypeName(name);
    ++at_;
    while (!Take("}")) {
      const rules::Token field = Token();
      if (field.kind != TokenKind::kIdent) return Unexpected("a field name");
      ++at_;
      if (!Expect(":")) return nullptr;
      ExprPtr value = ParseExpr();
      if (value == nullptr) return nullptr;
      message->fields.push_back(field.text);
      message->args.push_back(std::move(value));
      if (!Separator("}")) return nullptr;
    }
    return message;
  }

  std::string_view source_;
  const Limits& limits_;
  Macros macros_;
  std::vector<Diagnostic>* errors_;
  std::vector<rules::Token> tokens_;
  size_t at_ = 0;
  size_t nodes_ = 0;
  int nesting_ = 0;
};

}  // namespace

ExprPtr Parse(std::string_view source, const Limits& limits, Macros macros,
              std::vector<Diagnostic>* errors) {
  return Parser(source, limits, macros, errors).Run();
}

}  // namespace rondo::rules
