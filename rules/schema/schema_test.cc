#include "rules/schema/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace pb = ::rondo::type::v1;

log::v1::Definition Set(const std::string& name) {
  log::v1::Definition definition;
  definition.set_name("attributeSets/" + name);
  return definition;
}

void AddAttribute(log::v1::Definition& set, const std::string& name, pb::ValueType type) {
  auto& attribute = *set.mutable_attribute_set()->add_attributes();
  attribute.set_name(name);
  attribute.set_type(type);
}

void AddEvent(log::v1::Definition& set, const std::string& name, const std::string& field) {
  auto& event = *set.mutable_attribute_set()->add_event_types();
  event.set_name(name);
  auto& declared = *event.add_fields();
  declared.set_name(field);
  declared.set_type(pb::VALUE_TYPE_DOUBLE);
}

// Every type that an attribute can have has a type in rules, and a value of it one there.
TEST(TypeOfTest, KnowsEveryTypeOfTheContract) {
  for (int number = pb::ValueType_MIN + 1; number <= pb::ValueType_MAX; ++number) {
    EXPECT_TRUE(TypeOf(static_cast<pb::ValueType>(number)).has_value()) << number;
  }
  EXPECT_FALSE(TypeOf(pb::VALUE_TYPE_UNSPECIFIED).has_value());
  EXPECT_FALSE(TypeOf(static_cast<pb::ValueType>(99)).has_value());
}

TEST(ValueOfTest, GivesRulesWhatTheContractHolds) {
  Arena arena;
  pb::Value value;
  EXPECT_TRUE(ValueOf(value, arena).is_null());
  value.set_date_days(2);
  EXPECT_EQ(ValueOf(value, arena).micros(), int64_t{2} * 86'400'000'000);
  value.mutable_money_value()->set_currency_code("EUR");
  value.mutable_money_value()->set_minor_units(-250);
  EXPECT_EQ(ValueOf(value, arena).integer(), -250);
  EXPECT_EQ(ValueOf(value, arena).currency(), "EUR");
  value.mutable_string_list_value()->add_values("a");
  value.mutable_string_list_value()->add_values("b");
  EXPECT_EQ(ValueOf(value, arena).items()[1].text(), "b");
  value.set_sealed_value("secret");
  EXPECT_TRUE(ValueOf(value, arena).is_null());
}

TEST(SchemaTest, TheFirstOfTwoDeclarationsCountsAndPiiIsNone) {
  log::v1::Definition first = Set("a");
  AddAttribute(first, "email", pb::VALUE_TYPE_STRING);
  first.mutable_attribute_set()->mutable_attributes(0)->set_pii(true);
  AddAttribute(first, "age", pb::VALUE_TYPE_INT);
  log::v1::Definition second = Set("b");
  AddAttribute(second, "age", pb::VALUE_TYPE_STRING);
  AddEvent(second, "purchase", "amount");
  const Schema schema({first, second});
  Environment environment;
  schema.DeclareAttributes(environment);
  schema.DeclareEvents(environment);
  EXPECT_EQ(environment.FindAttribute("email"), nullptr);
  EXPECT_EQ(environment.FindAttribute("age")->type.kind, TypeKind::kInt);
  EXPECT_EQ(schema.OwnerOfAttribute("age"), "attributeSets/a");
  EXPECT_EQ(schema.OwnerOfAttribute("email"), "");
  const auto rule = Compile("customer.age > 3 && events('purchase').exists(e, e.amount > 1.0)",
                            environment, Type::Bool());
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_THAT(schema.OwnersOf(rule->references()),
              ElementsAre("attributeSets/a", "attributeSets/b"));
}

TEST(SchemaTest, CodesOfAListStandUnderEachOther) {
  log::v1::Definition goods;
  goods.set_name("codeLists/goods");
  goods.mutable_code_list()->add_codes()->set_code("FOOD");
  goods.mutable_code_list()->add_codes()->set_code("FRUIT");
  goods.mutable_code_list()->mutable_codes(1)->set_parent("FOOD");
  log::v1::Definition set = Set("a");
  AddAttribute(set, "favourite", pb::VALUE_TYPE_CODE);
  set.mutable_attribute_set()->mutable_attributes(0)->set_code_list(goods.name());
  AddEvent(set, "purchase", "category");
  auto& category = *set.mutable_attribute_set()->mutable_event_types(0)->mutable_fields(0);
  category.set_type(pb::VALUE_TYPE_CODE);
  category.set_code_list(goods.name());

  const auto compiled = [&](const Schema& schema, const std::string& rule) {
    Environment environment;
    schema.DeclareAttributes(environment);
    schema.DeclareEvents(environment);
    return Compile(rule, environment, Type::Bool()).status();
  };
  const std::string rule =
      "customer.favourite.under('FOOD') && "
      "events('purchase').exists(e, e.category.under('FRUIT'))";
  EXPECT_TRUE(compiled(Schema({set}, {goods}), rule).ok());
  EXPECT_THAT(
      std::string(compiled(Schema({set}, {goods}), "customer.favourite.under('FRUTI')").message()),
      ::testing::HasSubstr("`codeLists/goods` has no code `FRUTI`; did you mean `FRUIT`?"));
  // Of a list that is gone the codes are strings.
  EXPECT_TRUE(compiled(Schema({set}), "customer.favourite == 'FRUTI'").ok());
  EXPECT_FALSE(compiled(Schema({set}), rule).ok());

  Environment bound;
  Schema({set}, {goods}).DeclareCodeLists(bound);
  bound.AddEventType("purchase", FieldsOf(set.attribute_set().event_types(0)))
      .BindEvent("e", "purchase");
  EXPECT_TRUE(Compile("e.category.under('FOOD')", bound, Type::Bool()).ok());
}

TEST(SchemaTest, TheEnginesOwnEventsAndSignalsNeedNoDeclaration) {
  log::v1::Definition set = Set("a");
  AddEvent(set, "click", "minutes");
  const Schema schema({set});
  EXPECT_TRUE(schema.HasEvent("open"));
  EXPECT_THAT(schema.FieldsOfEvent("open"), IsEmpty());
  EXPECT_EQ(schema.FieldsOfEvent("click").size(), 1u);
  EXPECT_FALSE(schema.HasEvent("purchase"));
  Environment environment;
  environment.AddSignal("rfm.recency", Type::Double());
  Schema::DeclareSignals(environment);
  EXPECT_EQ(environment.FindSignal("rfm.recency")->type.kind, TypeKind::kDouble);
  const auto rule = Compile("signal.rfm.frequency >= 4", environment, Type::Bool());
  EXPECT_TRUE(rule.ok()) << rule.status();
  EXPECT_THAT(schema.OwnersOf(rule->references()), IsEmpty());
}

}  // namespace
}  // namespace rondo::rules
