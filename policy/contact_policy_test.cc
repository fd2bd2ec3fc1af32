#include "policy/contact_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <set>

#include "absl/strings/str_format.h"

namespace rondo::policy {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

absl::Time At(const char* rfc3339) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, rfc3339, &time, &error)) << error;
  return time;
}

const absl::Time kNoon = absl::FromUnixSeconds(1796126400);  // 2026-12-01T12:00:00Z

ContactFacts Mail() {
  return {.channel = "email",
          .purpose = "newsletter",
          .business_unit = "retail-kr",
          .consent = Consent::kGranted};
}

CountedContact MailAt(absl::Time time) {
  return {.time = time, .channel = "email", .purpose = "newsletter", .business_unit = "retail-kr"};
}

FrequencyCap Cap(int limit, absl::Duration window, WhenCapped when = WhenCapped::kDefer) {
  return {.limit = limit, .window = window, .when_capped = when};
}

QuietHours Night(int start_hour, int end_hour) {
  return {.start_minute = start_hour * 60, .end_minute = end_hour * 60};
}

TEST(RuleTest, AllowsWhatNothingForbids) { EXPECT_EQ(Rule({}, Mail(), {}, kNoon), Ruling{}); }

TEST(RuleTest, RefusesWithTheReasonThatHolds) {
  struct Case {
    void (*set)(ContactFacts&);
    Reason want;
  };
  const std::array<Case, 7> cases = {{
      {[](ContactFacts& f) { f.is_erased = true; }, Reason::kErased},
      {[](ContactFacts& f) { f.is_parked = true; }, Reason::kParked},
      {[](ContactFacts& f) { f.consent = Consent::kWithdrawn; }, Reason::kUnsubscribed},
      {[](ContactFacts& f) { f.has_complained = true; }, Reason::kComplained},
      {[](ContactFacts& f) { f.consent = Consent::kUnknown; }, Reason::kNoConsent},
      {[](ContactFacts& f) { f.is_quarantined = true; }, Reason::kQuarantined},
      {[](ContactFacts& f) { f.not_after = kNoon - absl::Seconds(1); }, Reason::kExpired},
  }};
  ContactFacts everything = Mail();
  for (auto it = cases.rbegin(); it != cases.rend(); ++it) {
    SCOPED_TRACE(ReasonName(it->want));
    ContactFacts alone = Mail();
    it->set(alone);
    EXPECT_EQ(Rule({}, alone, {}, kNoon), (Ruling{Verdict::kRefuse, it->want}));
    // The more final reason wins over all that came after it.
    it->set(everything);
    EXPECT_EQ(Rule({}, everything, {}, kNoon).reason, it->want);
  }
}

TEST(RuleTest, MessageClassesAreHeldBackByLess) {
  ContactFacts facts = Mail();
  facts.consent = Consent::kWithdrawn;
  const ContactPolicy policy = {.caps = {Cap(0, absl::Hours(24))}, .quiet_hours = {Night(8, 20)}};
  facts.message_class = MessageClass::kService;
  EXPECT_EQ(Rule(policy, facts, {}, kNoon).reason, Reason::kQuietHours);
  facts.has_complained = true;
  EXPECT_EQ(Rule(policy, facts, {}, kNoon).reason, Reason::kComplained);
  for (const MessageClass least : {MessageClass::kTransactional, MessageClass::kMandatory}) {
    facts.message_class = least;
    facts.is_parked = false;
    EXPECT_EQ(Rule(policy, facts, {}, kNoon), Ruling{});
    facts.is_parked = true;
    EXPECT_EQ(Rule(policy, facts, {}, kNoon).reason, Reason::kParked);
  }
}

TEST(RuleTest, ConsentMayBeLeftOpenByThePolicy) {
  ContactFacts facts = Mail();
  facts.consent = Consent::kUnknown;
  EXPECT_EQ(Rule({.requires_consent = false}, facts, {}, kNoon), Ruling{});
  facts.consent = Consent::kWithdrawn;
  EXPECT_EQ(Rule({.requires_consent = false}, facts, {}, kNoon).reason, Reason::kUnsubscribed);
}

TEST(FrequencyCapTest, AContactLeavesTheWindowAfterExactlyItsLength) {
  const ContactPolicy policy = {.caps = {Cap(2, absl::Hours(24))}};
  const std::vector<CountedContact> past = {MailAt(kNoon - absl::Hours(24)),
                                            MailAt(kNoon - absl::Hours(3))};
  EXPECT_EQ(Rule(policy, Mail(), past, kNoon), Ruling{});
  EXPECT_EQ(Rule(policy, Mail(), past, kNoon - absl::Microseconds(1)),
            (Ruling{Verdict::kDefer, Reason::kFrequencyCap, kNoon}));
}

