// Numbers over chunks of rows, and their comparisons.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "rules/masks.h"
#include "rules/operators.h"
#include "rules/time_text.h"
#include "rules/vector_nodes.h"

namespace rondo::rules {

void Clear(Numbers* out, size_t words) {
  std::fill_n(out->null.begin(), words, 0);
  std::fill_n(out->no_value.begin(), words, 0);
  std::fill_n(out->failed.begin(), words, 0);
}

namespace {

class ColumnNumber final : public Number {
 public:
  explicit ColumnNumber(Leaf leaf) : leaf_(std::move(leaf)) {}
  void Eval(Chunk& chunk, Numbers* out) const override {
    const ColumnView view = chunk.View(leaf_);
    Clear(out, chunk.words());
    for (size_t w = 0; w < chunk.words(); ++w) out->null[w] = ~ValidWord(view, chunk.first, w);
    if (view.kind == ColumnKind::kAbsent) return;
    if (view.kind == ColumnKind::kDouble) {
      if (view.width_bytes == 4) {
        Copy(static_cast<const float*>(view.data), chunk, out->doubles.data());
      } else {
        Copy(static_cast<const double*>(view.data), chunk, out->doubles.data());
      }
      return;
    }
    switch (view.width_bytes) {
      case 1:
        return Copy(static_cast<const int8_t*>(view.data), chunk, out->integers.data());
      case 2:
        return Copy(static_cast<const int16_t*>(view.data), chunk, out->integers.data());
      case 4:
        return Copy(static_cast<const int32_t*>(view.data), chunk, out->integers.data());
      default:
        return Copy(static_cast<const int64_t*>(view.data), chunk, out->integers.data());
    }
  }
  const Leaf* leaf() const override { return &leaf_; }
  std::string Describe() const override { return leaf_.symbol.name; }

 private:
  template <typename Stored, typename T>
  static void Copy(const Stored* from, const Chunk& chunk, T* to) {
    std::copy_n(from + chunk.first, chunk.rows, to);
  }

  Leaf leaf_;
};

class ConstantNumber final : public Number {
 public:
  void Eval(Chunk& chunk, Numbers* out) const override {
    Clear(out, chunk.words());
    if (type == NumberType::kDouble) {
      std::fill_n(out->doubles.begin(), chunk.rows, constant_double);
    } else {
      std::fill_n(out->integers.begin(), chunk.rows, constant_integer);
    }
  }
  bool is_constant() const override { return true; }
  std::string Describe() const override {
    return type == NumberType::kDouble ? absl::StrFormat("%g", constant_double)
                                       : absl::StrFormat("%d", constant_integer);
  }
};

class AggregateNumber final : public Number {
 public:
  AggregateNumber(std::shared_ptr<const Aggregate> aggregate, std::string text)
      : aggregate_(std::move(aggregate)), text_(std::move(text)) {}
  void Eval(Chunk& chunk, Numbers* out) const override {
    Clear(out, chunk.words());
    const auto from = static_cast<std::ptrdiff_t>(chunk.ordinal(0));
    if (type == NumberType::kDouble) {
      std::copy_n(aggregate_->doubles.begin() + from, chunk.rows, out->doubles.begin());
    } else {
      std::copy_n(aggregate_->integers.begin() + from, chunk.rows, out->integers.begin());
    }
    const auto masks = [&](const std::vector<uint64_t>& mask, Words* to) {
      if (!mask.empty()) std::copy_n(mask.begin() + from / 64, chunk.words(), to->begin());
    };
    masks(aggregate_->null, &out->null);
    masks(aggregate_->failed, &out->failed);
  }
  std::string Describe() const override { return "counters of " + text_; }

