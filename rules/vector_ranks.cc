#include "rules/vector_ranks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "rules/operators.h"
#include "rules/order_statistics.h"

namespace rondo::rules {
namespace {

constexpr uint64_t kSign = uint64_t{1} << 63;

// Keys are ordered as values are.
uint64_t KeyOf(int64_t value) { return static_cast<uint64_t>(value) ^ kSign; }
// -0.0 and 0.0 are equal.
uint64_t KeyOf(double value) {
  const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return (bits & kSign) != 0 ? ~bits : bits ^ kSign;
}

// Those of one table who have a value, in the order of ordinals, and their keys.
void ListKnown(const RankedTable& table, std::vector<uint32_t>* ordinals,
               std::vector<uint64_t>* keys) {
  const size_t size = table.columns->size();
  ordinals->reserve(size);
  keys->reserve(size);
  const bool real = table.type == NumberType::kDouble;
  for (size_t word = 0; word * 64 < size; ++word) {
    const size_t block = word * 64 / kBlockRows;
    const uint64_t* alive = table.columns->Alive(block);
    const size_t rows = std::min<size_t>(64, size - word * 64);
    uint64_t rest = ~(table.values.null[word] | table.values.failed[word]) &
                    (rows == 64 ? ~uint64_t{0} : (uint64_t{1} << rows) - 1);
    if (alive != nullptr) rest &= alive[word % (kBlockRows / 64)];
    for (; rest != 0; rest &= rest - 1) {
      const size_t ordinal = word * 64 + static_cast<size_t>(std::countr_zero(rest));
      if (real && std::isnan(table.values.doubles[ordinal])) continue;
      ordinals->push_back(static_cast<uint32_t>(ordinal));
      keys->push_back(real ? KeyOf(table.values.doubles[ordinal])
                           : KeyOf(table.values.integers[ordinal]));
    }
  }
}

// Where an order of (key, id) is cut: before the first customer at or above both.
struct Cut {
  uint64_t key = 0;
  uint64_t id = 0;
};

class Ranking {
 public:
  Ranking(std::span<const RankedTable> tables, const ForAll& for_all)
      : tables_(tables),
        for_all_(for_all),
        ordinals_(tables.size()),
        keys_(tables.size()),
        results_(tables.size()) {
    for_all_(tables.size(), [this](size_t t) { ListKnown(tables_[t], &ordinals_[t], &keys_[t]); });
    for (const auto& keys : keys_) count_ += keys.size();
    for (size_t t = 0; t < tables.size(); ++t) {
      results_[t] = std::make_shared<Aggregate>();
      results_[t]->failed = tables[t].values.failed;
    }
  }

  std::vector<RankColumn> PercentileRanks() {
    std::vector<uint64_t> sorted;
    sorted.reserve(count_);
    for (const auto& keys : keys_) sorted.insert(sorted.end(), keys.begin(), keys.end());
    std::ranges::sort(sorted);
    return Give<double>(TypeKind::kDouble, [&](size_t, size_t, uint64_t key) {
      const auto smaller = std::ranges::lower_bound(sorted, key) - sorted.begin();
      return static_cast<double>(smaller) / Others();
    });
  }

  // Whether `rank op constant` holds, for those who have a rank.
  std::vector<RankColumn> ComparePercentileRanks(Op op, double constant) {
    // The rank grows with the number of smaller values, and so with the key.
    std::optional<uint64_t> reaches;
    std::optional<uint64_t> exceeds;
    if (op != Op::kLessEqual && op != Op::kGreater) {
      reaches = FirstKey([&](double rank) { return rank >= constant; });
    }
    if (op != Op::kLess && op != Op::kGreaterEqual) {
      exceeds = FirstKey([&](double rank) { return rank > constant; });
    }
    const auto from = [](const std::optional<uint64_t>& first, uint64_t key) {
      return first.has_value() && key >= *first;
    };
    std::vector<RankColumn> columns = GiveBits([&](size_t, uint32_t, uint64_t key) {
      const bool at_least = from(reaches, key);
      const bool above = from(exceeds, key);
      switch (op) {
        case Op::kLess:
          return !at_least;
        case Op::kLessEqual:
          return !above;
        case Op::kGreater:
          return above;
        case Op::kGreaterEqual:
          return at_least;
        case Op::kEqual:
          return at_least && !above;
        default:
          return !at_least || above;
      }
    });
    for (RankColumn& column : columns) column.compared = true;
    return columns;
  }

