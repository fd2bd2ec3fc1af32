// Nodes of calls: operators, functions, segments and the time.
#include <array>
#include <span>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "re2/re2.h"
#include "rules/functions.h"
#include "rules/node.h"
#include "rules/operators.h"

namespace rondo::rules {
namespace {

class SegmentNode final : public Node {
 public:
  explicit SegmentNode(Symbol symbol) : symbol_(std::move(symbol)) {}
  Value Eval(Frame& frame) const override {
    return Value::Bool(frame.row != nullptr && frame.row->InSegment(symbol_));
  }

 private:
  Symbol symbol_;
};

// Whether a code is one of a set: those at or below a code of a hierarchy.
class UnderNode final : public Node {
 public:
  UnderNode(NodePtr code, const std::vector<std::string>& codes)
      : code_(std::move(code)), codes_(codes.begin(), codes.end()) {}
  Value Eval(Frame& frame) const override {
    const Value code = code_->Eval(frame);
    if (code.is_error()) return code;
    if (!code.is(Kind::kString)) return NoValue();
    return Value::Bool(codes_.contains(std::string(code.text())));
  }

 private:
  NodePtr code_;
  absl::flat_hash_set<std::string> codes_;
};

class RankNode final : public Node {
 public:
  RankNode(Symbol call, int32_t offset) : call_(std::move(call)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    frame.offset = offset_;
    if (frame.ranks != nullptr) return frame.ranks->Rank(call_.index, frame);
    return frame.Fail(ErrorCode::kInvalidArgument,
                      absl::StrCat("`", call_.name,
                                   "` compares a customer with all others, "
                                   "who are not known here"));
  }

 private:
  Symbol call_;
  int32_t offset_;
};

class NowNode final : public Node {
 public:
  Value Eval(Frame& frame) const override { return frame.now; }
};

// && and ||: `decisive` is the value that decides, whatever the others say or fail with.
class LogicNode final : public Node {
 public:
  LogicNode(bool decisive, std::vector<NodePtr> operands, int32_t offset)
      : decisive_(decisive), operands_(std::move(operands)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    Value failure;
    for (const NodePtr& operand : operands_) {
      const Value value = AsCondition(frame, operand->Eval(frame), offset_);
      if (value.is_error()) {
        failure = failure.is_error() ? WorseOf(failure, value) : value;
      } else if (value.boolean() == decisive_) {
        return value;
      }
    }
    return failure.is_error() ? failure : Value::Bool(!decisive_);
  }

 private:
  bool decisive_;
  std::vector<NodePtr> operands_;
  int32_t offset_;
};

class NotNode final : public Node {
 public:
  NotNode(NodePtr operand, int32_t offset) : operand_(std::move(operand)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value value = AsCondition(frame, operand_->Eval(frame), offset_);
    return value.is_error() ? value : Value::Bool(!value.boolean());
  }

 private:
  NodePtr operand_;
  int32_t offset_;
};

class ConditionalNode final : public Node {
 public:
  ConditionalNode(std::vector<NodePtr> parts, int32_t offset)
      : parts_(std::move(parts)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value condition = AsCondition(frame, parts_[0]->Eval(frame), offset_);
    if (condition.is_error()) return condition;
    return parts_[condition.boolean() ? 1 : 2]->Eval(frame);
  }

 private:
  std::vector<NodePtr> parts_;
  int32_t offset_;
};

// Operators of two operands.
class BinaryNode final : public Node {
 public:
  BinaryNode(Op op, NodePtr left, NodePtr right, int32_t offset)
      : op_(op), left_(std::move(left)), right_(std::move(right)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value a = left_->Eval(frame);
    if (a.is_error()) return a;
    const Value b = right_->Eval(frame);
    if (b.is_error()) return b;
    frame.offset = offset_;
    if (!frame.SpendOn(a)) return frame.OverLimit();
    switch (op_) {
      case Op::kEqual:
        return Value::Bool(Equal(a, b));
      case Op::kNotEqual:
        return Value::Bool(!Equal(a, b));
      case Op::kIn:
        return In(frame, a, b);
      case Op::kIndex:
        return Index(frame, a, b);
      case Op::kOptionalIndex:
        return OptionalIndex(frame, a, b);
      case Op::kLess:
      case Op::kLessEqual:
      case Op::kGreater:
      case Op::kGreaterEqual:
        return Ordering(frame, op_, a, b);
      default:
        return Arithmetic(frame, op_, a, b);
    }
  }

