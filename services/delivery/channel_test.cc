// What a channel may take of the house, what it refuses, and whom a contact's purpose reaches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/core/field_error.h"
#include "services/delivery/delivery_fixture.h"

namespace rondo::delivery {
namespace {

using log::v1::Record;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ChannelTest : public DeliveryTest {
 protected:
  void SetUp() override {
    DefineTemplate();
    BeginCycle();
    house_.Settle();
  }
  void AddPhone(uint64_t number) {
    auto& key = *world_.customers[ToResourceName(Customer(number))].add_keys();
    key.set_namespace_("phone");
    key.set_value(absl::StrFormat("+8210555%05d", number));
    Consent(number, true, "sms");
  }
  std::map<uint64_t, std::string> Reasons() {
    std::map<uint64_t, std::string> reasons;
    for (const Record& record : LogOf(Record::kContactSuppressed)) {
      reasons[record.party()] = record.contact_suppressed().reason();
    }
    return reasons;
  }
};

TEST_F(ChannelTest, AChannelThatHangsHoldsUpNoOther) {
  mail_.hangs = [](const Outbound& message) { return message.recipient.front() != '+'; };
  for (uint64_t i = 1; i <= 60; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  ASSERT_THAT(mail_.unanswered, SizeIs(16)) << "the mail channel's own budget is used up";
  for (uint64_t i = 101; i <= 160; ++i) {
    AddCustomer(i);
    AddPhone(i);
    Plan(i, absl::ZeroDuration(), "mail", 1, "sms");
  }
  house_.Settle();
  for (uint64_t i = 101; i <= 160; ++i) EXPECT_EQ(PhaseOf(i), statepb::CONTACT_PHASE_SENT) << i;
  EXPECT_THAT(mail_.unanswered, SizeIs(16));
  EXPECT_EQ(Status().in_flight(), 16);
}

TEST_F(ChannelTest, WhatAChannelCanNeverTakeIsToldAsWhatItIs) {
  const std::map<std::string, std::pair<absl::Status, std::string>> refusals = {
      {"c1@example.org", {FieldError(kRecipientField, "not an address"), "no_address"}},
      {"c2@example.org", {FieldError(kSenderField, "expected `Name <…>`"), "unusable_sender"}},
      {"c3@example.org", {FieldError(kContentField, "a line break"), "unsendable_content"}},
      {"c4@example.org", {FieldError(kChannelField, "no address"), "channel_misconfigured"}},
      {"c5@example.org", {FieldError(kSenderField, "expected `Name <…>`"), "unusable_sender"}}};
  mail_.refuses = [&](const Outbound& message) { return refusals.at(message.recipient).first; };
  for (uint64_t i = 1; i <= 5; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  const auto reasons = Reasons();
  for (uint64_t i = 1; i <= 5; ++i) {
    const auto& want = refusals.at(absl::StrFormat("c%d@example.org", i)).second;
    EXPECT_EQ(reasons.at(Customer(i).value()), want);
    EXPECT_EQ(PhaseOf(i), statepb::CONTACT_PHASE_SUPPRESSED);
  }
  // Once a reason, and nobody's address.
  const std::string text = log_text_.str();
  const size_t first = text.find("unusable_sender");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("unusable_sender", first + 1), std::string::npos);
  EXPECT_THAT(text, ::testing::Not(HasSubstr("@example.org")));
}

TEST_F(ChannelTest, WhatIsRefusedIsLoggedOnceForEachCampaignAndReason) {
  campaign::v1::Campaign other = Definition();
  other.set_name("campaigns/other");
  BeginCycle(other);
  mail_.refuses = [](const Outbound&) { return FieldError(kSenderField, "expected `Name <…>`"); };
  for (uint64_t i = 1; i <= 3; ++i) {
    AddCustomer(i);
    Plan(i);
    Record planned;
    planned.set_party(Customer(i).value());
    *planned.mutable_contact_planned()->mutable_contact() = Contact();
    planned.mutable_contact_planned()->mutable_contact()->set_campaign(other.name());
    planned.mutable_contact_planned()->set_cell("mail");
    planned.mutable_contact_planned()->set_channel("email");
    planned.mutable_contact_planned()->set_due_time_micros(ToMicros(house_.clock().Now()));
    house_.Append(std::move(planned));
  }
  house_.Settle();
  ASSERT_THAT(LogOf(Record::kContactSuppressed), SizeIs(6));
  std::istringstream lines(log_text_.str());
  std::map<std::string, int> told;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("messages_refused") == std::string::npos) continue;
    EXPECT_THAT(line, HasSubstr("\"cell\":\"mail\""));
    EXPECT_THAT(line, HasSubstr("unusable_sender"));
    for (const std::string& name : {std::string(kCampaign), other.name()}) {
      if (line.find("\"campaign\":\"" + name + "\"") != std::string::npos) ++told[name];
    }
  }
  EXPECT_EQ(told, (std::map<std::string, int>{{kCampaign, 1}, {other.name(), 1}}));
}

TEST_F(ChannelTest, AServerThatIsDownIsToldEvenWhereLittleIsSent) {
  bool down = true;
  mail_.answer = [&](const Outbound&) {
    return down ? SendOutcome{SendStatus::kDeferred, 0, "connection refused", {}}
                : SendOutcome{SendStatus::kAccepted, 250, "", {}};
  };
  for (uint64_t i = 1; i <= 3; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  EXPECT_EQ(Status().limited_by(), "email: connection refused");
  const std::string text = log_text_.str();
  const size_t first = text.find("channel_fails");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("channel_fails", first + 1), std::string::npos) << "once while it lasts";
  down = false;
  house_.Advance(absl::Hours(1));
  EXPECT_THAT(Status().limited_by(), IsEmpty());
  for (uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(PhaseOf(i), statepb::CONTACT_PHASE_SENT) << i;
}

// A wrong password: no message is refused, and none goes out (see smtp_test for the sender's part).
TEST_F(ChannelTest, AServerThatLetsNobodyInRestsItsChannelAndIsToldOnce) {
  bool locked = true;
  mail_.answer = [&](const Outbound&) {
    return locked ? SendOutcome{SendStatus::kDeferred, 0, "535 authentication failed", {}}
                  : SendOutcome{SendStatus::kAccepted, 250, "", {}};
  };
  for (uint64_t i = 1; i <= 200; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  EXPECT_LT(mail_.messages.size(), 40u);
  EXPECT_EQ(Status().limited_by(), "email: 535 authentication failed");
  house_.Advance(absl::Seconds(35));
  const std::string text = log_text_.str();
  const size_t first = text.find("channel_rests");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_THAT(text.substr(first), HasSubstr("535 authentication failed"));
  EXPECT_EQ(text.find("channel_rests", first + 1), std::string::npos) << "once while it lasts";
  locked = false;
  house_.Advance(absl::Hours(2));
  for (uint64_t i = 1; i <= 200; ++i) EXPECT_EQ(PhaseOf(i), statepb::CONTACT_PHASE_SENT) << i;
  EXPECT_THAT(Status().limited_by(), IsEmpty());
}

TEST_F(ChannelTest, APeerThatBreaksAtEveryMessagePutsFewOfACampaignInDoubt) {
  bool broken = true;
  mail_.answer = [&](const Outbound&) {
    return broken ? SendOutcome{SendStatus::kUnknown, 500, "internal error", {}}
                  : SendOutcome{SendStatus::kAccepted, 202, "", {}};
  };
  for (uint64_t i = 1; i <= 200; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  EXPECT_LT(mail_.messages.size(), 40u);
  EXPECT_EQ(Status().limited_by(), "email: internal error");
  EXPECT_EQ(Status().in_doubt(), static_cast<int64_t>(mail_.messages.size()));
  const auto lost = static_cast<ptrdiff_t>(mail_.messages.size());
  broken = false;
  house_.Advance(absl::Hours(1));
  EXPECT_THAT(mail_.messages, SizeIs(200)) << "and nobody in doubt gets a second one";
  int64_t sent = 0;
  for (uint64_t i = 1; i <= 200; ++i) sent += PhaseOf(i) == statepb::CONTACT_PHASE_SENT ? 1 : 0;
  EXPECT_EQ(sent, 200 - lost);
}

TEST_F(ChannelTest, AChannelWhoseRepliesAreLostNowAndThenNeverRests) {
  int number = 0;
  mail_.answer = [&](const Outbound&) {
    return ++number % 20 == 0 ? SendOutcome{SendStatus::kUnknown, 0, "connection lost", {}}
                              : SendOutcome{SendStatus::kAccepted, 250, "", {}};
  };
  for (uint64_t i = 1; i <= 400; ++i) {
    AddCustomer(i);
    Plan(i);
  }
  house_.Settle();
  EXPECT_THAT(mail_.messages, SizeIs(400));
  EXPECT_EQ(Status().in_doubt(), 20);
  EXPECT_THAT(log_text_.str(), testing::Not(HasSubstr("channel_rests")));
}

TEST_F(ChannelTest, TheRealTransportsNameTheFieldThatIsWrong) {
  SmtpOptions smtp;
  smtp.host = "127.0.0.1";
  smtp.sessions_max = 1;
  const auto mail = SmtpTransport::Create(smtp, "bounces@mail.example").value();
  const auto never = [](const SendOutcome&) { ADD_FAILURE() << "it was not to be taken"; };
  const auto field_of = [](const absl::Status& status) {
    return ViolationsOf(status).empty() ? status.ToString() : ViolationsOf(status)[0].field;
  };
  Outbound good;
  good.id = "0123456789abcdef0123456789abcdef";
  good.message_id = good.id + "@mail.example";
  good.recipient = "kim@example.org";
  good.subject = "Hello";
  good.text = "Hello";
  Outbound message = good;
  message.recipient = "nobody";
  EXPECT_EQ(field_of(mail->Send(message, never)), kRecipientField);
  message = good;
  message.sender = "Shop";
  EXPECT_EQ(field_of(mail->Send(message, never)), kSenderField);
  message = good;
  message.message_id = "two\r\nlines";
  EXPECT_EQ(field_of(mail->Send(message, never)), kContentField);

  HttpClient client({});
  SmsTransport sms({.url = "http://127.0.0.1:1/send", .sender = "Shop"}, client, house_.executor());
  message = good;
  EXPECT_EQ(field_of(sms.Send(message, never)), kRecipientField);
  message.recipient = "+821055500001";
  message.sender = "A name that is too long";
  EXPECT_EQ(field_of(sms.Send(message, never)), kSenderField);
  SmsTransport broken({.url = "http://127.0.0.1:1/send?a=b", .sender = "Shop"}, client,
                      house_.executor());
  message.sender.clear();
  EXPECT_EQ(field_of(broken.Send(message, never)), kChannelField);
}

TEST_F(ChannelTest, APurposeNeedsItsOwnConsentAndItsWayOutWithdrawsIt) {
  AddCustomer(1);  // Consents to marketing.
  AddCustomer(2, false);
  Consent(2, true, "email", "newsletter");
  AddCustomer(3);
  Consent(3, true, "email", "newsletter");
  for (uint64_t i = 1; i <= 3; ++i) {
    Plan(i, absl::ZeroDuration(), "mail", 1, "email", "newsletter");
  }
  house_.Settle();
  EXPECT_EQ(Reasons()[Customer(1).value()], "no_consent");
  ASSERT_THAT(mail_.messages, SizeIs(2));
  for (const Outbound& message : mail_.messages) {
    const size_t begin = message.unsubscribe_url.find("/t/u/") + 5;
    const auto token =
        links_.Verify(message.unsubscribe_url.substr(begin), LinkPurpose::kUnsubscribe);
    ASSERT_TRUE(token.ok()) << token.status();
    EXPECT_EQ(token->consent_purpose, "newsletter");
  }
  // Customer 3 takes the way out of the newsletter, and stays with marketing.
  Track(3, "unsubscribe");
  house_.Settle();
  BeginCycle(Definition(), 2);
  BeginCycle(Definition(), 3);
  Plan(3, absl::ZeroDuration(), "mail", 2, "email", "newsletter");
  Plan(3, absl::ZeroDuration(), "mail", 3);
  house_.Settle();
  EXPECT_EQ(PhaseOf(3, 2), statepb::CONTACT_PHASE_SUPPRESSED);
  EXPECT_EQ(PhaseOf(3, 3), statepb::CONTACT_PHASE_SENT);
}

TEST_F(ChannelTest, QuarantineEndsWithANewAddressAndNotWithTheSameOne) {
  const auto change = [&](bool confirms, bool clears = false) {
    Record record;
    record.set_party(Customer(1).value());
    auto& profile = *record.mutable_profile_changed();
    auto& field = *profile.add_attributes();
    field.set_name("email");
    if (!clears) field.mutable_value()->set_sealed_value("noise");
    if (confirms) profile.add_confirmed_attributes("email");
    house_.Append(record);
    house_.Settle();
  };
  AddCustomer(1);
  for (int32_t cycle = 2; cycle <= 4; ++cycle) BeginCycle(Definition(), cycle);
  Plan(1);
  house_.Settle();
  Record bounce;
  bounce.set_party(Customer(1).value());
  bounce.mutable_event_tracked()->set_type("bounce");
  *bounce.mutable_event_tracked()->mutable_contact() = Contact();
  auto& permanent = *bounce.mutable_event_tracked()->add_fields();
  permanent.set_name("permanent");
  permanent.mutable_value()->set_bool_value(true);
  house_.Append(bounce);
  house_.Settle();
  change(true);
  Plan(1, absl::ZeroDuration(), "mail", 2);
  house_.Settle();
  EXPECT_EQ(Reasons()[Customer(1).value()], "quarantined");
  change(false, true);
  Plan(1, absl::ZeroDuration(), "mail", 3);
  house_.Settle();
  EXPECT_EQ(PhaseOf(1, 3), statepb::CONTACT_PHASE_SUPPRESSED) << "no address is no new address";
  change(false);
  Plan(1, absl::ZeroDuration(), "mail", 4);
  house_.Settle();
  EXPECT_EQ(PhaseOf(1, 4), statepb::CONTACT_PHASE_SENT);
}

// Which of the log's commits fails, counted from the moment when the contacts become due.
struct ClaimFault {
  storage::CommitPoint point;
  int first;
  int count;
};

class ClaimFaultTest : public DeliveryTest, public testing::WithParamInterface<ClaimFault> {};

TEST_P(ClaimFaultTest, AClaimThatMayOrMayNotBeWrittenIsSettledWithoutARestart) {
  DefineTemplate();
  BeginCycle();
  for (uint64_t i = 1; i <= 8; ++i) {
    AddCustomer(i);
    Plan(i, absl::Hours(1));
  }
  house_.Settle();
  int seen = 0;
  house_.log_fault = [&](storage::CommitPoint point) {
    if (point != GetParam().point) return storage::Fault::kNone;
    const int at = seen++;
    const bool fails = at >= GetParam().first && at < GetParam().first + GetParam().count;
    return fails ? storage::Fault::kFail : storage::Fault::kNone;
  };
  house_.Advance(absl::Hours(2));
  house_.log_fault = nullptr;  // It counts in `seen`, and the runtime syncs once more as it ends.
  EXPECT_GT(seen, GetParam().first) << "the fault was met";
  for (uint64_t i = 1; i <= 8; ++i) EXPECT_EQ(PhaseOf(i), statepb::CONTACT_PHASE_SENT) << i;
  for (const auto& [id, copies] : mail_.copies) EXPECT_EQ(copies, 1) << id;
  EXPECT_THAT(mail_.copies, SizeIs(8));
  EXPECT_EQ(Status().in_flight(), 0);
  EXPECT_THAT(Status().limited_by(), IsEmpty());
}

std::vector<ClaimFault> ClaimFaults() {
  std::vector<ClaimFault> faults;
  for (const auto point : {storage::CommitPoint::kBefore, storage::CommitPoint::kAfter}) {
    for (int first = 0; first < 14; ++first) {
      for (const int count : {1, 6}) faults.push_back({point, first, count});
    }
  }
  return faults;
}

INSTANTIATE_TEST_SUITE_P(Commits, ClaimFaultTest, testing::ValuesIn(ClaimFaults()));

}  // namespace
}  // namespace rondo::delivery
