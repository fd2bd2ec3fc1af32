#include "policy/consent.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <tuple>
#include <vector>

namespace rondo::policy {
namespace {

constexpr ConsentSubject kWeb = {"web", "marketing", "kr"};

TEST(ConsentTest, ALaterWordOnEverythingEndsWhatWasGrantedForOneChannel) {
  std::vector<ConsentWord> words = {{"web", "marketing", "kr", true, 10}};
  EXPECT_EQ(ConsentFor(words, kWeb), Consent::kGranted);
  words.push_back({"*", "*", "", false, 11});
  EXPECT_EQ(ConsentFor(words, kWeb), Consent::kWithdrawn);
  words.push_back({"web", "*", "", true, 12});
  EXPECT_EQ(ConsentFor(words, kWeb), Consent::kGranted);
  EXPECT_EQ(ConsentFor(words, {"sms", "marketing", "kr"}), Consent::kWithdrawn);
}

TEST(ConsentTest, AWordOnOneChannelPurposeOrUnitSaysNothingOfAnother) {
  const std::vector<ConsentWord> words = {{"web", "marketing", "kr", false, 10}};
  EXPECT_EQ(ConsentFor(words, kWeb), Consent::kWithdrawn);
  EXPECT_EQ(ConsentFor(words, {"sms", "marketing", "kr"}), Consent::kUnknown);
  EXPECT_EQ(ConsentFor(words, {"web", "newsletter", "kr"}), Consent::kUnknown);
  EXPECT_EQ(ConsentFor(words, {"web", "marketing", "de"}), Consent::kUnknown);
  EXPECT_EQ(ConsentFor(words, {"web", "marketing", ""}), Consent::kUnknown);
}

TEST(ConsentTest, OfTwoWordsAtOnceTheWithdrawalHolds) {
  const ConsentWord granted = {"web", "marketing", "kr", true, 10};
  const ConsentWord withdrawn = {"*", "*", "", false, 10};
  EXPECT_TRUE(Prevails(withdrawn, granted));
  EXPECT_FALSE(Prevails(granted, withdrawn));
  EXPECT_FALSE(Prevails(granted, granted));
  EXPECT_EQ(ConsentFor(std::array{granted, withdrawn}, kWeb), Consent::kWithdrawn);
  EXPECT_EQ(ConsentFor(std::array{withdrawn, granted}, kWeb), Consent::kWithdrawn);
}

RC_GTEST_PROP(ConsentTest, IsWhatTheLastMomentSaysInWhateverOrder,
              (const std::vector<std::tuple<uint8_t, uint8_t, bool, uint8_t>>& given,
               uint32_t seed)) {
  constexpr std::array<std::string_view, 3> kNames = {"*", "web", "other"};
  std::vector<ConsentWord> words;
  for (const auto& [channel, purpose, granted, time] : given) {
    words.push_back(
        {kNames[channel % 3u], purpose % 2u == 0u ? "*" : "marketing", "", granted, time % 4});
  }
  // By the definition alone: the last moment at which anything was said, and whether all that was
  // said then was a grant.
  Consent expected = Consent::kUnknown;
  for (int64_t moment = 0; moment < 4; ++moment) {
    bool said = false;
    bool granted = true;
    for (const ConsentWord& word : words) {
      if (word.channel == "other" || word.effective_time_micros != moment) continue;
      said = true;
      granted = granted && word.granted;
    }
    if (said) expected = granted ? Consent::kGranted : Consent::kWithdrawn;
  }
  std::shuffle(words.begin(), words.end(), std::mt19937(seed));
  RC_ASSERT(ConsentFor(words, kWeb) == expected);
}

}  // namespace
}  // namespace rondo::policy
