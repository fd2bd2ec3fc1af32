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

class Literal final : public Node {
 public:
  explicit Literal(Value value) : value_(value) {}
  Value Eval(Frame&) const override { return value_; }
  const Value* constant() const override { return &value_; }

 private:
  Value value_;
};

class Failure final : public Node {
 public:
  Failure(ErrorCode code, std::string message, int32_t offset)
      : message_(std::move(message)), error_{code, offset, message_} {}
  Value Eval(Frame&) const override { return Value::Error(&error_); }

 private:
  std::string message_;
  ErrorData error_;
};

class LocalNode final : public Node {
 public:
  explicit LocalNode(int slot) : slot_(slot) {}
  Value Eval(Frame& frame) const override { return frame.locals[slot_]; }

 private:
  int slot_;
};

class AttributeNode final : public Node {
 public:
  explicit AttributeNode(Symbol symbol) : symbol_(std::move(symbol)) {}
  Value Eval(Frame& frame) const override {
    return frame.row == nullptr ? Value::Null() : frame.row->Attribute(symbol_, frame.arena);
  }

 private:
  Symbol symbol_;
};

class SignalNode final : public Node {
 public:
  explicit SignalNode(Symbol symbol) : symbol_(std::move(symbol)) {}
  Value Eval(Frame& frame) const override {
    return frame.row == nullptr ? Value::Null() : frame.row->Signal(symbol_, frame.arena);
  }

 private:
  Symbol symbol_;
};

class SegmentNode final : public Node {
 public:
  explicit SegmentNode(Symbol symbol) : symbol_(std::move(symbol)) {}
  Value Eval(Frame& frame) const override {
    return Value::Bool(frame.row != nullptr && frame.row->InSegment(symbol_));
  }

 private:
  Symbol symbol_;
};

class VariableNode final : public Node {
 public:
  VariableNode(Symbol symbol, int32_t offset) : symbol_(std::move(symbol)), offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value* bound = frame.row == nullptr ? nullptr : frame.row->Variable(symbol_);
    if (bound != nullptr) return *bound;
    frame.offset = offset_;
    return frame.Fail(ErrorCode::kUnknownName, absl::StrCat("`", symbol_.name, "` has no value"));
  }

 private:
  Symbol symbol_;
  int32_t offset_;
};

class BoundEventNode final : public Node {
 public:
  Value Eval(Frame& frame) const override { return frame.event; }
};

class NowNode final : public Node {
 public:
  Value Eval(Frame& frame) const override { return frame.now; }
};

class EventFieldNode final : public Node {
 public:
  EventFieldNode(NodePtr event, Symbol field)
      : event_(std::move(event)), field_(std::move(field)) {}
  Value Eval(Frame& frame) const override {
    const Value event = event_->Eval(frame);
    if (event.is(Kind::kEvent)) return Get(frame, event);
    if (!event.is(Kind::kOptional)) return event.is_error() ? event : NoValue();
    if (event.optional() == nullptr) return event;
    const Value field = Get(frame, *event.optional());
    return field.is_error() || field.is_null() ? Value::Optional(nullptr)
                                               : Value::Optional(frame.arena.New(field));
  }

 private:
  Value Get(Frame& frame, const Value& event) const {
    if (!event.is(Kind::kEvent)) return NoValue();
    const EventSource& source = *event.event_source();
    if (field_.index < 0) return Value::TimestampMicros(source.TimeMicros(event.event_index()));
    return source.Field(event.event_index(), field_, frame.arena);
  }

  NodePtr event_;
  Symbol field_;
};

enum class Presence : uint8_t { kValue, kOptional, kTest };

class SelectNode final : public Node {
 public:
  SelectNode(NodePtr operand, std::string field, Presence presence, int32_t offset)
      : operand_(std::move(operand)),
        field_(std::move(field)),
        presence_(presence),
        offset_(offset) {}
  Value Eval(Frame& frame) const override {
    const Value operand = operand_->Eval(frame);
    if (operand.is_error()) return operand;
    frame.offset = offset_;
    switch (presence_) {
      case Presence::kValue:
        return SelectField(frame, operand, field_);
      case Presence::kOptional:
        return OptionalIndex(frame, operand, Value::String(field_));
      case Presence::kTest:
        return HasField(frame, operand, field_);
    }
    return operand;
  }

 private:
  NodePtr operand_;
  std::string field_;
  Presence presence_;
  int32_t offset_;
};

// has() of an attribute, a signal or an event's field.
class NotNullNode final : public Node {
 public:
  explicit NotNullNode(NodePtr operand) : operand_(std::move(operand)) {}
  Value Eval(Frame& frame) const override {
    const Value value = operand_->Eval(frame);
    if (value.is(Kind::kOptional)) return Value::Bool(value.optional() != nullptr);
    return value.is_error() ? value : Value::Bool(!value.is_null());
  }

 private:
  NodePtr operand_;
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
    if (!frame.Spend()) return frame.OverLimit();
    return function_(frame, values);
  }

  Function function_;
  std::vector<NodePtr> args_;
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

class ListNode final : public Node {
 public:
  ListNode(std::vector<NodePtr> items, std::vector<bool> optional, int32_t offset)
      : items_(std::move(items)), optional_(std::move(optional)), offset_(offset) {
    optional_.resize(items_.size());
  }
  Value Eval(Frame& frame) const override {
    Value* values = frame.arena.NewArray<Value>(items_.size());
    size_t count = 0;
    for (size_t i = 0; i < items_.size(); ++i) {
      Value value = items_[i]->Eval(frame);
      if (value.is_error()) return value;
      if (optional_[i]) {
        frame.offset = offset_;
        if (!value.is(Kind::kOptional)) return frame.NoOverload("[?]", {&value, 1});
        if (value.optional() == nullptr) continue;
        value = *value.optional();
      }
      values[count++] = value;
    }
    return Value::List({values, count});
  }

