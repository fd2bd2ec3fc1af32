// A synthetic population: people with known habits, who react to what they are sent.
//
// The truth is known here and nowhere else: a test compares what the house measured with it. It
// shares no code with stats/. What a person does on an occasion depends on (seed, person, occasion)
// alone, never on the order in which a simulation asks: a crash changes nobody's mind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "platform/core/rng.h"

namespace rondo::kit {

// Chances are of one occasion: a cycle's response window, or a message received.
struct Person {
  int number = 0;                   // From 0.
  std::string key;                  // `crm:17`.
  std::string email;                // `p17@example.test`.
  std::string given_name;           // In several scripts.
  std::string time_zone;            // IANA.
  bool consents = false;            // To marketing by e-mail, when first known.
  std::string phone;                // E.164.
  bool consents_to_sms = false;     // As `consents`, drawn apart.
  double buys = 0.0;                // Without being addressed.
  double buys_more = 0.0;           // Because of a message that was received.
  double opens = 0.0;               // Given a message.
  double clicks = 0.0;              // Given an open.
  double unsubscribes = 0.0;        // Given an open.
  double complains = 0.0;           // Given a message.
  double moves = 0.0;               // Changes the address during the window.
  bool mail_is_prefetched = false;  // A machine opens each message.
};

enum class Deed { kOpen, kMachineOpen, kClick, kUnsubscribe, kComplain, kBuy, kMove };
std::string_view DeedName(Deed deed);  // The event's type: `open`, `open`, `click`, ...

// What a person does, and how long after the occasion began.
struct Act {
  Deed deed = Deed::kBuy;
  absl::Duration after;
  int64_t amount_minor_units = 0;  // Of a purchase.
};

struct PopulationOptions {
  int people = 100;
  double consent_share = 0.8;
  absl::Duration window = absl::Hours(14 * 24);  // In which people act.
};

class Population {
 public:
  Population(uint64_t seed, PopulationOptions options);

  const std::vector<Person>& people() const { return people_; }

  // What happens to `person` in the window of `occasion` (a cycle's number) however that person is
  // treated: purchases from habit, a changed address. In order of time.
  std::vector<Act> Habits(const Person& person, int occasion) const;
  // What a message of `occasion`, once received, adds. In order of time.
  std::vector<Act> Reactions(const Person& person, int occasion) const;

  // The chance, averaged over all people, to buy at least once in a window; of those who consent if
  // `treated`, since only they receive anything.
  double TrueConversion(bool treated) const;

 private:
  Rng RngOf(const Person& person, int occasion, int purpose) const;

  uint64_t seed_;
  PopulationOptions options_;
  std::vector<Person> people_;
};

}  // namespace rondo::kit
