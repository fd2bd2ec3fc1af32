#include "services/customer/import/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "platform/core/field_error.h"
#include "services/customer/import/row_builder.h"

namespace rondo::customer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> WrongFields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : ViolationsOf(status)) fields.push_back(violation.field);
  return fields;
}

TEST(MappingTest, NamesEveryPlaceThatIsWrong) {
  const auto mapping = ParseMapping(R"(
name: shop
kes: ["crm:{id}"]
attributes:
  Tier: {column: tier}
  spent: {column: spent, type: money}
  age: {column: age, type: integer}
events:
  - {type: purchase, fields: {amount: {colum: a}}}
)");
  EXPECT_THAT(WrongFields(mapping.status()),
              ElementsAre("keys", "attributes.Tier", "attributes.spent.currency",
                          "attributes.age.type", "events[0].time", "events[0].fields.amount",
                          "events[0].fields.amount.colum", "kes"));
}

TEST(MappingTest, RefusesACycleThatIsNoSmallWholeNumber) {
  for (const char* cycle : {"0", "1.5", "1e300", ".nan", "-3"}) {
    const auto mapping = ParseMapping(absl::StrCat(
        "name: x\nkeys: [\"a:{row}\"]\ncampaigns: [{name: c, due: 2008-03-20T00:00:00Z, cycle: ",
        cycle, "}]"));
    EXPECT_THAT(WrongFields(mapping.status()), ElementsAre("campaigns[0].cycle")) << cycle;
  }
}

TEST(MappingTest, RefusesWhatStandsTwice) {
  const auto mapping = ParseMapping(R"(
name: a
name: b
keys: ["crm:{id}"]
attributes:
  tier: {column: tier, column: level}
  age: {column: age, type: int}
  age: {column: years, type: int}
  sex: {column: sex, map: {m: male, m: man}}
)");
  EXPECT_THAT(
      WrongFields(mapping.status()),
      ElementsAre("name", "attributes.age", "attributes.tier.column", "attributes.sex.map.m"));
  EXPECT_THAT(std::string(mapping.status().message()), HasSubstr("line 3"));
}

TEST(MappingTest, SaysWhereTheYamlIsBroken) {
  const auto mapping = ParseMapping("name: shop\nkeys: [\"a:b\"\n");
  EXPECT_THAT(std::string(mapping.status().message()), HasSubstr("line 3"));
}

TEST(MappingTest, NamesColumnsThatTheFileLacks) {
  auto mapping = ParseMapping(R"(
name: shop
keys: ["crm:{id}"]
attributes: {tier: {column: tier}, label: "no {such} column"}
)");
  ASSERT_TRUE(mapping.ok()) << mapping.status();
  EXPECT_THAT(WrongFields(mapping->Bind({"id", "x", "x"})),
              ElementsAre("header", "attributes.tier", "attributes.label"));
  EXPECT_TRUE(mapping->Bind({"id", "tier", "such"}).ok());
}

class BuildTest : public ::testing::Test {
 protected:
  void Use(const std::string& yaml, const std::vector<std::string>& header) {
    auto mapping = ParseMapping(yaml);
    ASSERT_TRUE(mapping.ok()) << mapping.status();
    mapping_ = *std::move(mapping);
    const absl::Status bound = mapping_.Bind(header);
    ASSERT_TRUE(bound.ok()) << bound;
  }
  RowBuilder::Outcome Build(const std::vector<std::string_view>& fields, int64_t row = 7) {
    row_.Clear();
    rejection_ = {};
    return RowBuilder(mapping_).Build(fields, row, row_, rejection_);
  }
  const rondo::type::v1::Value& Attribute(const std::string& name) {
    for (const auto& field : row_.attributes()) {
      if (field.name() == name) return field.value();
    }
    ADD_FAILURE() << name << " is missing";
    return rondo::type::v1::Value::default_instance();
  }

  Mapping mapping_;
  rondo::customer::v1::ImportRow row_;
  Rejection rejection_;
};

