#include "services/customer/domain/consent.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

namespace rondo::customer {
namespace {

Consent EmailMarketing(bool granted, int64_t micros) {
  return {.channel = "email",
          .purpose = "marketing",
          .granted = granted,
          .effective_micros = micros,
          .source = "test"};
}

TEST(ConsentTest, TheLatestWordHoldsWhateverArrivesLast) {
  Consents consents;
  EXPECT_TRUE(Fold(consents, EmailMarketing(false, 200)));
  EXPECT_FALSE(Fold(consents, EmailMarketing(true, 100)));
  ASSERT_EQ(consents.size(), 1u);
  EXPECT_FALSE(consents[0].granted);
}

TEST(ConsentTest, AtEqualTimesTheWithdrawalWins) {
  Consents consents;
  EXPECT_TRUE(Fold(consents, EmailMarketing(false, 100)));
  EXPECT_FALSE(Fold(consents, EmailMarketing(true, 100)));
  EXPECT_FALSE(consents[0].granted);
  Consents reversed;
  EXPECT_TRUE(Fold(reversed, EmailMarketing(true, 100)));
  EXPECT_TRUE(Fold(reversed, EmailMarketing(false, 100)));
  EXPECT_FALSE(reversed[0].granted);
}

TEST(ConsentTest, BusinessUnitsAreApart) {
  Consents consents;
  Consent other = EmailMarketing(true, 100);
  other.business_unit = "retail-kr";
  EXPECT_TRUE(Fold(consents, EmailMarketing(false, 100)));
  EXPECT_TRUE(Fold(consents, other));
  EXPECT_EQ(consents.size(), 2u);
}

TEST(ConsentTest, ARepeatSaysNothingNew) {
  Consents consents;
  EXPECT_TRUE(Fold(consents, EmailMarketing(true, 100)));
  EXPECT_FALSE(Fold(consents, EmailMarketing(true, 100)));
}

rc::Gen<Consent> AnyConsent() {
  return rc::gen::build<Consent>(
      rc::gen::set(&Consent::channel, rc::gen::element<std::string>("email", "sms", "*")),
      rc::gen::set(&Consent::purpose, rc::gen::element<std::string>("marketing", "*")),
      rc::gen::set(&Consent::business_unit, rc::gen::element<std::string>("", "kr")),
      rc::gen::set(&Consent::granted, rc::gen::arbitrary<bool>()),
      rc::gen::set(&Consent::effective_micros, rc::gen::inRange<int64_t>(0, 5)),
      rc::gen::set(&Consent::source, rc::gen::element<std::string>("import", "one-click")));
}

RC_GTEST_PROP(ConsentProperty, AnyOrderAndAnyRepetitionGiveTheSameFold, (uint32_t seed)) {
  const auto said = *rc::gen::container<std::vector<Consent>>(AnyConsent());
  std::vector<Consent> shuffled = said;
  for (int copies = 0; copies < 2; ++copies) {
    shuffled.insert(shuffled.end(), said.begin(), said.end());
  }
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(seed));
  Consents straight;
  for (const Consent& consent : said) Fold(straight, consent);
  Consents mixed;
  for (const Consent& consent : shuffled) Fold(mixed, consent);
  RC_ASSERT(straight == mixed);
}

}  // namespace
}  // namespace rondo::customer
