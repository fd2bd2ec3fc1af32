// Decision through its records and handlers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "services/decision/decision_fixture.h"

namespace rondo::decision {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::map<std::string, std::string> ReasonsOf(const pb::DecideResponse& response) {
  std::map<std::string, std::string> reasons;
  for (const pb::Exclusion& exclusion : response.exclusions()) {
    reasons[exclusion.offer()] = exclusion.reason();
  }
  return reasons;
}

std::vector<std::string> OffersOf(const pb::DecideResponse& response) {
  std::vector<std::string> offers;
  for (const pb::Proposition& proposition : response.propositions()) {
    offers.push_back(proposition.offer().name());
  }
  return offers;
}

TEST_F(DecisionTest, ProposesEligibleOffersBestFirst) {
  DefineAttributes();
  ASSERT_TRUE(Create("small", 100).ok());
  ASSERT_TRUE(Create("large", 1'000'000).ok());
  ASSERT_TRUE(Create("gold-only", 5'000'000'000, "customer.tier == 'gold'").ok());
  ASSERT_TRUE(Create("elsewhere", 1, "", "cart").ok());
  SetAttribute(1, "tier", "silver");
  const auto silver = Decide(1, 5);
  ASSERT_TRUE(silver.ok()) << silver.status();
  EXPECT_EQ(silver->propositions_size(), 2);
  EXPECT_THAT(ReasonsOf(*silver), ElementsAre(std::pair("offers/gold-only", "not_eligible")));
  double total = 0.0;
  for (const pb::Proposition& proposition : silver->propositions()) {
    EXPECT_DOUBLE_EQ(proposition.propensity(), 0.05);
    EXPECT_GT(proposition.assignment_probability(), 0.0);
    total += proposition.assignment_probability();
  }
  EXPECT_NEAR(total, 1.0, 1e-12);
  SetAttribute(1, "tier", "gold");
  const auto gold = Decide(1, 5);
  ASSERT_TRUE(gold.ok());
  EXPECT_EQ(gold->propositions_size(), 3);
  EXPECT_TRUE(gold->exclusions().empty());
}

TEST_F(DecisionTest, OffersOfAPlacementCompeteInOneCurrency) {
  ASSERT_TRUE(Create("coffee", 4'500, "", "home", "KRW").ok());
  ASSERT_TRUE(Create("holiday", 1'200'000, "", "home", "KRW").ok());
  // 5.00 EUR are 500 minor units, and no less than 4,500 KRW.
  const auto mixed = Create("cinema", 500, "", "home", "EUR");
  EXPECT_EQ(mixed.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(mixed.status().message()), ::testing::HasSubstr("compared in KRW"));
  ASSERT_TRUE(Create("cinema", 500, "", "cart", "EUR").ok());
  ASSERT_TRUE(Create("holiday-dear", 9'000'000, "", "home", "KRW").ok());
  const auto decided = Decide(1, 5);
  ASSERT_TRUE(decided.ok()) << decided.status();
  ASSERT_EQ(decided->propositions_size(), 3);
  for (const pb::Proposition& proposition : decided->propositions()) {
    EXPECT_EQ(proposition.offer().value().currency_code(), "KRW");
    EXPECT_DOUBLE_EQ(proposition.expected_value_minor_units(),
                     0.05 * static_cast<double>(proposition.offer().value().minor_units()));
  }
}

TEST_F(DecisionTest, OffersDefinedInAnotherCurrencyBeforeAreLeftOutWithTheReason) {
  ASSERT_TRUE(Create("coffee", 4'500, "", "home", "KRW").ok());
  catalog::Definition definition;  // As a version stored it that did not look at currencies.
  definition.set_name("offers/cinema");
  pb::Offer& offer = *definition.mutable_offer();
  offer.mutable_value()->set_currency_code("EUR");
  offer.mutable_value()->set_minor_units(500);
  offer.add_placements("home");
  ASSERT_TRUE(catalog_->Put(std::move(definition), {}).ok());
  const auto decided = Decide(1, 5);
  ASSERT_TRUE(decided.ok()) << decided.status();
  // The placement's currency is that of its first offer by name.
  EXPECT_THAT(ReasonsOf(*decided), ElementsAre(std::pair("offers/coffee", "other_currency")));
}

TEST_F(DecisionTest, NoOfferIsAnAnswer) {
  const auto response = Decide(1);
  ASSERT_TRUE(response.ok());
  EXPECT_TRUE(response->decision().empty());
  EXPECT_TRUE(response->propositions().empty());
}

TEST_F(DecisionTest, TheMomentIsPartOfTheRule) {
  ASSERT_TRUE(Create("app", 100, "context.device == 'mobile'").ok());
  ASSERT_TRUE(Create("desk", 100, "context.device == 'desktop'").ok());
  ASSERT_TRUE(Create("none", 100, "context.nothing == 'x'").ok());
  const auto response = Decide(1, 5);
  ASSERT_TRUE(response.ok());
  EXPECT_THAT(OffersOf(*response), ElementsAre("offers/app"));
}

TEST_F(DecisionTest, AnOffersRuleFollowsTheCodeListAsItIsNow) {
  catalog::Definition goods;
  goods.set_name("codeLists/goods");
  goods.mutable_code_list()->add_codes()->set_code("FOOD");
  goods.mutable_code_list()->add_codes()->set_code("FRUIT");
  goods.mutable_code_list()->mutable_codes(1)->set_parent("FOOD");
  ASSERT_TRUE(catalog_->Put(goods, {}).ok());
  catalog::Definition set;
  set.set_name("attributeSets/tastes");
  auto& favourite = *set.mutable_attribute_set()->add_attributes();
  favourite.set_name("favourite");
  favourite.set_type(rondo::type::v1::VALUE_TYPE_CODE);
  favourite.set_code_list(goods.name());
  ASSERT_TRUE(catalog_->Put(set, {}).ok());
  EXPECT_FALSE(Create("bread", 100, "customer.favourite == 'BREAD'").ok());
  ASSERT_TRUE(Create("lunch", 100, "customer.favourite.under('FOOD')").ok());
  SetAttribute(1, "favourite", "FRUIT", absl::ZeroDuration());
  EXPECT_THAT(OffersOf(*Decide(1)), ElementsAre("offers/lunch"));
  goods.mutable_code_list()->mutable_codes(1)->clear_parent();
  ASSERT_TRUE(catalog_->Put(goods, {}).ok());
  EXPECT_THAT(OffersOf(*Decide(1)), ::testing::IsEmpty());
}

TEST_F(DecisionTest, OffersHaveSeasons) {
  auto offer = Create("spring", 100);
  ASSERT_TRUE(offer.ok());
  offer->mutable_start_time()->set_seconds(kit::kTestStartSeconds + 60);
  offer->mutable_end_time()->set_seconds(kit::kTestStartSeconds + 120);
  pb::UpdateOfferRequest update;
  *update.mutable_offer() = *offer;
  ASSERT_TRUE(CallIt<pb::Offer>(update).ok());
  const absl::Time start = absl::FromUnixSeconds(kit::kTestStartSeconds);
  EXPECT_THAT(ReasonsOf(*Decide(1)), ElementsAre(std::pair("offers/spring", "not_in_season")));
  house_.AdvanceTo(start + absl::Seconds(60));
  EXPECT_EQ(Decide(1)->propositions_size(), 1);
  house_.AdvanceTo(start + absl::Seconds(120));
  EXPECT_EQ(Decide(1)->propositions_size(), 0);
}

TEST_F(DecisionTest, WithdrawnConsentAndErasureStopOffers) {
  ASSERT_TRUE(Create("a", 100).ok());
  SetConsent(1, false);
  EXPECT_THAT(ReasonsOf(*Decide(1)), ElementsAre(std::pair("offers/a", "policy")));
  SetConsent(2, true);
  EXPECT_EQ(Decide(2)->propositions_size(), 1);
  eventlog::LogRecord erased;
  erased.set_party(Customer(2).value());
  erased.mutable_customer_erased();
  house_.Append(erased);
  house_.Settle();
  EXPECT_THAT(ReasonsOf(*Decide(2)), ElementsAre(std::pair("offers/a", "policy")));
}

TEST_F(DecisionTest, TheLastWordOnConsentHoldsHoweverSpecificItIs) {
  ASSERT_TRUE(Create("a", 100).ok());
  SetConsent(1, true, "web", "marketing");
  EXPECT_EQ(Decide(1)->propositions_size(), 1);
  house_.Advance(absl::Seconds(1));
  SetConsent(1, false, "*", "*");
  EXPECT_THAT(ReasonsOf(*Decide(1)), ElementsAre(std::pair("offers/a", "policy")));
  house_.Advance(absl::Seconds(1));
  SetConsent(1, false, "web", "newsletter");
  SetConsent(1, true, "*", "*");
  EXPECT_EQ(Decide(1)->propositions_size(), 1);

  SetConsent(2, false, "web", "marketing");
  house_.Advance(absl::Seconds(1));
  SetConsent(2, true, "*", "*");
  EXPECT_EQ(Decide(2)->propositions_size(), 1);
}

TEST_F(DecisionTest, AnOfferIsHeldBackByAWithdrawalForAnyBusinessUnit) {
  ASSERT_TRUE(Create("a", 100).ok());
  SetConsent(1, true);
  SetConsent(1, false, "web", "marketing", "kr");
  EXPECT_EQ(Decide(1)->propositions_size(), 0);
  house_.Advance(absl::Seconds(1));
  SetConsent(1, true);
  EXPECT_EQ(Decide(1)->propositions_size(), 1) << "said later, of every unit";
}

TEST_F(DecisionTest, UnsubscribesAndComplaintsStopOffersAsTheyStopMessages) {
  ASSERT_TRUE(Create("a", 100).ok());
  Plan(1, "web");
  Plan(2, "email");
  Plan(4, "web", "newsletter");
  for (uint64_t i = 1; i <= 2; ++i) Track(i, "unsubscribe");
  Track(3, "unsubscribe", false);
  Track(4, "unsubscribe");
  Track(5, "complaint", false);
  Track(6, "open", false);
  const std::map<uint64_t, int> expected = {{1, 0}, {2, 1}, {3, 0}, {4, 1}, {5, 0}, {6, 1}};
  for (const auto& [customer, offers] : expected) {
    EXPECT_EQ(Decide(customer)->propositions_size(), offers) << customer;
  }
  house_.Advance(absl::Seconds(1));
  SetConsent(1, true, "web");
  EXPECT_EQ(Decide(1)->propositions_size(), 1) << "they changed their mind";
}

TEST_F(DecisionTest, AParkedCustomerGetsNoOfferUntilSettled) {
  ASSERT_TRUE(Create("a", 100).ok());
  const auto append = [this](bool parked, const char* service) {
    eventlog::LogRecord record;
    record.set_party(Customer(1).value());
    if (parked) {
      record.mutable_record_skipped()->set_service(service);
    } else {
      record.mutable_parked_settled()->set_service(service);
    }
    house_.Append(std::move(record));
    house_.Settle();
  };
  append(true, "response");
  append(true, "delivery");
  append(true, "delivery");
  EXPECT_THAT(ReasonsOf(*Decide(1)), ElementsAre(std::pair("offers/a", "policy")));
  EXPECT_EQ(Decide(2)->propositions_size(), 1);
  append(false, "delivery");
  EXPECT_EQ(Decide(1)->propositions_size(), 0) << "another service has not settled it";
  append(false, "response");
  EXPECT_EQ(Decide(1)->propositions_size(), 1);
}

TEST_F(DecisionTest, AttributesFoldByEffectiveTimeWhateverTheOrder) {
  DefineAttributes();
  ASSERT_TRUE(Create("gold-only", 100, "customer.tier == 'gold'").ok());
  SetAttribute(1, "tier", "gold", absl::Hours(-1));
  SetAttribute(1, "tier", "silver", absl::Hours(-2));
  EXPECT_EQ(Decide(1)->propositions_size(), 1);
}

TEST_F(DecisionTest, TheChoiceIsLoggedWithItsProbability) {
  ASSERT_TRUE(Create("a", 100).ok());
  ASSERT_TRUE(Create("b", 200).ok());
  const auto response = Decide(1);
  ASSERT_TRUE(response.ok());
  const int partition = PartitionOf(Customer(1), 4);
  const auto state = house_.runtime().ReadState("decision", partition);
  ASSERT_TRUE(state.ok());
  const auto decisions = ReadDecisions(**state, Customer(1));
  ASSERT_TRUE(decisions.ok());
  ASSERT_EQ(decisions->decisions_size(), 1);
  const auto& made = decisions->decisions(0).decision();
  EXPECT_EQ(made.decision(), response->decision());
  ASSERT_EQ(made.candidates_size(), 1);  // What was proposed; the log has both.
  EXPECT_EQ(made.candidates(0).offer(), response->propositions(0).offer().name());
  EXPECT_DOUBLE_EQ(made.candidates(0).assignment_probability(),
                   response->propositions(0).assignment_probability());
}

TEST_F(DecisionTest, ARepeatedRequestGetsTheFirstAnswer) {
  for (const char* id : {"a", "b", "c", "d"}) ASSERT_TRUE(Create(id, 100).ok());
  const std::string customer = ToResourceName(Customer(1));
  const auto first = Decide(customer, 2, "11111111-1111-1111-1111-111111111111");
  ASSERT_TRUE(first.ok());
  for (int i = 0; i < 20; ++i) {
    const auto again = Decide(customer, 2, "11111111-1111-1111-1111-111111111111");
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  }
}

TEST_F(DecisionTest, ResponsesMovePropensities) {
  ASSERT_TRUE(Create("liked", 100).ok());
  const auto before = Decide(1);
  ASSERT_TRUE(before.ok());
  // Twenty people are shown the offer, ten take it; one says so twice.
  for (uint64_t i = 1; i <= 20; ++i) {
    const auto response = Decide(i);
    ASSERT_TRUE(response.ok());
    ASSERT_TRUE(Answer(response->decision(), "offers/liked", pb::PROPOSITION_RESPONSE_SHOWN).ok());
    if (i > 10) continue;
    ASSERT_TRUE(
        Answer(response->decision(), "offers/liked", pb::PROPOSITION_RESPONSE_CLICKED).ok());
    ASSERT_TRUE(
        Answer(response->decision(), "offers/liked", pb::PROPOSITION_RESPONSE_ACCEPTED).ok());
    ASSERT_TRUE(
        Answer(response->decision(), "offers/liked", pb::PROPOSITION_RESPONSE_ACCEPTED).ok());
  }
  house_.Settle();
  const auto after = Decide(1);
  ASSERT_TRUE(after.ok());
  EXPECT_DOUBLE_EQ(after->propositions(0).propensity(), (1.0 + 10.0) / (20.0 + 20.0));
}

TEST_F(DecisionTest, WhatCampaignsCausedMovesPropensitiesOnceAContact) {
  using enum rondo::log::v1::DeliveryState;
  ASSERT_TRUE(Create("liked", 100).ok());
  BeginCycle();
  for (uint64_t i = 1; i <= 10; ++i) {
    if (i == 3) Respond(i, "mail", "click");  // Known before the channel's answer.
    Deliver(i, "mail", DELIVERY_STATE_SENT);
    Deliver(i, "mail", DELIVERY_STATE_DELIVERED);
  }
  Respond(1, "mail", "click");
  Respond(1, "mail", "click");
  Respond(1, "mail", "bought");
  Respond(2, "mail", "bought");
  // None of these says that somebody liked the offer.
  Respond(4, "mail", "open");
  Respond(5, "mail", "click", "token", /*machine=*/true);
  Respond(6, "mail", "bought", "window");
  Respond(7, "mail", "unsubscribe");
  Deliver(11, "mail", DELIVERY_STATE_FAILED);
  Deliver(12, "plain", DELIVERY_STATE_SENT);
  Deliver(13, "web", DELIVERY_STATE_SENT);
  Respond(14, "control", "bought");
  house_.Settle();
  const double want = (1.0 + 3.0) / (20.0 + 10.0);
  EXPECT_DOUBLE_EQ(Decide(20)->propositions(0).propensity(), want);
  const uint64_t hash = house_.StateHash("decision");
  Restart({"decision"});
  house_.Settle();
  EXPECT_EQ(house_.StateHash("decision"), hash);
  EXPECT_DOUBLE_EQ(Decide(20)->propositions(0).propensity(), want);
  eventlog::LogRecord erased;
  erased.set_party(Customer(1).value());
  erased.mutable_customer_erased();
  house_.Append(erased);
  house_.Settle();
  EXPECT_DOUBLE_EQ(Decide(20)->propositions(0).propensity(), want) << "sums stay";
}

TEST_F(DecisionTest, AnswersNeedADecisionThatProposedTheOffer) {
  ASSERT_TRUE(Create("a", 100).ok());
  const auto response = Decide(1);
  ASSERT_TRUE(response.ok());
  const auto shown = pb::PROPOSITION_RESPONSE_SHOWN;
  EXPECT_TRUE(absl::IsInvalidArgument(Answer(response->decision(), "offers/other", shown)));
  EXPECT_TRUE(absl::IsInvalidArgument(Answer("decisions/12", "offers/a", shown)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Answer(response->decision(), "offers/a", pb::PROPOSITION_RESPONSE_UNSPECIFIED)));
  EXPECT_TRUE(absl::IsNotFound(Answer(DecisionName(Customer(1), 5), "offers/a", shown)));
}

TEST_F(DecisionTest, OldDecisionsAreForgotten) {
  ASSERT_TRUE(Create("a", 100).ok());
  const auto first = Decide(1);
  ASSERT_TRUE(first.ok());
  for (int i = 0; i < kDecisionsKept; ++i) ASSERT_TRUE(Decide(1).ok());
  EXPECT_TRUE(
      absl::IsNotFound(Answer(first->decision(), "offers/a", pb::PROPOSITION_RESPONSE_SHOWN)));
}

TEST_F(DecisionTest, CustomersAreFoundByExternalKey) {
  ASSERT_TRUE(Create("a", 100).ok());
  const auto response = Decide("crm:4711");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(*CustomerOfDecision(response->decision()), Customer(7));
  EXPECT_TRUE(absl::IsNotFound(Decide("crm:1").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Decide("nobody").status()));
}

TEST_F(DecisionTest, RefusesRequestsThatAreWrong) {
  pb::DecideRequest request;
  request.set_customer(ToResourceName(Customer(1)));
  EXPECT_TRUE(absl::IsInvalidArgument(CallIt<pb::DecideResponse>(request).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Decide(1, 21).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Decide(1, -1).status()));
}

TEST_F(DecisionTest, OffersAreCheckedWhenTheyAreDefined) {
  DefineAttributes();
  const auto message = [this](const std::string& id, int64_t value,
                              const std::string& eligibility) {
    const absl::Status status = Create(id, value, eligibility).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(message("Bad Name", 1, ""), HasSubstr("offer.name"));
  EXPECT_THAT(message("a", -1, ""), HasSubstr("offer.value"));
  EXPECT_THAT(message("a", 1, "customer.teir == 'gold'"), HasSubstr("1:"));
  EXPECT_THAT(message("a", 1, "customer.visits"), HasSubstr("eligibility"));
  // PII and what decision does not know are not there to be named.
  EXPECT_THAT(message("a", 1, "customer.secret == 'x'"), HasSubstr("eligibility"));
  EXPECT_THAT(message("a", 1, "events('purchase').count() > 1"), HasSubstr("eligibility"));
}

TEST_F(DecisionTest, OffersHaveVersionsAndEtags) {
  const auto created = Create("a", 100);
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(created->version(), 1);
  EXPECT_TRUE(absl::IsAlreadyExists(Create("a", 100).status()));
  pb::UpdateOfferRequest update;
  *update.mutable_offer() = *created;
  update.mutable_offer()->set_title("10%");
  const auto updated = CallIt<pb::Offer>(update);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->version(), 2);
  EXPECT_TRUE(absl::IsAborted(CallIt<pb::Offer>(update).status()));
  pb::GetOfferRequest get;
  get.set_name("offers/a");
  get.set_version(1);
  EXPECT_EQ(CallIt<pb::Offer>(get)->title(), "");
  get.set_name("offers/none");
  EXPECT_TRUE(absl::IsNotFound(CallIt<pb::Offer>(get).status()));
}

TEST_F(DecisionTest, ListsPageByName) {
  for (const char* id : {"c", "a", "b"}) ASSERT_TRUE(Create(id, 1).ok());
  pb::ListOffersRequest list;
  list.set_page_size(2);
  const auto first = CallIt<pb::ListOffersResponse>(list);
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(first->offers_size(), 2);
  EXPECT_EQ(first->offers(0).name(), "offers/a");
  list.set_page_token(first->next_page_token());
  const auto second = CallIt<pb::ListOffersResponse>(list);
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->offers_size(), 1);
  EXPECT_EQ(second->offers(0).name(), "offers/c");
  EXPECT_TRUE(second->next_page_token().empty());
}

TEST_F(DecisionTest, ARebuiltStateIsTheSameAndBelievesTheSame) {
  ASSERT_TRUE(Create("a", 100).ok());
  for (uint64_t i = 1; i <= 12; ++i) {
    const auto response = Decide(i);
    ASSERT_TRUE(response.ok());
    ASSERT_TRUE(Answer(response->decision(), "offers/a", pb::PROPOSITION_RESPONSE_CLICKED).ok());
  }
  const auto before = Decide(1);
  const uint64_t hash = house_.StateHash("decision");
  Restart({"decision"});
  house_.Settle();
  EXPECT_EQ(house_.StateHash("decision"), hash);
  EXPECT_DOUBLE_EQ(Decide(1)->propositions(0).propensity(), before->propositions(0).propensity());
  Restart();
  EXPECT_DOUBLE_EQ(Decide(1)->propositions(0).propensity(), before->propositions(0).propensity());
}

}  // namespace
}  // namespace rondo::decision
