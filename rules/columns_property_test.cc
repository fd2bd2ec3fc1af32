// The two evaluators agree: random rules over random customers, null and failures included.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "rules/frame.h"
#include "rules/program.h"
#include "rules/random_columns_for_test.h"

namespace rondo::rules {
namespace {

using random::kNow;
using random::Random;
using random::TestColumns;
using random::TestEnvironment;

// Random well-typed rules. `event` is the variable in scope for conditions on events, or "".
class RuleWriter {
 public:
  explicit RuleWriter(Random& random) : random_(random) {}

  std::string Bool(int depth, const std::string& event = "") {
    if (depth > 0 && random_.OneIn(2)) return Compound(depth, event);
    return event.empty() ? CustomerPredicate(depth) : EventPredicate(depth, event);
  }

 private:
  std::string Compound(int depth, const std::string& event) {
    switch (random_.Below(6)) {
      case 0:
      case 1:
        return absl::StrCat("(", Bool(depth - 1, event), " && ", Bool(depth - 1, event), ")");
      case 2:
      case 3:
        return absl::StrCat("(", Bool(depth - 1, event), " || ", Bool(depth - 1, event), ")");
      case 4:
        return "!(" + Bool(depth - 1, event) + ")";
      default:
        return absl::StrCat("(", Bool(depth - 1, event), " ? ", Bool(depth - 1, event), " : ",
                            Bool(depth - 1, event), ")");
    }
  }
  std::string Compare() { return random_.Pick<const char*>({"<", "<=", ">", ">=", "==", "!="}); }
  std::string Literal() { return absl::StrCat(random_.Below(60) - 5); }
  std::string Tier() {
    return random_.Pick<const char*>({"'gold'", "'silver'", "''", "'none'", "'guest'"});
  }

  std::string CustomerPredicate(int depth) {
    switch (random_.Below(18)) {
      case 0:
        return absl::StrCat("customer.tier ", random_.OneIn(2) ? "== " : "!= ", Tier());
      case 1:
        return absl::StrCat("customer.tier in [", Tier(), ", ", Tier(), "]");
      case 2:
        return absl::StrCat("customer.tier.", random_.OneIn(2) ? "startsWith" : "contains", "('",
                            random_.OneIn(2) ? "g" : "er", "')");
      case 3:
        return absl::StrCat("customer.tier.matches('^[gs].*')");
      case 4:
        return "customer.vip";
      case 5:
        return random_.Pick<const char*>({"has(customer.age)", "customer.spend == null",
                                          "customer.joined != null", "has(customer.tier)"});
      case 6:
        return "in_segment('old')";
      case 7:
        return absl::StrCat("now() - customer.joined ", Compare(), " duration('",
                            random_.Below(900), "h')");
      case 8:
        return absl::StrCat("customer.joined ", Compare(), " now() - duration('",
                            random_.Below(900), "h')");
      case 9:
        return "customer.tags.exists(t, t == 'b')";
      case 10:
        return absl::StrCat("customer.tier ", Compare(), " ", Tier());
      case 11:
        return absl::StrCat("customer.age in [", Literal(), ", ", Literal(), "]");
      case 12:
        return absl::StrCat(Double(depth, ""), " ", Compare(), " ", Double(depth, ""));
      case 13:
        return absl::StrCat("now() - last_contact('email').orValue(timestamp(",
                            random_.OneIn(2) ? "0" : "1699000000", ")) ", Compare(), " duration('",
                            random_.Below(900), "h')");
      case 14:
        return absl::StrCat(Chain(depth), random_.OneIn(2) ? ".followed_by(" : ".not_followed_by(",
                            Chain(0), ", '", random_.Below(90) + 1, "h').count() ", Compare(), " ",
                            random_.Below(3));
      case 16: {
        const std::string centre = absl::StrCat("point(", random_.Below(181) - 90, ".0, ",
                                                random_.Below(361) - 180, ".0)");
        const std::string distance =
            random_.OneIn(2) ? absl::StrCat("geo_distance(customer.home, ", centre, ")")
                             : absl::StrCat("geo_distance(", centre, ", customer.home)");
        // Also around poles, across the antimeridian, and half the world.
        const std::string metres =
            absl::StrCat(random_.Below(2000) * (random_.OneIn(2) ? 1 : 9), "500.0");
        return random_.OneIn(3) ? absl::StrCat(metres, " ", Compare(), " ", distance)
                                : absl::StrCat(distance, " ", Compare(), " ", metres);
      }
      case 15:
        return absl::StrCat("events('buy').max(e, e.time) ", Compare(), " now() - duration('",
                            random_.Below(900), "h')");
      default:
        return absl::StrCat(Int(depth, ""), " ", Compare(), " ", Int(depth, ""));
    }
  }

  std::string EventPredicate(int depth, const std::string& e) {
    switch (random_.Below(7)) {
      case 0:
        return absl::StrCat(e, ".category == 'shoes'");
      case 5:
        return absl::StrCat(e, ".category.under('wear')");
      case 1:
        return absl::StrCat(e, ".category in ['bags', 'food']");
      case 2:
        return absl::StrCat(Double(depth, e), " ", Compare(), " ", Double(depth, e));
      case 3:
        return absl::StrCat(e, ".time > now() - duration('", random_.Below(900), "h')");
      case 4:
        return random_.OneIn(4) ? absl::StrCat(e, ".amount > customer.spend")
                                : absl::StrCat(e, ".amount != null");
      default:
        return absl::StrCat(Int(depth, e), " ", Compare(), " ", Int(depth, e));
    }
  }