 private:
  Op op_;
  NodePtr left_, right_;
  int32_t offset_;
};

class NegateNode final : public Node {
 public:
  NegateNode(NodePtr operand, int32_t offset) : operand_(std::move(operand)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value value = operand_->Eval(frame);
    if (value.is_error()) return value;
    frame.offset = offset_;
    return Negate(frame, value);
  }

 private:
  NodePtr operand_;
  int32_t offset_;
};

class FunctionNode final : public Node {
 public:
  FunctionNode(Function function, std::vector<NodePtr> args, int32_t offset)
      : function_(function), args_(std::move(args)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    constexpr size_t kInline = 4;
    if (args_.size() > kInline) return EvalMany(frame);
    std::array<Value, kInline> values;
    for (size_t i = 0; i < args_.size(); ++i) {
      values[i] = args_[i]->Eval(frame);
      if (values[i].is_error()) return values[i];
    }
    return Call(frame, {values.data(), args_.size()});
  }

 private:
  // Steps for reading an argument once: its bytes or its own items.
  static int64_t SizeCost(const Value& value) {
    const bool sized = value.is(Kind::kString) || value.is(Kind::kBytes) || value.is(Kind::kList) ||
                       value.is(Kind::kMap);
    return sized ? value.aux() / 256 : 0;
  }
  Value EvalMany(Frame& frame) const {
    std::vector<Value> values;
    for (const NodePtr& arg : args_) {
      values.push_back(arg->Eval(frame));
      if (values.back().is_error()) return values.back();
    }
    return Call(frame, values);
  }
  Value Call(Frame& frame, std::span<const Value> values) const {
    frame.offset = offset_;
    int64_t cost = 1;
    for (const Value& value : values) cost += SizeCost(value);
    if (!frame.Spend(cost)) return frame.OverLimit();
    return function_(frame, values);
  }

  Function function_;
  std::vector<NodePtr> args_;
  int32_t offset_;
};

// optional.or(other) and optional.orValue(other): `other` is evaluated only where there is no value
// (cel-spec, proposal 246).
class OrNode final : public Node {
 public:
  OrNode(bool unwraps, NodePtr option, NodePtr other, int32_t offset)
      : unwraps_(unwraps), option_(std::move(option)), other_(std::move(other)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value option = option_->Eval(frame);
    if (option.is_error()) return option;
    if (!option.is(Kind::kOptional)) return Refuse(frame, option);
    if (option.optional() != nullptr) return unwraps_ ? *option.optional() : option;
    const Value other = other_->Eval(frame);
    if (unwraps_ || other.is_error() || other.is(Kind::kOptional)) return other;
    return Refuse(frame, other);
  }

 private:
  Value Refuse(Frame& frame, const Value& value) const {
    frame.offset = offset_;
    return frame.NoOverload(unwraps_ ? "orValue" : "or", {&value, 1});
  }

  bool unwraps_;
  NodePtr option_, other_;
  int32_t offset_;
};

// `matches` with a constant pattern, compiled once.
class MatchesNode final : public Node {
 public:
  MatchesNode(NodePtr text, std::unique_ptr<RE2> pattern, int32_t offset)
      : text_(std::move(text)), pattern_(std::move(pattern)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value text = text_->Eval(frame);
    if (text.is_error()) return text;
    frame.offset = offset_;
    if (!text.is(Kind::kString)) return frame.NoOverload("matches", {&text, 1});
    if (!frame.Spend(PatternSteps(text.text()))) return frame.OverLimit();
    return Value::Bool(
        RE2::PartialMatch(re2::StringPiece(text.text().data(), text.text().size()), *pattern_));
  }

 private:
  NodePtr text_;
  std::unique_ptr<RE2> pattern_;
  int32_t offset_;
};

// `x in [...]` over many constant strings.
class InStringsNode final : public Node {
 public:
  InStringsNode(NodePtr item, const Value& list) : item_(std::move(item)) {
    for (const Value& text : list.items()) texts_.insert(Key(text));
  }
  Value Eval(Frame& frame) const override {
    const Value item = item_->Eval(frame);
    if (item.is_error()) return item;
    return Value::Bool(item.is(Kind::kString) && texts_.contains(Key(item)));
  }

