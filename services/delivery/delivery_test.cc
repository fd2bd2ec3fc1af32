#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "platform/core/rng.h"
#include "services/delivery/delivery_fixture.h"
#include "services/delivery/domain/attempt.h"

namespace rondo::delivery {
namespace {

using log::v1::Record;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SendTest : public DeliveryTest {
 protected:
  void SetUp() override {
    DefineTemplate();
    BeginCycle();
    house_.Settle();
  }
};

TEST_F(SendTest, SendsADueContactOnceAndRecordsItsClaimBefore) {
  AddCustomer(1);
  Plan(1, absl::Hours(2));
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_WAITING);
  EXPECT_TRUE(mail_.messages.empty());
  house_.Advance(absl::Hours(2));
  ASSERT_THAT(mail_.messages, SizeIs(1));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
  const auto attempts = LogOf(Record::kDeliveryAttempted);
  const auto outcomes = LogOf(Record::kDeliveryOutcome);
  ASSERT_THAT(attempts, SizeIs(1));
  ASSERT_THAT(outcomes, SizeIs(1));
  EXPECT_EQ(attempts[0].delivery_attempted().message_id(), mail_.messages[0].message_id);
  EXPECT_EQ(outcomes[0].delivery_outcome().state(), log::v1::DELIVERY_STATE_SENT);
  EXPECT_EQ(outcomes[0].delivery_outcome().cost_minor_units(), 5);
  EXPECT_EQ(outcomes[0].delivery_outcome().code(), "250");
}

TEST_F(SendTest, RendersForTheCustomerWithTrackedLinks) {
  AddCustomer(7);
  Plan(7);
  house_.Settle();
  ASSERT_THAT(mail_.messages, SizeIs(1));
  const Outbound& message = mail_.messages[0];
  EXPECT_EQ(message.recipient, "c7@example.org");
  EXPECT_EQ(message.subject, "For <Kim 7>");
  EXPECT_THAT(message.text, HasSubstr("Hello <Kim 7>: https://go.example/t/c/"));
  EXPECT_THAT(message.html, HasSubstr("<p>Hello &lt;Kim 7&gt;</p>"));
  EXPECT_THAT(message.html, HasSubstr("https://go.example/t/o/"));
  EXPECT_THAT(message.unsubscribe_url, HasSubstr("https://go.example/t/u/"));
  EXPECT_THAT(message.message_id, HasSubstr("@mail.example"));
  const size_t begin = message.text.find("/t/c/") + 5;
  const auto token = links_.Verify(message.text.substr(begin), LinkPurpose::kClick);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->customer, Customer(7));
  EXPECT_EQ(token->campaign, kCampaign);
  EXPECT_EQ(token->cell, "mail");
  EXPECT_EQ(token->target, "https://shop.example/x");
}

TEST_F(SendTest, NeverSendsWithoutConsentAfterUnsubscribingOrToControl) {
  AddCustomer(1, false);
  AddCustomer(2);
  AddCustomer(3);
  AddCustomer(4);
  AddCustomer(5);
  Plan(1);
  Plan(2, absl::Hours(1));
  Plan(3, absl::ZeroDuration(), "control");
  Plan(4, absl::Hours(1));
  Plan(5, absl::Hours(1));
  house_.Settle();
  Track(2, "unsubscribe");
  Consent(4, false, "*");
  Track(5, "complaint");
  house_.Advance(absl::Hours(1));
  EXPECT_TRUE(mail_.messages.empty());
  EXPECT_EQ(PhaseOf(3), statepb::CONTACT_PHASE_CONTROL);
  std::map<uint64_t, std::string> reasons;
  for (const auto& record : LogOf(Record::kContactSuppressed)) {
    EXPECT_FALSE(record.contact_suppressed().shadow());
    reasons[record.party()] = record.contact_suppressed().reason();
  }
  EXPECT_EQ(reasons[Customer(1).value()], "no_consent");
  EXPECT_EQ(reasons[Customer(2).value()], "unsubscribed");
  EXPECT_EQ(reasons[Customer(4).value()], "unsubscribed");
  EXPECT_EQ(reasons[Customer(5).value()], "complained");
}

