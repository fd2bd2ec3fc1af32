#include "services/customer/domain/consent.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace rondo::customer {
namespace {

auto SubjectOf(const Consent& consent) {
  return std::tie(consent.channel, consent.purpose, consent.business_unit);
}

}  // namespace

bool Supersedes(const Consent& newer, const Consent& current) {
  if (newer.effective_micros != current.effective_micros) {
    return newer.effective_micros > current.effective_micros;
  }
  if (newer.granted != current.granted) return !newer.granted;
  return std::tie(newer.source, newer.text_version) >
         std::tie(current.source, current.text_version);
}

bool Fold(Consents& consents, Consent consent) {
  const auto at = std::lower_bound(
      consents.begin(), consents.end(), consent,
      [](const Consent& a, const Consent& b) { return SubjectOf(a) < SubjectOf(b); });
  if (at == consents.end() || SubjectOf(*at) != SubjectOf(consent)) {
    consents.insert(at, std::move(consent));
    return true;
  }
  if (!Supersedes(consent, *at)) return false;
  *at = std::move(consent);
  return true;
}

}  // namespace rondo::customer
