#include "services/response/domain/goal.h"

#include <gtest/gtest.h>

#include <limits>

namespace rondo::response {
namespace {

const std::vector<rules::Field> kFields = {{"amount", rules::Type::Double()},
                                           {"category", rules::Type::String()},
                                           {"price", rules::Type::Money()}};

constexpr GoalValue kNotKnown = {.minor_units = 0, .is_known = false};

EventFacts Purchase(double amount, std::string_view category = "shoes") {
  return {.time_micros = 1'000'000,
          .fields = {rules::Value::Double(amount), rules::Value::String(category),
                     rules::Value::Money(1'250, "EUR")}};
}

CompiledGoal Compile(const std::string& where, const std::string& value,
                     const std::string& currency = "EUR") {
  auto goal = CompiledGoal::Compile(
      {.name = "bought", .event = "purchase", .where = where, .value = value, .currency = currency},
      kFields);
  EXPECT_TRUE(goal.ok()) << goal.status();
  return *std::move(goal);
}

TEST(GoalTest, AnEventMeetsItWhereTheRuleHolds) {
  const CompiledGoal goal = Compile("e.amount > 10.0 && e.category == 'shoes'", "");
  EXPECT_EQ(goal.ValueIfMet(Purchase(11)), GoalValue{});
  EXPECT_EQ(goal.ValueIfMet(Purchase(10)), std::nullopt);
  EXPECT_EQ(goal.ValueIfMet(Purchase(11, "hats")), std::nullopt);
  EXPECT_EQ(Compile("", "").ValueIfMet(Purchase(0)), GoalValue{});
}

TEST(GoalTest, AMissingFieldDoesNotMeetIt) {
  const CompiledGoal goal = Compile("e.amount > 10.0", "e.amount");
  EXPECT_EQ(goal.ValueIfMet({.time_micros = 0, .fields = {}}), std::nullopt);
}

TEST(GoalTest, WithoutItsValueItIsMetAndSaysThatTheValueIsNotKnown) {
  const EventFacts bare = {.time_micros = 0, .fields = {}};
  EXPECT_EQ(Compile("", "e.amount").ValueIfMet(bare), kNotKnown);
  EXPECT_EQ(Compile("", "e.amount * 0.3").ValueIfMet(bare), kNotKnown);
  EXPECT_EQ(Compile("", "has(e.amount) ? e.amount : 0.0").ValueIfMet(bare), GoalValue{});
}

struct ValueCase {
  const char* value;
  const char* currency;
  double amount;
  GoalValue want;
};
constexpr ValueCase kValueCases[] = {
    {"e.amount * 0.3", "EUR", 10.0, {300}},
    {"e.amount * 0.3", "KRW", 10.0, {3}},
    {"e.amount * 0.3", "KWD", 10.0, {3000}},
    {"e.amount", "EUR", 0.005, {1}},
    {"e.amount", "EUR", -12.34, {-1234}},
    {"12", "EUR", 0, {1200}},
    {"e.amount", "EUR", 1e300, kNotKnown},
    {"e.amount", "EUR", std::numeric_limits<double>::quiet_NaN(), kNotKnown},
    {"e.price", "EUR", 0, {1250}},
    {"e.price", "USD", 0, kNotKnown},
    {"'a lot'", "EUR", 0, kNotKnown},
};

TEST(GoalTest, ItsValueIsInMajorUnitsOfTheCurrencyAndRounded) {
  for (const ValueCase& c : kValueCases) {
    SCOPED_TRACE(std::string(c.value) + " " + c.currency);
    EXPECT_EQ(Compile("", c.value, c.currency).ValueIfMet(Purchase(c.amount)), c.want);
  }
}

TEST(GoalTest, RulesThatDoNotCompileAreRefused) {
  for (const char* where : {"e.amount >", "e.unknown > 1", "customer.tier == 'gold'", "e.amount"}) {
    SCOPED_TRACE(where);
    const auto goal = CompiledGoal::Compile(
        {.name = "g", .event = "purchase", .where = where, .value = "", .currency = "EUR"},
        kFields);
    EXPECT_EQ(goal.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace rondo::response
