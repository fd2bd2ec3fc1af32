// One CSV record, by a bound mapping, becomes one row of an import. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/customer/import/mapping.h"

namespace rondo::customer {

// Why a record was refused.
struct Rejection {
  int64_t line = 0;
  int column = -1;     // Index of the column at fault; -1 if it is no single one.
  std::string field;   // What it was meant for: `attributes.tier`.
  std::string value;   // The text at fault.
  std::string reason;  // What was expected.
};

// A value of `rule`'s type from a record; a value of no kind for a text that means null.
// INVALID_ARGUMENT, saying what was expected, for text that does not read as the type.
absl::StatusOr<rondo::type::v1::Value> ReadCell(const ValueRule& rule,
                                                const std::vector<std::string_view>& fields,
                                                int64_t row);

bool Holds(const Conditions& conditions, const std::vector<std::string_view>& fields, int64_t row);

class RowBuilder {
 public:
  // `mapping` is bound and outlives it.
  explicit RowBuilder(const Mapping& mapping) : mapping_(mapping) {}

  enum class Outcome { kRow, kLeftOut, kRejected };
  // kRow: `row` is filled. kLeftOut: the mapping's `where` does not hold. kRejected: `rejection`
  // says why, but for its line.
  Outcome Build(const std::vector<std::string_view>& fields, int64_t row_number,
                rondo::customer::v1::ImportRow& row, Rejection& rejection) const;

 private:
  class Building;
  const Mapping& mapping_;
};

}  // namespace rondo::customer
