// What is in doubt, and what settles it: evidence, receipts of SMS, an operator, time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/delivery/delivery_fixture.h"

namespace rondo::delivery {
namespace {

using log::v1::Record;
using ::testing::SizeIs;

class DoubtTest : public DeliveryTest {
 protected:
  void SetUp() override {
    DefineTemplate();
    BeginCycle();
    house_.Settle();
  }
};

TEST_F(DoubtTest, AClaimWithoutOutcomeIsInDoubtForTheNextOwner) {
  mail_.answer = nullptr;
  AddCustomer(1);
  Plan(1);
  house_.Settle();
  ASSERT_THAT(mail_.messages, SizeIs(1));
  Crash();
  house_.Advance(absl::Hours(48));
  EXPECT_THAT(mail_.messages, SizeIs(1)) << "at most once";
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_IN_DOUBT);
  const auto listed = Ask<pb::ListInDoubtResponse>(pb::ListInDoubtRequest());
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->contacts_size(), 1);
  EXPECT_EQ(listed->contacts(0).message_id(), mail_.messages[0].message_id);
  EXPECT_EQ(Status().in_doubt(), 1);
}

TEST_F(DoubtTest, WhatIsInDoubtIsSettledByEvidence) {
  mail_.answer = nullptr;
  AddCustomer(1);
  Plan(1);
  house_.Settle();
  Crash();
  Track(1, "click");
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(Status().in_doubt(), 0);
  const auto outcomes = LogOf(Record::kDeliveryOutcome);
  EXPECT_EQ(outcomes.back().delivery_outcome().evidence(), "click");
}

// A mail reader fetches pictures within seconds; a server's answer may take minutes, or never come.
TEST_F(DoubtTest, EvidenceThatCameBeforeTheDoubtBeganSettlesIt) {
  mail_.answer = nullptr;
  for (uint64_t i = 1; i <= 3; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  Track(1, "open");
  Track(1, "click");
  Track(2, "bounce");
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_CLAIMED) << "the server may yet answer";
  Crash();
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(2), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(3), statepb::CONTACT_PHASE_IN_DOUBT) << "nothing came back";
  std::map<uint64_t, log::v1::DeliveryOutcome> last;
  for (const Record& record : LogOf(Record::kDeliveryOutcome)) {
    last[record.party()] = record.delivery_outcome();
  }
  EXPECT_EQ(last[Customer(1).value()].evidence(), "open");
  EXPECT_EQ(last[Customer(1).value()].state(), log::v1::DELIVERY_STATE_DELIVERED);
  EXPECT_EQ(last[Customer(2).value()].state(), log::v1::DELIVERY_STATE_BOUNCED);
  EXPECT_EQ(Status().in_doubt(), 1);
}

TEST_F(DoubtTest, WhatStaysInDoubtForFiveDaysIsUnknown) {
  mail_.answer = nullptr;
  for (uint64_t i = 1; i <= 3; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  Crash();
  house_.Advance(absl::Hours(5 * 24 - 1));
  EXPECT_EQ(Status().in_doubt(), 3);
  Track(1, "click");
  house_.Advance(absl::Hours(2));
  EXPECT_EQ(Status().in_doubt(), 0);
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(2), statepb::CONTACT_PHASE_UNKNOWN);
  EXPECT_EQ(PhaseOf(3), statepb::CONTACT_PHASE_UNKNOWN);
  EXPECT_EQ(Ask<pb::ListInDoubtResponse>(pb::ListInDoubtRequest())->contacts_size(), 0);
  int unknown = 0;
  for (const Record& record : LogOf(Record::kDeliveryOutcome)) {
    unknown += record.delivery_outcome().state() == log::v1::DELIVERY_STATE_UNKNOWN ? 1 : 0;
  }
  EXPECT_EQ(unknown, 2) << "told once";
  // Evidence counts however late, and an operator may know.
  Track(2, "open");
  pb::SettleInDoubtRequest request;
  request.set_customer(ToResourceName(Customer(3)));
  *request.mutable_contact() = Contact();
  request.set_sent(true);
  ASSERT_TRUE(Ask<pb::SettleInDoubtResponse>(request).ok());
  house_.Settle();
  EXPECT_EQ(PhaseOf(2), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(3), statepb::CONTACT_PHASE_SENT);
  EXPECT_THAT(mail_.messages, SizeIs(3)) << "at most once";
}