TEST_F(SendTest, ControlContactsMeetThePolicyInShadow) {
  AddCustomer(1, false);
  Plan(1, absl::ZeroDuration(), "control");
  house_.Settle();
  const auto suppressed = LogOf(Record::kContactSuppressed);
  ASSERT_THAT(suppressed, SizeIs(1));
  EXPECT_TRUE(suppressed[0].contact_suppressed().shadow());
  EXPECT_EQ(suppressed[0].contact_suppressed().reason(), "no_consent");
}

TEST_F(SendTest, AnUnsubscriptionBetweenDueTimeAndClaimCounts) {
  AddCustomer(1);
  // The first message is never answered, so that the others wait behind it for room.
  mail_.answer = nullptr;
  for (uint64_t i = 2; i < 40; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  Plan(1);
  house_.Settle();
  ASSERT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_READY);
  Track(1, "unsubscribe");
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kAccepted, 250, "", {}}; };
  for (const auto& done : std::exchange(mail_.unanswered, {})) {
    done({SendStatus::kAccepted, 250, "", {}});
  }
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SUPPRESSED);
  EXPECT_THAT(mail_.messages, SizeIs(38));
}

TEST_F(SendTest, HoldsItsLimitOfWhatIsInFlight) {
  mail_.answer = nullptr;
  for (uint64_t i = 1; i <= 100; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  EXPECT_THAT(mail_.messages, SizeIs(16));
  EXPECT_EQ(Status().in_flight(), 16);
  EXPECT_EQ(Status().ready(), 84);
}

TEST_F(SendTest, TriesADeferredMessageAgainWithTheSameId) {
  mail_.answer = [this](const Outbound& message) {
    return mail_.copies[message.message_id] < 3
               ? SendOutcome{SendStatus::kDeferred, 451, "greylisted", {}}
               : SendOutcome{SendStatus::kAccepted, 250, "", {}};
  };
  AddCustomer(1);
  Plan(1);
  house_.Settle();
  EXPECT_THAT(mail_.messages, SizeIs(1));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_WAITING);
  house_.Advance(absl::Hours(1));
  EXPECT_THAT(mail_.messages, SizeIs(3));
  EXPECT_THAT(mail_.copies, SizeIs(1));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
}

TEST_F(SendTest, GivesUpOnAMessageRefusedForGood) {
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kFailed, 550, "no", {}}; };
  AddCustomer(1);
  Plan(1);
  house_.Advance(absl::Hours(24));
  EXPECT_THAT(mail_.messages, SizeIs(1));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_FAILED);
}

TEST_F(SendTest, RestsWhenNobodyAnswersAndGoesOnLater) {
  bool down = true;
  mail_.answer = [&](const Outbound&) {
    return down ? SendOutcome{SendStatus::kDeferred, 0, "connection refused", {}}
                : SendOutcome{SendStatus::kAccepted, 250, "", {}};
  };
  for (uint64_t i = 1; i <= 200; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  EXPECT_LT(mail_.messages.size(), 40u);
  EXPECT_THAT(Status().limited_by(), HasSubstr("connection refused"));
  down = false;
  house_.Advance(absl::Hours(1));
  EXPECT_EQ(Status().ready() + Status().waiting(), 0);
  for (uint64_t i = 1; i <= 200; ++i) EXPECT_EQ(PhaseOf(i), statepb::CONTACT_PHASE_SENT) << i;
}

TEST_F(SendTest, AnOutageOfTwoDaysUsesUpNobodysAttempts) {
  bool down = true;
  mail_.answer = [&](const Outbound&) {
    return down ? SendOutcome{SendStatus::kDeferred, 0, "connection refused", {}}
                : SendOutcome{SendStatus::kAccepted, 250, "", {}};
  };
  for (uint64_t i = 1; i <= 30; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Advance(absl::Hours(48));
  EXPECT_GT(mail_.copies[mail_.messages[0].message_id], kAttemptsMax);
  down = false;
  house_.Advance(absl::Hours(5));
  for (uint64_t i = 1; i <= 30; ++i) EXPECT_EQ(PhaseOf(i), statepb::CONTACT_PHASE_SENT) << i;
}

TEST_F(SendTest, AMessageThatNobodyTakesExpiresByItsPolicy) {
  mail_.answer = [&](const Outbound&) {
    return SendOutcome{SendStatus::kDeferred, 0, "connection refused", {}};
  };
  AddCustomer(1);
  Plan(1);
  house_.Advance(absl::Hours(80));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SUPPRESSED);
  const auto suppressed = LogOf(Record::kContactSuppressed);
  ASSERT_THAT(suppressed, SizeIs(1));
  EXPECT_EQ(suppressed[0].contact_suppressed().reason(), "expired");
}

TEST_F(SendTest, APeerThatPutsAMessageOffForeverIsAskedEightTimes) {
  mail_.answer = [&](const Outbound&) { return SendOutcome{SendStatus::kDeferred, 451, "", {}}; };
  AddCustomer(1);
  Plan(1);
  house_.Advance(absl::Hours(48));
  EXPECT_THAT(mail_.messages, SizeIs(kAttemptsMax));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_FAILED);
}

