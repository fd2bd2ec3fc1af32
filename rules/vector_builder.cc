#include "rules/vector_builder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rules/node.h"
#include "rules/operators.h"
#include "rules/unparser.h"

namespace rondo::rules {
namespace {

// A dictionary larger than this is evaluated by code only if it has no more codes than rows.
constexpr size_t kDictionaryAlways = 4096;

// A row, and an event, where one leaf has a given value and everything else is null.
class ProbeRow final : public Row, public EventSource {
 public:
  ProbeRow(const Leaf* leaf, const Value& value) : leaf_(leaf), value_(value) {}
  Value Attribute(const Symbol& attribute, Arena&) const override {
    return Get({LeafKind::kAttribute, attribute});
  }
  Value Signal(const Symbol& signal, Arena&) const override {
    return Get({LeafKind::kSignal, signal});
  }
  const EventSource* Events(const Symbol&) const override { return nullptr; }
  bool InSegment(const Symbol&) const override { return false; }
  size_t size() const override { return 1; }
  int64_t TimeMicros(size_t) const override { return 0; }
  Value Field(size_t, const Symbol& field, Arena&) const override {
    return Get({LeafKind::kField, field});
  }

 private:
  Value Get(const Leaf& leaf) const {
    return leaf_ != nullptr && leaf == *leaf_ ? value_ : Value::Null();
  }
  const Leaf* leaf_;
  Value value_;
};

std::optional<NumberType> NumberTypeOf(const Type& type) {
  switch (type.kind) {
    case TypeKind::kInt:
      return NumberType::kInt;
    case TypeKind::kDouble:
      return NumberType::kDouble;
    case TypeKind::kTimestamp:
      return NumberType::kTimestamp;
    case TypeKind::kDuration:
      return NumberType::kDuration;
    default:
      return std::nullopt;
  }
}

bool Fits(ColumnKind kind, const Type& type) {
  switch (kind) {
    case ColumnKind::kAbsent:
      return true;
    case ColumnKind::kCode:
      return type.is(TypeKind::kString);
    case ColumnKind::kInt:
      return type.is(TypeKind::kInt);
    case ColumnKind::kDouble:
      return type.is(TypeKind::kDouble);
    case ColumnKind::kBool:
      return type.is(TypeKind::kBool);
    case ColumnKind::kTimestamp:
      return type.is(TypeKind::kTimestamp);
    case ColumnKind::kGeoPoint:
      return type.is(TypeKind::kGeoPoint);
    case ColumnKind::kNone:
      return false;
  }
  return false;
}

bool IsComparison(Op op) { return op >= Op::kEqual && op <= Op::kGreaterEqual; }
bool IsArithmetic(Op op) { return op >= Op::kAdd && op <= Op::kModulo; }

}  // namespace

std::optional<Leaf> VectorBuilder::LeafOf(const Expr& written) const {
  const Expr& expr = Meaning(written);
  if (!scope_) {
    if (expr.target == Target::kAttribute) return Leaf{LeafKind::kAttribute, expr.symbol};
    if (expr.target == Target::kSignal) return Leaf{LeafKind::kSignal, expr.symbol};
    return std::nullopt;
  }
  const bool field = expr.target == Target::kEventField && expr.args[0]->target == Target::kLocal &&
                     expr.args[0]->slot == scope_->slot && !expr.optional;
  if (!field) return std::nullopt;
  return Leaf{expr.symbol.index < 0 ? LeafKind::kEventTime : LeafKind::kField, expr.symbol};
}

VectorBuilder::Reads VectorBuilder::ReadsOf(const Expr& written) const {
  const Expr& expr = Meaning(written);
  Reads reads;
  if (std::optional<Leaf> leaf = LeafOf(expr)) {
    reads.leaves.push_back(*std::move(leaf));
    return reads;
  }
  switch (expr.target) {
    case Target::kSegment:
      reads.segments = true;
      reads.other = scope_.has_value();
      return reads;
    case Target::kEvents:
    case Target::kVariable:
    case Target::kBoundEvent:
    case Target::kAttribute:
    case Target::kSignal:
    case Target::kRank:
      reads.other = true;
      return reads;
    case Target::kLocal:
      // The event itself, other than for a field.
      reads.other = scope_ && expr.slot == scope_->slot;
      break;
    default:
      break;
  }
  for (const ExprPtr& arg : expr.args) {
    Reads below = ReadsOf(*arg);
    reads.other = reads.other || below.other;
    reads.segments = reads.segments || below.segments;
    for (Leaf& leaf : below.leaves) {
      if (std::ranges::find(reads.leaves, leaf) == reads.leaves.end()) {
        reads.leaves.push_back(std::move(leaf));
      }
    }
  }
  return reads;
}

const Type& VectorBuilder::TypeOf(const Leaf& leaf) const {
  static const Type kTime = Type::Timestamp();
  const auto index = static_cast<size_t>(std::max(leaf.symbol.index, 0));
  switch (leaf.kind) {
    case LeafKind::kAttribute:
      return environment_.attributes()[index].type;
    case LeafKind::kSignal:
      return environment_.signals()[index].type;
    case LeafKind::kField:
      return scope_->type->fields[index].type;
    case LeafKind::kEventTime:
      break;
  }
  return kTime;
}

ColumnView VectorBuilder::ViewOf(const Leaf& leaf) const {
  Chunk chunk;
  chunk.columns = &columns_;
  chunk.events = scope_ ? scope_->block : nullptr;
  const ColumnView view = chunk.View(leaf);
  return Fits(view.kind, TypeOf(leaf)) ? view : ColumnView();
}

Value VectorBuilder::Probe(const Node& node, const Leaf* leaf, const Value& value) {
  const ProbeRow row(leaf, value);
  Frame frame{.arena = arena_, .limits = environment_.limits(), .row = &row, .event = {}};
  frame.now = now_;
  frame.steps = environment_.limits().steps;
  frame.locals = arena_.NewArray<Value>(static_cast<size_t>(local_slots_) + 1);
  if (scope_) frame.locals[scope_->slot] = Value::Event(&row, 0);
  return node.Eval(frame);
}

ConditionPtr VectorBuilder::Build(const Expr& written) {
  const Expr& expr = Meaning(written);
  if (expr.kind == ExprKind::kCall && (expr.op == Op::kAnd || expr.op == Op::kOr)) {
    std::vector<ConditionPtr> parts;
    for (const ExprPtr& arg : expr.args) {
      parts.push_back(Build(*arg));
      if (parts.back() == nullptr) return nullptr;
    }
    return MakeLogic(expr.op == Op::kOr, std::move(parts));
  }
  if (expr.kind == ExprKind::kCall && expr.op == Op::kNot) {
    ConditionPtr part = Build(*expr.args[0]);
    return part == nullptr ? nullptr : MakeNot(std::move(part));
  }
  if (expr.target == Target::kSegment && !scope_) return MakeSegment(expr.symbol);
  if (expr.target == Target::kRank) {
    return MakeFlags(RanksOf(expr), MissingRank::kFalse, Unparse(expr));
  }
  const Reads reads = ReadsOf(expr);
  if (!reads.other && !reads.segments && reads.leaves.empty()) {
    return MakeConstant(Probe(*NodeBuilder(environment_, arena_).Build(expr), nullptr, Value()));
  }
  if (!reads.other && !reads.segments && reads.leaves.size() == 1) {
    if (ConditionPtr condition = BuildLeafCondition(expr, reads.leaves[0])) return condition;
  }
  if (expr.kind == ExprKind::kCall && IsComparison(expr.op)) {
    if (ConditionPtr condition = BuildCompare(expr)) return condition;
  }
  if (scope_) return nullptr;
  return MakeByRow(NodeBuilder(environment_, arena_).Build(expr), RowsOf(reads), Unparse(written));
}

RowsFrom VectorBuilder::RowsOf(const Reads& reads) const {
  const bool columns = !reads.other && std::ranges::all_of(reads.leaves, [&](const Leaf& leaf) {
    return ViewOf(leaf).kind != ColumnKind::kNone;
  });
  return columns ? RowsFrom::kColumns : RowsFrom::kMoveTo;
}

std::shared_ptr<const Aggregate> VectorBuilder::RanksOf(const Expr& call) const {
  if (ranks_ == nullptr) return nullptr;
  return ranks_->at(static_cast<size_t>(call.symbol.index)).values;
}

NumberPtr VectorBuilder::BuildRanked(const Expr& expr) {
  if (NumberPtr number = BuildNumber(expr)) return number;
  return MakeNumberByRow(NodeBuilder(environment_, arena_).Build(expr), RowsOf(ReadsOf(expr)),
                         *NumberTypeOf(expr.type), Unparse(expr));
}

ConditionPtr VectorBuilder::BuildLeafCondition(const Expr& expr, const Leaf& leaf) {
  const ColumnView view = ViewOf(leaf);
  const bool by_code = view.kind == ColumnKind::kCode || view.kind == ColumnKind::kBool ||
                       view.kind == ColumnKind::kAbsent;
  if (!by_code) return nullptr;
  const size_t rows = scope_ ? scope_->block->size : columns_.size();
  const size_t codes = view.kind == ColumnKind::kCode ? view.dictionary->size() : 2;
  if (codes > kDictionaryAlways) {
    if (ConditionPtr condition = BuildTextEquality(expr, leaf, view)) return condition;
  }
  if (codes > std::max(kDictionaryAlways, rows)) return nullptr;
  const NodePtr node = NodeBuilder(environment_, arena_).Build(expr);
  const Value for_null = Probe(*node, &leaf, Value::Null());
  std::vector<Value> answers;
  if (view.kind != ColumnKind::kAbsent) {
    for (size_t code = 0; code < codes; ++code) {
      const Value value = view.kind == ColumnKind::kBool ? Value::Bool(code == 1)
                                                         : Value::String(view.dictionary->At(code));
      answers.push_back(Probe(*node, &leaf, value));
    }
  }
  return MakeByCode(leaf, answers, for_null, Unparse(expr));
}

ConditionPtr VectorBuilder::BuildTextEquality(const Expr& expr, const Leaf& leaf,
                                              const ColumnView& view) {
  if (expr.kind != ExprKind::kCall || expr.op != Op::kEqual) return nullptr;
  const bool leaf_first = LeafOf(*expr.args[0]).has_value();
  const Expr& other = *expr.args[leaf_first ? 1 : 0];
  if (other.kind != ExprKind::kLiteral || !other.literal.is(Kind::kString)) return nullptr;
  const int64_t code = view.dictionary->Find(other.literal.text());
  std::vector<Value> answers(static_cast<size_t>(std::max<int64_t>(code + 1, 0)),
                             Value::Bool(false));
  if (code >= 0) answers.back() = Value::Bool(true);
  return MakeByCode(leaf, answers, Value::Bool(false), Unparse(expr));
}

ConditionPtr VectorBuilder::BuildGeoWithin(Op op, const Expr& distance, const Expr& radius) {
  if (op != Op::kLess && op != Op::kLessEqual) return nullptr;
  if (distance.kind != ExprKind::kCall || distance.receiver || distance.name != "geo_distance") {
    return nullptr;
  }
  const std::optional<Leaf> first = LeafOf(*distance.args[0]);
  const std::optional<Leaf> second = LeafOf(*distance.args[1]);
  if (first.has_value() == second.has_value()) return nullptr;
  const Leaf& leaf = first ? *first : *second;
  const std::optional<Value> centre = ConstantOf(*distance.args[first ? 1 : 0]);
  const std::optional<Value> metres = ConstantOf(radius);
  const ColumnKind kind = ViewOf(leaf).kind;
  const bool fits = (kind == ColumnKind::kGeoPoint || kind == ColumnKind::kAbsent) && centre &&
                    centre->is(Kind::kGeoPoint) && metres && metres->is(Kind::kDouble) &&
                    !std::isnan(metres->real());
  if (!fits) return nullptr;
  const GeoRadius within{.metres = metres->real(), .inclusive = op == Op::kLessEqual};
  return MakeGeoWithin(
      leaf, *centre, within,
      absl::StrCat(Unparse(distance), " ", std::string(NameOf(op)), " ", Unparse(radius)));
}

std::optional<Value> VectorBuilder::ConstantOf(const Expr& expr) {
  const Reads reads = ReadsOf(expr);
  if (reads.other || reads.segments || !reads.leaves.empty()) return std::nullopt;
  return Probe(*NodeBuilder(environment_, arena_).Build(expr), nullptr, Value());
}

ConditionPtr VectorBuilder::BuildRankCompare(const Expr& expr) {
  for (const ExprPtr& arg : expr.args) {
    if (arg->target != Target::kRank || arg->name == "top") continue;
    if (ranks_ == nullptr) return MakeFlags(nullptr, MissingRank::kNoValue, Unparse(expr));
    const RankColumn& column = ranks_->at(static_cast<size_t>(arg->symbol.index));
    if (!column.compared) continue;
    // What was ranked is this comparison.
    return MakeFlags(column.values, MissingRank::kNoValue, Unparse(expr));
  }
  return nullptr;
}

ConditionPtr VectorBuilder::BuildCompare(const Expr& expr) {
  if (ConditionPtr ranked = BuildRankCompare(expr)) return ranked;
  for (size_t i = 0; i < 2; ++i) {
    const Op op = i == 0 ? expr.op : Mirrored(expr.op);
    if (ConditionPtr within = BuildGeoWithin(op, *expr.args[i], *expr.args[1 - i])) return within;
  }
  for (size_t i = 0; i < 2 && !scope_; ++i) {
    const Value& constant = expr.args[1 - i]->literal;
    if (!constant.is(Kind::kInt)) continue;
    const Op op = i == 0 ? expr.op : Mirrored(expr.op);
    if (ConditionPtr count =
            BuildCountCompare(op, *expr.args[i], constant.integer(), Unparse(expr))) {
      return count;
    }
  }
  // `e.amount > 50`: a whole constant beside a double.
  std::optional<NumberType> type = NumberTypeOf(expr.args[0]->type);
  const std::optional<NumberType> right = NumberTypeOf(expr.args[1]->type);
  if (!type || !right) return nullptr;
  if (*right == NumberType::kDouble) type = NumberType::kDouble;
  const auto side = [&](const Expr& arg, NumberType own) -> NumberPtr {
    if (own == *type) return BuildNumber(arg);
    return own == NumberType::kInt ? BuildConstantNumber(arg, *type) : nullptr;
  };
  NumberPtr a = side(*expr.args[0], *NumberTypeOf(expr.args[0]->type));
  NumberPtr b = a == nullptr ? nullptr : side(*expr.args[1], *right);
  if (a == nullptr || b == nullptr) return nullptr;
  if (a->is_constant() && b->leaf() != nullptr) {
    return MakeCompare(Mirrored(expr.op), std::move(b), std::move(a), Unparse(expr));
  }
  return MakeCompare(expr.op, std::move(a), std::move(b), Unparse(expr));
}

NumberPtr VectorBuilder::BuildConstantNumber(const Expr& expr, NumberType type) {
  const std::optional<Value> constant = ConstantOf(expr);
  if (!constant) return nullptr;
  const Value value = *constant;
  constexpr int64_t kExact = int64_t{1} << 53;
  switch (value.kind()) {
    case Kind::kInt:
      if (type == NumberType::kInt) return MakeConstantNumber(type, value.integer(), 0);
      if (std::abs(value.integer()) > kExact) return nullptr;
      return MakeConstantNumber(type, 0, static_cast<double>(value.integer()));
    case Kind::kDouble:
      return MakeConstantNumber(type, 0, value.real());
    case Kind::kTimestamp:
    case Kind::kDuration:
      if (value.nanos() % 1000 != 0) return nullptr;
      return MakeConstantNumber(type, value.micros(), 0);
    default:
      return nullptr;
  }
}

NumberPtr VectorBuilder::BuildConditional(const Expr& expr, NumberType type) {
  if (expr.kind != ExprKind::kCall || expr.op != Op::kConditional) return nullptr;
  ConditionPtr condition = Build(*expr.args[0]);
  if (condition == nullptr) return nullptr;
  const auto branch = [&](const Expr& arg) -> NumberPtr {
    const bool null = arg.kind == ExprKind::kLiteral && arg.literal.is_null();
    NumberPtr number = null ? MakeNullNumber(type) : BuildNumber(arg);
    return number != nullptr && number->type == type ? std::move(number) : nullptr;
  };
  NumberPtr then = branch(*expr.args[1]);
  NumberPtr otherwise = then == nullptr ? nullptr : branch(*expr.args[2]);
  if (otherwise == nullptr) return nullptr;
  return MakeConditionalNumber(std::move(condition), std::move(then), std::move(otherwise));
}

NumberPtr VectorBuilder::BuildNonZeroOr(const Expr& expr) {
  if (expr.kind != ExprKind::kCall || expr.name != "orValue" || expr.args.size() != 2) {
    return nullptr;
  }
  const Expr& optional = Meaning(*expr.args[0]);
  if (optional.kind != ExprKind::kCall || optional.name != "optional.ofNonZeroValue") {
    return nullptr;
  }
  NumberPtr value = BuildNumber(*optional.args[0]);
  NumberPtr otherwise = value == nullptr ? nullptr : BuildNumber(*expr.args[1]);
  if (otherwise == nullptr || otherwise->type != value->type) return nullptr;
  return MakeNonZeroOr(std::move(value), std::move(otherwise));
}

NumberPtr VectorBuilder::BuildNumber(const Expr& written) {
  const Expr& expr = Meaning(written);
  const std::optional<NumberType> type = NumberTypeOf(expr.type);
  if (!type) return nullptr;
  if (const std::optional<Leaf> leaf = LeafOf(expr)) {
    const ColumnKind kind = ViewOf(*leaf).kind;
    if (kind == ColumnKind::kNone) return nullptr;
    return MakeColumnNumber(*leaf, *type);
  }
  if (expr.target == Target::kRank) {
    return MakeAggregateNumber(RanksOf(expr), *type, Unparse(expr));
  }
  if (NumberPtr constant = BuildConstantNumber(expr, *type)) return constant;
  if (NumberPtr number = BuildNonZeroOr(expr)) return number;
  if (NumberPtr number = BuildConditional(expr, *type)) return number;
  if (!scope_) {
    if (NumberPtr aggregate = BuildAggregate(expr)) return aggregate;
  }
  const bool arithmetic = expr.kind == ExprKind::kCall && IsArithmetic(expr.op);
  if (!arithmetic || (*type == NumberType::kDouble && expr.op == Op::kModulo)) return nullptr;
  NumberPtr a = BuildNumber(*expr.args[0]);
  NumberPtr b = a == nullptr ? nullptr : BuildNumber(*expr.args[1]);
  if (b == nullptr) return nullptr;
  return MakeArithmetic(expr.op, *type, std::move(a), std::move(b));
}

}  // namespace rondo::rules
