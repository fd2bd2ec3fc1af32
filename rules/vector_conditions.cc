// Conditions over chunks of rows.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rules/masks.h"
#include "rules/vector_nodes.h"

namespace rondo::rules {

RowState StateOf(const Value& value) {
  if (IsNoValue(value) || value.is_null()) return kHasNoValue;
  return value.is_error() || !value.is(Kind::kBool) ? kHasFailed : kHasValue;
}

void Clear(Masks* out, size_t words) {
  std::fill_n(out->is_true.begin(), words, 0);
  std::fill_n(out->no_value.begin(), words, 0);
  std::fill_n(out->failed.begin(), words, 0);
}

std::string Line(int indent, std::string_view text, double cost) {
  return absl::StrFormat("%s%s  (%.1f ns a row)\n",
                         std::string(static_cast<size_t>(indent) * 2, ' '), text, cost);
}

namespace {

class Logic final : public Condition {
 public:
  Logic(bool decisive, std::vector<ConditionPtr> parts)
      : decisive_(decisive), parts_(std::move(parts)) {
    std::ranges::stable_sort(parts_, {}, [](const ConditionPtr& part) { return part->cost(); });
  }
  void Eval(Chunk& chunk, const Words& want, Masks* out) const override {
    const size_t words = chunk.words();
    Words open = want;
    Words no_value{};
    Words failed{};
    Masks part;
    for (const ConditionPtr& condition : parts_) {
      uint64_t any = 0;
      for (size_t w = 0; w < words; ++w) any |= open[w];
      if (any == 0) break;
      condition->Eval(chunk, open, &part);
      for (size_t w = 0; w < words; ++w) {
        const uint64_t is_false = ~(part.is_true[w] | part.no_value[w] | part.failed[w]);
        no_value[w] |= part.no_value[w];
        failed[w] |= part.failed[w];
        open[w] &= ~(decisive_ ? part.is_true[w] : is_false);
      }
    }
    for (size_t w = 0; w < words; ++w) {
      const uint64_t decided = want[w] & ~open[w];
      out->failed[w] = failed[w] & open[w];
      out->no_value[w] = no_value[w] & open[w] & ~failed[w];
      out->is_true[w] = decisive_ ? decided : open[w] & ~failed[w] & ~no_value[w];
    }
  }
  double cost() const override {
    double sum = 0;
    for (const ConditionPtr& part : parts_) sum += part->cost();
    return sum;
  }
  std::string Describe(int indent) const override {
    std::string out = Line(indent, decisive_ ? "any of" : "all of", cost());
    for (const ConditionPtr& part : parts_) out += part->Describe(indent + 1);
    return out;
  }

 private:
  bool decisive_;
  std::vector<ConditionPtr> parts_;
};

class Not final : public Condition {
 public:
  explicit Not(ConditionPtr part) : part_(std::move(part)) {}
  void Eval(Chunk& chunk, const Words& want, Masks* out) const override {
    part_->Eval(chunk, want, out);
    for (size_t w = 0; w < chunk.words(); ++w) {
      out->is_true[w] = want[w] & ~(out->is_true[w] | out->no_value[w] | out->failed[w]);
    }
  }
  double cost() const override { return part_->cost(); }
  std::string Describe(int indent) const override {
    return Line(indent, "not", cost()) + part_->Describe(indent + 1);
  }

 private:
  ConditionPtr part_;
};

class Constant final : public Condition {
 public:
  explicit Constant(const Value& value) : state_(StateOf(value)), is_true_(value.is_true()) {}
  void Eval(Chunk& chunk, const Words& want, Masks* out) const override {
    for (size_t w = 0; w < chunk.words(); ++w) {
      out->is_true[w] = is_true_ ? want[w] : 0;
      out->no_value[w] = state_ == kHasNoValue ? want[w] : 0;
      out->failed[w] = state_ == kHasFailed ? want[w] : 0;
    }
  }
  double cost() const override { return 0; }
  std::string Describe(int indent) const override {
    const char* text = state_ == kHasFailed ? "always fails" : is_true_ ? "always" : "never";
    return Line(indent, text, 0);
  }

 private:
  RowState state_;
  bool is_true_;
};

class Segment final : public Condition {
 public:
  explicit Segment(Symbol symbol) : symbol_(std::move(symbol)) {}
  void Eval(Chunk& chunk, const Words&, Masks* out) const override {
    const uint64_t* members = chunk.columns->Segment(symbol_, chunk.block);
    Clear(out, chunk.words());
    if (members == nullptr) return;
    std::copy_n(members + chunk.first / 64, chunk.words(), out->is_true.begin());
  }
  double cost() const override { return 0.01; }
  std::string Describe(int indent) const override {
    return Line(indent, "bitmap of segment " + symbol_.name, cost());
  }