TEST_F(SendTest, SuppressesWithAReasonWhatCannotBeWritten) {
  AddCustomer(1);
  world_.customers[ToResourceName(Customer(1))].clear_keys();
  AddCustomer(2);
  world_.customers.erase(ToResourceName(Customer(2)));
  AddCustomer(3);
  Consent(3, true, "sms");
  for (uint64_t i = 1; i <= 2; ++i) Plan(i);
  Plan(3, absl::ZeroDuration(), "mail", 1, "sms");
  house_.Settle();
  EXPECT_TRUE(mail_.messages.empty());
  std::map<uint64_t, std::string> reasons;
  for (const auto& record : LogOf(Record::kContactSuppressed)) {
    reasons[record.party()] = record.contact_suppressed().reason();
  }
  EXPECT_EQ(reasons[Customer(1).value()], "no_address");
  EXPECT_EQ(reasons[Customer(2).value()], "erased");
  EXPECT_EQ(reasons[Customer(3).value()], "no_address");
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SUPPRESSED);
}

TEST_F(SendTest, WaitsWhileTheCustomerServiceIsAway) {
  world_.failing = absl::UnavailableError("away");
  AddCustomer(1);
  Plan(1);
  house_.Settle();
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_WAITING);
  world_.failing = absl::OkStatus();
  house_.Advance(absl::Minutes(10));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
}

TEST_F(SendTest, PausesResumesAndStopsWithItsCampaign) {
  using enum campaign::v1::CampaignState;
  for (uint64_t i = 1; i <= 20; ++i) {
    AddCustomer(i);
    Plan(i, i <= 10 ? absl::Minutes(1) : absl::Hours(10));
  }
  Transition(CAMPAIGN_STATE_RUNNING, CAMPAIGN_STATE_PAUSED);
  house_.Advance(absl::Minutes(5));
  EXPECT_TRUE(mail_.messages.empty());
  Transition(CAMPAIGN_STATE_PAUSED, CAMPAIGN_STATE_RUNNING);
  house_.Advance(absl::Minutes(1));
  EXPECT_THAT(mail_.messages, SizeIs(10));
  Transition(CAMPAIGN_STATE_RUNNING, CAMPAIGN_STATE_STOPPED);
  house_.Advance(absl::Hours(11));
  EXPECT_THAT(mail_.messages, SizeIs(10));
  EXPECT_EQ(PhaseOf(20), statepb::CONTACT_PHASE_SUPPRESSED);
}

TEST_F(SendTest, ParkedCustomersGetNothingUntilSettled) {
  AddCustomer(1);
  Record skipped;
  skipped.set_party(Customer(1).value());
  skipped.mutable_record_skipped()->set_service("response");
  house_.Append(skipped);
  Plan(1, absl::ZeroDuration());
  house_.Settle();
  EXPECT_TRUE(mail_.messages.empty());
  Record settled;
  settled.set_party(Customer(1).value());
  settled.mutable_parked_settled()->set_service("response");
  house_.Append(settled);
  BeginCycle(Definition(), 2);
  Plan(1, absl::ZeroDuration(), "mail", 2);
  house_.Settle();
  EXPECT_THAT(mail_.messages, SizeIs(1));
}

