#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "platform/core/field_error.h"
#include "platform/core/rng.h"
#include "platform/rpc/timestamp.h"
#include "services/response/response_fixture.h"

namespace rondo::response {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(ResponseTest, AnEventWithinTheWindowAnswersEveryOpenContactControlToo) {
  DeclareEvents();
  Append(Cycle());
  Append(Contact(1));
  Append(Contact(2, kDue, kCampaign, /*control=*/true));
  for (const uint64_t customer : {1u, 2u}) {
    Append(Event(customer, "purchase", kDue + kDay, "p" + std::to_string(customer), 20.0));
    EXPECT_THAT(Responses(customer), ElementsAre("bought/window/600"));
  }
}

TEST_F(ResponseTest, TheWindowHoldsBothItsEnds) {
  DeclareEvents();
  Append(Cycle());
  Append(Contact(1));
  Append(Event(1, "page_view", kDue - 1, "before"));
  Append(Event(1, "page_view", kDue + 2 * kDay + 1, "after"));
  EXPECT_THAT(Responses(1), IsEmpty());
  Append(Event(1, "page_view", kDue, "first"));
  Append(Event(1, "page_view", kDue + 2 * kDay, "last"));
  EXPECT_THAT(Responses(1), ElementsAre("visited/window/0", "visited/window/0"));
}

TEST_F(ResponseTest, AnEventThatFailsTheGoalsRuleAnswersNothing) {
  DeclareEvents();
  Append(Cycle());
  Append(Contact(1));
  Append(Event(1, "purchase", kDue, "small", 5.0));
  EXPECT_THAT(Responses(1), IsEmpty());
}

TEST_F(ResponseTest, AResponseSaysThatItsValueCouldNotBeComputed) {
  DeclareEvents();
  logpb::Record cycle = Cycle();
  cycle.mutable_cycle_started()->mutable_campaign()->mutable_goals(0)->clear_where();
  Append(cycle);
  Append(Contact(1));
  logpb::Record bare = Event(1, "purchase", kDue, "without amount");
  bare.mutable_event_tracked()->clear_fields();
  Append(bare);
  Append(Event(1, "purchase", kDue + 1, "with amount"));
  EXPECT_THAT(Responses(1), ElementsAre("bought/window/300", "bought/window/0"));
  std::vector<bool> unknown;
  for (const auto& entry : Timeline(1)) {
    if (entry.has_response()) unknown.push_back(entry.response().value_unknown());
  }
  EXPECT_THAT(unknown, ElementsAre(false, true));
}

TEST_F(ResponseTest, OneEventMayAnswerContactsOfSeveralCampaigns) {
  DeclareEvents();
  Append(Cycle());
  Append(Cycle("campaigns/other"));
  Append(Contact(1));
  Append(Contact(1, kDue + kDay, "campaigns/other"));
  Append(Event(1, "purchase", kDue + 2 * kDay, "p", 10.0));
  EXPECT_THAT(Responses(1), ElementsAre("bought/window/300", "bought/window/300"));
}

TEST_F(ResponseTest, ATokenAnswersTheContactThatItNamesAndNoOther) {
  Append(Cycle());
  Append(Contact(1));
  Append(Contact(1, kDue, "campaigns/other"));
  Append(Click(1, kDue + 100 * kDay, "c1"));  // A token has no window.
  EXPECT_THAT(Responses(1), ElementsAre("click/token/0"));
  const auto timeline = Timeline(1);
  EXPECT_EQ(timeline.at(0).response().contact().campaign(), kCampaign);
}

TEST_F(ResponseTest, DuplicatesOfAMessageIdAreDropped) {
  DeclareEvents();
  Append(Cycle());
  Append(Contact(1));
  for (int i = 0; i < 3; ++i) Append(Event(1, "purchase", kDue + kDay, "same"));
  EXPECT_THAT(Responses(1), ElementsAre("bought/window/300"));
  EXPECT_EQ(Timeline(1).size(), 3u);  // Contact, event, response.
}

TEST_F(ResponseTest, AContactMeasuredElsewhereOpensNoWindow) {
  DeclareEvents();
  Append(Cycle());
  Append(Contact(1, kDue, kCampaign, false, /*imported=*/true));
  Append(Event(1, "purchase", kDue + kDay, "p"));
  EXPECT_THAT(Responses(1), IsEmpty());
}

TEST_F(ResponseTest, ContactAndCycleMayArriveAfterTheEvent) {
  DeclareEvents();
  Append(Event(1, "purchase", kDue + kDay, "p"));
  Append(Click(1, kDue + kDay, "c"));
  Append(Contact(1));
  EXPECT_THAT(Responses(1), ElementsAre("click/token/0"));
  Append(Cycle());
  EXPECT_THAT(Responses(1), UnorderedElementsAre("click/token/0", "bought/window/300"));
}

TEST_F(ResponseTest, AMachinesEventIsKeptAndFlagged) {
  DeclareEvents();
  Append(Cycle());
  Append(Contact(1));
  logpb::Record click = Click(1, kDue + 1, "c");
  click.mutable_event_tracked()->set_machine(true);
  Append(click);
  EXPECT_THAT(Responses(1), ElementsAre("click/token/0"));
  const auto timeline = Timeline(1);
  EXPECT_TRUE(std::any_of(timeline.begin(), timeline.end(), [](const auto& entry) {
    return entry.has_event() && entry.event().machine();
  }));
}

// What is folded by event time depends on what happened, not on the order or number of arrivals.
TEST_F(ResponseTest, AnEventFindsAllOpenContactsOfACustomerWithMany) {
  DeclareEvents();
  Append(Cycle());
  constexpr int kContacts = 40;
  static_assert(kContacts > 2 * kDueContactsInRowMax);
  for (int i = 0; i < kContacts; ++i) {
    const int day = i * 7 % kContacts;  // In any order.
    logpb::Record contact = Contact(1, kDue + day * kDay);
    contact.mutable_contact_planned()->mutable_contact()->set_occurrence(day);
    Append(contact);
  }
  // A window is 14 days long; an hour later than a day's contact its own and 13 before are open.
  const auto responses_after = [this](int day) {
    const size_t before = Responses(1).size();
    Append(Event(1, "purchase", kDue + day * kDay + kDay / 24, absl::StrFormat("m%d", day)));
    return Responses(1).size() - before;
  };
  EXPECT_EQ(responses_after(3), 4u) << "in keys of their own";
  EXPECT_EQ(responses_after(30), 14u) << "in the row and beside it";
  EXPECT_EQ(responses_after(39), 14u) << "in the row";
  EXPECT_EQ(responses_after(60), 0u);
}

TEST_F(ResponseTest, ArrivalOrderAndRepeatsDoNotChangeTheState) {
  std::vector<logpb::Record> records = {Cycle(), Cycle("campaigns/other")};
  Rng rng(11);
  for (int i = 0; i < 60; ++i) {
    const uint64_t customer = rng.Below(3);
    const auto time = kDue + static_cast<int64_t>(rng.Below(20)) * kDay;
    const std::string campaign = rng.Chance(0.5) ? kCampaign : "campaigns/other";
    const std::string id = "m" + std::to_string(i);
    switch (rng.Below(4)) {
      case 0:
        // One contact a customer and campaign: a second would be another due time of the same key.
        records.push_back(Contact(10 + static_cast<uint64_t>(i), kDue + kDay, campaign));
        records.push_back(Event(10 + static_cast<uint64_t>(i), "purchase", time, id, 50.0));
        break;
      case 1:
        records.push_back(Click(customer, time, id, campaign));
        break;
      case 2:
        records.push_back(Event(customer, "page_view", time, id));
        break;
      default:
        records.push_back(
            Event(customer, "purchase", time, id, static_cast<double>(rng.Below(20))));
    }
  }
  for (uint64_t customer = 0; customer < 3; ++customer) {
    records.push_back(Contact(customer, kDue + 3 * kDay));
    records.push_back(Contact(customer, kDue + 5 * kDay, "campaigns/other", customer == 2));
  }
  DeclareEvents();
  for (const auto& record : records) Append(record);
  house_->Settle();
  const uint64_t expected = house_->StateHash("response");
  EXPECT_GT(Responses(0).size() + Responses(1).size(), 5u);
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    std::vector<logpb::Record> arrivals = records;
    for (const auto& record : records) {
      if (rng.Chance(0.5)) arrivals.push_back(record);
    }
    for (size_t i = arrivals.size(); i > 1; --i) std::swap(arrivals[i - 1], arrivals[rng.Below(i)]);
    StartOver();
    DeclareEvents();
    for (const auto& record : arrivals) Append(record);
    house_->Settle();
    ASSERT_EQ(house_->StateHash("response"), expected);
  }
}

