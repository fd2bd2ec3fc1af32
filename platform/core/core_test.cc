#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>

#include "platform/core/executor.h"
#include "platform/core/field_error.h"
#include "platform/core/hash.h"
#include "platform/core/id.h"
#include "platform/core/money.h"
#include "platform/core/rng.h"
#include "platform/core/seeded_executor.h"

namespace rondo {
namespace {

TEST(CustomerNameTest, ReadsBackWhatItWrote) {
  const CustomerId id(0x00f3c2a9d41b7e60);
  EXPECT_EQ(ToResourceName(id), "customers/00f3c2a9d41b7e60");
  EXPECT_EQ(*ParseCustomerName("customers/00f3c2a9d41b7e60"), id);
}

TEST(CustomerNameTest, RefusesAnythingElseAndNamesTheField) {
  for (const char* bad : {"", "customers/", "customers/0", "customers/0000000000000000",
                          "customers/00F3C2A9D41B7E60", "campaigns/00f3c2a9d41b7e60"}) {
    SCOPED_TRACE(bad);
    const auto parsed = ParseCustomerName(bad);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(ViolationsOf(parsed.status()).at(0).field, "name");
  }
}

TEST(SlotTest, PartitionsAreRangesOfSlotsThatCoverAll) {
  for (const int partitions : {1, 3, 8, 64, 1024}) {
    int last = 0;
    for (int slot = 0; slot < kSlotCount; ++slot) {
      const int partition = PartitionOfSlot(slot, partitions);
      EXPECT_GE(partition, last);
      EXPECT_LE(partition, last + 1);
      last = partition;
    }
    EXPECT_EQ(last, partitions - 1);
  }
}

TEST(HashTest, Crc32cGivesTheCheckValueOfItsCatalogueEntry) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), 0xE3069283u);
}

TEST(HashTest, SipHashGivesTheVectorOfItsPaper) {
  InstanceKey key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(i);
  std::string input;
  for (char c = 0; c < 15; ++c) input.push_back(c);
  EXPECT_EQ(SipHash(key, input), 0xa129ca6149be45e5u);  // Aumasson & Bernstein 2012, appendix A.
}

TEST(MoneyTest, ParsesToMinorUnitsOfTheCurrency) {
  EXPECT_EQ(ParseMoney("12", "KRW")->minor_units, 12);
  EXPECT_EQ(ParseMoney("12.5", "EUR")->minor_units, 1250);
  EXPECT_EQ(ParseMoney("-0.05", "EUR")->minor_units, -5);
  EXPECT_EQ(ParseMoney("1.234", "KWD")->minor_units, 1234);
}

TEST(MoneyTest, RefusesWhatItCannotHoldExactly) {
  for (const char* bad :
       {"", ".", "1.", ".5", "1.5", "1e3", "--1", "1,000", "9223372036854775808"}) {
    EXPECT_FALSE(ParseMoney(bad, "KRW").ok()) << bad;
  }
  EXPECT_FALSE(ParseMoney("1", "krw").ok());
}

RC_GTEST_PROP(MoneyTest, FormatIsUndoneByParse, (int64_t minor_units)) {
  for (const char* currency : {"KRW", "EUR", "KWD"}) {
    const Money money{currency, minor_units};
    RC_ASSERT(ParseMoney(FormatAmount(money), currency).value() == money);
  }
}

TEST(FieldViolationsTest, ComeBackFromTheStatusThatCarriesThem) {
  FieldViolations violations;
  EXPECT_TRUE(violations.ToStatus().ok());
  violations.Add("cells[0].share", "shares must add up to 1");
  violations.Add("audience", "choose a segment");
  const absl::Status status = violations.ToStatus();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ViolationsOf(status), violations.list());
  EXPECT_TRUE(ViolationsOf(absl::OkStatus()).empty());
}

TEST(RngTest, SameSeedSameNumbersEverywhere) {
  Rng rng(5489);
  EXPECT_EQ(rng.Next(), 14514284786278117030u);  // [rand.predef]: mt19937_64's first number.
}

TEST(StrandTest, RunsInOrderAndNeverTwoAtOnce) {
  const SystemClock clock;
  ThreadPoolExecutor executor(4, clock);
  Strand strand(executor);
  std::vector<int> order;  // Unguarded on purpose: the strand is the guard.
  std::atomic<int> done = 0;
  for (int i = 0; i < 1000; ++i) {
    strand.Post([&order, &done, &executor, i] {
      order.push_back(i);
      if (++done == 1000) executor.NotifyAll();
    });
  }
  ASSERT_TRUE(executor.Await([&] { return done == 1000; }, clock.Now() + absl::Seconds(30)));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadPoolExecutorTest, TimersFollowTheInjectedClock) {
  ManualClock clock(absl::FromUnixSeconds(1'000'000));
  ThreadPoolExecutor executor(1, clock);
  std::atomic<bool> fired = false;
  executor.PostAt(clock.Now() + absl::Hours(5), [&] {
    fired = true;
    executor.NotifyAll();
  });
  EXPECT_FALSE(fired);
  clock.Advance(absl::Hours(5));
  EXPECT_TRUE(executor.Await([&] { return fired.load(); }, clock.Now() + absl::Seconds(30)));
}

TEST(SeededExecutorTest, MovesTimeOnlyWhenNothingElseCanRun) {
  ManualClock clock(absl::FromUnixSeconds(1'000'000));
  SeededExecutor executor(1, clock);
  const absl::Time start = clock.Now();
  std::vector<int> order;
  // Between two microseconds: the clock must not stop short of it.
  executor.PostAt(start + absl::Hours(1) + absl::Nanoseconds(300), [&] { order.push_back(2); });
  executor.Post([&] {
    order.push_back(1);
    EXPECT_EQ(clock.Now(), start);
  });
  EXPECT_TRUE(executor.Await([&] { return order.size() == 2; }, start + absl::Hours(2)));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_FALSE(executor.Await([] { return false; }, start + absl::Hours(2)));
  EXPECT_EQ(clock.Now(), start + absl::Hours(2));
}

TEST(SeededExecutorTest, TheSeedGivesTheOrder) {
  const auto order_of = [](uint64_t seed) {
    ManualClock clock(absl::FromUnixSeconds(1'000'000));
    SeededExecutor executor(seed, clock);
    std::vector<int> order;
    for (int i = 0; i < 20; ++i) executor.Post([&order, i] { order.push_back(i); });
    while (executor.RunOne()) {
    }
    return order;
  };
  EXPECT_EQ(order_of(1), order_of(1));
  EXPECT_NE(order_of(1), order_of(2));
}

TEST(SeededExecutorTest, NothingRunsInAHaltedProcessAndNobodyWaits) {
  ManualClock clock(absl::FromUnixSeconds(1'000'000));
  SeededExecutor executor(1, clock);
  int ran = 0;
  executor.Post([&] {
    executor.Post([&] { ++ran; });
    executor.Halt();
    const absl::Time before = clock.Now();
    EXPECT_FALSE(executor.Await([] { return false; }, before + absl::Hours(1)));
    EXPECT_EQ(clock.Now(), before);
  });
  EXPECT_TRUE(executor.RunOne());
  EXPECT_FALSE(executor.RunOne());
  executor.DropAll();
  EXPECT_FALSE(executor.RunOne());
  executor.Post([&] { ++ran; });
  EXPECT_TRUE(executor.RunOne());
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace rondo