TEST_F(SendTest, ImportedAndPlannedOnlyContactsAreNotItsBusiness) {
  AddCustomer(1);
  for (const bool imported : {true, false}) {
    Record record;
    record.set_party(Customer(1).value());
    *record.mutable_contact_planned()->mutable_contact() = Contact(imported ? 5 : 6);
    record.mutable_contact_planned()->set_imported(imported);
    record.mutable_contact_planned()->set_plan_only(!imported);
    record.mutable_contact_planned()->set_channel("email");
    house_.Append(record);
  }
  house_.Settle();
  EXPECT_TRUE(mail_.messages.empty());
  EXPECT_EQ(Status().waiting(), 0);
}

class CapTest : public SendTest {
 protected:
  void SetUp() override {
    SendTest::SetUp();
    catalog::Definition definition;
    definition.set_name("policies/default");
    auto& policy = *definition.mutable_policy();
    policy.set_name("policies/default");
    auto& cap = *policy.add_caps();
    cap.set_channel("email");
    cap.set_max_contacts(2);
    cap.mutable_window()->set_seconds(7 * 24 * 3600);
    policy.mutable_quiet_hours()->set_start_minute(21 * 60);
    policy.mutable_quiet_hours()->set_end_minute(8 * 60);
    ASSERT_TRUE(catalog_->Put(definition, {}).ok());
    for (int32_t cycle = 1; cycle <= 6; ++cycle) {
      campaign::v1::Campaign campaign = Definition();
      campaign.set_policy("policies/default");
      BeginCycle(campaign, cycle);
    }
    house_.Settle();
  }
};

TEST_F(CapTest, NobodyExceedsACapInAnyWindow) {
  for (uint64_t i = 1; i <= 10; ++i) AddCustomer(i);
  for (int32_t cycle = 1; cycle <= 4; ++cycle) {
    for (uint64_t i = 1; i <= 10; ++i) Plan(i, absl::ZeroDuration(), "mail", cycle);
    house_.Settle();
  }
  std::map<std::string, int> sent;
  for (const Outbound& message : mail_.messages) ++sent[message.recipient];
  EXPECT_THAT(sent, SizeIs(10));
  for (const auto& [recipient, count] : sent) EXPECT_EQ(count, 2) << recipient;
  house_.Advance(absl::Hours(24 * 7));
  for (uint64_t i = 1; i <= 10; ++i) Plan(i, absl::ZeroDuration(), "mail", 5);
  house_.Settle();
  EXPECT_THAT(mail_.messages, SizeIs(30));
}

TEST_F(CapTest, WhatDidNotGoOutDoesNotCount) {
  AddCustomer(1);
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kFailed, 550, "", {}}; };
  for (int32_t cycle = 1; cycle <= 3; ++cycle) {
    Plan(1, absl::ZeroDuration(), "mail", cycle);
    house_.Settle();
  }
  EXPECT_THAT(mail_.messages, SizeIs(3));
}

TEST_F(CapTest, QuietHoursDefer) {
  AddCustomer(1);
  // The test starts at 12:00 UTC; due at 23:00.
  Plan(1, absl::Hours(11));
  house_.Advance(absl::Hours(19));
  EXPECT_TRUE(mail_.messages.empty());
  house_.Advance(absl::Hours(1));
  EXPECT_THAT(mail_.messages, SizeIs(1));
}

TEST_F(SendTest, AClaimOfAnOlderOwnerDoesNotHold) {
  AddCustomer(1);
  Plan(1, absl::Hours(1));
  house_.Settle();
  Crash();
  house_.Advance(absl::Minutes(30));
  Record claim;
  claim.set_party(Customer(1).value());
  *claim.mutable_delivery_attempted()->mutable_contact() = Contact();
  claim.mutable_delivery_attempted()->set_attempt(1);
  claim.mutable_delivery_attempted()->set_epoch(1);
  house_.Append(claim);
  house_.Advance(absl::Hours(1));
  EXPECT_THAT(mail_.messages, SizeIs(1));
  EXPECT_EQ(PhaseOf(1), statepb::CONTACT_PHASE_SENT);
}

