#include "services/decision/offer_book.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_format.h"
#include "google/protobuf/util/time_util.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "services/decision/customer_row.h"

namespace rondo::decision {
namespace {

namespace pb = ::rondo::decision::v1;

}  // namespace

pb::Offer OfferOf(const catalog::Definition& definition) {
  pb::Offer offer = definition.offer();
  offer.set_name(definition.name());
  offer.set_version(definition.version());
  offer.set_etag(catalog::EtagOf(definition.version()));
  return offer;
}

OfferBook::OfferBook(const catalog::Catalog& catalog)
    : schema_(catalog.ListAll(catalog::kAttributeSets), catalog.ListAll(catalog::kCodeLists)),
      environment_(EnvironmentOf(schema_)) {
  for (const catalog::Definition& definition : catalog.ListAll(catalog::kOffers)) {
    auto entry = std::make_shared<OfferEntry>();
    entry->offer = OfferOf(definition);
    if (!entry->offer.eligibility().empty()) {
      auto program = Compile(entry->offer.eligibility());
      entry->is_broken = !program.ok();
      if (program.ok()) entry->eligibility = *std::move(program);
    }
    for (const std::string& placement : entry->offer.placements()) {
      auto& there = placements_[placement];
      if (there.size() < static_cast<size_t>(kOffersPerPlacementMax)) there.push_back(entry);
    }
  }
}

const std::vector<std::shared_ptr<const OfferEntry>>& OfferBook::At(
    const std::string& placement) const {
  static const std::vector<std::shared_ptr<const OfferEntry>> kNone;
  const auto it = placements_.find(placement);
  return it == placements_.end() ? kNone : it->second;
}

std::string OfferBook::CurrencyAt(const std::string& placement, std::string_view without) const {
  for (const auto& entry : At(placement)) {
    if (entry->offer.has_value() && entry->offer.name() != without) {
      return entry->offer.value().currency_code();
    }
  }
  return {};
}

absl::StatusOr<rules::Program> OfferBook::Compile(std::string_view expression) const {
  auto program = rules::Compile(expression, environment_, rules::Type::Bool());
  if (program.ok()) return program;
  const auto message = program.status().message();
  return FieldError("eligibility", std::string_view(message.data(), message.size()));
}

OfferBooks::OfferBooks(catalog::Catalog& catalog)
    : catalog_(catalog),
      book_(catalog, {std::string(catalog::kOffers), std::string(catalog::kAttributeSets),
                      std::string(catalog::kCodeLists)}) {}

std::shared_ptr<const OfferBook> OfferBooks::Current() {
  return book_.Current([](const OfferBook&) { return true; },
                       [this] { return std::make_shared<const OfferBook>(catalog_); });
}

absl::Status CheckOffer(const pb::Offer& offer) {
  FieldViolations violations;
  if (!catalog::IsResourceName(offer.name(), catalog::kOffers)) {
    violations.Add("offer.name", "expected offers/ and lower-case letters, digits and hyphens");
  }
  if (offer.has_value()) {
    if (!MinorUnitDigits(offer.value().currency_code()).ok()) {
      violations.Add("offer.value.currency_code", "expected an ISO 4217 code such as EUR");
    }
    if (offer.value().minor_units() < 0) {
      violations.Add("offer.value", "expected an amount that is not negative");
    }
  }
  if (!(offer.weight() >= 0.0) || !std::isfinite(offer.weight())) {
    violations.Add("offer.weight", "expected a number above 0, or 0 for 1");
  }
  std::set<std::string> seen;
  for (int i = 0; i < offer.placements_size(); ++i) {
    if (!catalog::IsResourceId(offer.placements(i)) || !seen.insert(offer.placements(i)).second) {
      violations.Add(absl::StrFormat("offer.placements[%d]", i),
                     "expected lower-case letters, digits and hyphens, each placement once");
    }
  }
  const bool has_both = offer.has_start_time() && offer.has_end_time();
  if (has_both && !(offer.start_time() < offer.end_time())) {
    violations.Add("offer.end_time", "expected a time after start_time");
  }
  const std::string& url = offer.url();
  if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://")) {
    violations.Add("offer.url", "expected an address that starts with https:// or http://");
  }
  return violations.ToStatus();
}

}  // namespace rondo::decision