 private:
  static absl::string_view Key(const Value& v) { return {v.text().data(), v.text().size()}; }
  NodePtr item_;
  absl::flat_hash_set<absl::string_view> texts_;
};

std::unique_ptr<RE2> ConstantPattern(const Node& node, const Limits& limits) {
  const Value* text = node.constant();
  if (text == nullptr || !text->is(Kind::kString) || text->text().size() > limits.pattern_bytes) {
    return nullptr;
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto pattern =
      std::make_unique<RE2>(re2::StringPiece(text->text().data(), text->text().size()), options);
  return pattern->ok() ? std::move(pattern) : nullptr;
}

bool IsManyStrings(const Node& node) {
  constexpr size_t kMany = 8;
  const Value* list = node.constant();
  if (list == nullptr || !list->is(Kind::kList) || list->items().size() <= kMany) return false;
  for (const Value& item : list->items()) {
    if (!item.is(Kind::kString)) return false;
  }
  return true;
}

}  // namespace

Value AsCondition(Frame& frame, const Value& value, int32_t offset) {
  if (value.is(Kind::kBool) || value.is_error()) return value;
  frame.offset = offset;
  return frame.NoOverload("condition", {&value, 1});
}

NodePtr NodeBuilder::BuildCall(const Expr& expr) {
  if (NodePtr chain = MakeEventChain(expr, *this)) return chain;
  if (expr.op != Op::kFunction) return BuildOperator(expr);
  if (expr.target == Target::kSegment) return std::make_unique<SegmentNode>(expr.symbol);
  if (expr.target == Target::kUnder) {
    return std::make_unique<UnderNode>(Build(*expr.args[0]), expr.fields);
  }
  if (expr.target == Target::kRank) return std::make_unique<RankNode>(expr.symbol, expr.offset);
  if (!expr.receiver && expr.name == "now" && expr.args.empty()) return std::make_unique<NowNode>();
  return BuildFunction(expr);
}

NodePtr NodeBuilder::BuildFunction(const Expr& expr) {
  std::vector<NodePtr> args = BuildAll(expr.args);
  if (expr.name == "matches" && args.size() == 2) {
    if (std::unique_ptr<RE2> pattern = ConstantPattern(*args[1], environment_.limits())) {
      const bool constant = AllConstant(args);
      return Fold(
          std::make_unique<MatchesNode>(std::move(args[0]), std::move(pattern), expr.offset),
          constant);
    }
  }
  if (expr.receiver && args.size() == 2 && (expr.name == "or" || expr.name == "orValue")) {
    const bool constant = AllConstant(args);
    return Fold(std::make_unique<OrNode>(expr.name == "orValue", std::move(args[0]),
                                         std::move(args[1]), expr.offset),
                constant);
  }
  const Function function = FindFunction(expr.name, expr.receiver, args.size());
  if (function == nullptr) {
    const bool known = !SignaturesOf(expr.name).empty();
    return MakeFailure(known ? ErrorCode::kNoOverload : ErrorCode::kUnknownName,
                       (known ? "no such overload: `" : "unbound function: `") + expr.name + "`",
                       expr.offset);
  }
  const bool constant = AllConstant(args);
  return Fold(std::make_unique<FunctionNode>(function, std::move(args), expr.offset), constant);
}

NodePtr NodeBuilder::BuildOperator(const Expr& expr) {
  std::vector<NodePtr> args = BuildAll(expr.args);
  const bool constant = AllConstant(args);
  NodePtr node;
  switch (expr.op) {
    case Op::kAnd:
    case Op::kOr:
      node = std::make_unique<LogicNode>(expr.op == Op::kOr, std::move(args), expr.offset);
      break;
    case Op::kNot:
      node = std::make_unique<NotNode>(std::move(args[0]), expr.offset);
      break;
    case Op::kNegate:
      node = std::make_unique<NegateNode>(std::move(args[0]), expr.offset);
      break;
    case Op::kConditional:
      node = std::make_unique<ConditionalNode>(std::move(args), expr.offset);
      break;
    default:
      if (expr.op == Op::kIn && IsManyStrings(*args[1])) {
        const Value list = *args[1]->constant();
        node = std::make_unique<InStringsNode>(std::move(args[0]), list);
        break;
      }
      node = std::make_unique<BinaryNode>(expr.op, std::move(args[0]), std::move(args[1]),
                                          expr.offset);
  }
  return Fold(std::move(node), constant);
}

}  // namespace rondo::rules
