#include "tests/kit/population/population.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_format.h"

namespace rondo::kit {
namespace {

constexpr std::array<const char*, 8> kNames = {"Ann",   "José",  "Łukasz", "Ægir",
                                               "Νίκος", "Мария", "김민준", "さくら"};
constexpr std::array<const char*, 5> kZones = {"Asia/Seoul", "Europe/Berlin", "America/New_York",
                                               "Asia/Kathmandu", "Pacific/Kiritimati"};
constexpr int kHabits = 0;
constexpr int kReactions = 1;
constexpr int kNoOccasion = 0;  // Occasions count from 1.

// splitmix64's finaliser (Steele, Lea & Flood 2014): neighbouring inputs give unrelated seeds.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

double Between(Rng& rng, double low, double high) { return low + (high - low) * rng.Uniform(); }

absl::Duration Within(Rng& rng, absl::Duration span) {
  return absl::Microseconds(
      static_cast<int64_t>(rng.Below(static_cast<uint64_t>(absl::ToInt64Microseconds(span)))));
}

Person MakePerson(int number, const PopulationOptions& options, Rng& rng) {
  Person person;
  person.number = number;
  person.key = absl::StrFormat("crm:%d", number);
  person.email = absl::StrFormat("p%d@example.test", number);
  person.given_name = kNames[rng.Below(kNames.size())];
  person.time_zone = kZones[rng.Below(kZones.size())];
  person.consents = rng.Chance(options.consent_share);
  person.buys = Between(rng, 0.05, 0.25);
  // Most are moved a little, some not at all.
  person.buys_more = rng.Chance(0.15) ? 0.0 : Between(rng, 0.0, 0.4);
  person.opens = Between(rng, 0.2, 0.9);
  person.clicks = Between(rng, 0.05, 0.6);
  person.unsubscribes = rng.Chance(0.2) ? 0.5 : 0.02;
  person.complains = rng.Chance(0.1) ? 0.3 : 0.0;
  person.moves = 0.05;
  person.mail_is_prefetched = rng.Chance(0.3);
  return person;
}

void Sort(std::vector<Act>& acts) {
  std::stable_sort(acts.begin(), acts.end(),
                   [](const Act& a, const Act& b) { return a.after < b.after; });
}

}  // namespace

std::string_view DeedName(Deed deed) {
  switch (deed) {
    case Deed::kOpen:
    case Deed::kMachineOpen:
      return "open";
    case Deed::kClick:
      return "click";
    case Deed::kUnsubscribe:
      return "unsubscribe";
    case Deed::kComplain:
      return "complaint";
    case Deed::kBuy:
      return "purchase";
    case Deed::kMove:
      return "move";
  }
  return "";
}

Population::Population(uint64_t seed, PopulationOptions options) : seed_(seed), options_(options) {
  Rng rng(Mix(seed_));
  for (int i = 0; i < options_.people; ++i) {
    Person& person = people_.emplace_back(MakePerson(i, options_, rng));
    person.phone = absl::StrFormat("+8210%08d", i);
    person.consents_to_sms = RngOf(person, kNoOccasion, kHabits).Chance(options_.consent_share);
  }
}

Rng Population::RngOf(const Person& person, int occasion, int purpose) const {
  const auto number = static_cast<uint64_t>(person.number);
  return Rng(Mix(Mix(Mix(seed_ + 1) + number) + static_cast<uint64_t>(2 * occasion + purpose)));
}

std::vector<Act> Population::Habits(const Person& person, int occasion) const {
  Rng rng = RngOf(person, occasion, kHabits);
  std::vector<Act> acts;
  if (rng.Chance(person.buys)) {
    const int purchases = rng.Chance(0.2) ? 2 : 1;
    for (int i = 0; i < purchases; ++i) {
      acts.push_back({Deed::kBuy, Within(rng, options_.window),
                      100 + static_cast<int64_t>(rng.Below(50'000))});
    }
  }
  if (rng.Chance(person.moves)) acts.push_back({Deed::kMove, Within(rng, options_.window), 0});
  Sort(acts);
  return acts;
}

std::vector<Act> Population::Reactions(const Person& person, int occasion) const {
  Rng rng = RngOf(person, occasion, kReactions);
  std::vector<Act> acts;
  if (person.mail_is_prefetched) acts.push_back({Deed::kMachineOpen, absl::Seconds(2), 0});
  if (rng.Chance(person.complains)) {
    acts.push_back({Deed::kComplain, Within(rng, absl::Hours(48)), 0});
  }
  // Bought because of it, not read from an open: images are often blocked.
  if (rng.Chance(person.buys_more)) {
    acts.push_back({Deed::kBuy, Within(rng, options_.window / 2),
                    100 + static_cast<int64_t>(rng.Below(80'000))});
  }
  if (rng.Chance(person.opens)) {
    const absl::Duration opened = absl::Minutes(1) + Within(rng, absl::Hours(24));
    acts.push_back({Deed::kOpen, opened, 0});
    if (rng.Chance(person.clicks)) {
      acts.push_back({Deed::kClick, opened + absl::Seconds(20), 0});
    }
    if (rng.Chance(person.unsubscribes)) {
      acts.push_back({Deed::kUnsubscribe, opened + absl::Seconds(40), 0});
    }
  }
  Sort(acts);
  return acts;
}

double Population::TrueConversion(bool treated) const {
  double sum = 0.0;
  for (const Person& person : people_) {
    const double added = treated && person.consents ? person.buys_more : 0.0;
    sum += 1.0 - (1.0 - person.buys) * (1.0 - added);
  }
  return people_.empty() ? 0.0 : sum / static_cast<double>(people_.size());
}

}  // namespace rondo::kit