TEST_F(DoubtTest, ReceiptsOfAnSmsAreFoldedAndTheEndIsToldOnce) {
  struct Case {
    const char* name;
    std::vector<int> kinds;
    std::vector<log::v1::DeliveryState> want;  // After it was sent.
  };
  using enum log::v1::DeliveryState;
  const Case cases[] = {
      {"in order", {4, 8, 1}, {DELIVERY_STATE_DELIVERED}},
      {"twice and out of order", {1, 8, 4, 1, 8}, {DELIVERY_STATE_DELIVERED}},
      {"failed", {8, 2}, {DELIVERY_STATE_BOUNCED}},
      {"refused by the centre", {16, 16}, {DELIVERY_STATE_BOUNCED}},
      {"the first end holds", {2, 1}, {DELIVERY_STATE_BOUNCED}},
      {"on its way", {4, 8}, {}},
      {"no such kind", {3}, {}},
  };
  uint64_t customer = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    AddCustomer(++customer);
    Plan(customer);
    house_.Settle();
    ASSERT_EQ(PhaseOf(customer), statepb::CONTACT_PHASE_SENT);
    for (const int kind : c.kinds) Receive(customer, kind);
    house_.Settle();
    std::vector<log::v1::DeliveryState> told;
    for (const Record& record : LogOf(Record::kDeliveryOutcome)) {
      if (record.party() != Customer(customer).value()) continue;
      if (record.delivery_outcome().evidence() == "receipt") {
        told.push_back(record.delivery_outcome().state());
      }
    }
    EXPECT_EQ(told, c.want);
  }
}

TEST_F(DoubtTest, AnyReceiptSettlesAnSmsInDoubt) {
  mail_.answer = nullptr;
  for (uint64_t i = 1; i <= 3; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  Receive(1, 8);  // Before the gateway's answer, which never comes.
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_CLAIMED);
  Crash();
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(2), statepb::CONTACT_PHASE_IN_DOUBT);
  Receive(2, 4);
  Receive(3, 16);
  house_.Settle();
  EXPECT_EQ(PhaseOf(2), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(3), statepb::CONTACT_PHASE_SENT);
  std::map<uint64_t, log::v1::DeliveryOutcome> last;
  for (const Record& record : LogOf(Record::kDeliveryOutcome)) {
    last[record.party()] = record.delivery_outcome();
  }
  EXPECT_EQ(last[Customer(2).value()].state(), log::v1::DELIVERY_STATE_SENT);
  EXPECT_EQ(last[Customer(2).value()].cost_minor_units(), 5);
  EXPECT_EQ(last[Customer(3).value()].state(), log::v1::DELIVERY_STATE_BOUNCED);
  EXPECT_EQ(Status().in_doubt(), 0);
}

TEST_F(DoubtTest, AnSmsAsksForReceiptsAtAnAddressOfItsOwn) {
  campaign::v1::Campaign campaign = Definition();
  campaign.mutable_cells(1)->mutable_treatment()->set_channel("sms");
  campaign.mutable_cells(1)->mutable_treatment()->set_template_("templates/text");
  BeginCycle(campaign, 2);
  pb::CreateTemplateRequest text;
  text.mutable_template_()->set_name("templates/text");
  text.mutable_template_()->set_channel("sms");
  text.mutable_template_()->set_text("Hello");
  ASSERT_TRUE(Ask<pb::Template>(text).ok());
  AddCustomer(1);
  auto& key = *world_.customers.begin()->second.add_keys();
  key.set_namespace_("phone");
  key.set_value("+821012345678");
  Consent(1, true, "sms");
  Plan(1, absl::ZeroDuration(), "mail", 2, "sms");
  house_.Settle();
  ASSERT_THAT(mail_.messages, SizeIs(1));
  const std::string& url = mail_.messages[0].receipt_url;
  constexpr std::string_view kBase = "https://go.example/t/dlr/";
  ASSERT_TRUE(url.starts_with(kBase)) << url;
  const auto token = links_.Verify(url.substr(kBase.size()), LinkPurpose::kReceipt);
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->customer, Customer(1));
  EXPECT_EQ(token->cycle, 2u);
  EXPECT_EQ(token->channel, LinkChannel::kSms);
}

