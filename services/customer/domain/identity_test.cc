#include "services/customer/domain/identity.h"

#include <gtest/gtest.h>

#include <set>

#include "platform/core/field_error.h"

namespace rondo::customer {
namespace {

constexpr InstanceKey kInstance = {1, 2, 3};

TEST(IdentityTest, TheFirstKeyMakesTheId) {
  const uint64_t hash = HashOfKey(kInstance, "crm", "4711");
  const auto id = FirstFreeId(hash, [](CustomerId) { return false; });
  EXPECT_EQ(id->value(), hash);
  EXPECT_NE(hash, HashOfKey(kInstance, "crm", "4712"));
  EXPECT_NE(hash, HashOfKey({9}, "crm", "4711"));
}

TEST(IdentityTest, ATakenIdIsProbedWithinItsSlot) {
  // The last hash of slot 7: the next probe wraps to the slot's first.
  const uint64_t hash = (uint64_t{8} << 52) - 1;
  std::set<uint64_t> taken = {hash};
  const auto id =
      FirstFreeId(hash, [&](CustomerId probe) { return taken.count(probe.value()) > 0; });
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(SlotOf(*id), 7);
  EXPECT_EQ(id->value(), uint64_t{7} << 52);
}

TEST(IdentityTest, NeverIssuesZeroAndGivesUpAfterItsLimit) {
  const auto id = FirstFreeId(0, [](CustomerId) { return false; });
  EXPECT_EQ(id->value(), 1u);
  int probes = 0;
  const auto full = FirstFreeId(5, [&](CustomerId) {
    ++probes;
    return true;
  });
  EXPECT_EQ(full.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(probes, kMaxProbes);
}

TEST(IdentityTest, RefusesBadKeysAndNamesTheField) {
  EXPECT_TRUE(ValidateKey("keys[0]", "crm", "4711").ok());
  EXPECT_EQ(ViolationsOf(ValidateKey("keys[0]", "CRM", "1")).at(0).field, "keys[0].namespace");
  EXPECT_EQ(ViolationsOf(ValidateKey("keys[1]", "crm", "")).at(0).field, "keys[1].value");
  EXPECT_FALSE(ValidateKey("k", "crm", "a\r\nb").ok());
  EXPECT_FALSE(ValidateKey("k", "crm", std::string(256, 'x')).ok());
}

}  // namespace
}  // namespace rondo::customer