 private:
  std::shared_ptr<const Aggregate> aggregate_;
  std::string text_;
};

// How rows of an operator's result stand: failures first, the left operand's before the right's, as
// the row evaluator meets them; then nulls, which leave it without a value. The result is in `a`.
void CombineMasks(const Numbers& b, size_t words, Numbers* a) {
  for (size_t w = 0; w < words; ++w) {
    const uint64_t left = ~(a->no_value[w] | a->failed[w]);
    const uint64_t both = left & ~(b.no_value[w] | b.failed[w]);
    a->no_value[w] |= (left & b.no_value[w]) | (both & (a->null[w] | b.null[w]));
    a->failed[w] |= left & b.failed[w];
    a->null[w] = 0;
  }
}

bool IntegerOp(Op op, int64_t a, int64_t b, int64_t* out) {
  switch (op) {
    case Op::kAdd:
      return !__builtin_add_overflow(a, b, out);
    case Op::kSubtract:
      return !__builtin_sub_overflow(a, b, out);
    case Op::kMultiply:
      return !__builtin_mul_overflow(a, b, out);
    default:
      if (b == 0 || (b == -1 && a == std::numeric_limits<int64_t>::min())) return false;
      *out = op == Op::kDivide ? a / b : a % b;
      return true;
  }
}

void DoubleOps(Op op, size_t rows, double* a, const double* b) {
  const auto each = [&](const auto& apply) {
    for (size_t i = 0; i < rows; ++i) a[i] = apply(a[i], b[i]);
  };
  switch (op) {
    case Op::kAdd:
      return each([](double x, double y) { return x + y; });
    case Op::kSubtract:
      return each([](double x, double y) { return x - y; });
    case Op::kMultiply:
      return each([](double x, double y) { return x * y; });
    default:
      return each([](double x, double y) { return x / y; });
  }
}

bool InRange(NumberType type, int64_t micros) {
  constexpr int64_t kMicros = 1'000'000;
  if (type == NumberType::kTimestamp) {
    return micros >= kMinTimestampSeconds * kMicros &&
           micros < (kMaxTimestampSeconds + 1) * kMicros;
  }
  if (type == NumberType::kDuration) {
    return micros >= -kMaxDurationSeconds * kMicros && micros <= kMaxDurationSeconds * kMicros;
  }
  return true;
}

class ArithmeticNumber final : public Number {
 public:
  ArithmeticNumber(Op op, NumberPtr a, NumberPtr b) : op_(op), a_(std::move(a)), b_(std::move(b)) {}
  void Eval(Chunk& chunk, Numbers* out) const override {
    a_->Eval(chunk, out);
    const auto right = std::make_unique<Numbers>();
    b_->Eval(chunk, right.get());
    CombineMasks(*right, chunk.words(), out);
    if (type == NumberType::kDouble) {
      return DoubleOps(op_, chunk.rows, out->doubles.data(), right->doubles.data());
    }
    for (size_t i = 0; i < chunk.rows; ++i) {
      const uint64_t bit = uint64_t{1} << (i % 64);
      if (((out->no_value[i / 64] | out->failed[i / 64]) & bit) != 0) continue;
      int64_t& result = out->integers[i];
      if (!IntegerOp(op_, result, right->integers[i], &result) || !InRange(type, result)) {
        out->failed[i / 64] |= bit;
      }
    }
  }
  std::string Describe() const override {
    return absl::StrFormat("%s(%s, %s)", NameOf(op_), a_->Describe(), b_->Describe());
  }

 private:
  Op op_;
  NumberPtr a_, b_;
};

class NonZeroOr final : public Number {
 public:
  NonZeroOr(NumberPtr value, NumberPtr otherwise)
      : value_(std::move(value)), otherwise_(std::move(otherwise)) {}
  void Eval(Chunk& chunk, Numbers* out) const override {
    value_->Eval(chunk, out);
    const auto other = std::make_unique<Numbers>();
    otherwise_->Eval(chunk, other.get());
    for (size_t w = 0; w < chunk.words(); ++w) {
      const uint64_t has_answer = ~(out->no_value[w] | out->failed[w]);
      const uint64_t take = has_answer & (out->null[w] | Zeros(*out, w, chunk.rows));
      out->no_value[w] |= take & other->no_value[w];
      out->failed[w] |= take & other->failed[w];
      out->null[w] = take & other->null[w];
      for (uint64_t rest = take; rest != 0; rest &= rest - 1) {
        const size_t i = w * 64 + static_cast<size_t>(__builtin_ctzll(rest));
        out->integers[i] = other->integers[i];
        out->doubles[i] = other->doubles[i];
      }
    }
  }
  std::string Describe() const override {
    return absl::StrFormat("%s, else %s", value_->Describe(), otherwise_->Describe());
  }

 private:
  uint64_t Zeros(const Numbers& numbers, size_t word, size_t rows) const {
    const size_t first = word * 64;
    const size_t count = std::min<size_t>(64, rows - first);
    uint64_t zeros = 0;
    if (type == NumberType::kDouble) {
      CompareToConstant(Op::kEqual, &numbers.doubles[first], count, 0.0, &zeros);
    } else {
      CompareToConstant(Op::kEqual, &numbers.integers[first], count, int64_t{0}, &zeros);
    }
    return zeros;
  }