TEST_F(DoubtTest, WhatIsInDoubtIsSettledByAnOperator) {
  mail_.answer = nullptr;
  for (uint64_t i = 1; i <= 2; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  Crash();
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kAccepted, 250, "", {}}; };
  for (uint64_t i = 1; i <= 2; ++i) {
    pb::SettleInDoubtRequest request;
    request.set_customer(ToResourceName(Customer(i)));
    *request.mutable_contact() = Contact();
    request.set_sent(i == 1);
    ASSERT_TRUE(Ask<pb::SettleInDoubtResponse>(request).ok());
    EXPECT_FALSE(Ask<pb::SettleInDoubtResponse>(request).ok()) << "settled already";
  }
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(2), statepb::CONTACT_PHASE_SENT);
  EXPECT_THAT(mail_.messages, SizeIs(3)) << "the second one was known not to have gone out";
}

TEST_F(DoubtTest, AtLeastOnceSendsAgainWithTheSameMessageId) {
  campaign::v1::Campaign campaign = Definition();
  campaign.set_in_doubt(campaign::v1::IN_DOUBT_RULE_AT_LEAST_ONCE);
  BeginCycle(campaign, 2);
  mail_.answer = nullptr;
  AddCustomer(1);
  Plan(1, absl::ZeroDuration(), "mail", 2);
  house_.Settle();
  Crash();
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kAccepted, 250, "", {}}; };
  house_.Advance(absl::Hours(1));
  EXPECT_THAT(mail_.messages, SizeIs(2));
  EXPECT_THAT(mail_.copies, SizeIs(1));
  EXPECT_EQ(PhaseOf(1, 2), statepb::CONTACT_PHASE_SENT);
}

// Two messages of one contact are what the campaign chose; a third of another contact is not.
TEST_F(DoubtTest, WhatMayHaveGoneOutCountsForCapsUntilItIsSentAgain) {
  campaign::v1::Campaign campaign = Definition();
  campaign.set_in_doubt(campaign::v1::IN_DOUBT_RULE_AT_LEAST_ONCE);
  campaign.set_policy("policies/capped");
  catalog::Definition definition;
  definition.set_name("policies/capped");
  auto& policy = *definition.mutable_policy();
  policy.set_name("policies/capped");
  policy.set_require_consent(true);
  policy.add_caps()->set_max_contacts(1);
  policy.mutable_caps(0)->mutable_window()->set_seconds(24 * 3600);
  ASSERT_TRUE(catalog_->Put(definition, {}).ok());
  BeginCycle(campaign, 2);
  BeginCycle(campaign, 3);
  mail_.answer = nullptr;
  AddCustomer(1);
  Plan(1, absl::ZeroDuration(), "mail", 2);
  house_.Settle();
  Crash();
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kDeferred, 451, "", {}}; };
  house_.Advance(absl::Minutes(11));
  EXPECT_THAT(mail_.messages, SizeIs(2)) << "again, and deferred";
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kAccepted, 250, "", {}}; };
  Plan(1, absl::ZeroDuration(), "mail", 3);
  house_.Advance(absl::Hours(1));
  EXPECT_EQ(PhaseOf(1, 2), statepb::CONTACT_PHASE_SENT);
  EXPECT_EQ(PhaseOf(1, 3), statepb::CONTACT_PHASE_SUPPRESSED);
}

TEST_F(DoubtTest, EvidenceKeepsWhatWaitsFromBeingSentAgain) {
  campaign::v1::Campaign campaign = Definition();
  campaign.set_in_doubt(campaign::v1::IN_DOUBT_RULE_AT_LEAST_ONCE);
  BeginCycle(campaign, 2);
  mail_.answer = nullptr;
  AddCustomer(1);
  Plan(1, absl::ZeroDuration(), "mail", 2);
  house_.Settle();
  Crash();
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kDeferred, 451, "", {}}; };
  house_.Advance(absl::Minutes(11));
  ASSERT_THAT(mail_.messages, SizeIs(2));
  log::v1::Record click;
  click.set_party(Customer(1).value());
  click.mutable_event_tracked()->set_type("click");
  *click.mutable_event_tracked()->mutable_contact() = Contact(2);
  house_.Append(std::move(click));
  house_.Advance(absl::Hours(12));
  EXPECT_THAT(mail_.messages, SizeIs(2)) << "it is known to have come";
  EXPECT_EQ(PhaseOf(1, 2), statepb::CONTACT_PHASE_SENT);
}

