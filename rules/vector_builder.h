// From a checked tree to the conditions of one query over given columns.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/columns.h"
#include "rules/environment.h"
#include "rules/event_chain.h"
#include "rules/vector_nodes.h"

namespace rondo::rules {

// Builds for customers; for the conditions of an event chain it builds another one of itself over
// event columns, where what cannot be vectorised makes the whole chain go by row.
class VectorBuilder {
 public:
  VectorBuilder(const Environment& environment, const Columns& columns, Value now, int local_slots,
                Arena& arena)
      : environment_(environment),
        columns_(columns),
        now_(now),
        local_slots_(local_slots),
        arena_(arena) {}

  // Never null for customers. Ranks are what the rule's calls of percentile_rank and its like give;
  // without them (to explain a rule) the result describes itself, and cannot be evaluated.
  ConditionPtr Build(const Expr& expr);
  // What customers are ranked by: by row if it must be. Times to the microsecond. `expr` is a
  // number or a time. Never null.
  NumberPtr BuildRanked(const Expr& expr);
  void SetRanks(const RankColumns* ranks) { ranks_ = ranks; }

 private:
  struct EventScope {
    const Environment::EventType* type = nullptr;
    int slot = 0;
    const EventBlock* block = nullptr;
  };
  // What an expression reads.
  struct Reads {
    std::vector<Leaf> leaves;
    bool other = false;  // Events, variables, the bound event.
    bool segments = false;
  };

  Reads ReadsOf(const Expr& expr) const;
  std::optional<Leaf> LeafOf(const Expr& expr) const;
  const Type& TypeOf(const Leaf& leaf) const;
  // The leaf's column; kNone when it has none of the kind that its type needs.
  ColumnView ViewOf(const Leaf& leaf) const;
  ConditionPtr BuildLeafCondition(const Expr& expr, const Leaf& leaf);
  // `leaf == 'text'` over a large dictionary, by one look-up.
  ConditionPtr BuildTextEquality(const Expr& expr, const Leaf& leaf, const ColumnView& view);
  ConditionPtr BuildCompare(const Expr& expr);
  // `distance op radius`, where `distance` is geo_distance() of a column and a constant point.
  ConditionPtr BuildGeoWithin(Op op, const Expr& distance, const Expr& radius);
  // Its value, which may be an error; nothing when it differs between customers.
  std::optional<Value> ConstantOf(const Expr& expr);
  NumberPtr BuildNumber(const Expr& expr);
  // `c ? x : y`; either may be null.
  NumberPtr BuildConditional(const Expr& expr, NumberType type);
  // `optional.ofNonZeroValue(x).orValue(y)`.
  NumberPtr BuildNonZeroOr(const Expr& expr);
  // `percentile_rank(x) op constant`, where that is what was ranked.
  ConditionPtr BuildRankCompare(const Expr& expr);
  std::shared_ptr<const Aggregate> RanksOf(const Expr& call) const;
  RowsFrom RowsOf(const Reads& reads) const;
  NumberPtr BuildConstantNumber(const Expr& expr, NumberType type);
  NumberPtr BuildAggregate(const Expr& expr);
  // `chain.count() op constant`, by counters of a byte.
  ConditionPtr BuildCountCompare(Op op, const Expr& count, int64_t constant, std::string text);
  // What is evaluated for the events of a chain, and for which kinds of fields it was built.
  struct EventParts {
    std::vector<ConditionPtr> conditions;
    NumberPtr body;
    std::vector<std::pair<ColumnKind, const Dictionary*>> built_for;
  };
  // Nothing when columns cannot answer.
  std::optional<EventParts> PartsOf(const EventChain& chain, const EventBlock& block,
                                    NumberType type);
  // Gives each event that the chain keeps to the sink, and customers for whom a condition failed.
  // False when columns cannot answer.
  template <typename Sink>
  bool RunChain(const EventChain& chain, NumberType type, Sink& sink);
  template <typename Sink>
  void RunBlock(const EventParts& parts, const EventBlock& block, TimeRange range,
                Sink& sink) const;
  std::optional<TimeRange> RangeOfChain(const EventChain& chain);
  // The value of `expr` when the leaf (if any) has `value`.
  Value Probe(const Node& node, const Leaf* leaf, const Value& value);

  const Environment& environment_;
  const Columns& columns_;
  Value now_;
  int local_slots_;
  Arena& arena_;
  std::optional<EventScope> scope_;
  const RankColumns* ranks_ = nullptr;
};

}  // namespace rondo::rules
