// Macros over lists, maps and optional values.
#include <span>
#include <utility>
#include <vector>

#include "rules/macros.h"
#include "rules/node.h"
#include "rules/operators.h"

namespace rondo::rules {
namespace {

// The items that a macro runs over, with what its one or two variables hold for each.
struct Range {
  std::span<const Value> list;
  std::span<const MapEntry> map;
  bool is_map = false;
  size_t size() const { return is_map ? map.size() : list.size(); }
};

class MacroNode final : public Node {
 public:
  MacroNode(const Expr& expr, std::vector<NodePtr> parts)
      : macro_(expr.macro),
        two_(!expr.variable2.empty()),
        zero_kind_(expr.type.kind),
        slot_(expr.slot),
        offset_(expr.offset),
        parts_(std::move(parts)) {}

  Value Eval(Frame& frame) const override {
    const Value range = parts_[0]->Eval(frame);
    if (range.is_error()) return range;
    if (macro_ == Macro::kBind) {
      frame.locals[slot_] = range;
      return parts_[1]->Eval(frame);
    }
    if (macro_ == Macro::kOptMap || macro_ == Macro::kOptFlatMap) return EvalOptional(frame, range);
    Range items;
    if (range.is(Kind::kList)) {
      items.list = range.items();
    } else if (range.is(Kind::kMap)) {
      items.map = range.entries();
      items.is_map = true;
    } else {
      frame.offset = offset_;
      return frame.NoOverload(NameOf(macro_), {&range, 1});
    }
    if (items.size() > frame.limits.list_items) {
      frame.offset = offset_;
      return frame.Fail(ErrorCode::kLimit, "the list is too long for a macro");
    }
    return EvalOver(frame, items);
  }

 private:
  Value EvalOptional(Frame& frame, const Value& range) const {
    frame.offset = offset_;
    if (!range.is(Kind::kOptional)) return frame.NoOverload(NameOf(macro_), {&range, 1});
    if (range.optional() == nullptr) return range;
    frame.locals[slot_] = *range.optional();
    const Value result = parts_[1]->Eval(frame);
    if (result.is_error()) return result;
    // optFlatMap is a conditional with `result` as one branch: what is dyn need not be optional.
    return macro_ == Macro::kOptMap ? Value::Optional(frame.arena.New(result)) : result;
  }

  // Sets the variables to item i; false when the budget is used up.
  bool Bind(Frame& frame, const Range& range, size_t i) const {
    if (range.is_map) {
      frame.locals[slot_] = range.map[i].key;
      if (two_) frame.locals[slot_ + 1] = range.map[i].value;
    } else if (two_) {
      frame.locals[slot_] = Value::Int(static_cast<int64_t>(i));
      frame.locals[slot_ + 1] = range.list[i];
    } else {
      frame.locals[slot_] = range.list[i];
    }
    return frame.Spend() && frame.arena.Fits(0);
  }

  Value EvalOver(Frame& frame, const Range& range) const {
    switch (macro_) {
      case Macro::kAll:
      case Macro::kExists:
        return EvalQuantifier(frame, range, macro_ == Macro::kExists);
      case Macro::kExistsOne:
        return EvalExistsOne(frame, range);
      case Macro::kSum:
      case Macro::kMin:
      case Macro::kMax:
        return EvalFold(frame, range);
      case Macro::kTransformMap:
      case Macro::kTransformMapEntry:
        return EvalTransformMap(frame, range);
      default:
        return EvalList(frame, range);
    }
  }

  Value Condition(Frame& frame, const NodePtr& node) const {
    return AsCondition(frame, node->Eval(frame), offset_);
  }

  // all and exists absorb failures as && and || do.
  Value EvalQuantifier(Frame& frame, const Range& range, bool decisive) const {
    Value failure;
    for (size_t i = 0; i < range.size(); ++i) {
      if (!Bind(frame, range, i)) return frame.OverLimit();
      const Value value = Condition(frame, parts_[1]);
      if (value.is_error()) {
        if (value.error().code == ErrorCode::kLimit) return value;
        failure = failure.is_error() ? WorseOf(failure, value) : value;
      } else if (value.boolean() == decisive) {
        return value;
      }
    }
    return failure.is_error() ? failure : Value::Bool(!decisive);
  }

