// Chains over a customer's events, evaluated in one pass without lists in between.
#include <algorithm>
#include <limits>
#include <utility>

#include "rules/event_chain.h"
#include "rules/functions.h"
#include "rules/node.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

struct WindowNodes {
  WindowKind kind = WindowKind::kLast;
  NodePtr from, to;
};
struct ConditionNode {
  int slot = 0;
  NodePtr condition;
};

class EventChainNode final : public Node {
 public:
  EventChainNode(const EventChain& chain, NodeBuilder& builder)
      : chain_type_(*chain.event_type),
        end_(chain.end),
        fold_kind_(chain.fold_kind),
        offset_(chain.offset) {
    for (const EventWindow& window : chain.windows) {
      windows_.push_back({window.kind, builder.Build(*window.from),
                          window.to == nullptr ? nullptr : builder.Build(*window.to)});
    }
    for (const EventCondition& condition : chain.conditions) {
      conditions_.push_back({condition.slot, builder.Build(*condition.condition)});
    }
    if (chain.body != nullptr) {
      body_ = builder.Build(*chain.body);
      body_slot_ = chain.body_slot;
    }
  }

  Value Eval(Frame& frame) const override {
    int64_t low = std::numeric_limits<int64_t>::min();
    int64_t high = std::numeric_limits<int64_t>::max();
    for (const WindowNodes& window : windows_) {
      const Value failed = Narrow(frame, window, &low, &high);
      if (failed.is_error()) return failed;
    }
    const EventSource* source = frame.row == nullptr ? nullptr : frame.row->Events(chain_type_);
    const size_t size = source == nullptr ? 0 : source->size();
    size_t begin = 0;
    size_t end = size;
    if (!windows_.empty() && size > 0) {
      begin = FirstAtOrAfter(*source, low, size);
      end = std::max(begin, FirstAtOrAfter(*source, high, size));
    }
    switch (end_) {
      case ChainEnd::kCount:
        return Count(frame, source, begin, end);
      case ChainEnd::kFirst:
      case ChainEnd::kLast:
        return Pick(frame, source, begin, end);
      case ChainEnd::kList:
        return List(frame, source, begin, end);
      default:
        return FoldUp(frame, source, begin, end);
    }
  }

 private:
  static size_t FirstAtOrAfter(const EventSource& source, int64_t time, size_t size) {
    size_t low = 0;
    size_t high = size;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (source.TimeMicros(middle) < time) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  // Narrows [low, high) to the window; null, or the error.
  Value Narrow(Frame& frame, const WindowNodes& window, int64_t* low, int64_t* high) const {
    const Value from = window.from->Eval(frame);
    if (from.is_error()) return from;
    const Value to = window.to == nullptr ? Value::Null() : window.to->Eval(frame);
    if (to.is_error()) return to;
    const std::optional<TimeRange> range = RangeOf(window.kind, from, to, frame.now);
    if (!range) {
      frame.offset = offset_;
      const Value args[] = {from, to};
      return frame.NoOverload("window", {args, window.to == nullptr ? size_t{1} : size_t{2}});
    }
    *low = std::max(*low, range->low);
    *high = std::min(*high, range->high);
    return Value::Null();
  }

  // True, false, or an error.
  Value Keeps(Frame& frame, const Value& event) const {
    if (!frame.Spend()) return frame.OverLimit();
    for (const ConditionNode& condition : conditions_) {
      frame.locals[condition.slot] = event;
      const Value keep = AsCondition(frame, condition.condition->Eval(frame), offset_);
      if (IsNoValue(keep)) return Value::Bool(false);
      if (!keep.is_true()) return keep;
    }
    return Value::Bool(true);
  }

  Value Count(Frame& frame, const EventSource* source, size_t begin, size_t end) const {
    if (conditions_.empty()) return Value::Int(static_cast<int64_t>(end - begin));
    int64_t count = 0;
    for (size_t i = begin; i < end; ++i) {
      const Value keep = Keeps(frame, Value::Event(source, static_cast<uint32_t>(i)));
      if (keep.is_error()) return keep;
      count += keep.boolean() ? 1 : 0;
    }
    return Value::Int(count);
  }

  // Both ends look at every event, so that an error does not depend on where one stops.
  Value Pick(Frame& frame, const EventSource* source, size_t begin, size_t end) const {
    const Value* picked = nullptr;
    for (size_t i = begin; i < end; ++i) {
      const Value event = Value::Event(source, static_cast<uint32_t>(i));
      const Value keep = Keeps(frame, event);
      if (keep.is_error()) return keep;
      if (!keep.boolean() || (end_ == ChainEnd::kFirst && picked != nullptr)) continue;
      picked = frame.arena.New(event);
    }
    return Value::Optional(picked);
  }

  Value List(Frame& frame, const EventSource* source, size_t begin, size_t end) const {
    std::vector<Value> kept;
    for (size_t i = begin; i < end; ++i) {
      const Value event = Value::Event(source, static_cast<uint32_t>(i));
      const Value keep = Keeps(frame, event);
      if (keep.is_error()) return keep;
      if (keep.boolean()) kept.push_back(event);
    }
    return frame.NewList(kept);
  }

  Value FoldUp(Frame& frame, const EventSource* source, size_t begin, size_t end) const {
    const Macro macro = end_ == ChainEnd::kSum   ? Macro::kSum
                        : end_ == ChainEnd::kMin ? Macro::kMin
                                                 : Macro::kMax;
    Folding fold(macro, fold_kind_);
    for (size_t i = begin; i < end; ++i) {
      const Value event = Value::Event(source, static_cast<uint32_t>(i));
      const Value keep = Keeps(frame, event);
      if (keep.is_error()) return keep;
      if (!keep.boolean()) continue;
      frame.locals[body_slot_] = event;
      const Value value = body_->Eval(frame);
      frame.offset = offset_;
      if (!fold.Add(frame, value)) break;
    }
    return fold.result();
  }

  Symbol chain_type_;
  ChainEnd end_;
  TypeKind fold_kind_;
  int32_t offset_;
  std::vector<WindowNodes> windows_;
  std::vector<ConditionNode> conditions_;
  NodePtr body_;
  int body_slot_ = 0;
};

// Takes `expr`, a link of a chain below its end, into `chain`; false when it is none.
bool ReadLinks(const Expr& expr, EventChain* chain) {
  if (expr.kind == ExprKind::kCall && expr.target == Target::kEvents) {
    chain->event_type = &expr.symbol;
    return true;
  }
  if (expr.kind == ExprKind::kMacro &&
      (expr.macro == Macro::kWhere || expr.macro == Macro::kFilter)) {
    if (expr.macro == Macro::kFilter || !ReadLinks(*expr.args[0], chain)) return false;
    chain->conditions.push_back({expr.slot, expr.args[1].get()});
    return true;
  }
  if (expr.kind != ExprKind::kCall || !expr.receiver || expr.args.empty()) return false;
  EventWindow window;
  if (expr.name == "last" && expr.args.size() == 2) {
    window.kind = WindowKind::kLast;
  } else if (expr.name == "since" && expr.args.size() == 2) {
    window.kind = WindowKind::kSince;
  } else if (expr.name == "between" && expr.args.size() == 3) {
    window.kind = WindowKind::kBetween;
    window.to = expr.args[2].get();
  } else {
    return false;
  }
  if (!ReadLinks(*expr.args[0], chain)) return false;
  window.from = expr.args[1].get();
  chain->windows.push_back(window);
  return true;
}

}  // namespace