// The claim of the second attempt and the proof of the first cross: both are in the log before the
// outcome that the proof causes.
TEST_F(DoubtTest, AClaimThatComesRightAfterEvidenceDoesNotHold) {
  campaign::v1::Campaign campaign = Definition();
  campaign.set_in_doubt(campaign::v1::IN_DOUBT_RULE_AT_LEAST_ONCE);
  BeginCycle(campaign, 2);
  mail_.answer = nullptr;
  for (uint64_t i = 1; i <= 2; ++i) {
    AddCustomer(i);
    Plan(i, absl::ZeroDuration(), "mail", 2);
  }
  house_.Settle();
  Crash();
  for (uint64_t i = 11; i <= 26; ++i) {  // They leave no room.
    AddCustomer(i);
    Plan(i);
  }
  house_.Advance(absl::Minutes(11));
  ASSERT_THAT(mail_.messages, SizeIs(18));
  for (uint64_t i = 1; i <= 2; ++i) {
    ASSERT_EQ(PhaseOf(i, 2), statepb::CONTACT_PHASE_READY);
    const int partition = PartitionOf(Customer(i), house_.log().partition_count());
    Record claim;
    claim.set_party(Customer(i).value());
    auto& attempted = *claim.mutable_delivery_attempted();
    *attempted.mutable_contact() = Contact(2);
    attempted.set_attempt(2);
    attempted.set_epoch(ReadEpoch(**house_.runtime().ReadState(kServiceName, partition)).value());
    attempted.set_message_id(StateOf(i, 2)->message_id());
    if (i == 1) {
      Record click;
      click.set_party(Customer(i).value());
      click.mutable_event_tracked()->set_type("click");
      *click.mutable_event_tracked()->mutable_contact() = Contact(2);
      house_.Append(std::move(click));
    } else {
      Receive(i, 8, 2);
    }
    house_.Append(std::move(claim));
  }
  house_.Settle();
  for (uint64_t i = 1; i <= 2; ++i) EXPECT_EQ(PhaseOf(i, 2), statepb::CONTACT_PHASE_SENT) << i;
  for (const auto& done : std::exchange(mail_.unanswered, {})) {
    done({SendStatus::kAccepted, 250, "", {}});
  }
  house_.Advance(absl::Hours(12));
  EXPECT_THAT(mail_.messages, SizeIs(18)) << "they are known to have come";
}

TEST_F(DoubtTest, ASecondCopyOfADeferralRevivesNothing) {
  campaign::v1::Campaign campaign = Definition();
  campaign.set_in_doubt(campaign::v1::IN_DOUBT_RULE_AT_LEAST_ONCE);
  BeginCycle(campaign, 2);
  mail_.answer = nullptr;
  AddCustomer(1);
  Plan(1, absl::ZeroDuration(), "mail", 2);
  house_.Settle();
  Crash();
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kDeferred, 451, "", {}}; };
  house_.Advance(absl::Minutes(11));
  ASSERT_THAT(mail_.messages, SizeIs(2));
  Track(1, "unsubscribe", false);
  house_.Advance(absl::Hours(12));
  ASSERT_EQ(PhaseOf(1, 2), statepb::CONTACT_PHASE_SUPPRESSED);
  Record copy = LogOf(Record::kDeliveryOutcome).back();
  ASSERT_EQ(copy.delivery_outcome().state(), log::v1::DELIVERY_STATE_DEFERRED);
  Record again;
  again.set_party(copy.party());
  *again.mutable_delivery_outcome() = copy.delivery_outcome();
  house_.Append(again);
  again.mutable_delivery_outcome()->set_state(log::v1::DELIVERY_STATE_FAILED);
  house_.Append(again);
  house_.Advance(absl::Hours(12));
  EXPECT_EQ(PhaseOf(1, 2), statepb::CONTACT_PHASE_SUPPRESSED);
  EXPECT_THAT(LogOf(Record::kContactSuppressed), SizeIs(1)) << "told once";
  // That it did go out is still news.
  Record click;
  click.set_party(Customer(1).value());
  click.mutable_event_tracked()->set_type("click");
  *click.mutable_event_tracked()->mutable_contact() = Contact(2);
  house_.Append(std::move(click));
  house_.Settle();
  EXPECT_EQ(PhaseOf(1, 2), statepb::CONTACT_PHASE_SENT);
}

}  // namespace
}  // namespace rondo::delivery