TEST_F(BuildTest, ReadsEveryType) {
  Use(R"(
name: types
keys: ["crm:{id}", "email:h{row}@example.test"]
attributes:
  s: {column: s}
  i: {column: i, type: int}
  d: {column: d, type: double}
  product: {column: i, type: double, times: d}
  b: {column: b, type: bool}
  t: {column: t, type: timestamp, format: "%Y-%m-%d %H:%M:%S", time_zone: Asia/Seoul}
  day: {column: day, type: date, format: "%Y.%m.%d"}
  m: {column: m, type: money, currency: EUR, times: i}
  g: {column: g, type: geo_point}
  l: {column: l, type: string_list, separator: "|"}
  c: {column: c, type: code, map: {Surburban: suburban}}
  constant: {value: hello, type: string}
  nothing: {column: "no", type: int, missing: ["NA"]}
)",
      {"id", "s", "i", "d", "b", "t", "day", "m", "g", "l", "c", "no"});
  ASSERT_EQ(Build({"4711", "x y", "3", "0.5", "Yes", "2026-01-02 09:00:00", "1970.01.11", "12.50",
                   "37.5,-127", "a| b |", "Surburban", "NA"}),
            RowBuilder::Outcome::kRow)
      << rejection_.field << ": " << rejection_.reason;
  EXPECT_EQ(row_.keys(0).value(), "4711");
  EXPECT_EQ(row_.keys(1).namespace_(), "email");
  EXPECT_EQ(row_.keys(1).value(), "h7@example.test");
  EXPECT_EQ(Attribute("s").string_value(), "x y");
  EXPECT_EQ(Attribute("i").int_value(), 3);
  EXPECT_EQ(Attribute("product").double_value(), 1.5);
  EXPECT_TRUE(Attribute("b").bool_value());
  EXPECT_EQ(Attribute("t").timestamp_micros(), 1'767'312'000'000'000);  // 2026-01-02T00:00:00Z
  EXPECT_EQ(Attribute("day").date_days(), 10);
  EXPECT_EQ(Attribute("m").money_value().minor_units(), 3'750);
  EXPECT_EQ(Attribute("g").geo_point_value().longitude(), -127);
  EXPECT_THAT(Attribute("l").string_list_value().values(), ElementsAre("a", "b"));
  EXPECT_EQ(Attribute("c").string_value(), "suburban");
  EXPECT_EQ(Attribute("constant").string_value(), "hello");
  EXPECT_EQ(Attribute("nothing").kind_case(), rondo::type::v1::Value::KIND_NOT_SET);
}

TEST_F(BuildTest, RefusesTextOfAnotherTypeAndNamesColumnValueAndReason) {
  Use("name: x\nkeys: [\"crm:{id}\"]\nattributes: {age: {column: a, type: int}}", {"id", "a"});
  EXPECT_EQ(Build({"1", "forty"}), RowBuilder::Outcome::kRejected);
  EXPECT_EQ(rejection_.column, 1);
  EXPECT_EQ(rejection_.field, "attributes.age");
  EXPECT_EQ(rejection_.value, "forty");
  EXPECT_EQ(rejection_.reason, "expected a whole number");
  EXPECT_EQ(Build({"", "40"}), RowBuilder::Outcome::kRejected);
  EXPECT_EQ(rejection_.reason, "the key is empty");
}

TEST_F(BuildTest, LeavesOutRowsThatWhereDoesNotMean) {
  Use(R"(
name: retail
keys: ["shop:{CustomerID}"]
where:
  - {column: CustomerID, present: true}
  - {column: InvoiceNo, not_prefix: [C, A]}
  - {column: Quantity, above: 0}
events:
  - type: purchase
    time: {column: InvoiceDate, format: "%Y-%m-%d %H:%M:%S", time_zone: Europe/London}
    message_id: "{InvoiceNo}-{row}"
    fields:
      amount: {column: UnitPrice, type: double, times: Quantity}
)",
      {"InvoiceNo", "CustomerID", "Quantity", "UnitPrice", "InvoiceDate"});
  ASSERT_EQ(Build({"536365", "17850", "6", "2.55", "2010-12-01 08:26:00"}),
            RowBuilder::Outcome::kRow);
  ASSERT_EQ(row_.events_size(), 1);
  EXPECT_EQ(row_.events(0).message_id(), "536365-7");
  EXPECT_DOUBLE_EQ(row_.events(0).fields(0).value().double_value(), 15.3);
  EXPECT_EQ(Build({"C536365", "17850", "6", "2.55", "2010-12-01 08:26:00"}),
            RowBuilder::Outcome::kLeftOut);
  EXPECT_EQ(Build({"536365", "", "6", "2.55", "2010-12-01 08:26:00"}),
            RowBuilder::Outcome::kLeftOut);
  EXPECT_EQ(Build({"536365", "17850", "-6", "2.55", "x"}), RowBuilder::Outcome::kLeftOut);
}