std::optional<int64_t> WindowMicros(const Value& window) {
  if (window.is(Kind::kString)) return ParseWindowMicros(window.text());
  if (window.is(Kind::kDuration)) return window.micros();
  return std::nullopt;
}

std::optional<TimeRange> RangeOf(WindowKind kind, const Value& from, const Value& to,
                                 const Value& now) {
  TimeRange range;
  switch (kind) {
    case WindowKind::kLast: {
      const std::optional<int64_t> micros = WindowMicros(from);
      if (!micros) return std::nullopt;
      range.low = now.micros() - *micros + 1;
      range.high = now.micros() + 1;
      return range;
    }
    case WindowKind::kBetween:
      if (!to.is(Kind::kTimestamp)) return std::nullopt;
      range.high = CeilMicros(to);
      [[fallthrough]];
    case WindowKind::kSince:
      if (!from.is(Kind::kTimestamp)) return std::nullopt;
      range.low = CeilMicros(from);
      return range;
  }
  return std::nullopt;
}

std::optional<EventChain> ReadEventChain(const Expr& expr) {
  EventChain chain;
  chain.offset = expr.offset;
  const Expr* below = nullptr;
  if (expr.kind == ExprKind::kCall && expr.args.size() == 1 &&
      (expr.name == "count" || expr.name == "size")) {
    chain.end = ChainEnd::kCount;
    below = expr.args[0].get();
  } else if (expr.kind == ExprKind::kCall && expr.receiver && expr.args.size() == 1 &&
             (expr.name == "first" || expr.name == "last")) {
    chain.end = expr.name == "first" ? ChainEnd::kFirst : ChainEnd::kLast;
    below = expr.args[0].get();
  } else if (expr.kind == ExprKind::kMacro &&
             (expr.macro == Macro::kSum || expr.macro == Macro::kMin ||
              expr.macro == Macro::kMax)) {
    chain.end = expr.macro == Macro::kSum   ? ChainEnd::kSum
                : expr.macro == Macro::kMin ? ChainEnd::kMin
                                            : ChainEnd::kMax;
    chain.fold_kind = expr.type.kind;
    chain.body = expr.args[1].get();
    chain.body_slot = expr.slot;
    below = expr.args[0].get();
  }
  if (below != nullptr && ReadLinks(*below, &chain)) return chain;
  chain = EventChain();
  chain.offset = expr.offset;
  if (ReadLinks(expr, &chain)) return chain;
  return std::nullopt;
}

NodePtr MakeEventChain(const Expr& expr, NodeBuilder& builder) {
  const std::optional<EventChain> chain = ReadEventChain(expr);
  return chain ? std::make_unique<EventChainNode>(*chain, builder) : nullptr;
}

}  // namespace rondo::rules
