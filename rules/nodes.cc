// Building nodes of a tree; literals, lists and maps.
#include <string>
#include <utility>

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

}  // namespace

NodePtr MakeLiteral(Value value) { return std::make_unique<Literal>(value); }

NodePtr MakeFailure(ErrorCode code, std::string message, int32_t offset) {
  return std::make_unique<Failure>(code, std::move(message), offset);
}

bool AllConstant(const std::vector<NodePtr>& nodes) {
  for (const NodePtr& node : nodes) {
    if (node->constant() == nullptr) return false;
  }
  return true;
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

NodePtr NodeBuilder::Build(const Expr& written) {
  const Expr& expr = Meaning(written);
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
  return BuildHas(*expr.args[0]);
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

}  // namespace rondo::rules
