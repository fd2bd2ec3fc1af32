// What the language says beyond the public cases: each line is one sentence of cel-spec (langdef
// and the extensions' pages), found by comparing with another runtime or by reading.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "rules/eval_command.h"

namespace rondo::rules {
namespace {

using Json = nlohmann::json;

// The typed value, or the phase of the error.
std::string Answer(const std::string& expression, bool check = true) {
  const Json answer = EvalRequest({{"expr", expression}, {"disable_check", !check}},
                                  absl::FromUnixSeconds(1'700'000'000));
  return answer.contains("error") ? answer["error"]["phase"].get<std::string>()
                                  : answer["value"].dump();
}

std::string Typed(const char* type, const Json& value) {
  return Json{{"t", type}, {"v", value}}.dump();
}

TEST(LanguageTest, AnAlternativeIsEvaluatedOnlyWhereThereIsNoValue) {
  EXPECT_EQ(Answer("optional.of(1).orValue(1 / 0)"), Typed("int", "1"));
  EXPECT_EQ(Answer("optional.of(1).or(optional.of(1 / 0)).value()"), Typed("int", "1"));
  EXPECT_EQ(Answer("optional.none().orValue(1 / 0)"), "eval");
  EXPECT_EQ(Answer("optional.none().or(optional.of(2)).orValue(3)"), Typed("int", "2"));
  EXPECT_EQ(Answer("optional.none().or(dyn(2))", false), "eval");
  EXPECT_EQ(Answer("dyn(1).orValue(2)"), "eval");
}

TEST(LanguageTest, AnOptionalIsNoZeroValueEvenWithoutAValue) {
  EXPECT_EQ(Answer("optional.ofNonZeroValue(optional.none()).hasValue()"), Typed("bool", true));
  EXPECT_EQ(Answer("optional.ofNonZeroValue(null).hasValue()"), Typed("bool", false));
}

TEST(LanguageTest, ANegativeDoubleIsNoUintHoweverSmall) {
  EXPECT_EQ(Answer("uint(-0.5)"), "eval");
  EXPECT_EQ(Answer("uint(-0.0)"), Typed("uint", "0"));
  EXPECT_EQ(Answer("uint(1.9)"), Typed("uint", "1"));
}

TEST(LanguageTest, APrecisionHasDigits) {
  EXPECT_EQ(Answer("'%.f'.format([1.0])"), "eval");
  EXPECT_EQ(Answer("'%.0f'.format([2.5])"), Typed("string", "2"));
}

TEST(LanguageTest, ACommaMayStandBeforeTheEndOfAListOrMap) {
  EXPECT_EQ(Answer("[,].size() + {,}.size()"), Typed("int", "0"));
  EXPECT_EQ(Answer("[1,].size() + {1: 2,}.size()"), Typed("int", "2"));
  for (const char* bad : {"[,1]", "[1,,]", "{,1: 2}", "[,,]", "size([1],)"}) {
    EXPECT_EQ(Answer(bad), "parse") << bad;
  }
}

TEST(LanguageTest, BytesThatAreNoTextAreShownByOneReplacementCharacter) {
  EXPECT_EQ(Answer(R"('%s'.format([b'\xff\xfea\xff']))"), Typed("string", "\uFFFDa\uFFFD"));
}

TEST(LanguageTest, APairOfSurrogatesIsOneCharacter) {
  EXPECT_EQ(Answer(R"('\ud83d\ude00' == '\U0001F600')"), Typed("bool", true));
  for (const char* lone : {R"('\ud83d')", R"('\ude00\ud83d')", R"('\ud83dx')", R"('\ud83d\u0041')",
                           R"('\U0000d83d\U0000de00')", R"(b'\ud83d\ude00')"}) {
    EXPECT_EQ(Answer(lone), "parse") << lone;
  }
}

TEST(LanguageTest, TheEmptyTextStandsBetweenAllCharacters) {
  EXPECT_EQ(Answer("'äb'.replace('', '-')"), Typed("string", "-ä-b-"));
  EXPECT_EQ(Answer("'äb'.replace('', '-', 2)"), Typed("string", "-ä-b"));
  EXPECT_EQ(Answer("''.replace('', '-')"), Typed("string", "-"));
  EXPECT_EQ(Answer("'aaa'.replace('a', '', 2)"), Typed("string", "a"));
  EXPECT_EQ(Answer("'aaa'.replace('aa', 'b', -1)"), Typed("string", "ba"));
}

TEST(LanguageTest, AListHasNoElementBetweenTwoPlaces) {
  EXPECT_EQ(Answer("[1][?dyn(0.0)].value()"), Typed("int", "1"));
  EXPECT_EQ(Answer("[1][?dyn(0.5)].hasValue()"), "eval");
  EXPECT_EQ(Answer("[1][?7].hasValue()"), Typed("bool", false));
}

TEST(LanguageTest, TransformMapEntryMakesKeysToo) {
  EXPECT_EQ(Answer("{'a': 1, 'b': 2}.transformMapEntry(k, v, {v: k}) == {1: 'a', 2: 'b'}"),
            Typed("bool", true));
  EXPECT_EQ(Answer("['a', 'b'].transformMapEntry(i, v, i > 0, {v: i}) == {'b': 1}"),
            Typed("bool", true));
  EXPECT_EQ(Answer("{'a': 1, 'b': 1}.transformMapEntry(k, v, {v: k})"), "eval");
  EXPECT_EQ(Answer("{'a': 1}.transformMapEntry(k, v, v)"), "check");
  EXPECT_EQ(Answer("{'a': 1}.transformMapEntry(k, v, dyn(v))"), "eval");
}

TEST(LanguageTest, OptFlatMapIsAConditionalWhoseBodyIsOptional) {
  EXPECT_EQ(Answer("optional.of(1).optFlatMap(x, dyn(x + 1))"), Typed("int", "2"));
  EXPECT_EQ(Answer("optional.of(1).optFlatMap(x, x + 1)"), "check");
  EXPECT_EQ(Answer("optional.of(1).optFlatMap(x, optional.none()).hasValue()"),
            Typed("bool", false));
}

TEST(LanguageTest, GreatestTakesTheItemsOfAnEmptyListForNumbers) {
  EXPECT_EQ(Answer("math.greatest(1, [][0])"), "eval");
  EXPECT_EQ(Answer("math.greatest(1, true)"), "check");
}

}  // namespace
}  // namespace rondo::rules
