// Numbers over chunks of rows, and their comparisons.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "rules/operators.h"
#include "rules/time_text.h"
#include "rules/vector_nodes.h"

namespace rondo::rules {
namespace {

template <typename T>
bool Holds(Op op, T a, T b) {
  switch (op) {
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    case Op::kGreaterEqual:
      return a >= b;
    case Op::kEqual:
      return a == b;
    default:
      return a != b;
  }
}

class ColumnNumber final : public Number {
 public:
  explicit ColumnNumber(Leaf leaf) : leaf_(std::move(leaf)) {}
  void Eval(Chunk& chunk, Numbers* out) const override {
    const ColumnView view = chunk.View(leaf_);
    for (size_t i = 0; i < chunk.rows; ++i) {
      const Value value = ValueAt(view, chunk.first + i);
      out->states[i] = value.is_null() ? kIsNull : kHasValue;
      if (value.is_null()) continue;
      if (value.is(Kind::kDouble)) {
        out->doubles[i] = value.real();
      } else {
        out->integers[i] = value.is(Kind::kTimestamp) ? value.micros() : value.integer();
      }
    }
  }
  const Leaf* leaf() const override { return &leaf_; }
  std::string Describe() const override { return leaf_.symbol.name; }

 private:
  Leaf leaf_;
};

class ConstantNumber final : public Number {
 public:
  void Eval(Chunk& chunk, Numbers* out) const override {
    std::fill_n(out->integers.begin(), chunk.rows, constant_integer);
    std::fill_n(out->doubles.begin(), chunk.rows, constant_double);
    std::fill_n(out->states.begin(), chunk.rows, kHasValue);
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
    const size_t from = chunk.ordinal(0);
    if (type == NumberType::kDouble) {
      std::copy_n(&aggregate_->doubles[from], chunk.rows, out->doubles.begin());
    } else {
      std::copy_n(&aggregate_->integers[from], chunk.rows, out->integers.begin());
    }
    std::copy_n(&aggregate_->states[from], chunk.rows, out->states.begin());
  }
  std::string Describe() const override { return "counters of " + text_; }

