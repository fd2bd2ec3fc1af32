#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

#include "services/delivery/domain/attempt.h"
#include "services/delivery/domain/consent.h"

namespace rondo::delivery {
namespace {

rondo::log::v1::ConsentFact Fact(const std::string& channel, bool granted, int64_t time,
                                 const std::string& unit = "") {
  rondo::log::v1::ConsentFact fact;
  fact.set_channel(channel);
  fact.set_purpose("marketing");
  fact.set_business_unit(unit);
  fact.set_granted(granted);
  fact.set_effective_time_micros(time);
  return fact;
}

policy::Consent Ask(const Consents& consents, const std::string& channel = "email") {
  return ConsentFor(consents, {channel, "marketing", "kr"});
}

TEST(ConsentTest, TheLatestWordWinsAndTheWithdrawalAtEqualTimes) {
  Consents consents;
  EXPECT_EQ(Ask(consents), policy::Consent::kUnknown);
  FoldConsent(Fact("email", true, 10), consents);
  EXPECT_EQ(Ask(consents), policy::Consent::kGranted);
  EXPECT_EQ(Ask(consents, "sms"), policy::Consent::kUnknown);
  FoldConsent(Fact("email", false, 9), consents);
  EXPECT_EQ(Ask(consents), policy::Consent::kGranted);
  FoldConsent(Fact("email", false, 10), consents);
  EXPECT_EQ(Ask(consents), policy::Consent::kWithdrawn);
}

TEST(ConsentTest, AWordOnAllChannelsCountsForEach) {
  Consents consents;
  FoldConsent(Fact("email", true, 10, "kr"), consents);
  FoldConsent(Fact("*", false, 11), consents);
  EXPECT_EQ(Ask(consents), policy::Consent::kWithdrawn);
  FoldConsent(Fact("email", true, 12, "kr"), consents);
  EXPECT_EQ(Ask(consents), policy::Consent::kGranted);
  EXPECT_EQ(Ask(consents, "sms"), policy::Consent::kWithdrawn);
}

RC_GTEST_PROP(ConsentTest, IsTheSameInWhateverOrderFactsArrive,
              (const std::vector<std::tuple<uint8_t, bool, uint8_t>>& given, uint32_t seed)) {
  std::vector<rondo::log::v1::ConsentFact> facts;
  for (const auto& [channel, granted, time] : given) {
    facts.push_back(Fact(channel % 3 == 0   ? "*"
                         : channel % 3 == 1 ? "email"
                                            : "sms",
                         granted, time % 4));
  }
  Consents forward;
  for (const auto& fact : facts) FoldConsent(fact, forward);
  std::shuffle(facts.begin(), facts.end(), std::mt19937(seed));
  Consents shuffled;
  for (const auto& fact : facts) FoldConsent(fact, shuffled);
  for (const auto& fact : facts) FoldConsent(fact, shuffled);
  RC_ASSERT(forward.size() == shuffled.size());
  for (int i = 0; i < forward.size(); ++i) {
    RC_ASSERT(forward[i].SerializeAsString() == shuffled[i].SerializeAsString());
  }
}

TEST(DeliveryIdTest, IsOneForEachContactAndKeyAndTheSameForEachAttempt) {
  const InstanceKey key = {1, 2, 3};
  rondo::response::v1::ContactKey contact;
  contact.set_campaign("campaigns/a");
  contact.set_cycle(1);
  const std::string id = DeliveryId(key, contact, CustomerId(7));
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(DeliveryId(key, contact, CustomerId(7)), id);
  EXPECT_NE(DeliveryId(key, contact, CustomerId(8)), id);
  EXPECT_NE(DeliveryId({1, 2, 4}, contact, CustomerId(7)), id);
  contact.set_occurrence(1);
  EXPECT_NE(DeliveryId(key, contact, CustomerId(7)), id);
}

TEST(RetryDelayTest, DoublesUpToFourHoursWithASpread) {
  EXPECT_EQ(RetryDelay(1, 500), absl::Minutes(5));
  EXPECT_EQ(RetryDelay(2, 500), absl::Minutes(10));
  EXPECT_EQ(RetryDelay(50, 500), absl::Hours(4));
  EXPECT_EQ(RetryDelay(1, 0), absl::Minutes(4));
  EXPECT_LT(RetryDelay(1, 999), absl::Minutes(6));
}

TEST(ContactPolicyTest, CarriesWhatItsDefinitionSays) {
  rondo::campaign::v1::Policy definition;
  definition.set_require_consent(true);
  auto& cap = *definition.add_caps();
  cap.set_channel("email");
  cap.set_max_contacts(2);
  cap.mutable_window()->set_seconds(7 * 24 * 3600);
  definition.set_cap_action(rondo::campaign::v1::CAP_ACTION_DEFER);
  definition.mutable_quiet_hours()->set_start_minute(1260);
  definition.mutable_quiet_hours()->set_end_minute(480);
  const policy::ContactPolicy policy = ToContactPolicy(definition);
  EXPECT_TRUE(policy.requires_consent);
  ASSERT_EQ(policy.caps.size(), 1u);
  EXPECT_EQ(policy.caps[0].window, absl::Hours(7 * 24));
  EXPECT_EQ(policy.caps[0].when_capped, policy::WhenCapped::kDefer);
  EXPECT_EQ(policy.quiet_hours.at(0).start_minute, 1260);
}

}  // namespace
}  // namespace rondo::delivery