TEST(FrequencyCapTest, ZeroMeansNone) {
  const ContactPolicy policy = {.caps = {Cap(0, absl::Hours(1))}};
  EXPECT_EQ(Rule(policy, Mail(), {}, kNoon), (Ruling{Verdict::kRefuse, Reason::kFrequencyCap}));
}

TEST(FrequencyCapTest, CountsOnlyItsOwnChannelPurposeAndUnit) {
  FrequencyCap cap = Cap(1, absl::Hours(24));
  cap.channel = "email";
  cap.purpose = "newsletter";
  const ContactPolicy policy = {.caps = {cap}};
  CountedContact other = MailAt(kNoon - absl::Hours(1));
  other.channel = "sms";
  EXPECT_EQ(Rule(policy, Mail(), std::span(&other, 1), kNoon), Ruling{});
  other = MailAt(kNoon - absl::Hours(1));
  other.purpose = "survey";
  EXPECT_EQ(Rule(policy, Mail(), std::span(&other, 1), kNoon), Ruling{});
  other = MailAt(kNoon - absl::Hours(1));
  other.business_unit = "bank-kr";  // The cap counts all units together.
  EXPECT_EQ(Rule(policy, Mail(), std::span(&other, 1), kNoon).verdict, Verdict::kDefer);
}

TEST(FrequencyCapTest, DropsWhereTheAuthorSaidSo) {
  const ContactPolicy policy = {.caps = {Cap(1, absl::Hours(24), WhenCapped::kRefuse)}};
  const CountedContact past = MailAt(kNoon - absl::Hours(1));
  EXPECT_EQ(Rule(policy, Mail(), std::span(&past, 1), kNoon),
            (Ruling{Verdict::kRefuse, Reason::kFrequencyCap}));
}

TEST(FrequencyCapTest, APlannedContactReservesItsPlace) {
  const ContactPolicy policy = {.caps = {Cap(1, absl::Hours(24))}};
  const CountedContact planned = MailAt(kNoon + absl::Hours(5));
  EXPECT_EQ(Rule(policy, Mail(), std::span(&planned, 1), kNoon),
            (Ruling{Verdict::kDefer, Reason::kFrequencyCap, kNoon + absl::Hours(29)}));
}

TEST(FrequencyCapTest, ADeferralBeyondTheLastUsefulMomentIsARefusal) {
  const ContactPolicy policy = {.caps = {Cap(1, absl::Hours(24))}};
  const CountedContact past = MailAt(kNoon - absl::Hours(1));
  ContactFacts facts = Mail();
  facts.not_after = kNoon + absl::Hours(22);
  EXPECT_EQ(Rule(policy, facts, std::span(&past, 1), kNoon),
            (Ruling{Verdict::kRefuse, Reason::kFrequencyCap}));
  facts.not_after = kNoon + absl::Hours(23);
  EXPECT_EQ(Rule(policy, facts, std::span(&past, 1), kNoon).verdict, Verdict::kDefer);
}

TEST(QuietHoursTest, WaitsForTheCustomersMorning) {
  const ContactPolicy policy = {.quiet_hours = {Night(21, 8)}};
  struct Case {
    const char* zone;
    const char* now;
    const char* want;  // Equal to `now`: allowed.
  };
  constexpr std::array<Case, 8> kCases = {{
      {"Asia/Seoul", "2026-12-01T11:59:59Z", "2026-12-01T11:59:59Z"},
      {"Asia/Seoul", "2026-12-01T12:00:00Z", "2026-12-01T23:00:00Z"},
      {"Asia/Kolkata", "2026-12-01T02:29:00Z", "2026-12-01T02:30:00Z"},
      {"Pacific/Kiritimati", "2026-12-01T17:00:00Z", "2026-12-01T18:00:00Z"},
      // Clocks go forward during the night: one hour less to wait.
      {"Europe/Berlin", "2026-03-28T21:00:00Z", "2026-03-29T06:00:00Z"},
      // And back in autumn: one more.
      {"Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T07:00:00Z"},
      // Samoa had no 30 December 2011.
      {"Pacific/Apia", "2011-12-30T08:00:00Z", "2011-12-30T18:00:00Z"},
      {"America/New_York", "2026-07-01T16:00:00Z", "2026-07-01T16:00:00Z"},
  }};
  for (const Case& c : kCases) {
    SCOPED_TRACE(absl::StrFormat("%s %s", c.zone, c.now));
    ContactFacts facts = Mail();
    facts.time_zone = Zone(c.zone);
    const Ruling ruling = Rule(policy, facts, {}, At(c.now));
    if (At(c.now) == At(c.want)) {
      EXPECT_EQ(ruling, Ruling{});
    } else {
      EXPECT_EQ(ruling, (Ruling{Verdict::kDefer, Reason::kQuietHours, At(c.want)}));
    }
  }
}

