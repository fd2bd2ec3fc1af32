// percentile_rank, ntile and top over the customers of all tables together.
//
// The population is who exists and has a value: null, "no value" and NaN are left out. Smaller
// values come first, equal ones by the customer's id.
//   percentile_rank: those with a smaller value, divided by all others, as SQL's percent_rank has
//     it; 0 for the only one.
//   ntile(n, x): 1 to n, in groups that differ by one customer at most, the larger ones first, as
//     SQL's ntile has it.
//   top(n, x): whether the customer is one of the n with the largest values; of equal ones the
//     smaller ids are.
// Who is left out has null as percentile_rank and ntile, and is not in the top.
//
// Nothing is sorted but what lies around the bounds that are asked for: values are counted in
// buckets, and only the buckets that hold a bound are looked into. Percentile ranks that are not
// compared with a constant sort all values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rules/ast.h"
#include "rules/columns.h"
#include "rules/program.h"
#include "rules/vector_nodes.h"

namespace rondo::rules {

// What the customers of one table are ranked by.
struct RankedTable {
  const Columns* columns = nullptr;
  NumberType type = NumberType::kInt;
  Aggregate values;  // `null` also where the value has no value.
};

// A call of a rule. Where it is compared with a number and nothing more is asked of it, the
// comparison is ranked: then the column has its answers, as bits.
struct RankUse {
  const Expr* call = nullptr;
  const Expr* comparison = nullptr;  // Null: the rank itself is needed.
  Op op = Op::kEqual;                // Of the comparison, the call at its left.
  double constant = 0;
};

// The calls of a rule, by their number.
std::vector<RankUse> RankUsesOf(const Expr& rule);

// What the use gives to everybody, by table. Failures of values stay failures.
std::vector<RankColumn> Rank(const RankUse& use, std::span<const RankedTable> tables,
                             const ForAll& for_all);

}  // namespace rondo::rules
