#include "rules/vector_plan.h"

#include <algorithm>
#include <bit>

#include "rules/frame.h"
#include "rules/unparser.h"
#include "rules/vector_builder.h"

namespace rondo::rules {
namespace {

class NoDictionary final : public Dictionary {
 public:
  size_t size() const override { return 0; }
  std::string_view At(size_t) const override { return {}; }
  int64_t Find(std::string_view) const override { return -1; }
};

// Columns of every declared name, without rows: for explaining a rule without data.
class NoColumns final : public Columns {
 public:
  explicit NoColumns(const Environment& environment) : environment_(environment) {}
  size_t size() const override { return 0; }
  ColumnView Attribute(const Symbol& symbol, size_t) const override {
    return ViewOf(environment_.attributes()[static_cast<size_t>(symbol.index)].type);
  }
  ColumnView Signal(const Symbol& symbol, size_t) const override {
    return ViewOf(environment_.signals()[static_cast<size_t>(symbol.index)].type);
  }
  std::vector<EventBlock> Events(const Symbol&) const override { return {}; }
  const uint64_t* Segment(const Symbol&, size_t) const override { return nullptr; }
  const uint64_t* Alive(size_t) const override { return nullptr; }
  std::unique_ptr<Row> NewRow() const override { return std::make_unique<MemoryRow>(); }
  void MoveTo(size_t, Row&) const override {}

 private:
  ColumnView ViewOf(const Type& type) const {
    ColumnView view;
    switch (type.kind) {
      case TypeKind::kString:
        view.kind = ColumnKind::kCode;
        view.dictionary = &dictionary_;
        break;
      case TypeKind::kInt:
        view.kind = ColumnKind::kInt;
        break;
      case TypeKind::kDouble:
        view.kind = ColumnKind::kDouble;
        break;
      case TypeKind::kBool:
        view.kind = ColumnKind::kBool;
        break;
      case TypeKind::kTimestamp:
        view.kind = ColumnKind::kTimestamp;
        break;
      default:
        break;
    }
    return view;
  }
  const Environment& environment_;
  NoDictionary dictionary_;
};

// The rows of the chunk that exist.
Words AliveRows(const Columns& columns, const Chunk& chunk) {
  Words words{};
  const uint64_t* alive = columns.Alive(chunk.block);
  for (size_t w = 0; w < chunk.words(); ++w) {
    const size_t rows = std::min<size_t>(64, chunk.rows - w * 64);
    const uint64_t in_range = rows == 64 ? ~uint64_t{0} : (uint64_t{1} << rows) - 1;
    words[w] = in_range & (alive == nullptr ? ~uint64_t{0} : alive[chunk.first / 64 + w]);
  }
  return words;
}

size_t FirstBit(const Words& words, size_t count) {
  for (size_t w = 0; w < count; ++w) {
    if (words[w] != 0) return w * 64 + static_cast<size_t>(std::countr_zero(words[w]));
  }
  return 0;
}

}  // namespace

std::shared_ptr<const VectorPlan> VectorPlan::Build(const Expr& tree,
                                                    const Environment& environment,
                                                    int local_slots) {
  return std::shared_ptr<const VectorPlan>(new VectorPlan(tree, environment, local_slots));
}

Selection VectorPlan::Select(const Columns& columns, absl::Time now) const {
  Arena query_arena;
  Arena row_arena(environment_.limits().arena_bytes);
  const Value now_value = Value::TimestampMicros(absl::ToUnixMicros(now));
  VectorBuilder builder(environment_, columns, now_value, local_slots_, query_arena);
  const ConditionPtr condition = builder.Build(tree_);
  const NodePtr whole = NodeBuilder(environment_, query_arena).Build(tree_);
  const std::unique_ptr<Row> row = columns.NewRow();
  std::vector<Value> locals(static_cast<size_t>(local_slots_) + 1);
  Selection selection;
  const size_t size = columns.size();
  selection.words.assign((size + 63) / 64, 0);
  const auto masks = std::make_unique<Masks>();
  for (size_t start = 0; start < size; start += kChunkRows) {
    Chunk chunk;
    chunk.columns = &columns;
    chunk.block = start / kBlockRows;
    chunk.first = start % kBlockRows;
    chunk.rows = std::min(kChunkRows, size - start);
    chunk.arena = &row_arena;
    chunk.row = row.get();
    chunk.now = now_value;
    chunk.limits = &environment_.limits();
    chunk.locals = locals.data();
    chunk.rows_by_row = &selection.rows_by_row;
    const Words want = AliveRows(columns, chunk);
    condition->Eval(chunk, want, masks.get());
    size_t failed = 0;
    for (size_t w = 0; w < chunk.words(); ++w) {
      masks->failed[w] &= want[w];
      const uint64_t selected = masks->is_true[w] & want[w];
      selection.words[start / 64 + w] = selected;
      selection.selected += static_cast<size_t>(std::popcount(selected));
      selection.no_value += static_cast<size_t>(std::popcount(masks->no_value[w] & want[w]));
      failed += static_cast<size_t>(std::popcount(masks->failed[w]));
    }
    if (failed > 0 && selection.errors == 0) {
      // Asked again by row, for the message.
      columns.MoveTo(start + FirstBit(masks->failed, chunk.words()), *row);
      row_arena.Reset();
      Frame frame{.arena = row_arena, .limits = *chunk.limits, .row = row.get(), .event = {}};
      frame.now = now_value;
      frame.steps = chunk.limits->steps;
      frame.locals = locals.data();
      const Value error = whole->Eval(frame);
      if (error.is_error()) selection.first_error = std::string(error.error().message);
    }
    selection.errors += failed;
  }
  return selection;
}

std::string VectorPlan::Explain() const {
  const NoColumns columns(environment_);
  Arena arena;
  VectorBuilder builder(environment_, columns, Value::Timestamp(0, 0), local_slots_, arena);
  return builder.Build(tree_)->Describe(0);
}

}  // namespace rondo::rules
