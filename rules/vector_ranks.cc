#include "rules/vector_ranks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <string_view>

namespace rondo::rules {
namespace {

// One customer with a value.
struct Place {
  uint64_t key;  // Orders as the values do.
  uint32_t table;
  uint32_t ordinal;
};

constexpr uint64_t kSign = uint64_t{1} << 63;

uint64_t KeyOf(int64_t value) { return static_cast<uint64_t>(value) ^ kSign; }
// -0.0 and 0.0 are equal.
uint64_t KeyOf(double value) {
  const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return (bits & kSign) != 0 ? ~bits : bits ^ kSign;
}

bool IsAlive(const Columns& columns, size_t ordinal) {
  const uint64_t* alive = columns.Alive(ordinal / kBlockRows);
  return alive == nullptr || BitAt(alive, ordinal % kBlockRows);
}

std::vector<Place> PlacesOf(std::span<const RankedTable> tables) {
  std::vector<Place> places;
  for (size_t t = 0; t < tables.size(); ++t) {
    const RankedTable& table = tables[t];
    for (size_t ordinal = 0; ordinal < table.columns->size(); ++ordinal) {
      const bool none =
          BitAt(table.values.null.data(), ordinal) || BitAt(table.values.failed.data(), ordinal);
      if (none || !IsAlive(*table.columns, ordinal)) continue;
      const bool real = table.type == NumberType::kDouble;
      if (real && std::isnan(table.values.doubles[ordinal])) continue;
      const uint64_t key =
          real ? KeyOf(table.values.doubles[ordinal]) : KeyOf(table.values.integers[ordinal]);
      places.push_back({key, static_cast<uint32_t>(t), static_cast<uint32_t>(ordinal)});
    }
  }
  return places;
}

class Ranking {
 public:
  Ranking(std::span<const RankedTable> tables, std::vector<Place> places, TypeKind type)
      : tables_(tables), places_(std::move(places)) {
    for (const RankedTable& table : tables) {
      auto values = std::make_shared<Aggregate>();
      const size_t size = table.columns->size();
      const size_t words = (size + 63) / 64;
      values->failed = table.values.failed;
      if (type == TypeKind::kBool) {
        values->bits.resize(words);
      } else {
        values->null.resize(words);
        for (size_t w = 0; w < words; ++w) values->null[w] = ~values->failed[w];
      }
      if (type == TypeKind::kDouble) values->doubles.resize(size);
      if (type == TypeKind::kInt) values->integers.resize(size);
      results_.push_back(std::move(values));
    }
  }

  void PercentileRanks() {
    std::ranges::sort(places_, {}, &Place::key);
    size_t smaller = 0;
    for (size_t i = 0; i < places_.size(); ++i) {
      if (i > 0 && places_[i].key != places_[i - 1].key) smaller = i;
      const double others = places_.size() > 1 ? static_cast<double>(places_.size() - 1) : 1.0;
      Give(places_[i]).doubles[places_[i].ordinal] = static_cast<double>(smaller) / others;
    }
  }

  void Tiles(size_t count) {
    std::ranges::sort(places_, [this](const Place& a, const Place& b) {
      return a.key != b.key ? a.key < b.key : IdOf(a) < IdOf(b);
    });
    const size_t small = places_.size() / count;  // Customers in a small tile.
    const size_t in_large = places_.size() % count * (small + 1);
    for (size_t i = 0; i < places_.size(); ++i) {
      const size_t tile =
          i < in_large ? i / (small + 1) : places_.size() % count + (i - in_large) / small;
      Give(places_[i]).integers[places_[i].ordinal] = static_cast<int64_t>(tile) + 1;
    }
  }

  void Top(size_t count) {
    const size_t kept = std::min(count, places_.size());
    std::nth_element(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(kept),
                     places_.end(), [this](const Place& a, const Place& b) {
                       return a.key != b.key ? a.key > b.key : IdOf(a) < IdOf(b);
                     });
    for (size_t i = 0; i < kept; ++i) {
      const size_t ordinal = places_[i].ordinal;
      results_[places_[i].table]->bits[ordinal / 64] |= uint64_t{1} << (ordinal % 64);
    }
  }

  const std::vector<std::shared_ptr<Aggregate>>& results() const { return results_; }

 private:
  uint64_t IdOf(const Place& place) const {
    return tables_[place.table].columns->IdOf(place.ordinal);
  }
  Aggregate& Give(const Place& place) {
    Aggregate& result = *results_[place.table];
    result.null[place.ordinal / 64] &= ~(uint64_t{1} << (place.ordinal % 64));
    return result;
  }

  std::span<const RankedTable> tables_;
  std::vector<Place> places_;
  std::vector<std::shared_ptr<Aggregate>> results_;
};

}  // namespace

std::vector<const Expr*> RankCallsOf(const Expr& rule) {
  std::vector<const Expr*> calls;
  ForEach(rule, [&](const Expr& expr) {
    if (expr.target == Target::kRank) calls.push_back(&expr);
  });
  std::ranges::sort(calls, {}, [](const Expr* call) { return call->symbol.index; });
  return calls;
}

std::vector<RankColumn> Rank(const Expr& call, std::span<const RankedTable> tables) {
  const std::string_view name = call.name;
  const TypeKind type = name == "top"     ? TypeKind::kBool
                        : name == "ntile" ? TypeKind::kInt
                                          : TypeKind::kDouble;
  Ranking ranking(tables, PlacesOf(tables), type);
  const auto count = [&] { return static_cast<size_t>(call.args[0]->literal.integer()); };
  if (type == TypeKind::kBool) {
    ranking.Top(count());
  } else if (type == TypeKind::kInt) {
    ranking.Tiles(count());
  } else {
    ranking.PercentileRanks();
  }
  std::vector<RankColumn> columns;
  for (const auto& values : ranking.results()) columns.push_back({type, values});
  return columns;
}

}  // namespace rondo::rules