TEST_F(SendTest, ARebuildFromTheLogIsTheSameAndSendsNothing) {
  mail_.answer = [](const Outbound& message) {
    return message.recipient < "c5" ? SendOutcome{SendStatus::kAccepted, 250, "", {}}
                                    : SendOutcome{SendStatus::kFailed, 550, "", {}};
  };
  for (uint64_t i = 1; i <= 50; ++i) {
    AddCustomer(i, i % 5 != 0);
    Plan(i, absl::Minutes(static_cast<int64_t>(i)), i % 4 == 0 ? "control" : "mail");
  }
  house_.Advance(absl::Hours(2));
  Track(3, "unsubscribe");
  house_.Settle();
  const size_t sent = mail_.messages.size();
  const auto before = StateWithoutEpoch();
  EXPECT_GT(before.size(), 90u);
  Crash({std::string(kServiceName)});
  house_.Settle();
  EXPECT_EQ(mail_.messages.size(), sent);
  EXPECT_EQ(StateWithoutEpoch(), before);
}

TEST_F(SendTest, WebOffersWaitForTheNextVisit) {
  campaign::v1::Campaign campaign = Definition();
  campaign.mutable_cells(1)->mutable_treatment()->set_channel("web");
  campaign.mutable_cells(1)->mutable_treatment()->set_template_("templates/banner");
  BeginCycle(campaign, 2);
  pb::CreateTemplateRequest banner;
  banner.mutable_template_()->set_name("templates/banner");
  banner.mutable_template_()->set_channel("web");
  banner.mutable_template_()->set_html("<b>{{ customer.name }}</b>");
  ASSERT_TRUE(Ask<pb::Template>(banner).ok());
  AddCustomer(1);
  Consent(1, true, "web");
  Plan(1, absl::ZeroDuration(), "mail", 2, "web");
  house_.Settle();
  pb::ListWaitingOffersRequest request;
  request.set_customer(ToResourceName(Customer(1)));
  const auto offers = Ask<pb::ListWaitingOffersResponse>(request);
  ASSERT_TRUE(offers.ok()) << offers.status();
  ASSERT_EQ(offers->offers_size(), 1);
  EXPECT_THAT(offers->offers(0).html(), HasSubstr("<b>&lt;Kim 1&gt;</b>"));
  house_.Advance(absl::Hours(24 * 15));
  EXPECT_EQ(Ask<pb::ListWaitingOffersResponse>(request)->offers_size(), 0);
}

TEST_F(SendTest, AVisitShowsNoWebOfferThatWasRefusedSince) {
  campaign::v1::Campaign campaign = Definition();
  campaign.mutable_cells(1)->mutable_treatment()->set_channel("web");
  campaign.mutable_cells(1)->mutable_treatment()->set_template_("templates/banner");
  BeginCycle(campaign, 2);
  pb::CreateTemplateRequest banner;
  banner.mutable_template_()->set_name("templates/banner");
  banner.mutable_template_()->set_channel("web");
  banner.mutable_template_()->set_html("<b>{{ customer.name }}</b>");
  ASSERT_TRUE(Ask<pb::Template>(banner).ok());
  for (uint64_t i = 1; i <= 6; ++i) {
    AddCustomer(i);
    Consent(i, true, "web");
    Plan(i, absl::ZeroDuration(), "mail", 2, "web");
  }
  house_.Settle();
  const auto shown = [&](uint64_t number) {
    house_.Settle();
    pb::ListWaitingOffersRequest request;
    request.set_customer(ToResourceName(Customer(number)));
    const auto offers = Ask<pb::ListWaitingOffersResponse>(request);
    EXPECT_TRUE(offers.ok()) << offers.status();
    return offers.ok() ? offers->offers_size() : -1;
  };
  for (uint64_t i = 1; i <= 6; ++i) EXPECT_EQ(shown(i), 1) << i;

  house_.Advance(absl::Seconds(1));
  Consent(1, false, "*", "*");
  EXPECT_EQ(shown(1), 0) << "an opt-out from everything";
  house_.Advance(absl::Seconds(1));
  Consent(1, true, "web");
  EXPECT_EQ(shown(1), 1) << "and back";
  Consent(2, false, "sms");
  EXPECT_EQ(shown(2), 1) << "of another channel";
  Track(3, "complaint", false);
  EXPECT_EQ(shown(3), 0) << "a complaint";
  Record erased;
  erased.set_party(Customer(4).value());
  erased.mutable_customer_erased();
  house_.Append(erased);
  EXPECT_EQ(shown(4), 0) << "erased";
  Record parked;
  parked.set_party(Customer(5).value());
  parked.mutable_record_skipped()->set_service("response");
  house_.Append(parked);
  EXPECT_EQ(shown(5), 0) << "parked";

  house_.Advance(absl::Hours(24 * 4));
  EXPECT_EQ(shown(6), 1) << "longer than a message may be put off";
  Transition(campaign::v1::CAMPAIGN_STATE_RUNNING, campaign::v1::CAMPAIGN_STATE_PAUSED);
  EXPECT_EQ(shown(6), 0) << "paused";
  Transition(campaign::v1::CAMPAIGN_STATE_PAUSED, campaign::v1::CAMPAIGN_STATE_RUNNING);
  EXPECT_EQ(shown(6), 1) << "resumed";
  Transition(campaign::v1::CAMPAIGN_STATE_RUNNING, campaign::v1::CAMPAIGN_STATE_STOPPED);
  EXPECT_EQ(shown(6), 0) << "stopped";
}

