#include "services/campaign/domain/shares.h"

#include <gtest/gtest.h>

namespace rondo::campaign {
namespace {

const std::vector<NamedShare> kDefined = {{"control", 0.2}, {"mail", 0.8}};

TEST(ChooseSharesTest, TakesTheDefinitionsWithoutAProposal) {
  const ChosenShares chosen = ChooseShares(kDefined, {});
  EXPECT_EQ(chosen.shares, (std::vector<double>{0.2, 0.8}));
  EXPECT_EQ(chosen.source, ShareSource::kDefinition);
}

TEST(ChooseSharesTest, TakesAProposalInTheOrderOfTheDefinition) {
  const std::vector<NamedShare> proposal = {{"mail", 0.6}, {"control", 0.4}};
  const ChosenShares chosen = ChooseShares(kDefined, proposal);
  EXPECT_EQ(chosen.shares, (std::vector<double>{0.4, 0.6}));
  EXPECT_EQ(chosen.source, ShareSource::kProposal);
}

TEST(ChooseSharesTest, KeepsTheDefinitionWhenTheProposalIsForOtherCells) {
  const std::vector<std::vector<NamedShare>> proposals = {
      {{"control", 1.0}},
      {{"control", 0.4}, {"sms", 0.6}},
      {{"control", 0.4}, {"mail", 0.5}},
      {{"control", -0.1}, {"mail", 1.1}},
      {{"control", 0.5}, {"control", 0.5}},
      {{"control", 0.2}, {"mail", 0.4}, {"sms", 0.4}},
  };
  for (const auto& proposal : proposals) {
    const ChosenShares chosen = ChooseShares(kDefined, proposal);
    EXPECT_EQ(chosen.shares, (std::vector<double>{0.2, 0.8}));
    EXPECT_EQ(chosen.source, ShareSource::kMismatch);
  }
}

}  // namespace
}  // namespace rondo::campaign
