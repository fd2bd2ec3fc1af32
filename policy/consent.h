// Consent as customers give and withdraw it, word by word: which of two words prevails, and what
// all of them together say of one channel, purpose and business unit. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace rondo::policy {

enum class Consent { kUnknown, kGranted, kWithdrawn };

// One word of a customer. Its texts belong to whoever made it.
struct ConsentWord {
  std::string_view channel;        // `*` speaks of every channel.
  std::string_view purpose;        // `*` speaks of every purpose.
  std::string_view business_unit;  // Empty speaks of every business unit.
  bool granted = false;
  int64_t effective_time_micros = 0;  // When the customer said so.
};

// What is asked about, by name: nothing here stands for all.
struct ConsentSubject {
  std::string_view channel;
  std::string_view purpose;
  std::string_view business_unit;
};

// Whether `a` has the word over `b`: it was said later, or as late and withdraws what `b` grants.
// How specific a word is does not matter: "nothing from anyone" ends what was granted before.
bool Prevails(const ConsentWord& a, const ConsentWord& b);

// The word that prevails among those that speak of `subject`, whatever their order. kUnknown if
// none does.
Consent ConsentFor(std::span<const ConsentWord> words, const ConsentSubject& subject);

}  // namespace rondo::policy
