#include "services/delivery/domain/consent.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace rondo::delivery {
namespace {

using rondo::log::v1::ConsentFact;

std::tuple<std::string_view, std::string_view, std::string_view> KeyOf(const ConsentFact& fact) {
  return {fact.channel(), fact.purpose(), fact.business_unit()};
}

policy::ConsentWord WordOf(const ConsentFact& fact) {
  return {.channel = fact.channel(),
          .purpose = fact.purpose(),
          .business_unit = fact.business_unit(),
          .granted = fact.granted(),
          .effective_time_micros = fact.effective_time_micros()};
}

}  // namespace

void FoldConsent(const ConsentFact& fact, Consents& consents) {
  auto at = std::lower_bound(
      consents.begin(), consents.end(), fact,
      [](const ConsentFact& a, const ConsentFact& b) { return KeyOf(a) < KeyOf(b); });
  if (at != consents.end() && KeyOf(*at) == KeyOf(fact)) {
    if (policy::Prevails(WordOf(fact), WordOf(*at))) *at = fact;
    return;
  }
  const auto index = static_cast<int>(at - consents.begin());
  *consents.Add() = fact;
  for (int i = consents.size() - 1; i > index; --i) consents.SwapElements(i, i - 1);
}

policy::Consent ConsentFor(const Consents& consents, const policy::ConsentSubject& subject) {
  std::vector<policy::ConsentWord> words;
  words.reserve(static_cast<size_t>(consents.size()));
  for (const ConsentFact& fact : consents) words.push_back(WordOf(fact));
  return policy::ConsentFor(words, subject);
}

}  // namespace rondo::delivery
