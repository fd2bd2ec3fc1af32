#include "app/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "app/document_text.h"

namespace rondo {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kWinback = R"(kind: Campaign
name: spring-winback
programme: retention
business_unit: retail-kr
audience: {include: [segments/lapsing-good], exclude: [segments/open-complaint]}
cells:
  - {name: control, share: 0.2, control: true}
  - {name: mail-10, share: 0.8, treatment: {channel: email, template: templates/winback, offer: offers/ten-percent, cost: {currency: KRW, amount: "12"}}}
goals:
  - {name: bought, event: purchase, where: "e.amount > 0.0", within: 14d, value: "e.amount * 0.3"}
policy: policies/default
schedule: {start: 2026-12-01T10:00:00+09:00, time_zone: customer, repeat: {every: 7d, cycles: 5}}
learning: {allocate: thompson, control_floor: 0.1, cell_floor: 0.1}
)";

TEST(ParseDocumentsTest, ReadsACampaignAsItsContractSays) {
  const auto documents = ParseDocuments("winback.yaml", kWinback);
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_EQ(documents->size(), 1u);
  const auto& definition = documents->front().definition;
  EXPECT_EQ(definition.name(), "campaigns/spring-winback");
  const auto& campaign = definition.campaign();
  EXPECT_EQ(campaign.name(), "campaigns/spring-winback");
  EXPECT_EQ(campaign.cells(1).treatment().cost().minor_units(), 12);
  EXPECT_EQ(campaign.goals(0).within().seconds(), 14 * 86400);
  EXPECT_EQ(campaign.schedule().start_time().seconds(), 1796086800);
  EXPECT_EQ(campaign.schedule().start_offset_minutes(), 540) << "the author's clock";
  EXPECT_THAT(FormatDocument(definition), HasSubstr("start: 2026-12-01T10:00:00+09:00"));
  EXPECT_EQ(campaign.schedule().every().seconds(), 7 * 86400);
  EXPECT_EQ(campaign.schedule().cycles(), 5);
  EXPECT_EQ(campaign.learning().allocate(), campaign::v1::ALLOCATION_THOMPSON);
}

TEST(ParseDocumentsTest, RefusesAKeyThatItsMappingHasAlready) {
  const auto message_of = [](std::string_view text) {
    return std::string(ParseDocuments("twice.yaml", text).status().message());
  };
  EXPECT_THAT(message_of("kind: Segment\nname: x\nexpression: a\nexpression: b\n"),
              HasSubstr("twice.yaml:4:1: expression: given in line 3 already"));
  EXPECT_THAT(message_of("kind: Campaign\nname: x\ncells: [{name: a}]\ngoals: []\n"
                         "cells: [{name: b, share: 1}]\n"),
              HasSubstr("twice.yaml:5:1: cells: given in line 3 already"));
  EXPECT_THAT(message_of("kind: Campaign\nname: x\ncells: [{name: a, share: 1, name: b}]\n"),
              HasSubstr("cells[0].name: given in line 3 already"));
  EXPECT_THAT(message_of("kind: Segment\nname: x\nname: y\n"), HasSubstr("name: given in line 2"));
}