  std::vector<RankColumn> Tiles(size_t tiles) {
    std::vector<size_t> places;  // Of the first customer of each tile but the first.
    for (size_t tile = 1, place = 0; tile < tiles; ++tile) {
      place += count_ / tiles + (tile <= count_ % tiles ? 1 : 0);
      if (place < count_) places.push_back(place);
    }
    const std::vector<Cut> cuts = CutsAt(places);
    return Give<int64_t>(TypeKind::kInt, [&](size_t t, size_t i, uint64_t key) {
      auto cut = std::ranges::upper_bound(cuts, key, {}, &Cut::key);
      // Of cuts through equal keys those at or below the customer's id count.
      while (cut != cuts.begin() && std::prev(cut)->key == key &&
             IdOf(t, ordinals_[t][i]) < std::prev(cut)->id) {
        --cut;
      }
      return static_cast<int64_t>(cut - cuts.begin()) + 1;
    });
  }

  std::vector<RankColumn> Top(size_t wanted) {
    if (wanted >= count_) return GiveBits([](size_t, uint32_t, uint64_t) { return true; });
    // The last of them, counted from the largest; then the smaller ids among its equals.
    const size_t place = count_ - wanted;
    const Ordered last = ValuesAt(keys_, std::span(&place, 1), for_all_)[0];
    size_t larger = 0;
    size_t equal = 0;
    for (const auto& keys : keys_) {
      larger += static_cast<size_t>(
          std::ranges::count_if(keys, [&](uint64_t key) { return key > last.key; }));
      equal += static_cast<size_t>(std::ranges::count(keys, last.key));
    }
    const size_t kept = wanted - larger;
    const uint64_t end = kept == equal ? 0 : IdAt(last.key, kept);
    return GiveBits([&](size_t t, uint32_t ordinal, uint64_t key) {
      return key > last.key || (key == last.key && (kept == equal || IdOf(t, ordinal) < end));
    });
  }

 private:
  double Others() const { return count_ > 1 ? static_cast<double>(count_ - 1) : 1.0; }
  uint64_t IdOf(size_t table, uint32_t ordinal) const {
    return tables_[table].columns->IdOf(ordinal);
  }

  // The id at `place` among those with that key, smallest ids first.
  uint64_t IdAt(uint64_t key, size_t place) const {
    std::vector<std::vector<uint64_t>> ids(keys_.size());
    for_all_(keys_.size(), [&](size_t t) {
      for (size_t i = 0; i < keys_[t].size(); ++i) {
        if (keys_[t][i] == key) ids[t].push_back(IdOf(t, ordinals_[t][i]));
      }
    });
    return ValuesAt(ids, std::span(&place, 1), for_all_)[0].key;
  }

  std::vector<Cut> CutsAt(std::span<const size_t> places) const {
    std::vector<Cut> cuts;
    const std::vector<Ordered> ordered = ValuesAt(keys_, places, for_all_);
    for (size_t i = 0; i < ordered.size(); ++i) {
      const size_t equals_before = places[i] - ordered[i].smaller;
      cuts.push_back({.key = ordered[i].key,
                      .id = equals_before == 0 ? 0 : IdAt(ordered[i].key, equals_before)});
    }
    return cuts;
  }

  // The smallest key whose rank `holds`, which once true stays so as ranks grow; nothing when no
  // key's does.
  std::optional<uint64_t> FirstKey(const std::function<bool(double)>& holds) const {
    size_t low = 0;  // Numbers of smaller values below it do not hold.
    size_t high = count_;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (holds(static_cast<double>(middle) / Others())) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (low == 0) return 0;
    if (low >= count_) return std::nullopt;
    // At least `low` values are smaller than a key just when the one at that place less one is.
    const size_t place = low - 1;
    const uint64_t below = ValuesAt(keys_, std::span(&place, 1), for_all_)[0].key;
    if (below == std::numeric_limits<uint64_t>::max()) return std::nullopt;
    return below + 1;
  }

  // `value_of(table, index among the known, key)` for each who is known; null for the others.
  template <typename T, typename ValueOf>
  std::vector<RankColumn> Give(TypeKind type, const ValueOf& value_of) {
    for_all_(tables_.size(), [&](size_t t) {
      Aggregate& result = *results_[t];
      std::vector<T>* values = nullptr;
      if constexpr (std::is_same_v<T, double>) {
        values = &result.doubles;
      } else {
        values = &result.integers;
      }
      values->resize(tables_[t].columns->size());
      result.null.resize(result.failed.size());
      for (size_t w = 0; w < result.null.size(); ++w) result.null[w] = ~result.failed[w];
      for (size_t i = 0; i < keys_[t].size(); ++i) {
        const uint32_t ordinal = ordinals_[t][i];
        (*values)[ordinal] = value_of(t, i, keys_[t][i]);
        result.null[ordinal / 64] &= ~(uint64_t{1} << (ordinal % 64));
      }
    });
    return ColumnsOf(type);
  }