 private:
  std::shared_ptr<const Aggregate> aggregate_;
  std::string text_;
};

// The state of an operator's result: failures first, the left before the right, as the row
// evaluator meets them; then nulls.
uint8_t Combined(uint8_t a, uint8_t b) {
  if (a >= kHasNoValue) return a;
  if (b >= kHasNoValue) return b;
  return a == kIsNull || b == kIsNull ? kHasNoValue : kHasValue;
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

double DoubleOp(Op op, double a, double b) {
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSubtract:
      return a - b;
    case Op::kMultiply:
      return a * b;
    default:
      return a / b;
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
    for (size_t i = 0; i < chunk.rows; ++i) {
      uint8_t state = Combined(out->states[i], right->states[i]);
      if (state == kHasValue) {
        if (type == NumberType::kDouble) {
          out->doubles[i] = DoubleOp(op_, out->doubles[i], right->doubles[i]);
        } else {
          const bool ok = IntegerOp(op_, out->integers[i], right->integers[i], &out->integers[i]) &&
                          InRange(type, out->integers[i]);
          state = ok ? kHasValue : kHasFailed;
        }
      }
      out->states[i] = state;
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
    for (size_t i = 0; i < chunk.rows; ++i) {
      const bool zero = type == NumberType::kDouble ? out->doubles[i] == 0 : out->integers[i] == 0;
      // What a failure is, the alternative's too, both sides say: the row evaluator asks both.
      if (out->states[i] >= kHasNoValue) continue;
      if (other->states[i] >= kHasNoValue) {
        out->states[i] = other->states[i];
      } else if (out->states[i] == kIsNull || zero) {
        out->states[i] = other->states[i];
        out->integers[i] = other->integers[i];
        out->doubles[i] = other->doubles[i];
      }
    }
  }
  std::string Describe() const override {
    return absl::StrFormat("%s, else %s", value_->Describe(), otherwise_->Describe());
  }

 private:
  NumberPtr value_, otherwise_;
};

class CompareCondition final : public Condition {
 public:
  CompareCondition(Op op, NumberPtr a, NumberPtr b, std::string text)
      : op_(op), a_(std::move(a)), b_(std::move(b)), text_(std::move(text)) {
    fast_ = a_->leaf() != nullptr && b_->is_constant();
  }
  void Eval(Chunk& chunk, const Words& want, Masks* out) const override {
    if (fast_) return EvalColumn(chunk, want, out);
    const auto left = std::make_unique<Numbers>();
    const auto right = std::make_unique<Numbers>();
    a_->Eval(chunk, left.get());
    b_->Eval(chunk, right.get());
    for (size_t w = 0; w < chunk.words(); ++w) {
      out->is_true[w] = out->no_value[w] = out->failed[w] = 0;
      for (uint64_t rest = want[w]; rest != 0; rest &= rest - 1) {
        const auto bit = static_cast<size_t>(__builtin_ctzll(rest));
        const size_t i = w * 64 + bit;
        if (i < chunk.rows) Row(*left, *right, i, out);
      }
    }
  }
  double cost() const override { return fast_ ? 0.5 : 10; }
  std::string Describe(int indent) const override {
    return absl::StrFormat("%s%s: %s  (%.1f ns a row)\n",
                           std::string(static_cast<size_t>(indent) * 2, ' '),
                           fast_ ? "column" : "numbers", text_, cost());
  }

 private:
  void Row(const Numbers& left, const Numbers& right, size_t i, Masks* out) const {
    const uint64_t bit = uint64_t{1} << (i % 64);
    const uint8_t a = left.states[i];
    const uint8_t b = right.states[i];
    const bool equality = op_ == Op::kEqual || op_ == Op::kNotEqual;
    if (equality && a <= kIsNull && b <= kIsNull && (a == kIsNull || b == kIsNull)) {
      // Null equals null only.
      if ((a == b) == (op_ == Op::kEqual)) out->is_true[i / 64] |= bit;
      return;
    }
    const uint8_t state = Combined(a, b);
    if (state == kHasNoValue) {
      out->no_value[i / 64] |= bit;
    } else if (state == kHasFailed) {
      out->failed[i / 64] |= bit;
    } else if (a_->type == NumberType::kDouble ? Holds(op_, left.doubles[i], right.doubles[i])
                                               : Holds(op_, left.integers[i], right.integers[i])) {
      out->is_true[i / 64] |= bit;
    }
  }

  void EvalColumn(Chunk& chunk, const Words& want, Masks* out) const {
    const ColumnView view = chunk.View(*a_->leaf());
    for (size_t w = 0; w < chunk.words(); ++w) {
      const uint64_t valid = ValidWord(view, chunk.first, w);
      const size_t rows = std::min<size_t>(64, chunk.rows - w * 64);
      const uint64_t found =
          (want[w] & valid) == 0 ? 0 : Word(view, chunk.first + w * 64, rows) & valid;
      out->failed[w] = 0;
      const bool equality = op_ == Op::kEqual || op_ == Op::kNotEqual;
      out->no_value[w] = equality ? 0 : ~valid;
      // `!= constant` holds for null too.
      out->is_true[w] = found | (op_ == Op::kNotEqual ? ~valid : 0);
    }
  }
  uint64_t Word(const ColumnView& view, size_t at, size_t rows) const {
    if (view.kind == ColumnKind::kDouble) {
      if (view.width_bytes == 4) return Bits<float, double>(view, at, rows, b_->constant_double);
      return Bits<double, double>(view, at, rows, b_->constant_double);
    }
    switch (view.width_bytes) {
      case 1:
        return Bits<int8_t, int64_t>(view, at, rows, b_->constant_integer);
      case 2:
        return Bits<int16_t, int64_t>(view, at, rows, b_->constant_integer);
      case 4:
        return Bits<int32_t, int64_t>(view, at, rows, b_->constant_integer);
      default:
        return Bits<int64_t, int64_t>(view, at, rows, b_->constant_integer);
    }
  }
  template <typename Stored, typename T>
  uint64_t Bits(const ColumnView& view, size_t at, size_t rows, T constant) const {
    const auto* data = static_cast<const Stored*>(view.data) + at;
    switch (op_) {
      case Op::kLess:
        return Loop<Op::kLess>(data, rows, constant);
      case Op::kLessEqual:
        return Loop<Op::kLessEqual>(data, rows, constant);
      case Op::kGreater:
        return Loop<Op::kGreater>(data, rows, constant);
      case Op::kGreaterEqual:
        return Loop<Op::kGreaterEqual>(data, rows, constant);
      case Op::kEqual:
        return Loop<Op::kEqual>(data, rows, constant);
      default:
        return Loop<Op::kNotEqual>(data, rows, constant);
    }
  }
  template <Op kOp, typename Stored, typename T>
  static uint64_t Loop(const Stored* data, size_t rows, T constant) {
    uint64_t bits = 0;
    for (size_t i = 0; i < rows; ++i) {
      bits |= static_cast<uint64_t>(Holds<T>(kOp, static_cast<T>(data[i]), constant)) << i;
    }
    return bits;
  }

  Op op_;
  NumberPtr a_, b_;
  std::string text_;
  bool fast_ = false;
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

NumberPtr MakeNonZeroOr(NumberPtr value, NumberPtr otherwise) {
  const NumberType type = value->type;
  return Typed(std::make_unique<NonZeroOr>(std::move(value), std::move(otherwise)), type);
}

NumberPtr MakeAggregateNumber(std::shared_ptr<const Aggregate> aggregate, NumberType type,
                              std::string text) {
  return Typed(std::make_unique<AggregateNumber>(std::move(aggregate), std::move(text)), type);
}

ConditionPtr MakeCompare(Op op, NumberPtr a, NumberPtr b, std::string text) {
  return std::make_unique<CompareCondition>(op, std::move(a), std::move(b), std::move(text));
}

}  // namespace rondo::rules