  Value EvalExistsOne(Frame& frame, const Range& range) const {
    size_t found = 0;
    for (size_t i = 0; i < range.size(); ++i) {
      if (!Bind(frame, range, i)) return frame.OverLimit();
      const Value value = Condition(frame, parts_[1]);
      if (value.is_error()) return value;
      found += value.boolean() ? 1 : 0;
    }
    return Value::Bool(found == 1);
  }

  // filter, where, map and transformList.
  Value EvalList(Frame& frame, const Range& range) const {
    const bool filters = macro_ == Macro::kFilter || macro_ == Macro::kWhere;
    std::vector<Value> out;
    for (size_t i = 0; i < range.size(); ++i) {
      if (!Bind(frame, range, i)) return frame.OverLimit();
      const Value item = frame.locals[slot_];
      if (filters || parts_.size() == 3) {
        const Value keep = Condition(frame, parts_[1]);
        if (keep.is_error() && !(macro_ == Macro::kWhere && IsNoValue(keep))) return keep;
        if (!keep.is_true()) continue;
      }
      out.push_back(filters ? item : parts_.back()->Eval(frame));
      if (out.back().is_error()) return out.back();
    }
    frame.offset = offset_;
    return frame.NewList(out);
  }

  // transformMap, whose keys stay, and transformMapEntry, whose body is a map of the entries to be.
  Value EvalTransformMap(Frame& frame, const Range& range) const {
    std::vector<MapEntry> out;
    for (size_t i = 0; i < range.size(); ++i) {
      if (!Bind(frame, range, i)) return frame.OverLimit();
      const Value key = frame.locals[slot_];
      if (parts_.size() == 3) {
        const Value keep = Condition(frame, parts_[1]);
        if (keep.is_error()) return keep;
        if (!keep.boolean()) continue;
      }
      const Value value = parts_.back()->Eval(frame);
      if (value.is_error()) return value;
      if (macro_ == Macro::kTransformMap) {
        out.push_back({key, value});
      } else if (value.is(Kind::kMap)) {
        out.insert(out.end(), value.entries().begin(), value.entries().end());
      } else {
        frame.offset = offset_;
        return frame.NoOverload("transformMapEntry", {&value, 1});
      }
      if (!frame.arena.Fits(out.size() * sizeof(MapEntry))) break;  // NewMap says so.
    }
    frame.offset = offset_;
    return frame.NewMap(out);
  }

  // sum, min and max; null is skipped.
  Value EvalFold(Frame& frame, const Range& range) const {
    Folding fold(macro_, zero_kind_);
    for (size_t i = 0; i < range.size(); ++i) {
      if (!Bind(frame, range, i)) return frame.OverLimit();
      const Value value = parts_[1]->Eval(frame);
      frame.offset = offset_;
      if (!fold.Add(frame, value)) break;
    }
    return fold.result();
  }

  Macro macro_;
  bool two_;
  TypeKind zero_kind_;
  int slot_;
  int32_t offset_;
  std::vector<NodePtr> parts_;
};

}  // namespace

Folding::Folding(Macro macro, TypeKind kind) : macro_(macro) {
  if (macro != Macro::kSum) return;
  switch (kind) {
    case TypeKind::kUint:
      result_ = Value::Uint(0);
      break;
    case TypeKind::kDouble:
      result_ = Value::Double(0);
      break;
    case TypeKind::kDuration:
      result_ = Value::Duration(0, 0);
      break;
    case TypeKind::kInt:
      result_ = Value::Int(0);
      break;
    default:
      // Of unknown type: the first value starts the sum, and there is none to start from.
      open_ = true;
      result_ = Value::Int(0);
  }
}

bool Folding::Add(Frame& frame, const Value& value) {
  if (value.is_null() || IsNoValue(value)) return true;
  if (value.is_error()) {
    result_ = value;
  } else if (macro_ == Macro::kSum && !open_) {
    result_ = Arithmetic(frame, Op::kAdd, result_, value);
  } else if (result_.is_null() || open_) {
    result_ = value;
    open_ = false;
  } else {
    const Op op = macro_ == Macro::kMin ? Op::kLess : Op::kGreater;
    const Value better = Ordering(frame, op, value, result_);
    if (better.is_error()) {
      result_ = better;
    } else if (better.boolean()) {
      result_ = value;
    }
  }
  return !result_.is_error();
}

NodePtr MakeMacro(const Expr& expr, std::vector<NodePtr> parts) {
  return std::make_unique<MacroNode>(expr, std::move(parts));
}

}  // namespace rondo::rules
