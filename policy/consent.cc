#include "policy/consent.h"

namespace rondo::policy {
namespace {

bool Speaks(const ConsentWord& word, const ConsentSubject& subject) {
  return (word.channel == "*" || word.channel == subject.channel) &&
         (word.purpose == "*" || word.purpose == subject.purpose) &&
         (word.business_unit.empty() || word.business_unit == subject.business_unit);
}

}  // namespace

bool Prevails(const ConsentWord& a, const ConsentWord& b) {
  if (a.effective_time_micros != b.effective_time_micros) {
    return a.effective_time_micros > b.effective_time_micros;
  }
  return !a.granted && b.granted;
}

Consent ConsentFor(std::span<const ConsentWord> words, const ConsentSubject& subject) {
  const ConsentWord* last = nullptr;
  for (const ConsentWord& word : words) {
    if (Speaks(word, subject) && (last == nullptr || Prevails(word, *last))) last = &word;
  }
  if (last == nullptr) return Consent::kUnknown;
  return last->granted ? Consent::kGranted : Consent::kWithdrawn;
}

}  // namespace rondo::policy
