// Words of the domain for one customer: contacts, responses, codes and what follows what.
#include <gtest/gtest.h>

#include "rules/diagnostic.h"
#include "rules/program.h"

namespace rondo::rules {
namespace {

constexpr int64_t kHour = int64_t{3600} * 1'000'000;
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Environment WordEnvironment() {
  Environment environment;
  environment.AddAttribute("category", Type::Code("goods"))
      .AddAttribute("tier", Type::String())
      .AddSignal("last_contact.any", Type::Timestamp())
      .AddSignal("last_contact.email", Type::Timestamp())
      .AddSignal("last_contact.sms", Type::Timestamp())
      .AddCodeList("goods", {{"FOOD"}, {"FRUIT", "FOOD"}, {"APPLE", "FRUIT"}, {"SHOES"}})
      .AddEventType("view", {{"page", Type::String()}})
      .AddEventType("purchase", {{"category", Type::Code("goods")}})
      .AddEventType("response", {{"campaign", Type::String()}, {"kind", Type::String()}});
  return environment;
}

// Was mailed 30 hours ago, has clicked in the spring campaign; viewed A 100 hours ago, B 70, A 20
// and B 10 hours ago; bought apples 60 hours ago.
MemoryRow Customer() {
  const int64_t now = absl::ToUnixMicros(kNow);
  MemoryRow row;
  row.attributes = {Value::String("APPLE"), Value::String("gold")};
  row.signals = {Value::TimestampMicros(now - 30 * kHour), Value::TimestampMicros(now - 30 * kHour),
                 Value::Null()};
  for (int i = 0; i < 3; ++i) row.events.push_back(std::make_unique<MemoryEvents>());
  row.events[0]->Add(now - 100 * kHour, {Value::String("A")});
  row.events[0]->Add(now - 70 * kHour, {Value::String("B")});
  row.events[0]->Add(now - 20 * kHour, {Value::String("A")});
  row.events[0]->Add(now - 10 * kHour, {Value::String("B")});
  row.events[1]->Add(now - 60 * kHour, {Value::String("APPLE")});
  row.events[2]->Add(now - 29 * kHour, {Value::String("campaigns/spring"), Value::String("click")});
  return row;
}

std::string Evaluated(std::string_view text) {
  const absl::StatusOr<Program> program = Compile(text, WordEnvironment(), Type::Dyn());
  EXPECT_TRUE(program.ok()) << text << "\n" << program.status();
  if (!program.ok()) return "";
  Arena arena;
  const MemoryRow row = Customer();
  return DebugString(program->Evaluate({.row = &row, .event = {}, .now = kNow}, arena));
}

std::string Refused(std::string_view text) {
  const absl::StatusOr<Program> program = Compile(text, WordEnvironment(), Type::Bool());
  EXPECT_FALSE(program.ok()) << text;
  return std::string(program.status().message());
}

TEST(DomainWordsTest, LastContactIsThereOnceTheChannelWasUsed) {
  EXPECT_EQ(Evaluated("now() - last_contact('email').orValue(timestamp(0)) > duration('24h')"),
            "true");
  EXPECT_EQ(Evaluated("now() - last_contact('email').orValue(timestamp(0)) > duration('168h')"),
            "false");
  EXPECT_EQ(Evaluated("now() - last_contact('sms').orValue(timestamp(0)) > duration('168h')"),
            "true");
  EXPECT_EQ(Evaluated("last_contact().hasValue() && !last_contact('sms').hasValue()"), "true");
  EXPECT_NE(Refused("last_contact('emial').hasValue()").find("did you mean `email`?"),
            std::string::npos);
}

TEST(DomainWordsTest, RespondedAsksForOneCampaignAndKind) {
  EXPECT_EQ(Evaluated("responded('campaigns/spring', 'click')"), "true");
  EXPECT_EQ(Evaluated("responded('campaigns/spring', 'open')"), "false");
  EXPECT_EQ(Evaluated("responded('campaigns/autumn', 'click')"), "false");
  EXPECT_NE(Refused("responded('spring', 'click')").find("campaigns/spring"), std::string::npos);
}

TEST(DomainWordsTest, UnderHoldsForTheCodeAndAllBelowIt) {
  EXPECT_EQ(Evaluated("customer.category.under('FOOD')"), "true");
  EXPECT_EQ(Evaluated("customer.category.under('APPLE')"), "true");
  EXPECT_EQ(Evaluated("customer.category.under('SHOES')"), "false");
  EXPECT_EQ(Evaluated("events('purchase').where(e, e.category.under('FRUIT')).count()"), "1");
  EXPECT_NE(Refused("customer.category.under('FRUTI')").find("did you mean `FRUIT`?"),
            std::string::npos);
  EXPECT_NE(Refused("customer.tier.under('FOOD')").find("codes of a code list"), std::string::npos);
}

TEST(DomainWordsTest, ACodeThatIsNotInTheListIsRefusedWhereverItIsCompared) {
  EXPECT_EQ(Evaluated("customer.category == 'APPLE' && customer.category in ['APPLE', 'SHOES'] && "
                      "'FOOD' != customer.category"),
            "true");
  for (const std::string_view rule :
       {"customer.category == 'FRUTI'", "'FRUTI' != customer.category",
        "customer.category in ['FOOD', 'FRUTI']",
        "events('purchase').exists(e, e.category == 'FRUTI')"}) {
    EXPECT_NE(Refused(rule).find("`goods` has no code `FRUTI`; did you mean `FRUIT`?"),
              std::string::npos)
        << Refused(rule);
  }
  EXPECT_EQ(Evaluated("customer.tier == 'FRUTI'"), "false");
}

TEST(DomainWordsTest, UnderEndsWhereParentsGoInACircle) {
  Environment environment;
  environment.AddAttribute("c", Type::Code("l"))
      .AddCodeList("l", {{"A", "C"}, {"B", "A"}, {"C", "B"}, {"D"}});
  const auto program = Compile("customer.c.under('A')", environment, Type::Bool());
  ASSERT_TRUE(program.ok()) << program.status();
  MemoryRow row;
  row.attributes = {Value::String("C")};
  EXPECT_TRUE(*program->Matches({.row = &row, .event = {}, .now = kNow}));
  row.attributes = {Value::String("D")};
  EXPECT_FALSE(*program->Matches({.row = &row, .event = {}, .now = kNow}));
}

TEST(DomainWordsTest, FollowedByKeepsWhatWasFollowedInTime) {
  const std::string a = "events('view').where(e, e.page == 'A')";
  const std::string b = "events('view').where(e, e.page == 'B')";
  EXPECT_EQ(Evaluated(a + ".followed_by(" + b + ").count()"), "2");
  EXPECT_EQ(Evaluated(a + ".followed_by(" + b + ", '1d').count()"), "1");
  EXPECT_EQ(Evaluated(a + ".followed_by(" + b + ", duration('30h')).count()"), "2");
  EXPECT_EQ(Evaluated(a + ".not_followed_by(" + b + ", '1d').count()"), "1");
  // Viewed A, then B within two days, and bought nothing within two days of A.
  EXPECT_EQ(Evaluated(a + ".followed_by(" + b +
                      ", '2d').not_followed_by(events('purchase'), '2d')"
                      ".first().time.orValue(timestamp(0)) > now() - duration('21h')"),
            "true");
  // What comes first is no answer to what comes later.
  EXPECT_EQ(Evaluated(b + ".followed_by(events('purchase')).count()"), "1");
  EXPECT_NE(Refused(a + ".followed_by(" + b + ", '2x').count() > 0").find("s m h d w"),
            std::string::npos);
  EXPECT_NE(Refused("events('view').followed_by([1]).count() > 0").find("is for events"),
            std::string::npos);
}

TEST(DomainWordsTest, AreWrittenBackAsTheyWereMeant) {
  for (const char* text :
       {"last_contact('email').hasValue()", "responded('campaigns/spring', 'click')",
        "customer.category.under('FOOD')",
        "events('view').followed_by(events('purchase'), '2d').count() > 0"}) {
    const auto program = Compile(text, WordEnvironment(), Type::Bool());
    ASSERT_TRUE(program.ok()) << program.status();
    EXPECT_EQ(program->Formatted(), text);
  }
}

TEST(DomainWordsTest, NameWhatTheyRead) {
  const auto contact = Compile(
      "last_contact('email').hasValue() && "
      "responded('campaigns/spring', 'click')",
      WordEnvironment(), Type::Bool());
  ASSERT_TRUE(contact.ok()) << contact.status();
  EXPECT_EQ(contact->references().signals, std::vector<std::string>{"last_contact.email"});
  EXPECT_EQ(contact->references().event_types, std::vector<std::string>{"response"});
}

TEST(DomainWordsTest, RanksAreForSegmentsOnly) {
  for (const char* text : {"percentile_rank(customer.age) > 0.9", "ntile(5, customer.age) == 1",
                           "top(10, customer.age)"}) {
    Environment environment;
    environment.AddAttribute("age", Type::Int()).AddEventType("buy", {{"n", Type::Int()}});
    const auto refused = Compile(text, environment, Type::Bool());
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.status().message().find("only the rule of a segment"), std::string::npos);
    environment.AllowRanks();
    const auto allowed = Compile(text, environment, Type::Bool());
    ASSERT_TRUE(allowed.ok()) << allowed.status();
    EXPECT_TRUE(allowed->references().ranks);
    // One customer alone has no rank.
    MemoryRow row;
    EXPECT_FALSE(allowed->Matches({.row = &row, .event = {}, .now = kNow}).ok());
  }
}

TEST(DomainWordsTest, RanksSayWhatTheyNeed) {
  Environment environment;
  environment.AddAttribute("age", Type::Int())
      .AddAttribute("tier", Type::String())
      .AddEventType("buy", {{"n", Type::Int()}})
      .AllowRanks();
  struct Case {
    const char* text;
    const char* says;
  };
  for (const Case& c : {Case{"top(0, customer.age)", "1 to"},
                        Case{"top(customer.age, customer.age)", "whole number"},
                        Case{"ntile(5) == 1", "write ntile(5, signal.ltv)"},
                        Case{"ntile(5, customer.tier) == 1", "ranks numbers and times"},
                        Case{"events('buy').where(e, top(5, e.n)).count() > 0", "cannot stand"},
                        Case{"top(5, ntile(3, customer.age))", "cannot stand"}}) {
    const auto program = Compile(c.text, environment, Type::Bool());
    ASSERT_FALSE(program.ok()) << c.text;
    EXPECT_NE(program.status().message().find(c.says), std::string::npos) << program.status();
  }
}

}  // namespace
}  // namespace rondo::rules
