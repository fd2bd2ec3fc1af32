// Parts of a query that the row evaluator answers, row by row.
#include "rules/vector_rows.h"

#include <utility>

namespace rondo::rules {
namespace {

double CostOf(RowsFrom from) { return from == RowsFrom::kColumns ? 100 : 1000; }
std::string NameOf(RowsFrom from) {
  return from == RowsFrom::kColumns ? "by row over columns: " : "by row: ";
}

void SetRow(Masks* out, size_t row, const Value& value) {
  const uint64_t bit = uint64_t{1} << (row % 64);
  const RowState state = StateOf(value);
  if (state == kHasNoValue) {
    out->no_value[row / 64] |= bit;
  } else if (state == kHasFailed) {
    out->failed[row / 64] |= bit;
  } else if (value.boolean()) {
    out->is_true[row / 64] |= bit;
  }
}

class ByRow final : public Condition {
 public:
  ByRow(NodePtr node, RowsFrom from, std::string text)
      : node_(std::move(node)), from_(from), text_(std::move(text)) {}
  void Eval(Chunk& chunk, const Words& want, Masks* out) const override {
    Clear(out, chunk.words());
    RowEvaluator rows(*node_, from_, chunk);
    for (size_t w = 0; w < chunk.words(); ++w) {
      for (uint64_t rest = want[w]; rest != 0; rest &= rest - 1) {
        const size_t row = w * 64 + static_cast<size_t>(__builtin_ctzll(rest));
        SetRow(out, row, rows.At(row));
      }
    }
  }
  double cost() const override { return CostOf(from_); }
  std::string Describe(int indent) const override {
    return Line(indent, NameOf(from_) + text_, cost());
  }

 private:
  NodePtr node_;
  RowsFrom from_;
  std::string text_;
};

class NumberByRow final : public Number {
 public:
  NumberByRow(NodePtr node, RowsFrom from, std::string text)
      : node_(std::move(node)), from_(from), text_(std::move(text)) {}
  void Eval(Chunk& chunk, Numbers* out) const override {
    RowEvaluator rows(*node_, from_, chunk);
    Clear(out, chunk.words());
    for (size_t row = 0; row < chunk.rows; ++row) {
      const Value value = rows.At(row);
      const uint64_t bit = uint64_t{1} << (row % 64);
      switch (value.kind()) {
        case Kind::kDouble:
          out->doubles[row] = value.real();
          break;
        case Kind::kInt:
          out->integers[row] = value.integer();
          break;
        case Kind::kTimestamp:
        case Kind::kDuration:
          out->integers[row] = value.micros();
          break;
        case Kind::kNull:
          out->null[row / 64] |= bit;
          break;
        default:
          (IsNoValue(value) ? out->no_value : out->failed)[row / 64] |= bit;
      }
    }
  }
  std::string Describe() const override { return NameOf(from_) + text_; }

 private:
  NodePtr node_;
  RowsFrom from_;
  std::string text_;
};

}  // namespace

ConditionPtr MakeByRow(NodePtr node, RowsFrom from, std::string text) {
  return std::make_unique<ByRow>(std::move(node), from, std::move(text));
}

NumberPtr MakeNumberByRow(NodePtr node, RowsFrom from, NumberType type, std::string text) {
  auto number = std::make_unique<NumberByRow>(std::move(node), from, std::move(text));
  number->type = type;
  return number;
}

}  // namespace rondo::rules
