// The row evaluator over single rows of a chunk.
#pragma once

#include "rules/vector_nodes.h"

namespace rondo::rules {

// A row whose attributes and signals are read from the chunk's columns.
class ColumnRow final : public Row {
 public:
  explicit ColumnRow(const Chunk& chunk) : chunk_(chunk) {}
  void MoveTo(size_t row) { row_ = chunk_.first + row; }
  Value Attribute(const Symbol& attribute, Arena&) const override {
    return ValueAt(chunk_.View({LeafKind::kAttribute, attribute}), row_);
  }
  Value Signal(const Symbol& signal, Arena&) const override {
    return ValueAt(chunk_.View({LeafKind::kSignal, signal}), row_);
  }
  const EventSource* Events(const Symbol&) const override { return nullptr; }
  bool InSegment(const Symbol& segment) const override {
    const uint64_t* members = chunk_.columns->Segment(segment, chunk_.block);
    return members != nullptr && BitAt(members, row_);
  }

 private:
  const Chunk& chunk_;
  size_t row_ = 0;
};

// How a row of the chunk stands among all customers.
class ChunkRanks final : public RankSource {
 public:
  explicit ChunkRanks(const Chunk& chunk) : chunk_(chunk) {}
  void MoveTo(size_t row) { ordinal_ = chunk_.ordinal(row); }
  Value Rank(int call, Frame& frame) const override {
    const RankColumn& column = chunk_.ranks->at(static_cast<size_t>(call));
    const Aggregate& values = *column.values;
    const auto has = [&](const std::vector<uint64_t>& mask) {
      return !mask.empty() && BitAt(mask.data(), ordinal_);
    };
    if (has(values.failed)) {
      return frame.Fail(ErrorCode::kInvalidArgument, "what is ranked failed for this customer");
    }
    if (column.compared) return NoValue();
    if (column.type == TypeKind::kBool) return Value::Bool(has(values.bits));
    if (has(values.null)) return Value::Null();
    return column.type == TypeKind::kDouble ? Value::Double(values.doubles[ordinal_])
                                            : Value::Int(values.integers[ordinal_]);
  }

 private:
  const Chunk& chunk_;
  size_t ordinal_ = 0;
};

// Evaluates a node for single rows of a chunk.
class RowEvaluator {
 public:
  RowEvaluator(const Node& node, RowsFrom from, Chunk& chunk)
      : node_(node), from_(from), chunk_(chunk), columns_(chunk), ranks_(chunk) {}
  // Borrows from the chunk's arena until the next call.
  Value At(size_t row) {
    chunk_.arena->Reset();
    Frame frame{.arena = *chunk_.arena, .limits = *chunk_.limits, .row = &columns_, .event = {}};
    frame.now = chunk_.now;
    frame.steps = chunk_.limits->steps;
    frame.locals = chunk_.locals;
    if (chunk_.ranks != nullptr) {
      ranks_.MoveTo(row);
      frame.ranks = &ranks_;
    }
    if (from_ == RowsFrom::kColumns) {
      columns_.MoveTo(row);
    } else {
      chunk_.columns->MoveTo(chunk_.ordinal(row), *chunk_.row);
      frame.row = chunk_.row;
    }
    ++*chunk_.rows_by_row;
    return node_.Eval(frame);
  }

 private:
  const Node& node_;
  RowsFrom from_;
  Chunk& chunk_;
  ColumnRow columns_;
  ChunkRanks ranks_;
};

}  // namespace rondo::rules