TEST_F(BuildTest, MakesAPastContactWithItsResponses) {
  Use(R"(
name: hillstrom
keys: ["hillstrom:{row}"]
campaigns:
  - name: hillstrom-2008
    currency: USD
    due: 2008-03-20T00:00:00Z
    cells:
      - {name: control, share: 0.3333, control: true}
      - {name: mens, share: 0.6667, channel: email}
    goals: [{name: visit, within: 14d}, {name: conversion, within: 14d}]
contacts:
  - campaign: hillstrom-2008
    cell: {column: segment, map: {"Mens E-Mail": mens, "No E-Mail": control}}
    responses:
      - {goal: visit, when: {column: visit, equals: "1"}, after: 1d}
      - goal: conversion
        when: {column: conversion, equals: "1"}
        after: 36h
        value: {column: spend, currency: USD}
)",
      {"segment", "visit", "conversion", "spend"});
  ASSERT_EQ(Build({"Mens E-Mail", "1", "1", "29.99"}), RowBuilder::Outcome::kRow)
      << rejection_.reason;
  ASSERT_EQ(row_.contacts_size(), 1);
  const auto& contact = row_.contacts(0);
  EXPECT_EQ(contact.campaign(), "campaigns/hillstrom-2008");
  EXPECT_EQ(contact.cell(), "mens");
  EXPECT_EQ(contact.channel(), "email");
  ASSERT_EQ(contact.responses_size(), 2);
  EXPECT_EQ(contact.responses(1).value_minor_units(), 2'999);
  EXPECT_EQ(contact.responses(1).event_time().seconds() - contact.due_time().seconds(), 36 * 3600);
  ASSERT_EQ(Build({"No E-Mail", "0", "0", "0"}), RowBuilder::Outcome::kRow);
  EXPECT_TRUE(row_.contacts(0).control());
  EXPECT_EQ(row_.contacts(0).responses_size(), 0);
  EXPECT_EQ(Build({"Womens", "0", "0", "0"}), RowBuilder::Outcome::kRejected);
}

TEST_F(BuildTest, TakesConsentsOnlyWhereSomethingWasSaid) {
  Use(R"(
name: consents
keys: ["crm:{id}"]
consents:
  - channel: email
    purpose: marketing
    granted: {column: optin, type: bool}
    time: {column: at, type: date}
)",
      {"id", "optin", "at"});
  ASSERT_EQ(Build({"1", "no", "2026-02-01"}), RowBuilder::Outcome::kRow);
  ASSERT_EQ(row_.consents_size(), 1);
  EXPECT_FALSE(row_.consents(0).granted());
  EXPECT_EQ(row_.consents(0).effective_time().seconds(), 1'769'904'000);
  ASSERT_EQ(Build({"1", "", "2026-02-01"}), RowBuilder::Outcome::kRow);
  EXPECT_EQ(row_.consents_size(), 0);
}

TEST(TextTemplateTest, WhatStandsBetweenEmptyColumnsIsNoValue) {
  const auto fill = [](const char* text, const char* a, const char* b) {
    auto parsed = TextTemplate::Parse(text);
    EXPECT_TRUE(parsed.ok() && parsed->Bind({"a", "b"}).ok());
    return parsed->Fill({a, b}, 7);
  };
  EXPECT_EQ(fill("{a},{b}", "", ""), "");
  EXPECT_EQ(fill("{a},{b}", "1", ""), "1,");
  EXPECT_EQ(fill("{a}-{row}", "", ""), "-7");
  EXPECT_EQ(fill("import", "", ""), "import");
}

TEST(TextTemplateTest, DoubledBracesAreBraces) {
  auto text = TextTemplate::Parse("{{x} {a}");
  ASSERT_TRUE(text.ok());
  ASSERT_TRUE(text->Bind({"a"}).ok());
  EXPECT_EQ(text->Fill({"1"}, 1), "{x} 1");
  EXPECT_FALSE(TextTemplate::Parse("{a").ok());
}

}  // namespace
}  // namespace rondo::customer
