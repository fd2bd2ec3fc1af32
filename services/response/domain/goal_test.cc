#include "services/response/domain/goal.h"

#include <gtest/gtest.h>

#include <limits>

namespace rondo::response {
namespace {

const std::vector<rules::Field> kFields = {{"amount", rules::Type::Double()},
                                           {"category", rules::Type::String()},
                                           {"price", rules::Type::Money()}};

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
  EXPECT_EQ(goal.ValueIfMet(Purchase(11)), 0);
  EXPECT_EQ(goal.ValueIfMet(Purchase(10)), std::nullopt);
  EXPECT_EQ(goal.ValueIfMet(Purchase(11, "hats")), std::nullopt);
  EXPECT_EQ(Compile("", "").ValueIfMet(Purchase(0)), 0);
}

TEST(GoalTest, AMissingFieldDoesNotMeetIt) {
  const CompiledGoal goal = Compile("e.amount > 10.0", "e.amount");
  EXPECT_EQ(goal.ValueIfMet({.time_micros = 0, .fields = {}}), std::nullopt);
  EXPECT_EQ(Compile("", "e.amount").ValueIfMet({.time_micros = 0, .fields = {}}), 0);
}

struct ValueCase {
  const char* value;
  const char* currency;
  double amount;
  int64_t minor_units;
};
constexpr ValueCase kValueCases[] = {
    {"e.amount * 0.3", "EUR", 10.0, 300},
    {"e.amount * 0.3", "KRW", 10.0, 3},
    {"e.amount * 0.3", "KWD", 10.0, 3000},
    {"e.amount", "EUR", 0.005, 1},
    {"e.amount", "EUR", -12.34, -1234},
    {"12", "EUR", 0, 1200},
    {"e.amount", "EUR", 1e300, 0},
    {"e.amount", "EUR", std::numeric_limits<double>::quiet_NaN(), 0},
    {"e.price", "EUR", 0, 1250},
    {"e.price", "USD", 0, 0},
    {"'a lot'", "EUR", 0, 0},
};

TEST(GoalTest, ItsValueIsInMajorUnitsOfTheCurrencyAndRounded) {
  for (const ValueCase& c : kValueCases) {
    SCOPED_TRACE(std::string(c.value) + " " + c.currency);
    EXPECT_EQ(Compile("", c.value, c.currency).ValueIfMet(Purchase(c.amount)), c.minor_units);
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
