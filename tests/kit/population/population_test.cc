#include "tests/kit/population/population.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rondo::kit {
namespace {

bool Buys(const std::vector<Act>& acts) {
  return std::any_of(acts.begin(), acts.end(), [](const Act& a) { return a.deed == Deed::kBuy; });
}

TEST(PopulationTest, APersonsMindDoesNotDependOnWhoWasAskedBefore) {
  const Population asked_in_order(7, {.people = 50});
  const Population asked_once(7, {.people = 50});
  for (const Person& person : asked_in_order.people()) {
    for (int cycle = 1; cycle <= 3; ++cycle) {
      const std::vector<Act> first = asked_in_order.Reactions(person, cycle);
      asked_in_order.Habits(person, cycle);
      EXPECT_EQ(asked_in_order.Reactions(person, cycle).size(), first.size());
    }
  }
  const Person& last = asked_once.people().back();
  EXPECT_EQ(asked_once.Reactions(last, 3).size(), asked_in_order.Reactions(last, 3).size());
}

TEST(PopulationTest, ActsComeInOrderOfTimeAndWithinTheWindow) {
  const Population population(8, {.people = 500, .window = absl::Hours(72)});
  for (const Person& person : population.people()) {
    for (const auto& acts : {population.Habits(person, 1), population.Reactions(person, 1)}) {
      EXPECT_TRUE(std::is_sorted(acts.begin(), acts.end(),
                                 [](const Act& a, const Act& b) { return a.after < b.after; }));
      for (const Act& act : acts) EXPECT_LE(act.after, absl::Hours(72));
    }
  }
}

// Half a percentage point is five standard errors at 200,000 draws of a chance near one third.
TEST(PopulationTest, PeopleActAsOftenAsTheTruthSays) {
  const Population population(9, {.people = 20'000});
  int64_t untreated = 0;
  int64_t treated = 0;
  constexpr int kOccasions = 10;
  for (const Person& person : population.people()) {
    for (int occasion = 1; occasion <= kOccasions; ++occasion) {
      const bool from_habit = Buys(population.Habits(person, occasion));
      const bool moved = person.consents && Buys(population.Reactions(person, occasion));
      untreated += from_habit ? 1 : 0;
      treated += from_habit || moved ? 1 : 0;
    }
  }
  const double n = 20'000.0 * kOccasions;
  EXPECT_NEAR(static_cast<double>(untreated) / n, population.TrueConversion(false), 0.005);
  EXPECT_NEAR(static_cast<double>(treated) / n, population.TrueConversion(true), 0.005);
  EXPECT_GT(population.TrueConversion(true), population.TrueConversion(false) + 0.05);
}

}  // namespace
}  // namespace rondo::kit
