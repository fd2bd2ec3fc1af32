// Nodes of names: locals, variables, attributes, signals, the bound event, and fields.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rules/node.h"
#include "rules/operators.h"

namespace rondo::rules {
namespace {

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

}  // namespace

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

NodePtr NodeBuilder::BuildHas(const Expr& field) {
  const bool declared = field.target != Target::kNone && field.target != Target::kUnknown;
  if (declared) return std::make_unique<NotNullNode>(BuildSelect(field));
  if (field.target == Target::kUnknown) return BuildName(field);
  return std::make_unique<SelectNode>(Build(*field.args[0]), field.name, Presence::kTest,
                                      field.offset);
}

}  // namespace rondo::rules