  NumberPtr value_, otherwise_;
};

class NullNumber final : public Number {
 public:
  void Eval(Chunk& chunk, Numbers* out) const override {
    Clear(out, chunk.words());
    std::fill_n(out->null.begin(), chunk.words(), ~uint64_t{0});
  }
  std::string Describe() const override { return "null"; }
};

class ConditionalNumber final : public Number {
 public:
  ConditionalNumber(ConditionPtr condition, NumberPtr then, NumberPtr otherwise)
      : condition_(std::move(condition)),
        then_(std::move(then)),
        otherwise_(std::move(otherwise)) {}
  void Eval(Chunk& chunk, Numbers* out) const override {
    Words all;
    all.fill(~uint64_t{0});
    if (chunk.rows % 64 != 0) all[chunk.words() - 1] = (uint64_t{1} << chunk.rows % 64) - 1;
    const auto masks = std::make_unique<Masks>();
    condition_->Eval(chunk, all, masks.get());
    then_->Eval(chunk, out);
    const auto other = std::make_unique<Numbers>();
    otherwise_->Eval(chunk, other.get());
    for (size_t w = 0; w < chunk.words(); ++w) {
      const uint64_t yes = masks->is_true[w];
      const uint64_t no = ~(yes | masks->no_value[w] | masks->failed[w]);
      out->null[w] = (out->null[w] & yes) | (other->null[w] & no);
      out->no_value[w] = (out->no_value[w] & yes) | (other->no_value[w] & no) | masks->no_value[w];
      out->failed[w] = (out->failed[w] & yes) | (other->failed[w] & no) | masks->failed[w];
      const uint64_t take = no & ~(out->null[w] | out->no_value[w] | out->failed[w]) & all[w];
      for (uint64_t rest = take; rest != 0; rest &= rest - 1) {
        const size_t i = w * 64 + static_cast<size_t>(__builtin_ctzll(rest));
        out->integers[i] = other->integers[i];
        out->doubles[i] = other->doubles[i];
      }
    }
  }
  std::string Describe() const override {
    return absl::StrFormat("either %s or %s", then_->Describe(), otherwise_->Describe());
  }

 private:
  ConditionPtr condition_;
  NumberPtr then_, otherwise_;
};

// Of a column and a constant, without a copy of the column.
void CompareColumn(Op op, const ColumnView& view, const Chunk& chunk, const Number& constant,
                   uint64_t* out) {
  const auto doubles = [&](const auto* data) {
    CompareToConstant(op, data + chunk.first, chunk.rows, constant.constant_double, out);
  };
  const auto integers = [&](const auto* data) {
    using Stored = std::remove_cvref_t<decltype(*data)>;
    const int64_t value = constant.constant_integer;
    const bool above = value > std::numeric_limits<Stored>::max();
    const bool below = value < std::numeric_limits<Stored>::min();
    if (!above && !below) {
      return CompareToConstant(op, data + chunk.first, chunk.rows, static_cast<Stored>(value), out);
    }
    // No stored value reaches the constant.
    const bool all = op == Op::kNotEqual || (above ? op == Op::kLess || op == Op::kLessEqual
                                                   : op == Op::kGreater || op == Op::kGreaterEqual);
    std::fill_n(out, chunk.words(), all ? ~uint64_t{0} : 0);
  };
  if (view.kind == ColumnKind::kDouble) {
    if (view.width_bytes == 8) return doubles(static_cast<const double*>(view.data));
    // Single precision is compared as double: 0.1f is not 0.1.
    std::array<double, kChunkRows> wide;
    std::copy_n(static_cast<const float*>(view.data) + chunk.first, chunk.rows, wide.begin());
    return CompareToConstant(op, wide.data(), chunk.rows, constant.constant_double, out);
  }
  switch (view.width_bytes) {
    case 1:
      return integers(static_cast<const int8_t*>(view.data));
    case 2:
      return integers(static_cast<const int16_t*>(view.data));
    case 4:
      return integers(static_cast<const int32_t*>(view.data));
    default:
      return integers(static_cast<const int64_t*>(view.data));
  }
}

class CompareCondition final : public Condition {
 public:
  CompareCondition(Op op, NumberPtr a, NumberPtr b, std::string text)
      : op_(op), a_(std::move(a)), b_(std::move(b)), text_(std::move(text)) {
    fast_ = a_->leaf() != nullptr && b_->is_constant();
  }
  void Eval(Chunk& chunk, const Words&, Masks* out) const override {
    if (fast_) return EvalColumn(chunk, out);
    const auto left = std::make_unique<Numbers>();
    const auto right = std::make_unique<Numbers>();
    a_->Eval(chunk, left.get());
    b_->Eval(chunk, right.get());
    if (a_->type == NumberType::kDouble) {
      CompareEach(op_, left->doubles.data(), right->doubles.data(), chunk.rows,
                  out->is_true.data());
    } else {
      CompareEach(op_, left->integers.data(), right->integers.data(), chunk.rows,
                  out->is_true.data());
    }
    for (size_t w = 0; w < chunk.words(); ++w) {
      const uint64_t a = left->null[w];
      const uint64_t b = right->null[w];
      // Null equals null only; orderings have no value for it.
      if (op_ == Op::kEqual) {
        out->is_true[w] = (out->is_true[w] & ~(a | b)) | (a & b);
      } else if (op_ == Op::kNotEqual) {
        out->is_true[w] = (out->is_true[w] & ~(a | b)) | (a ^ b);
      }
    }
    const bool equality = op_ == Op::kEqual || op_ == Op::kNotEqual;
    if (equality) {
      std::fill_n(left->null.begin(), chunk.words(), 0);
      std::fill_n(right->null.begin(), chunk.words(), 0);
    }
    CombineMasks(*right, chunk.words(), left.get());
    for (size_t w = 0; w < chunk.words(); ++w) {
      out->no_value[w] = left->no_value[w];
      out->failed[w] = left->failed[w];
      out->is_true[w] &= ~(left->no_value[w] | left->failed[w]);
    }
  }
  double cost() const override { return fast_ ? 0.2 : 5; }
  std::string Describe(int indent) const override {
    return Line(indent, (fast_ ? "column: " : "numbers: ") + text_, cost());
  }

