#include "rules/vector_plan.h"

#include <algorithm>
#include <bit>

#include "rules/frame.h"
#include "rules/unparser.h"
#include "rules/vector_builder.h"
#include "rules/vector_ranks.h"
#include "rules/vector_rows.h"

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
  uint64_t IdOf(size_t) const override { return 0; }
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

// One rule over one table.
class TableQuery {
 public:
  struct Rule {
    const Expr& tree;
    const Environment& environment;
    int local_slots;
  };
  TableQuery(const Columns& columns, const Rule& rule, Value now)
      : columns_(columns),
        rule_(rule),
        now_(now),
        row_arena_(rule.environment.limits().arena_bytes),
        builder_(rule.environment, columns, now, rule.local_slots, query_arena_),
        row_(columns.NewRow()),
        locals_(static_cast<size_t>(rule.local_slots) + 1) {}

  RankedTable RankedBy(const Expr& expr) {
    const NumberPtr number = builder_.BuildRanked(expr);
    RankedTable ranked{.columns = &columns_, .type = number->type, .values = {}};
    const bool real = number->type == NumberType::kDouble;
    const size_t size = columns_.size();
    ranked.values.null.resize((size + 63) / 64);
    ranked.values.failed.resize((size + 63) / 64);
    (real ? ranked.values.doubles.resize(size) : ranked.values.integers.resize(size));
    const auto numbers = std::make_unique<Numbers>();
    for (size_t start = 0; start < size; start += kChunkRows) {
      Chunk chunk = ChunkAt(start);
      number->Eval(chunk, numbers.get());
      const auto at = static_cast<std::ptrdiff_t>(start);
      for (size_t w = 0; w < chunk.words(); ++w) {
        ranked.values.null[start / 64 + w] = numbers->null[w] | numbers->no_value[w];
        ranked.values.failed[start / 64 + w] = numbers->failed[w];
      }
      if (real) {
        std::copy_n(numbers->doubles.begin(), chunk.rows, ranked.values.doubles.begin() + at);
      } else {
        std::copy_n(numbers->integers.begin(), chunk.rows, ranked.values.integers.begin() + at);
      }
    }
    return ranked;
  }

  // The next call's.
  void AddRank(RankColumn column) { ranks_.push_back(std::move(column)); }

  Selection Select() {
    builder_.SetRanks(&ranks_);
    const ConditionPtr condition = builder_.Build(rule_.tree);
    selection_.words.assign((columns_.size() + 63) / 64, 0);
    const auto masks = std::make_unique<Masks>();
    for (size_t start = 0; start < columns_.size(); start += kChunkRows) {
      Chunk chunk = ChunkAt(start);
      const Words want = AliveRows(columns_, chunk);
      condition->Eval(chunk, want, masks.get());
      Take(chunk, want, *masks);
    }
    return std::move(selection_);
  }

 private:
  Chunk ChunkAt(size_t start) {
    Chunk chunk;
    chunk.columns = &columns_;
    chunk.block = start / kBlockRows;
    chunk.first = start % kBlockRows;
    chunk.rows = std::min(kChunkRows, columns_.size() - start);
    chunk.arena = &row_arena_;
    chunk.row = row_.get();
    chunk.now = now_;
    chunk.limits = &rule_.environment.limits();
    chunk.locals = locals_.data();
    chunk.rows_by_row = &selection_.rows_by_row;
    chunk.ranks = &ranks_;
    return chunk;
  }

  void Take(const Chunk& chunk, const Words& want, Masks& masks) {
    const size_t start = chunk.ordinal(0);
    size_t failed = 0;
    for (size_t w = 0; w < chunk.words(); ++w) {
      masks.failed[w] &= want[w];
      const uint64_t selected = masks.is_true[w] & want[w];
      selection_.words[start / 64 + w] = selected;
      selection_.selected += static_cast<size_t>(std::popcount(selected));
      selection_.no_value += static_cast<size_t>(std::popcount(masks.no_value[w] & want[w]));
      failed += static_cast<size_t>(std::popcount(masks.failed[w]));
    }
    if (failed > 0 && selection_.errors == 0) {
      selection_.first_error = ErrorOf(chunk, FirstBit(masks.failed, chunk.words()));
    }
    selection_.errors += failed;
  }

  // Why the row failed: asked again, of the row evaluator.
  std::string ErrorOf(Chunk chunk, size_t row) {
    const NodePtr whole = NodeBuilder(rule_.environment, query_arena_).Build(rule_.tree);
    size_t uncounted = 0;
    chunk.rows_by_row = &uncounted;
    const Value error = RowEvaluator(*whole, RowsFrom::kMoveTo, chunk).At(row);
    return error.is_error() ? std::string(error.error().message) : "";
  }

  const Columns& columns_;
  Rule rule_;
  Value now_;
  Arena query_arena_;
  Arena row_arena_;
  VectorBuilder builder_;
  std::unique_ptr<Row> row_;
  std::vector<Value> locals_;
  RankColumns ranks_;
  Selection selection_;
};

}  // namespace

std::shared_ptr<const VectorPlan> VectorPlan::Build(const Expr& tree,
                                                    const Environment& environment,
                                                    int local_slots) {
  return std::shared_ptr<const VectorPlan>(new VectorPlan(tree, environment, local_slots));
}

std::vector<Selection> VectorPlan::Select(std::span<const Columns* const> tables, absl::Time now,
                                          const ForAll& for_all) const {
  std::vector<std::unique_ptr<TableQuery>> queries;
  for (const Columns* table : tables) {
    queries.push_back(
        std::make_unique<TableQuery>(*table, TableQuery::Rule{tree_, environment_, local_slots_},
                                     Value::TimestampMicros(absl::ToUnixMicros(now))));
  }
  for (const RankUse& use : RankUsesOf(tree_)) {
    std::vector<RankedTable> ranked(queries.size());
    for_all(queries.size(),
            [&](size_t t) { ranked[t] = queries[t]->RankedBy(*use.call->args.back()); });
    const std::vector<RankColumn> columns = Rank(use, ranked, for_all);
    for (size_t t = 0; t < queries.size(); ++t) queries[t]->AddRank(columns[t]);
  }
  std::vector<Selection> selections(queries.size());
  for_all(queries.size(), [&](size_t t) { selections[t] = queries[t]->Select(); });
  return selections;
}

std::string VectorPlan::Explain() const {
  const NoColumns columns(environment_);
  Arena arena;
  VectorBuilder builder(environment_, columns, Value::Timestamp(0, 0), local_slots_, arena);
  return builder.Build(tree_)->Describe(0);
}

}  // namespace rondo::rules
