// All that rules may name now, and every stored segment compiled: made anew when a definition or
// the list of signals changes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/catalog/catalog.h"
#include "platform/catalog/derived.h"
#include "rules/environment.h"
#include "rules/program.h"
#include "rules/schema/schema.h"
#include "services/targeting/domain/column.h"

namespace rondo::targeting {

// Immutable; thread-safe.
class RuleBook {
 public:
  RuleBook(const catalog::Catalog& catalog,
           std::vector<std::pair<std::string, CellType>> signals_seen);

  const rules::Environment& environment() const { return environment_; }
  const std::vector<std::pair<std::string, CellType>>& signals_seen() const {
    return signals_seen_;
  }

  // A rule of a segment. INVALID_ARGUMENT with line and column, on the field `expression`.
  absl::StatusOr<rules::Program> Compile(std::string_view expression) const;
  // The rule of a stored segment; `name` without `segments/`. NOT_FOUND; or FAILED_PRECONDITION if
  // a definition changed so that it no longer compiles.
  absl::StatusOr<rules::Program> Segment(std::string_view name) const;

  // Names of the definitions that `program` reads, sorted: attribute sets and segments.
  std::vector<std::string> ReferencesOf(const rules::Program& program) const;
  // INVALID_ARGUMENT, with the circle on the field `expression`, if `segment` (without `segments/`)
  // would refer to itself through others once its rule is `program`.
  absl::Status CheckNoCircle(std::string_view segment, const rules::Program& program) const;

 private:
  std::vector<std::pair<std::string, CellType>> signals_seen_;
  rules::Schema schema_;
  rules::Environment environment_;
  std::map<std::string, absl::StatusOr<rules::Program>, std::less<>> segments_;
};

// Keeps the current book. Thread-safe.
class RuleBooks {
 public:
  // Before Runtime::Start: listens to the catalogue.
  explicit RuleBooks(catalog::Catalog& catalog);
  // The book of what is defined now, given the signals seen now.
  std::shared_ptr<const RuleBook> Current(
      std::vector<std::pair<std::string, CellType>> signals_seen);

 private:
  catalog::Catalog& catalog_;
  catalog::Derived<RuleBook> book_;
};

}  // namespace rondo::targeting