 private:
  Symbol symbol_;
};

class Flags final : public Condition {
 public:
  Flags(std::shared_ptr<const Aggregate> flags, MissingRank missing, std::string text)
      : flags_(std::move(flags)), missing_(missing), text_(std::move(text)) {}
  void Eval(Chunk& chunk, const Words&, Masks* out) const override {
    Clear(out, chunk.words());
    const size_t first = chunk.ordinal(0) / 64;
    std::copy_n(flags_->bits.begin() + static_cast<std::ptrdiff_t>(first), chunk.words(),
                out->is_true.begin());
    if (missing_ == MissingRank::kNoValue) {
      std::copy_n(flags_->null.begin() + static_cast<std::ptrdiff_t>(first), chunk.words(),
                  out->no_value.begin());
    }
    if (flags_->failed.empty()) return;
    std::copy_n(flags_->failed.begin() + static_cast<std::ptrdiff_t>(first), chunk.words(),
                out->failed.begin());
  }
  double cost() const override { return 0.01; }
  std::string Describe(int indent) const override { return Line(indent, text_, cost()); }

 private:
  std::shared_ptr<const Aggregate> flags_;
  MissingRank missing_;
  std::string text_;
};

class ByCode final : public Condition {
 public:
  ByCode(Leaf leaf, const std::vector<Value>& by_code, const Value& for_null, std::string text)
      : leaf_(std::move(leaf)), text_(std::move(text)), null_(StateBits(for_null)) {
    for (const Value& value : by_code) answers_.push_back(StateBits(value));
    answers_.resize(std::max<size_t>(answers_.size(), 2), 0);
    size_t answered = 0;
    for (size_t code = 0; code < answers_.size(); ++code) {
      if (answers_[code] == 0) continue;
      ++answered;
      only_ = static_cast<int64_t>(code);
      plain_ = plain_ && answers_[code] == kTrue;
      if (code < 256 && (answers_[code] & kTrue) != 0) true_codes_.Add(static_cast<uint8_t>(code));
    }
    if (answered != 1 || !plain_) only_ = -1;
  }
  void Eval(Chunk& chunk, const Words& want, Masks* out) const override {
    const ColumnView view = chunk.View(leaf_);
    if (view.kind == ColumnKind::kBool) {
      const auto* words = static_cast<const uint64_t*>(view.data) + chunk.first / 64;
      for (size_t w = 0; w < chunk.words(); ++w) {
        const uint64_t valid = ValidWord(view, chunk.first, w);
        Put(out, w, valid & words[w], valid & ~words[w], ~valid);
      }
      return;
    }
    Clear(out, chunk.words());
    if (view.kind != ColumnKind::kAbsent) {
      if (view.width_bytes == 1) {
        const auto* codes = static_cast<const uint8_t*>(view.data) + chunk.first;
        if (plain_) {
          MatchCodes(true_codes_, codes, chunk.rows, out->is_true.data());
        } else {
          LookUp(codes, chunk, want, out);
        }
      } else if (view.width_bytes == 2) {
        LookUp(static_cast<const uint16_t*>(view.data) + chunk.first, chunk, want, out);
      } else {
        LookUp(static_cast<const uint32_t*>(view.data) + chunk.first, chunk, want, out);
      }
    }
    for (size_t w = 0; w < chunk.words(); ++w) {
      const uint64_t valid = ValidWord(view, chunk.first, w);
      out->is_true[w] = (out->is_true[w] & valid) | ((null_ & kTrue) != 0 ? ~valid : 0);
      out->no_value[w] = (out->no_value[w] & valid) | ((null_ & kNone) != 0 ? ~valid : 0);
      out->failed[w] = (out->failed[w] & valid) | ((null_ & kFailed) != 0 ? ~valid : 0);
    }
  }
  double cost() const override { return plain_ ? 0.1 : 0.8; }
  std::string Describe(int indent) const override {
    return Line(indent, absl::StrFormat("by code: %s", text_), cost());
  }

