// All offers that may be proposed now, by placement, with their eligibility compiled: made anew
// when an offer or an attribute set changes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/catalog/catalog.h"
#include "platform/catalog/derived.h"
#include "rondo/decision/v1/offer.pb.h"
#include "rules/environment.h"
#include "rules/program.h"
#include "rules/schema/schema.h"

namespace rondo::decision {

// Offers considered at one placement: the first ones by name; defining more is refused.
inline constexpr int kOffersPerPlacementMax = 200;

struct OfferEntry {
  rondo::decision::v1::Offer offer;
  std::optional<rules::Program> eligibility;  // Absent: everyone may have it.
  bool is_broken = false;  // A definition changed so that the rule no longer compiles: nobody may.
};

// The offer of a definition, with version and etag. The definition must hold one.
rondo::decision::v1::Offer OfferOf(const catalog::Definition& definition);

// Immutable; thread-safe.
class OfferBook {
 public:
  explicit OfferBook(const catalog::Catalog& catalog);

  // In the order of their names; empty for an unknown placement.
  const std::vector<std::shared_ptr<const OfferEntry>>& At(const std::string& placement) const;

  // The currency in which offers are compared there: that of the first by name, but `without`, that
  // has a value. Empty if none has.
  std::string CurrencyAt(const std::string& placement, std::string_view without = {}) const;

  // An eligibility rule. INVALID_ARGUMENT with line and column, on the field `eligibility`.
  absl::StatusOr<rules::Program> Compile(std::string_view expression) const;
  // Names of the attribute sets that `program` reads, sorted.
  std::vector<std::string> ReferencesOf(const rules::Program& program) const {
    return schema_.OwnersOf(program.references());
  }

 private:
  rules::Schema schema_;
  rules::Environment environment_;
  std::map<std::string, std::vector<std::shared_ptr<const OfferEntry>>> placements_;
};

// Keeps the current book. Thread-safe.
class OfferBooks {
 public:
  // Before Runtime::Start: listens to the catalogue, which must outlive it.
  explicit OfferBooks(catalog::Catalog& catalog);
  std::shared_ptr<const OfferBook> Current();

 private:
  catalog::Catalog& catalog_;
  catalog::Derived<OfferBook> book_;
};

// Everything that is wrong with an offer but its rule, by field: INVALID_ARGUMENT or OK.
absl::Status CheckOffer(const rondo::decision::v1::Offer& offer);

}  // namespace rondo::decision