TEST(ParseDocumentsTest, NamesPlaceFieldAndExpectationOfEveryMistakeAtOnce) {
  const auto documents = ParseDocuments("bad.yaml", R"(kind: Campaign
name: x
cells:
  - {name: a, share: lots}
  - {name: b, share: 0.5, treatment: {cost: {currency: KRW, amount: "1.5"}}}
goals: [{name: g, within: soon}]
learning: {allocate: magic}
shcedule: {}
)");
  ASSERT_EQ(documents.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(documents.status().message());
  EXPECT_THAT(message, HasSubstr("bad.yaml:4:22: cells[0].share: expected a number"));
  EXPECT_THAT(message, HasSubstr("cells[1].treatment.cost: amount: expected a decimal"));
  EXPECT_THAT(message, HasSubstr("goals[0].within: expected a duration"));
  EXPECT_THAT(message, HasSubstr("learning.allocate: expected one of fixed, thompson"));
  EXPECT_THAT(message, HasSubstr("bad.yaml:8:1: shcedule: unknown field"));
}

TEST(ParseDocumentsTest, RefusesUnknownKindsOutputOnlyFieldsAndBrokenYaml) {
  EXPECT_THAT(ParseDocuments("f", "kind: Campain\nname: x\n").status().message(),
              HasSubstr("f:1:7: kind: expected one of CodeList, AttributeSet, Segment"));
  EXPECT_THAT(ParseDocuments("f", "kind: Segment\nname: x\nversion: 3\n").status().message(),
              HasSubstr("version: unknown field"));
  EXPECT_THAT(ParseDocuments("f", "kind: [Segment\n").status().message(), HasSubstr("not YAML"));
  EXPECT_THAT(ParseDocuments("f", "kind: Segment\nname: segments/x\n").status().message(),
              HasSubstr("f:2:7: name"));
}

TEST(FormatDocumentTest, IsReadBackToTheSameDefinition) {
  const std::string more = std::string(kWinback) + R"(---
kind: Policy
name: default
require_consent: true
caps: [{channel: email, max_contacts: 2, window: 7d}]
quiet_hours: {start: "21:00", end: "08:00"}
---
kind: Template
name: winback
channel: email
subject: "Hello {{ customer.first_name }}"
text: |
  Come back.
  Yours
---
kind: CodeList
name: goods
codes: [{code: FOOD, title: "What: one eats"}, {code: "007", parent: FOOD}, {code: "true"}]
---
kind: AttributeSet
name: base
currency: EUR
attributes: [{name: tier, type: code, codes: [gold, silver]}, {name: likes, type: code, code_list: codeLists/goods}, {name: email, type: string, pii: true}]
event_types: [{name: purchase, fields: [{name: amount, type: money}]}]
)";
  const auto documents = ParseDocuments("all.yaml", more);
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_EQ(documents->size(), 5u);
  for (const Document& document : *documents) {
    const std::string text = FormatDocument(document.definition);
    SCOPED_TRACE(text);
    const auto again = ParseDocuments("again.yaml", text);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->front().definition.SerializeAsString(),
              document.definition.SerializeAsString());
  }
}

RC_GTEST_PROP(DurationTextTest, FormatIsUndoneByParse, ()) {
  const int64_t seconds = *rc::gen::inRange<int64_t>(0, 3'000'000'000);
  const absl::Duration duration = absl::Seconds(seconds);
  RC_ASSERT(ParseDuration(FormatDurationText(duration)).value() == duration);
}

TEST(DurationTextTest, RefusesWhatHasNoUnitOrNoEnd) {
  for (const char* bad : {"", "14", "d", "14x", "-3d", "1d 2h", "99999999999w"}) {
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
  }
}

TEST(ParseDocumentsTest, SaysWhereNoValueCanBegin) {
  // yaml-cpp by itself would begin empty documents for ever.
  for (const char* text : {",a: [b]", "kind: Policy\nname: p\n---\n]", "}"}) {
    const auto documents = ParseDocuments("bad.yaml", text);
    ASSERT_EQ(documents.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(documents.status().message()), HasSubstr("not YAML")) << text;
  }
}

TEST(ParseDocumentsTest, RefusesWhatNoDefinitionCanHold) {
  const struct {
    const char* text;
    const char* want;
  } kCases[] = {
      {"kind: Template\nname: t\nsubject: \"\xff\"", "subject: expected text in UTF-8"},
      {"kind: Campaign\nname: c\nschedule: {start: infinite-future}", "expected a time"},
      {"kind: Campaign\nname: c\nschedule: {repeat: &a {every: 1d, repeat: *a}}",
       "schedule.repeat.repeat: unknown field"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(std::string(ParseDocuments("bad.yaml", c.text).status().message()),
                HasSubstr(c.want));
  }
}

TEST(FormatDocumentTest, KeepsEveryLineFeedOfAText) {
  for (const char* text : {"a\nb\n", "a\nb", "a\n\n", " a\nb\n", "\na\n", "a\r\nb\n", "a\tb\n"}) {
    log::v1::Definition definition;
    definition.set_name("templates/t");
    definition.mutable_template_()->set_name("templates/t");
    definition.mutable_template_()->set_text(text);
    const auto documents = ParseDocuments("t.yaml", FormatDocument(definition));
    ASSERT_TRUE(documents.ok()) << documents.status();
    EXPECT_EQ((*documents)[0].definition.template_().text(), text);
  }
}

}  // namespace
}  // namespace rondo