  // Bits of the known for whom `holds(table, ordinal, key)`; `null` marks those who are not known.
  template <typename Holds>
  std::vector<RankColumn> GiveBits(const Holds& holds) {
    for_all_(tables_.size(), [&](size_t t) {
      Aggregate& result = *results_[t];
      result.bits.resize(result.failed.size());
      result.null.resize(result.failed.size());
      for (size_t w = 0; w < result.null.size(); ++w) result.null[w] = ~result.failed[w];
      for (size_t i = 0; i < keys_[t].size(); ++i) {
        const uint32_t ordinal = ordinals_[t][i];
        const uint64_t bit = uint64_t{1} << (ordinal % 64);
        if (holds(t, ordinal, keys_[t][i])) result.bits[ordinal / 64] |= bit;
        result.null[ordinal / 64] &= ~bit;
      }
    });
    return ColumnsOf(TypeKind::kBool);
  }

  std::vector<RankColumn> ColumnsOf(TypeKind type) const {
    std::vector<RankColumn> columns;
    for (const auto& result : results_) columns.push_back({type, result});
    return columns;
  }

  std::span<const RankedTable> tables_;
  const ForAll& for_all_;
  std::vector<std::vector<uint32_t>> ordinals_;  // By table, and so are
  std::vector<std::vector<uint64_t>> keys_;      // the same customers' keys.
  size_t count_ = 0;
  std::vector<std::shared_ptr<Aggregate>> results_;
};

std::optional<double> NumberOf(const Expr& expr) {
  if (expr.kind != ExprKind::kLiteral) return std::nullopt;
  if (expr.literal.is(Kind::kDouble) && !std::isnan(expr.literal.real())) {
    return expr.literal.real();
  }
  if (expr.literal.is(Kind::kInt) && std::abs(expr.literal.integer()) <= int64_t{1} << 53) {
    return static_cast<double>(expr.literal.integer());
  }
  return std::nullopt;
}

// The conditions that VectorBuilder::Build comes to, one by one: through logic only.
void ForEachCondition(const Expr& written, const std::function<void(const Expr&)>& visit) {
  const Expr& expr = Meaning(written);
  const bool logic = expr.kind == ExprKind::kCall &&
                     (expr.op == Op::kAnd || expr.op == Op::kOr || expr.op == Op::kNot);
  if (!logic) return visit(expr);
  for (const ExprPtr& arg : expr.args) ForEachCondition(*arg, visit);
}

}  // namespace

std::vector<RankUse> RankUsesOf(const Expr& rule) {
  std::vector<RankUse> uses;
  ForEach(rule, [&](const Expr& expr) {
    if (expr.target == Target::kRank) uses.push_back({.call = &expr});
  });
  std::ranges::sort(uses, {}, [](const RankUse& use) { return use.call->symbol.index; });
  ForEachCondition(rule, [&](const Expr& expr) {
    if (expr.kind != ExprKind::kCall || expr.op < Op::kEqual || expr.op > Op::kGreaterEqual) return;
    for (size_t side = 0; side < 2; ++side) {
      const Expr& call = *expr.args[side];
      const std::optional<double> constant = NumberOf(*expr.args[1 - side]);
      if (call.target != Target::kRank || call.name != "percentile_rank" || !constant) continue;
      RankUse& use = uses[static_cast<size_t>(call.symbol.index)];
      use.comparison = &expr;
      use.op = side == 0 ? expr.op : Mirrored(expr.op);
      use.constant = *constant;
    }
  });
  return uses;
}

std::vector<RankColumn> Rank(const RankUse& use, std::span<const RankedTable> tables,
                             const ForAll& for_all) {
  Ranking ranking(tables, for_all);
  const auto count = [&] { return static_cast<size_t>(use.call->args[0]->literal.integer()); };
  if (use.call->name == "top") return ranking.Top(count());
  if (use.call->name == "ntile") return ranking.Tiles(count());
  if (use.comparison != nullptr) return ranking.ComparePercentileRanks(use.op, use.constant);
  return ranking.PercentileRanks();
}

}  // namespace rondo::rules
