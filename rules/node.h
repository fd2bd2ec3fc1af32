// The compiled form of a tree for one customer: nodes that evaluate themselves, without look-ups by
// name and, for scalars, without allocation.
#pragma once

#include <memory>
#include <vector>

#include "rules/ast.h"
#include "rules/frame.h"

namespace rondo::rules {

// Immutable after building; evaluated by many threads at once.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;
  virtual Value Eval(Frame& frame) const = 0;
  // The value when it is the same in every evaluation; else null pointer.
  virtual const Value* constant() const { return nullptr; }
};
using NodePtr = std::unique_ptr<const Node>;

// Builds nodes of one program. Constants go to `arena`, which must outlive the nodes.
class NodeBuilder {
 public:
  NodeBuilder(const Environment& environment, Arena& arena)
      : environment_(environment), arena_(arena) {}
  // `expr` was checked. Never null.
  NodePtr Build(const Expr& expr);

 private:
  // name_nodes.cc; `field` is what has() asks for.
  NodePtr BuildSelect(const Expr& expr);
  NodePtr BuildName(const Expr& expr);
  NodePtr BuildHas(const Expr& field);
  // call_nodes.cc
  NodePtr BuildCall(const Expr& expr);
  NodePtr BuildOperator(const Expr& expr);
  NodePtr BuildFunction(const Expr& expr);
  NodePtr BuildEntries(const Expr& expr);
  std::vector<NodePtr> BuildAll(const std::vector<ExprPtr>& args);
  // A literal when all that `node` needs is constant and it does not fail.
  NodePtr Fold(NodePtr node, bool constant_parts);

  const Environment& environment_;
  Arena& arena_;
};

NodePtr MakeLiteral(Value value);
// Whether each is the same in every evaluation.
bool AllConstant(const std::vector<NodePtr>& nodes);
// An error each time it is evaluated.
NodePtr MakeFailure(ErrorCode code, std::string message, int32_t offset);

// sum, min and max, value by value; null and "no value" are skipped.
class Folding {
 public:
  // `kind` is the result's type, which says what an empty sum is.
  Folding(Macro macro, TypeKind kind);
  // False when it has failed; then the result is the error.
  bool Add(Frame& frame, const Value& value);
  const Value& result() const { return result_; }

 private:
  Macro macro_;
  bool open_ = false;
  Value result_;
};

// macro_nodes.cc: `parts` are the range and the bodies.
NodePtr MakeMacro(const Expr& expr, std::vector<NodePtr> parts);
// event_nodes.cc: a chain such as events('x').last('90d').where(e, c).count(), evaluated without
// building lists; null when `expr` is none.
NodePtr MakeEventChain(const Expr& expr, NodeBuilder& builder);

// A condition's result: a boolean, or an error (a non-boolean becomes one).
Value AsCondition(Frame& frame, const Value& value, int32_t offset);
// Which of two failures a logical operator reports: a real error before "no value".
inline const Value& WorseOf(const Value& first, const Value& second) {
  return IsNoValue(first) ? second : first;
}

}  // namespace rondo::rules