TEST(QuietHoursTest, AnEndThatTheClockJumpsOverIsTheJump) {
  // Berlin, 29 March 2026: 02:00 becomes 03:00, so 02:30 never shows.
  const ContactPolicy policy = {.quiet_hours = {{.start_minute = 60, .end_minute = 150}}};
  ContactFacts facts = Mail();
  facts.time_zone = Zone("Europe/Berlin");
  EXPECT_EQ(Rule(policy, facts, {}, At("2026-03-29T00:15:00Z")).retry_time,
            At("2026-03-29T01:00:00Z"));
}

TEST(QuietHoursTest, EqualEndsMeanNone) {
  const ContactPolicy policy = {.quiet_hours = {Night(12, 12)}};
  EXPECT_EQ(Rule(policy, Mail(), {}, kNoon), Ruling{});
}

TEST(ValidateTest, NamesTheFieldThatIsWrong) {
  EXPECT_TRUE(Validate({}).ok());
  EXPECT_TRUE(Validate({.caps = {Cap(0, absl::Hours(1))}, .quiet_hours = {Night(21, 8)}}).ok());
  const auto message = [](const ContactPolicy& policy) {
    return std::string(Validate(policy).message());
  };
  EXPECT_THAT(message({.caps = {Cap(-1, absl::Hours(1))}}), testing::HasSubstr("caps[0].limit"));
  EXPECT_THAT(message({.caps = {Cap(1, absl::ZeroDuration())}}),
              testing::HasSubstr("caps[0].window"));
  EXPECT_THAT(message({.quiet_hours = {Night(21, 24)}}), testing::HasSubstr("quiet_hours[0]"));
  EXPECT_THAT(message({.quiet_hours = {Night(8, 20), Night(20, 8)}}),
              testing::HasSubstr("no minute"));
}

TEST(ReasonNameTest, IsOneForEachReason) {
  std::set<std::string_view> names;
  for (const Reason reason :
       {Reason::kNone, Reason::kErased, Reason::kParked, Reason::kUnsubscribed, Reason::kComplained,
        Reason::kNoConsent, Reason::kQuarantined, Reason::kExpired, Reason::kFrequencyCap,
        Reason::kQuietHours}) {
    names.insert(ReasonName(reason));
  }
  EXPECT_EQ(names.size(), 10u);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(ReasonName(Reason::kFrequencyCap), "frequency_cap");
}

// The slow model: walks minute by minute and counts every window, by the definitions alone.
class SlowModel {
 public:
  SlowModel(const ContactPolicy& policy, const ContactFacts& facts,
            const std::vector<CountedContact>& contacts)
      : policy_(policy), facts_(facts), contacts_(contacts) {}

  Ruling Rule(absl::Time now) const {
    Reason first = Reason::kNone;
    for (absl::Time time = now; time < now + absl::Hours(24 * 12); time += absl::Minutes(1)) {
      const Reason blocked = Blocked(time, WhenCapped::kDefer);
      if (blocked == Reason::kNone) {
        if (Blocked(time, WhenCapped::kRefuse) == Reason::kFrequencyCap) {
          return {Verdict::kRefuse, Reason::kFrequencyCap};
        }
        if (time == now) return {};
        if (time > facts_.not_after) return {Verdict::kRefuse, first};
        return {Verdict::kDefer, first, time};
      }
      if (first == Reason::kNone) first = blocked;
    }
    return {Verdict::kRefuse, Reason::kFrequencyCap};
  }

 private:
  Reason Blocked(absl::Time time, WhenCapped kind) const {
    for (const FrequencyCap& cap : policy_.caps) {
      if (cap.when_capped == kind && !Keeps(cap, time)) return Reason::kFrequencyCap;
    }
    const absl::CivilSecond wall = facts_.time_zone.At(time).cs;
    const int minute = wall.hour() * 60 + wall.minute();
    for (const QuietHours& quiet : policy_.quiet_hours) {
      int m = quiet.start_minute;
      while (m != quiet.end_minute) {
        if (m == minute) return Reason::kQuietHours;
        m = (m + 1) % 1440;
      }
    }
    return Reason::kNone;
  }