 private:
  void EvalColumn(Chunk& chunk, Masks* out) const {
    const ColumnView view = chunk.View(*a_->leaf());
    Clear(out, chunk.words());
    if (view.kind != ColumnKind::kAbsent) {
      CompareColumn(op_, view, chunk, *b_, out->is_true.data());
    }
    for (size_t w = 0; w < chunk.words(); ++w) {
      const uint64_t valid = ValidWord(view, chunk.first, w);
      const bool equality = op_ == Op::kEqual || op_ == Op::kNotEqual;
      out->no_value[w] = equality ? 0 : ~valid;
      // `!= constant` holds for null too.
      out->is_true[w] = (out->is_true[w] & valid) | (op_ == Op::kNotEqual ? ~valid : 0);
    }
  }

  Op op_;
  NumberPtr a_, b_;
  std::string text_;
  bool fast_ = false;
};

class CountCompare final : public Condition {
 public:
  CountCompare(Op op, std::shared_ptr<const EventCounts> counts, uint8_t constant, std::string text)
      : op_(op), counts_(std::move(counts)), constant_(constant), text_(std::move(text)) {}
  void Eval(Chunk& chunk, const Words&, Masks* out) const override {
    Clear(out, chunk.words());
    const size_t first = chunk.ordinal(0);
    CompareToConstant(op_, counts_->counters.data() + first, chunk.rows, constant_,
                      out->is_true.data());
    for (size_t w = 0; w < chunk.words(); ++w) {
      out->failed[w] = counts_->failed[first / 64 + w];
      out->is_true[w] &= ~out->failed[w];
    }
  }
  double cost() const override { return 0.1; }
  std::string Describe(int indent) const override {
    return Line(indent, "counters: " + text_, cost());
  }

 private:
  Op op_;
  std::shared_ptr<const EventCounts> counts_;
  uint8_t constant_;
  std::string text_;
};

template <typename T>
NumberPtr Typed(std::unique_ptr<T> number, NumberType type) {
  number->type = type;
  return number;
}

}  // namespace

NumberPtr MakeColumnNumber(Leaf leaf, NumberType type) {
  return Typed(std::make_unique<ColumnNumber>(std::move(leaf)), type);
}

NumberPtr MakeConstantNumber(NumberType type, int64_t integer, double real) {
  auto number = std::make_unique<ConstantNumber>();
  number->constant_integer = integer;
  number->constant_double = real;
  return Typed(std::move(number), type);
}

NumberPtr MakeArithmetic(Op op, NumberType type, NumberPtr a, NumberPtr b) {
  return Typed(std::make_unique<ArithmeticNumber>(op, std::move(a), std::move(b)), type);
}

NumberPtr MakeNullNumber(NumberType type) { return Typed(std::make_unique<NullNumber>(), type); }

NumberPtr MakeConditionalNumber(ConditionPtr condition, NumberPtr then, NumberPtr otherwise) {
  const NumberType type = then->type;
  return Typed(std::make_unique<ConditionalNumber>(std::move(condition), std::move(then),
                                                   std::move(otherwise)),
               type);
}

NumberPtr MakeNonZeroOr(NumberPtr value, NumberPtr otherwise) {
  const NumberType type = value->type;
  return Typed(std::make_unique<NonZeroOr>(std::move(value), std::move(otherwise)), type);
}

NumberPtr MakeAggregateNumber(std::shared_ptr<const Aggregate> aggregate, NumberType type,
                              std::string text) {
  return Typed(std::make_unique<AggregateNumber>(std::move(aggregate), std::move(text)), type);
}

ConditionPtr MakeCountCompare(Op op, std::shared_ptr<const EventCounts> counts, uint8_t constant,
                              std::string text) {
  return std::make_unique<CountCompare>(op, std::move(counts), constant, std::move(text));
}

ConditionPtr MakeCompare(Op op, NumberPtr a, NumberPtr b, std::string text) {
  return std::make_unique<CompareCondition>(op, std::move(a), std::move(b), std::move(text));
}

}  // namespace rondo::rules