  std::string Int(int depth, const std::string& event) {
    if (depth > 0 && random_.OneIn(3)) {
      return absl::StrCat("(", Int(depth - 1, event), " ",
                          random_.Pick<const char*>({"+", "-", "*", "/", "%"}), " ",
                          Int(depth - 1, event), ")");
    }
    if (random_.OneIn(3)) return Literal();
    if (!event.empty()) return event + ".units";
    switch (random_.Below(4)) {
      case 0:
        return Chain(depth) + ".count()";
      case 1:
        return Chain(depth) + ".sum(e, " + Int(0, "e") + ")";
      case 2:
        return Chain(depth) + ".min(e, e.units)";
      default:
        return "customer.age";
    }
  }
  std::string Double(int depth, const std::string& event) {
    if (depth > 0 && random_.OneIn(3)) {
      return absl::StrCat("(", Double(depth - 1, event), " ",
                          random_.Pick<const char*>({"+", "-", "*", "/"}), " ",
                          Double(depth - 1, event), ")");
    }
    if (depth > 0 && random_.OneIn(4)) {
      const std::string nullable = event.empty() ? "customer.spend" : event + ".amount";
      return absl::StrCat("(", Bool(0, event), " ? ",
                          random_.OneIn(3) ? "null : " + nullable
                                           : Double(depth - 1, event) + " : " + Double(0, event),
                          ")");
    }
    if (random_.OneIn(3)) return Literal() + ".5";
    if (!event.empty()) return event + ".amount";
    switch (random_.Below(5)) {
      case 0:
        return Chain(depth) + ".sum(e, e.amount)";
      case 1:
        return Chain(depth) + ".max(e, e.amount)";
      case 2:
        return "signal.score";
      default:
        return "customer.spend";
    }
  }
  std::string Chain(int depth) {
    std::string chain = "events('buy')";
    if (random_.OneIn(2)) absl::StrAppend(&chain, ".last('", random_.Below(40) + 1, "d')");
    if (random_.OneIn(6)) absl::StrAppend(&chain, ".since(now() - duration('300h'))");
    if (random_.OneIn(6)) {
      absl::StrAppend(&chain, ".between(now() - duration('700h'), now() - duration('9h'))");
    }
    for (int64_t i = random_.Below(3); i > 0; --i) {
      absl::StrAppend(&chain, ".where(e, ", Bool(depth > 0 ? depth - 1 : 0, "e"), ")");
    }
    return chain;
  }

  Random& random_;
};

void ExpectAgreement(uint64_t seed, size_t size, int rules) {
  Random random(seed);
  const TestColumns columns(random, size);
  for (int i = 0; i < rules; ++i) {
    const std::string text = RuleWriter(random).Bool(3);
    const auto program = Compile(text, TestEnvironment(), Type::Bool());
    ASSERT_TRUE(program.ok()) << text << "\n" << program.status();
    const auto selection = program->Select(columns, kNow);
    ASSERT_TRUE(selection.ok());
    const std::unique_ptr<Row> row = columns.NewRow();
    size_t no_value = 0;
    size_t errors = 0;
    Arena arena;
    for (size_t ordinal = 0; ordinal < size; ++ordinal) {
      if (!columns.IsAlive(ordinal)) {
        ASSERT_FALSE(selection->Contains(ordinal)) << text;
        continue;
      }
      columns.MoveTo(ordinal, *row);
      arena.Reset();
      const Value value = program->Evaluate({.row = row.get(), .event = {}, .now = kNow}, arena);
      const bool unknown = IsNoValue(value) || value.is_null();
      no_value += unknown ? 1 : 0;
      errors += value.is_error() && !unknown ? 1 : 0;
      ASSERT_EQ(selection->Contains(ordinal), value.is_true())
          << "seed " << seed << ", ordinal " << ordinal << ": " << text << "\n"
          << DebugString(value) << "\n"
          << program->Explain();
    }
    ASSERT_EQ(selection->no_value, no_value) << "seed " << seed << ": " << text;
    ASSERT_EQ(selection->errors, errors) << "seed " << seed << ": " << text;
    ASSERT_EQ(selection->errors > 0, !selection->first_error.empty()) << text;
  }
}

// 10,000 pairs of a rule and a table of customers, 100,000 in `./x test long`, where the sanitizers
// keep to the first. A failure names its seed.
TEST(ColumnsTest, AgreeWithRowsOnEveryRuleAndCustomer) {
  constexpr int kRulesEach = 20;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const bool is_long = false;
#else
  const bool is_long = std::getenv("RONDO_LONG") != nullptr;
#endif
  const uint64_t seeds = (is_long ? 100'000 : 10'000) / kRulesEach;
  for (uint64_t seed = 0; seed < seeds && !HasFatalFailure(); ++seed) {
    ExpectAgreement(seed, 1 + static_cast<size_t>(seed * 7919 % 150), kRulesEach);
  }
}

TEST(ColumnsTest, AgreeWithRowsAcrossChunks) { ExpectAgreement(7, 4096 + 1000, 6); }

TEST(ColumnsTest, FormattedRulesSelectTheSame) {
  Random random(3);
  for (int i = 0; i < 300; ++i) {
    const std::string text = RuleWriter(random).Bool(3);
    const auto formatted = Format(text);
    ASSERT_TRUE(formatted.ok()) << text;
    EXPECT_EQ(*Format(*formatted), *formatted);
    EXPECT_TRUE(Compile(*formatted, TestEnvironment(), Type::Bool()).ok()) << *formatted;
  }
}

}  // namespace
}  // namespace rondo::rules
