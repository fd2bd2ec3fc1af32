#include "services/delivery/domain/consent.h"

#include <algorithm>
#include <tuple>

namespace rondo::delivery {
namespace {

using rondo::log::v1::ConsentFact;

std::tuple<std::string_view, std::string_view, std::string_view> KeyOf(const ConsentFact& fact) {
  return {fact.channel(), fact.purpose(), fact.business_unit()};
}

// Whether `a` has the word over `b`.
bool Prevails(const ConsentFact& a, const ConsentFact& b) {
  if (a.effective_time_micros() != b.effective_time_micros()) {
    return a.effective_time_micros() > b.effective_time_micros();
  }
  return !a.granted() && b.granted();
}

}  // namespace

void FoldConsent(const ConsentFact& fact, Consents& consents) {
  auto at = std::lower_bound(
      consents.begin(), consents.end(), fact,
      [](const ConsentFact& a, const ConsentFact& b) { return KeyOf(a) < KeyOf(b); });
  if (at != consents.end() && KeyOf(*at) == KeyOf(fact)) {
    if (Prevails(fact, *at)) *at = fact;
    return;
  }
  const auto index = static_cast<int>(at - consents.begin());
  *consents.Add() = fact;
  for (int i = consents.size() - 1; i > index; --i) consents.SwapElements(i, i - 1);
}

policy::Consent ConsentFor(const Consents& consents, std::string_view channel,
                           std::string_view purpose, std::string_view business_unit) {
  const ConsentFact* word = nullptr;
  for (const ConsentFact& fact : consents) {
    const bool speaks = (fact.channel() == channel || fact.channel() == "*") &&
                        (fact.purpose() == purpose || fact.purpose() == "*") &&
                        (fact.business_unit() == business_unit || fact.business_unit().empty());
    if (speaks && (word == nullptr || Prevails(fact, *word))) word = &fact;
  }
  if (word == nullptr) return policy::Consent::kUnknown;
  return word->granted() ? policy::Consent::kGranted : policy::Consent::kWithdrawn;
}

}  // namespace rondo::delivery
