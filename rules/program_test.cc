#include "rules/program.h"

#include <gtest/gtest.h>

#include "platform/core/field_error.h"
#include "rules/diagnostic.h"

namespace rondo::rules {
namespace {

constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

// Attributes: tier, age, spend, vip, joined, tags, home. Events: purchase(amount, category).
Environment ShopEnvironment() {
  Environment environment;
  environment.AddAttribute("tier", Type::String())
      .AddAttribute("age", Type::Int())
      .AddAttribute("spend", Type::Double())
      .AddAttribute("vip", Type::Bool())
      .AddAttribute("joined", Type::Timestamp())
      .AddAttribute("tags", Type::List(Type::String()))
      .AddAttribute("home", Type::GeoPoint())
      .AddSignal("rfm.recency", Type::Int())
      .AddSegment("vip")
      .AddEventType("purchase", {{"amount", Type::Double()}, {"category", Type::String()}});
  return environment;
}

MemoryRow Customer() {
  static const Value kTags[] = {Value::String("a"), Value::String("b")};
  MemoryRow row;
  row.attributes = {Value::String("gold"),
                    Value::Int(41),
                    Value::Double(120.5),
                    Value::Bool(true),
                    Value::TimestampMicros(absl::ToUnixMicros(kNow) - 400 * kDay),
                    Value::List(kTags),
                    Value::GeoPoint(37.56, 126.97)};
  row.signals = {Value::Int(4)};
  row.segments = {true};
  row.events.push_back(std::make_unique<MemoryEvents>());
  const int64_t now = absl::ToUnixMicros(kNow);
  row.events[0]->Add(now - 200 * kDay, {Value::Double(10), Value::String("shoes")});
  row.events[0]->Add(now - 80 * kDay, {Value::Double(60), Value::String("shoes")});
  row.events[0]->Add(now - 10 * kDay, {Value::Null(), Value::String("bags")});
  row.events[0]->Add(now - 5 * kDay, {Value::Double(70), Value::String("bags")});
  return row;
}

Value Evaluate(std::string_view text, Arena& arena, const MemoryRow& row) {
  const absl::StatusOr<Program> program = Compile(text, ShopEnvironment(), Type::Dyn());
  EXPECT_TRUE(program.ok()) << text << "\n" << program.status();
  if (!program.ok()) return Value::Null();
  // The program's literals end with it.
  return CopyInto(program->Evaluate({.row = &row, .event = {}, .now = kNow}, arena), arena);
}

std::string Evaluated(std::string_view text) {
  Arena arena;
  const MemoryRow row = Customer();
  return DebugString(Evaluate(text, arena, row));
}

TEST(ProgramTest, ReadsAttributesSignalsSegmentsAndEvents) {
  EXPECT_EQ(Evaluated("customer.tier == 'gold' && customer.age >= 18"), "true");
  EXPECT_EQ(Evaluated("signal.rfm.recency >= 4 && in_segment('vip')"), "true");
  EXPECT_EQ(Evaluated("'a' in customer.tags && customer.tags.size() == 2"), "true");
  EXPECT_EQ(Evaluated("now() - customer.joined > duration('8760h')"), "true");
  EXPECT_EQ(Evaluated("geo_distance(customer.home, point(37.57, 126.98)) < 2000.0"), "true");
}

TEST(ProgramTest, AggregatesEventsWithinWindows) {
  EXPECT_EQ(Evaluated("events('purchase').count()"), "4");
  EXPECT_EQ(Evaluated("events('purchase').last('90d').where(e, e.amount > 50.0).count()"), "2");
  EXPECT_EQ(Evaluated("events('purchase').last('90d').sum(e, e.amount)"), "130.0");
  EXPECT_EQ(Evaluated("events('purchase').min(e, e.amount)"), "10.0");
  EXPECT_EQ(Evaluated("events('purchase').max(e, e.amount)"), "70.0");
  EXPECT_EQ(Evaluated("events('purchase').last('1d').max(e, e.amount)"), "null");
  EXPECT_EQ(Evaluated("events('purchase').since(now() - duration('240h')).count()"), "2");
  EXPECT_EQ(Evaluated("events('purchase').between(now() - duration('2160h'), "
                      "now() - duration('240h')).count()"),
            "1");
  EXPECT_EQ(Evaluated("events('purchase').first().category.orValue('')"), "'shoes'");
  EXPECT_EQ(Evaluated("events('purchase').exists(e, e.category == 'bags')"), "true");
  EXPECT_EQ(Evaluated("events('purchase').where(e, e.category == 'bags')[1].amount"), "70.0");
}

TEST(ProgramTest, NullIsUnknownToOperatorsAndAbsorbedByLogic) {
  Arena arena;
  const MemoryRow nobody;
  EXPECT_EQ(DebugString(Evaluate("customer.tier == 'gold'", arena, nobody)), "false");
  EXPECT_EQ(DebugString(Evaluate("customer.tier != 'gold'", arena, nobody)), "true");
  EXPECT_EQ(DebugString(Evaluate("customer.age == null", arena, nobody)), "true");
  EXPECT_EQ(DebugString(Evaluate("has(customer.age)", arena, nobody)), "false");
  EXPECT_EQ(DebugString(Evaluate("customer.age > 30 || true", arena, nobody)), "true");
  EXPECT_EQ(Evaluate("customer.age > 30", arena, nobody).error().code, ErrorCode::kNoValue);
  EXPECT_EQ(Evaluate("!(customer.age > 30)", arena, nobody).error().code, ErrorCode::kNoValue);
}

TEST(ProgramTest, EvaluatesGoalsWithABoundEventOnly) {
  Environment environment;
  environment.AddEventType("purchase", {{"amount", Type::Double()}}).BindEvent("e", "purchase");
  const auto where = Compile("e.amount > 0.0", environment, Type::Bool());
  const auto value = Compile("e.amount * 0.3", environment, Type::Double());
  ASSERT_TRUE(where.ok() && value.ok());
  MemoryEvents events;
  events.Add(1, {Value::Double(10)});
  const Input input{.row = nullptr, .event = Value::Event(&events, 0), .now = kNow};
  EXPECT_TRUE(*where->Matches(input));
  EXPECT_DOUBLE_EQ(*value->Number(input), 3.0);
  EXPECT_EQ(where->references().event_fields, std::vector<std::string>{"purchase.amount"});
}

TEST(ProgramTest, NamesWhatItReads) {
  const auto program = Compile(
      "customer.tier == 'x' && signal.rfm.recency > 1 && in_segment('vip') && "
      "events('purchase').last('3d').exists(e, e.amount > 1.0)",
      ShopEnvironment(), Type::Bool());
  ASSERT_TRUE(program.ok()) << program.status();
  const References& references = program->references();
  EXPECT_EQ(references.attributes, std::vector<std::string>{"tier"});
  EXPECT_EQ(references.signals, std::vector<std::string>{"rfm.recency"});
  EXPECT_EQ(references.event_types, std::vector<std::string>{"purchase"});
  EXPECT_EQ(references.event_fields, std::vector<std::string>{"purchase.amount"});
  EXPECT_EQ(references.segments, std::vector<std::string>{"vip"});
  EXPECT_TRUE(references.reads_now);
}

struct Refusal {
  const char* text;
  int line, column;
  const char* says;
};

TEST(ProgramTest, RefusesWithPositionAndSuggestion) {
  const Refusal kRefusals[] = {
      {"customer.teir == 'gold'", 1, 10, "did you mean `customer.tier`?"},
      {"customer.tier == 3", 1, 15, "does not take (string, int)"},
      {"customer.age +\n customer.spend > 1.0", 1, 14, "double"},
      {"events('purchas').count() > 1", 1, 8, "did you mean `purchase`?"},
      {"events('purchase').last('90x').count() > 1", 1, 25, "s m h d w"},
      {"events('purchase').exists(e, e.amont > 1.0)", 1, 32, "did you mean `amount`?"},
      {"customer.tier.startWith('g')", 1, 15, "did you mean `startsWith`?"},
      {"signal.rfm.recncy > 1", 1, 12, "did you mean `signal.rfm.recency`?"},
      {"tier == 'gold'", 1, 1, "did you mean `customer.tier`?"},
      {"customer.age", 1, 10, "must give bool"},
      {"customer.tier == 'gold' &&", 1, 27, "the rule ends"},
      {"customer.tier = 'gold'", 1, 15, "write `==`"},
      {"'abc", 1, 1, "closing quote"},
      {"customer.tags.exist(t, t == 'a')", 1, 15, "did you mean `exists`?"},
      {"in_segment('vp')", 1, 12, "did you mean `vip`?"},
      {"", 1, 1, "empty"},
  };
  for (const Refusal& refusal : kRefusals) {
    SCOPED_TRACE(refusal.text);
    const auto program = Compile(refusal.text, ShopEnvironment(), Type::Bool());
    ASSERT_FALSE(program.ok());
    const std::vector<Diagnostic> diagnostics = DiagnosticsOf(program.status());
    ASSERT_FALSE(diagnostics.empty());
    EXPECT_EQ(diagnostics[0].line, refusal.line);
    EXPECT_EQ(diagnostics[0].column, refusal.column);
    EXPECT_NE(diagnostics[0].message.find(refusal.says), std::string::npos)
        << diagnostics[0].message;
    EXPECT_FALSE(ViolationsOf(program.status()).empty());
  }
}

TEST(ProgramTest, BoundsWhatAnEvaluationMayTake) {
  const std::string list = "[1,2,3,4,5,6,7,8,9,10]";
  const std::string loops = list + ".map(a, " + list + ".map(b, " + list + ".map(c, " + list +
                            ".map(d, " + list + ".map(f, " + list + ".map(g, a))))))";
  const auto program = Compile(loops + ".size() > 0", ShopEnvironment(), Type::Bool());
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_FALSE(program->Matches({.row = nullptr, .event = {}, .now = kNow}).ok());
  for (const std::string& text :
       {std::string(200'000, '('), std::string(1 << 20, 'a'), std::string(5'000, '!') + "true",
        std::string(5'000, '-') + "1 > 0",
        std::string(101, '(') + "true" + std::string(101, ')')}) {
    EXPECT_FALSE(Compile(text, ShopEnvironment(), Type::Bool()).ok());
  }
  std::string chain = "1";
  for (int i = 0; i < 5000; ++i) chain += "+1";
  EXPECT_FALSE(Compile(chain + " > 0", ShopEnvironment(), Type::Bool()).ok());
  std::string ors = "customer.age == 0";
  for (int i = 0; i < 1000; ++i) ors += " || customer.age == " + std::to_string(i);
  EXPECT_TRUE(Compile(ors, ShopEnvironment(), Type::Bool()).ok());
}

TEST(FormatTest, WritesCanonicalTextThatParsesToTheSame) {
  struct Case {
    const char* from;
    const char* to;
  };
  const Case kCases[] = {
      {"1+2*3", "1 + 2 * 3"},
      {"(1+2)*3", "(1 + 2) * 3"},
      {"1-(2-3)", "1 - (2 - 3)"},
      {"a&&b||c&&!d", "a && b || c && !d"},
      {"a&&(b||c)", "a && (b || c)"},
      {"x.exists( e ,e.y=='z' )", "x.exists(e, e.y == 'z')"},
      {"a?b:c?d:f", "a ? b : c ? d : f"},
      {"-(1)", "-(1)"},
      {"-(1.x)", "-(1.x)"},
      {"-1.x + -(2[0]) - -a.x", "(-1).x + -(2[0]) - -a.x"},
      {"{'a':[1,?b.?c]}.a[0]", "{'a': [1, ?b.?c]}.a[0]"},
      {"cel.bind(x,1,x+1)", "cel.bind(x, 1, x + 1)"},
      {"x.`a-b`", "x.`a-b`"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.from);
    const auto formatted = Format(c.from);
    ASSERT_TRUE(formatted.ok()) << formatted.status();
    EXPECT_EQ(*formatted, c.to);
    EXPECT_EQ(*Format(*formatted), c.to);
  }
}

}  // namespace
}  // namespace rondo::rules
