#include "services/customer/domain/profile.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

namespace rondo::customer {
namespace {

TEST(ProfileTest, KeepsTheValueOfTheLatestTime) {
  Profile profile;
  EXPECT_TRUE(FoldAttribute(profile, {"tier", "gold", 200}));
  EXPECT_FALSE(FoldAttribute(profile, {"tier", "silver", 100}));
  EXPECT_EQ(FindAttribute(profile, "tier")->value, "gold");
  EXPECT_TRUE(FoldAttribute(profile, {"tier", "", 300}));
  EXPECT_EQ(FindAttribute(profile, "tier")->value, "");
}

TEST(ProfileTest, FindsNothingThatWasNeverSet) {
  Profile profile;
  FoldAttribute(profile, {"tier", "gold", 200});
  EXPECT_EQ(FindAttribute(profile, "tie"), nullptr);
  EXPECT_EQ(FindAttribute(profile, "zone"), nullptr);
}

TEST(ProfileTest, ErasureLeavesTheTimesAlone) {
  Profile profile;
  profile.create_micros = 5;
  profile.keys.push_back({"crm", 7, "4711"});
  FoldAttribute(profile, {"tier", "gold", 200});
  Fold(profile.consents, {.channel = "email", .purpose = "marketing"});
  const Profile erased = Erase(profile, 9);
  Profile want;
  want.create_micros = 5;
  want.update_micros = 9;
  want.erased = true;
  EXPECT_EQ(erased, want);
}

RC_GTEST_PROP(ProfileProperty, AttributesDoNotDependOnTheOrderOfArrival, (uint32_t seed)) {
  const auto values =
      *rc::gen::container<std::vector<AttributeValue>>(rc::gen::build<AttributeValue>(
          rc::gen::set(&AttributeValue::name, rc::gen::element<std::string>("a", "b", "c")),
          rc::gen::set(&AttributeValue::value, rc::gen::element<std::string>("", "x", "y")),
          rc::gen::set(&AttributeValue::effective_micros, rc::gen::inRange<int64_t>(0, 4))));
  std::vector<AttributeValue> shuffled = values;
  shuffled.insert(shuffled.end(), values.begin(), values.end());
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(seed));
  Profile straight;
  for (const AttributeValue& value : values) FoldAttribute(straight, value);
  Profile mixed;
  for (const AttributeValue& value : shuffled) FoldAttribute(mixed, value);
  RC_ASSERT(straight == mixed);
}

}  // namespace
}  // namespace rondo::customer