TEST_F(ResponseTest, ADeletedStateIsRebuiltEqualAndNothingIsEmittedAgain) {
  DeclareEvents();
  Append(Cycle());
  for (uint64_t customer = 0; customer < 20; ++customer) {
    Append(Contact(customer));
    Append(Event(customer, "purchase", kDue + kDay, "p" + std::to_string(customer)));
    Append(Click(customer, kDue + 1, "c" + std::to_string(customer)));
  }
  house_->Settle();
  const uint64_t hash = house_->StateHash("response");
  const auto count = [&] {
    int64_t responses = 0;
    for (int partition = 0; partition < 2; ++partition) {
      for (int64_t offset = 0; offset < *house_->log().End(partition);) {
        const auto block = house_->log().Read(partition, offset);
        for (const auto* record : block->records) responses += record->has_response_attributed();
        offset = block->end();
      }
    }
    return responses;
  };
  EXPECT_EQ(count(), 40);
  Restart({"response"});
  house_->Settle();
  EXPECT_EQ(house_->StateHash("response"), hash);
  EXPECT_EQ(count(), 40);
}

TEST_F(ResponseTest, ErasureRemovesThePersonsTimeline) {
  DeclareEvents();
  Append(Contact(1));
  Append(Event(1, "purchase", kDue, "p"));
  logpb::Record erased;
  erased.set_party(Customer(1).value());
  erased.mutable_customer_erased();
  Append(erased);
  Append(Cycle());  // The contact waited for it.
  Append(Event(1, "click", kDue + 1, "late"));
  Append(Contact(1));
  house_->Settle();
  EXPECT_THAT(Timeline(1), IsEmpty());
}