// Crashes at many moments: a promise about what the world's ledger may hold.
class CrashTest : public DeliveryTest, public testing::WithParamInterface<uint64_t> {
 protected:
  CrashTest() : DeliveryTest(GetParam(), 8) {}
};

TEST_P(CrashTest, NobodyIsContactedTwiceAndNobodyIsForgotten) {
  constexpr uint64_t kPeople = 60;
  Rng rng(GetParam());
  DefineTemplate();
  BeginCycle();
  for (uint64_t i = 1; i <= kPeople; ++i) {
    AddCustomer(i, i % 7 != 0);
    Plan(i, absl::Minutes(static_cast<int64_t>(rng.Below(60))), i % 5 == 0 ? "control" : "mail");
  }
  // Some answers are lost with the process, some messages deferred: the world counts these
  // itself.
  std::map<std::string, int> refused_for_now;
  size_t crashes = 0;
  for (int round = 0; round < 12; ++round) {
    const uint64_t mode = rng.Below(3);
    mail_.answer = [&, mode](const Outbound& message) {
      if (mode == 1 && mail_.copies[message.message_id] == 1) {
        ++refused_for_now[message.message_id];
        return SendOutcome{SendStatus::kDeferred, 451, "", {}};
      }
      return SendOutcome{SendStatus::kAccepted, 250, "", {}};
    };
    if (mode == 2) mail_.answer = nullptr;
    for (uint64_t steps = rng.Below(400); steps > 0; --steps) {
      if (!house_.executor().RunOne()) house_.clock().Advance(absl::Seconds(1));
    }
    Crash(rng.Chance(0.3) ? std::vector<std::string>{std::string(kServiceName)}
                          : std::vector<std::string>{});
    ++crashes;
  }
  mail_.answer = [](const Outbound&) { return SendOutcome{SendStatus::kAccepted, 250, "", {}}; };
  house_.Advance(absl::Hours(24));

  size_t in_doubt = 0;
  for (uint64_t i = 1; i <= kPeople; ++i) {
    SCOPED_TRACE(i);
    const auto state = StateOf(i).value();
    const auto copies = mail_.copies.find(state.message_id());
    const int sent = copies == mail_.copies.end() ? 0 : copies->second;
    switch (state.phase()) {
      case statepb::CONTACT_PHASE_CONTROL:
        EXPECT_EQ(i % 5, 0u);
        break;
      case statepb::CONTACT_PHASE_SUPPRESSED:
        EXPECT_EQ(i % 7, 0u);
        break;
      case statepb::CONTACT_PHASE_SENT:
        EXPECT_GE(sent, 1);
        break;
      case statepb::CONTACT_PHASE_IN_DOUBT:
        ++in_doubt;
        break;
      default:
        ADD_FAILURE() << "left in phase " << state.phase();
    }
    // A refused copy was certainly not taken; every other copy may have been.
    EXPECT_LE(sent, refused_for_now[state.message_id()] + 1);
    if (i % 5 == 0 || i % 7 == 0) {
      EXPECT_EQ(sent, 0);
    }
  }
  EXPECT_LE(in_doubt, crashes * 8);
  EXPECT_EQ(Status().waiting() + Status().ready() + Status().in_flight(), 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashTest, testing::Range<uint64_t>(1, 41));

}  // namespace
}  // namespace rondo::delivery