 private:
  enum Answer : uint8_t { kTrue = 1, kNone = 2, kFailed = 4 };
  static uint8_t StateBits(const Value& value) {
    switch (StateOf(value)) {
      case kHasNoValue:
        return kNone;
      case kHasFailed:
        return kFailed;
      default:
        return value.boolean() ? kTrue : 0;
    }
  }
  void Put(Masks* out, size_t w, uint64_t ones, uint64_t zeros, uint64_t nulls) const {
    const auto pick = [&](uint8_t bit) {
      return ((answers_[1] & bit) != 0 ? ones : 0) | ((answers_[0] & bit) != 0 ? zeros : 0) |
             ((null_ & bit) != 0 ? nulls : 0);
    };
    out->is_true[w] = pick(kTrue);
    out->no_value[w] = pick(kNone);
    out->failed[w] = pick(kFailed);
  }
  template <typename Code>
  void LookUp(const Code* codes, const Chunk& chunk, const Words& want, Masks* out) const {
    using Signed = std::make_signed_t<Code>;
    if constexpr (sizeof(Code) > 1) {
      if (only_ >= 0) {
        CompareToConstant(Op::kEqual, reinterpret_cast<const Signed*>(codes), chunk.rows,
                          static_cast<Signed>(only_), out->is_true.data());
        return;
      }
    }
    for (size_t w = 0; w < chunk.words(); ++w) {
      if (want[w] == 0) continue;
      const size_t rows = std::min<size_t>(64, chunk.rows - w * 64);
      for (size_t i = 0; i < rows; ++i) {
        const size_t code = codes[w * 64 + i];
        // Codes of null rows may be anything.
        const uint64_t bits = code < answers_.size() ? answers_[code] : 0;
        out->is_true[w] |= (bits & kTrue) << i;
        out->no_value[w] |= (bits >> 1 & 1) << i;
        out->failed[w] |= (bits >> 2) << i;
      }
    }
  }

  Leaf leaf_;
  std::string text_;
  uint8_t null_;
  std::vector<uint8_t> answers_;
  CodeSet true_codes_;
  bool plain_ = true;  // No code's answer is anything but true or false.
  int64_t only_ = -1;  // The one code that is true, when all others are false.
};

}  // namespace

ColumnView Chunk::View(const Leaf& leaf) const {
  switch (leaf.kind) {
    case LeafKind::kAttribute:
      return columns->Attribute(leaf.symbol, block);
    case LeafKind::kSignal:
      return columns->Signal(leaf.symbol, block);
    case LeafKind::kField: {
      const auto index = static_cast<size_t>(leaf.symbol.index);
      return index < events->fields.size() ? events->fields[index] : ColumnView();
    }
    case LeafKind::kEventTime:
      return {.kind = ColumnKind::kTimestamp,
              .width_bytes = 8,
              .data = events->times_micros,
              .validity = nullptr,
              .dictionary = nullptr};
  }
  return {};
}

Value ValueAt(const ColumnView& view, size_t i) {
  const bool absent = view.kind == ColumnKind::kNone || view.kind == ColumnKind::kAbsent;
  if (absent || (view.validity != nullptr && !BitAt(view.validity, i))) return Value::Null();
  const auto integer = [&]() -> int64_t {
    switch (view.width_bytes) {
      case 1:
        return static_cast<const int8_t*>(view.data)[i];
      case 2:
        return static_cast<const int16_t*>(view.data)[i];
      case 4:
        return static_cast<const int32_t*>(view.data)[i];
      default:
        return static_cast<const int64_t*>(view.data)[i];
    }
  };
  switch (view.kind) {
    case ColumnKind::kCode: {
      const uint64_t mask = view.width_bytes == 1   ? 0xFF
                            : view.width_bytes == 2 ? 0xFFFF
                                                    : 0xFFFFFFFF;
      return Value::String(view.dictionary->At(static_cast<uint64_t>(integer()) & mask));
    }
    case ColumnKind::kInt:
      return Value::Int(integer());
    case ColumnKind::kDouble:
      return Value::Double(view.width_bytes == 4 ? static_cast<const float*>(view.data)[i]
                                                 : static_cast<const double*>(view.data)[i]);
    case ColumnKind::kBool:
      return Value::Bool(BitAt(static_cast<const uint64_t*>(view.data), i));
    case ColumnKind::kTimestamp:
      return Value::TimestampMicros(integer());
    case ColumnKind::kGeoPoint:
      return UnpackGeoPoint(integer());
    default:
      return Value::Null();
  }
}

ConditionPtr MakeLogic(bool decisive, std::vector<ConditionPtr> parts) {
  return std::make_unique<Logic>(decisive, std::move(parts));
}
ConditionPtr MakeNot(ConditionPtr part) { return std::make_unique<Not>(std::move(part)); }
ConditionPtr MakeConstant(const Value& value) { return std::make_unique<Constant>(value); }
ConditionPtr MakeSegment(Symbol symbol) { return std::make_unique<Segment>(std::move(symbol)); }
ConditionPtr MakeByCode(Leaf leaf, const std::vector<Value>& by_code, const Value& for_null,
                        std::string text) {
  return std::make_unique<ByCode>(std::move(leaf), by_code, for_null, std::move(text));
}
ConditionPtr MakeFlags(std::shared_ptr<const Aggregate> flags, MissingRank missing,
                       std::string text) {
  return std::make_unique<Flags>(std::move(flags), missing, std::move(text));
}

}  // namespace rondo::rules