TEST_F(ResponseTest, WhatWasOnItsWayAtAnErasureIsNotKept) {
  Append(Contact(1));
  logpb::Record erased;
  erased.set_party(Customer(1).value());
  erased.mutable_customer_erased();
  Append(erased);
  const auto contact = Contact(1).contact_planned().contact();
  const auto record = [] {
    logpb::Record about;
    about.set_party(Customer(1).value());
    about.set_event_time_micros(kDue + 1);
    return about;
  };
  logpb::Record attempted = record();
  *attempted.mutable_delivery_attempted()->mutable_contact() = contact;
  Append(attempted);
  logpb::Record sent = record();
  *sent.mutable_delivery_outcome()->mutable_contact() = contact;
  sent.mutable_delivery_outcome()->set_state(logpb::DELIVERY_STATE_SENT);
  Append(sent);
  logpb::Record suppressed = record();
  *suppressed.mutable_contact_suppressed()->mutable_contact() = contact;
  suppressed.mutable_contact_suppressed()->set_reason("erased");
  Append(suppressed);
  logpb::Record response = record();
  *response.mutable_response_attributed()->mutable_contact() = contact;
  response.mutable_response_attributed()->set_goal("bought");
  Append(response);
  house_->Settle();
  EXPECT_THAT(Timeline(1), IsEmpty());
}

TEST_F(ResponseTest, TheTimelineIsNewestFirstAPageAtATime) {
  Append(Contact(1, kDue));
  logpb::Record sent;
  sent.set_party(Customer(1).value());
  sent.set_event_time_micros(kDue + 1);
  *sent.mutable_delivery_outcome()->mutable_contact() = Contact(1).contact_planned().contact();
  sent.mutable_delivery_outcome()->set_state(logpb::DELIVERY_STATE_SENT);
  Append(sent);
  for (int i = 0; i < 25; ++i) {
    Append(Event(1, "page_view", kDue + 10 + i, "m" + std::to_string(i)));
  }
  house_->Settle();
  const auto all = Timeline(1);
  ASSERT_EQ(all.size(), 27u);
  for (size_t i = 1; i < all.size(); ++i) {
    EXPECT_GE(ToMicros(all[i - 1].time()), ToMicros(all[i].time()));
  }
  EXPECT_EQ(all[25].delivery().state(), "sent");
  EXPECT_EQ(all[26].contact().channel(), "email");
  const auto paged = Timeline(1, 4);
  ASSERT_EQ(paged.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(paged[i].SerializeAsString(), all[i].SerializeAsString());
  }
}

TEST_F(ResponseTest, IngestTakesEachEventAloneAndSaysWhatIsWrong) {
  DeclareEvents();
  house_->Settle();
  pb::IngestEventsRequest request;
  const auto add = [&](const std::string& customer, const std::string& type) -> pb::Event& {
    auto& given = *request.add_events();
    given.set_customer(customer);
    given.mutable_event()->set_type(type);
    return *given.mutable_event();
  };
  add("crm:7", "page_view").set_message_id("a");
  add("crm:7", "page_view").set_message_id("b");
  add("crm:500", "page_view");
  add("nonsense", "page_view");
  add(ToResourceName(Customer(8)), "Bad Type");
  add(ToResourceName(Customer(8)), "page_view");
  const auto answer = Call<pb::IngestEventsResponse>(*caller_, {}, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->accepted(), 3);
  ASSERT_EQ(answer->rejected_size(), 3);
  EXPECT_EQ(answer->rejected(0).index(), 2);
  EXPECT_EQ(answer->rejected(0).field(), "customer");
  EXPECT_EQ(answer->rejected(1).index(), 3);
  EXPECT_EQ(answer->rejected(2).field(), "event.type");
  EXPECT_EQ(customers_.lookups, 2);  // Once a key.
  house_->Settle();
  EXPECT_EQ(Timeline(7).size(), 2u);
  EXPECT_EQ(Timeline(8).size(), 1u);
}

