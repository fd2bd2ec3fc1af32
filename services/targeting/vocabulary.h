// From the contract's words to those of rules and columns: types, values and declared names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rondo/type/v1/value.pb.h"
#include "rules/environment.h"
#include "rules/schema/schema.h"
#include "rules/type.h"
#include "rules/value.h"
#include "services/targeting/domain/column.h"

namespace rondo::targeting {

// nullopt for VALUE_TYPE_UNSPECIFIED and types unknown to this version.
std::optional<CellType> CellTypeOf(rondo::type::v1::ValueType type);
rules::Type RuleTypeOf(CellType type);

// The value as a cell, which borrows from `value` and `scratch`. Absent values and sealed ones (PII
// never becomes a column) give an absent cell.
Cell CellOf(const rondo::type::v1::Value& value, std::string& scratch);

// A value as people read it: `gold`, `12`, `0.5`, `true`, `2026-11-22T10:00:00Z`, `12.50 EUR`,
// `52.5,13.4`, `a, b`. Empty for null.
std::string TextOf(const rules::Value& value);

// What rules may name: attributes, events and signals of `schema`, the signals seen, each once, and
// the segments (without `segments/`).
rules::Environment EnvironmentOf(const rules::Schema& schema,
                                 const std::vector<std::pair<std::string, CellType>>& signals_seen,
                                 const std::vector<std::string>& segments);

}  // namespace rondo::targeting