  bool Counts(const FrequencyCap& cap, const CountedContact& contact) const {
    return cap.channel.empty() || cap.channel == contact.channel;
  }

  // Every window that starts at a contact and holds `time`, counted.
  bool Keeps(const FrequencyCap& cap, absl::Time time) const {
    if (!cap.channel.empty() && cap.channel != facts_.channel) return true;
    std::vector<CountedContact> all = contacts_;
    CountedContact self;
    self.time = time;
    self.channel = facts_.channel;
    all.push_back(self);
    for (const CountedContact& start : all) {
      if (start.time > time || time >= start.time + cap.window) continue;
      int count = 0;
      for (const CountedContact& other : all) {
        const bool inside = start.time <= other.time && other.time < start.time + cap.window;
        if (inside && Counts(cap, other)) ++count;
      }
      if (Counts(cap, start) && count > cap.limit) return false;
    }
    return true;
  }

  const ContactPolicy& policy_;
  const ContactFacts& facts_;
  const std::vector<CountedContact>& contacts_;
};

ContactPolicy AnyPolicy() {
  ContactPolicy policy;
  const int caps = *rc::gen::inRange(0, 4);
  for (int i = 0; i < caps; ++i) {
    FrequencyCap cap = Cap(*rc::gen::inRange(0, 4), absl::Minutes(*rc::gen::inRange(1, 3 * 1440)),
                           *rc::gen::element(WhenCapped::kDefer, WhenCapped::kRefuse));
    cap.channel = *rc::gen::element<std::string>("", "email", "sms");
    policy.caps.push_back(cap);
  }
  const int nights = *rc::gen::inRange(0, 3);
  for (int i = 0; i < nights; ++i) {
    policy.quiet_hours.push_back(
        {.start_minute = *rc::gen::inRange(0, 1440), .end_minute = *rc::gen::inRange(0, 1440)});
  }
  return policy;
}

TEST(RuleTest, AgreesWithTheSlowModelOnRandomHistoriesAcrossClockChanges) {
  // Around changes of the clock: Berlin (both), Lord Howe (half an hour), Apia (a day lost), none.
  struct Place {
    absl::TimeZone zone;
    absl::Time around;
  };
  const std::vector<Place> places = {
      {Zone("Europe/Berlin"), At("2026-03-29T01:00:00Z")},
      {Zone("Europe/Berlin"), At("2026-10-25T01:00:00Z")},
      {Zone("Australia/Lord_Howe"), At("2026-10-03T15:30:00Z")},
      {Zone("Australia/Lord_Howe"), At("2026-04-04T15:00:00Z")},
      {Zone("Pacific/Apia"), At("2011-12-30T10:00:00Z")},
      {Zone("Asia/Seoul"), At("2026-12-01T00:00:00Z")},
  };
  EXPECT_TRUE(rc::check("Rule == SlowModel", [&places] {
    const ContactPolicy policy = AnyPolicy();
    RC_PRE(Validate(policy).ok());
    const Place& place = places[*rc::gen::inRange<size_t>(0, places.size())];
    const auto near = [&](int minutes) {
      return place.around + absl::Minutes(*rc::gen::inRange(-minutes, minutes));
    };
    ContactFacts facts = Mail();
    facts.channel = *rc::gen::element<std::string>("email", "sms");
    facts.time_zone = place.zone;
    const absl::Time now = near(1500);
    if (*rc::gen::arbitrary<bool>()) {
      facts.not_after = now + absl::Minutes(*rc::gen::inRange(0, 3000));
    }
    std::vector<CountedContact> contacts;
    const int count = *rc::gen::inRange(0, 7);
    for (int i = 0; i < count; ++i) {
      CountedContact contact = MailAt(near(4000));
      contact.channel = *rc::gen::element<std::string>("email", "sms");
      contacts.push_back(contact);
    }
    const Ruling fast = Rule(policy, facts, contacts, now);
    const Ruling slow = SlowModel(policy, facts, contacts).Rule(now);
    RC_ASSERT(fast.verdict == slow.verdict);
    RC_ASSERT(fast.reason == slow.reason);
    RC_ASSERT(fast.retry_time == slow.retry_time);
  }));
}

}  // namespace
}  // namespace rondo::policy