TEST_F(ResponseTest, AnEventOfNobodyIsRefusedByNameAndByKey) {
  pb::IngestEventsRequest request;
  for (const std::string& customer :
       {ToResourceName(Customer(8)), ToResourceName(Customer(1'000)), std::string("crm:8"),
        std::string("crm:1000"), std::string("customers/x"), std::string("8")}) {
    auto& given = *request.add_events();
    given.set_customer(customer);
    given.mutable_event()->set_type("page_view");
  }
  const auto response = Call<pb::IngestEventsResponse>(*caller_, {}, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->accepted(), 2);
  std::vector<int> refused;
  for (const auto& rejected : response->rejected()) {
    refused.push_back(rejected.index());
    EXPECT_EQ(rejected.field(), "customer");
  }
  EXPECT_THAT(refused, testing::ElementsAre(1, 3, 4, 5));
}

TEST_F(ResponseTest, ARepeatedIngestGetsTheFirstAnswerAndItsEventsCountOnce) {
  pb::IngestEventsRequest request;
  request.set_request_id("2f1c7a52-6a0b-4b6e-9a53-9f0e6a4f1d11");
  const auto add = [&](const std::string& customer, const std::string& type) {
    auto& given = *request.add_events();
    given.set_customer(customer);
    given.mutable_event()->set_type(type);
  };
  add(ToResourceName(Customer(8)), "page_view");  // Without a message id.
  add(ToResourceName(Customer(8)), "page_view");
  add(ToResourceName(Customer(9)), "Bad Type");
  CallInfo call;
  call.request_id = request.request_id();
  const auto first = Call<pb::IngestEventsResponse>(*caller_, call, request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->accepted(), 2);
  EXPECT_EQ(first->rejected_size(), 1);
  // Whatever the repeat says, it is the same call.
  pb::IngestEventsRequest repeat = request;
  repeat.mutable_events(2)->mutable_event()->set_type("page_view");
  for (int i = 0; i < 2; ++i) {
    const auto again = Call<pb::IngestEventsResponse>(*caller_, call, repeat);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  }
  house_->Settle();
  EXPECT_EQ(Timeline(8).size(), 2u);
  EXPECT_EQ(Timeline(9).size(), 0u);
  // The first call was not to be synced; a repeat that is, is answered once it is.
  repeat.set_synced(true);
  house_->log_fault = [](storage::CommitPoint) { return storage::Fault::kFail; };
  EXPECT_EQ(Call<pb::IngestEventsResponse>(*caller_, call, repeat).status().code(),
            absl::StatusCode::kUnavailable);
  house_->log_fault = nullptr;
  // An answer that was lost on its way was a whole call: its events count once even then.
  house_->Advance(absl::Hours(25));
  const auto late = Call<pb::IngestEventsResponse>(*caller_, call, request);
  ASSERT_TRUE(late.ok()) << late.status();
  house_->Settle();
  EXPECT_EQ(Timeline(8).size(), 2u);
}

TEST_F(ResponseTest, OfManyRefusedEventsAllAreNamedAndTheFirstThousandExplained) {
  pb::IngestEventsRequest request;
  for (int i = 0; i < kRejectionReasonsMax + 200; ++i) {
    request.add_events()->mutable_event()->set_type("Page View");
  }
  const auto response = Call<pb::IngestEventsResponse>(*caller_, {.request_id = "many"}, request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->rejected_size(), kRejectionReasonsMax + 200);
  EXPECT_FALSE(response->rejected(kRejectionReasonsMax - 1).reason().empty());
  EXPECT_TRUE(response->rejected(kRejectionReasonsMax).reason().empty());
  EXPECT_EQ(response->rejected(kRejectionReasonsMax + 199).field(), "event.type");
}

TEST_F(ResponseTest, NothingIsAcknowledgedWhenTheLogOrTheCustomersAreAway) {
  pb::IngestEventsRequest request;
  auto& given = *request.add_events();
  given.set_customer("crm:7");
  given.mutable_event()->set_type("page_view");
  customers_.fail = absl::UnavailableError("customers: starting");
  EXPECT_EQ(Call<pb::IngestEventsResponse>(*caller_, {}, request).status().code(),
            absl::StatusCode::kUnavailable);
  request.mutable_events(0)->set_customer("");
  for (int i = 0; i < kMaxEvents; ++i) *request.add_events() = request.events(0);
  const auto refused = Call<pb::IngestEventsResponse>(*caller_, {}, request);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ViolationsOf(refused.status()).at(0).field, "events");
}

}  // namespace
}  // namespace rondo::response