 private:
  std::vector<NodePtr> items_;
  std::vector<bool> optional_;
  int32_t offset_;
};

class MapNode final : public Node {
 public:
  // `parts` are key, value, key, value, ...
  MapNode(std::vector<NodePtr> parts, std::vector<bool> optional, int32_t offset)
      : parts_(std::move(parts)), optional_(std::move(optional)), offset_(offset) {
    optional_.resize(parts_.size() / 2);
  }
  Value Eval(Frame& frame) const override {
    std::vector<MapEntry> entries;
    entries.reserve(parts_.size() / 2);
    for (size_t i = 0; i < parts_.size(); i += 2) {
      const Value key = parts_[i]->Eval(frame);
      if (key.is_error()) return key;
      Value value = parts_[i + 1]->Eval(frame);
      if (value.is_error()) return value;
      if (optional_[i / 2]) {
        frame.offset = offset_;
        if (!value.is(Kind::kOptional)) return frame.NoOverload("{?}", {&value, 1});
        if (value.optional() == nullptr) continue;
        value = *value.optional();
      }
      entries.push_back({key, value});
    }
    frame.offset = offset_;
    return frame.NewMap(entries);
  }

 private:
  std::vector<NodePtr> parts_;
  std::vector<bool> optional_;
  int32_t offset_;
};

bool AllConstant(const std::vector<NodePtr>& nodes) {
  for (const NodePtr& node : nodes) {
    if (node->constant() == nullptr) return false;
  }
  return true;
}

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

NodePtr MakeLiteral(Value value) { return std::make_unique<Literal>(value); }

NodePtr MakeFailure(ErrorCode code, std::string message, int32_t offset) {
  return std::make_unique<Failure>(code, std::move(message), offset);
}

NodePtr NodeBuilder::Fold(NodePtr node, bool constant_parts) {
  if (!constant_parts) return node;
  Frame frame{.arena = arena_, .limits = environment_.limits()};
  frame.steps = environment_.limits().steps;
  const Value value = node->Eval(frame);
  return value.is_error() ? std::move(node) : MakeLiteral(value);
}

std::vector<NodePtr> NodeBuilder::BuildAll(const std::vector<ExprPtr>& args) {
  std::vector<NodePtr> nodes;
  for (const ExprPtr& arg : args) nodes.push_back(Build(*arg));
  return nodes;
}

NodePtr NodeBuilder::Build(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kLiteral:
      return MakeLiteral(CopyInto(expr.literal, arena_));
    case ExprKind::kIdent:
      return BuildName(expr);
    case ExprKind::kSelect:
      return BuildSelect(expr);
    case ExprKind::kCall:
      return BuildCall(expr);
    case ExprKind::kList:
    case ExprKind::kMap:
      return BuildEntries(expr);
    case ExprKind::kMessage:
      return MakeFailure(ErrorCode::kNoOverload, "messages cannot be made in rules", expr.offset);
    case ExprKind::kMacro:
      break;
  }
  if (NodePtr chain = MakeEventChain(expr, *this)) return chain;
  if (expr.macro != Macro::kHas) return MakeMacro(expr, BuildAll(expr.args));
  const Expr& field = *expr.args[0];
  const bool declared = field.target != Target::kNone && field.target != Target::kUnknown;
  if (declared) return std::make_unique<NotNullNode>(BuildSelect(field));
  if (field.target == Target::kUnknown) return BuildName(field);
  return std::make_unique<SelectNode>(Build(*field.args[0]), field.name, Presence::kTest,
                                      field.offset);
}

NodePtr NodeBuilder::BuildName(const Expr& expr) {
  switch (expr.target) {
    case Target::kLocal:
      return std::make_unique<LocalNode>(expr.slot);
    case Target::kVariable:
      return std::make_unique<VariableNode>(expr.symbol, expr.offset);
    case Target::kAttribute:
      return std::make_unique<AttributeNode>(expr.symbol);
    case Target::kSignal:
      return std::make_unique<SignalNode>(expr.symbol);
    case Target::kBoundEvent:
      return std::make_unique<BoundEventNode>();
    case Target::kTypeName:
      return MakeLiteral(expr.literal);
    default:
      return MakeFailure(ErrorCode::kUnknownName, "unknown name `" + expr.name + "`", expr.offset);
  }
}

NodePtr NodeBuilder::BuildSelect(const Expr& expr) {
  if (expr.target == Target::kEventField) {
    return std::make_unique<EventFieldNode>(Build(*expr.args[0]), expr.symbol);
  }
  if (expr.target != Target::kNone) return BuildName(expr);
  return std::make_unique<SelectNode>(Build(*expr.args[0]), expr.name,
                                      expr.optional ? Presence::kOptional : Presence::kValue,
                                      expr.offset);
}

NodePtr NodeBuilder::BuildEntries(const Expr& expr) {
  std::vector<NodePtr> parts = BuildAll(expr.args);
  const bool constant = AllConstant(parts);
  if (expr.kind == ExprKind::kList) {
    return Fold(std::make_unique<ListNode>(std::move(parts), expr.optional_entries, expr.offset),
                constant);
  }
  return Fold(std::make_unique<MapNode>(std::move(parts), expr.optional_entries, expr.offset),
              constant);
}

NodePtr NodeBuilder::BuildCall(const Expr& expr) {
  if (NodePtr chain = MakeEventChain(expr, *this)) return chain;
  if (expr.op != Op::kFunction) return BuildOperator(expr);
  if (expr.target == Target::kSegment) return std::make_unique<SegmentNode>(expr.symbol);
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
