#include "rules/eval_command.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sstream>

#include "rules/number.h"
#include "rules/time_text.h"
#include "rules/typed_json.h"

namespace rondo::rules {
namespace {

using Json = nlohmann::json;

TEST(EvalTest, PrintsATypedValue) {
  const EvalOutput output =
      Eval({.expression = "x + 1", .variables_json = R"({"x":{"t":"int","v":"41"}})"});
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(Json::parse(output.standard_output), Json::parse(R"({"t":"int","v":"42"})"));
  EXPECT_EQ(Json::parse(Eval({.expression = "null"}).standard_output),
            Json::parse(R"({"t":"null"})"));
}

TEST(EvalTest, TakesPlainJson) {
  const EvalOutput output = Eval({.expression = "user.age > 17 && user.tags[0] == 'a'",
                                  .variables_json = R"({"user":{"age":18,"tags":["a"]}})",
                                  .plain = true});
  EXPECT_EQ(Json::parse(output.standard_output), Json::parse(R"({"t":"bool","v":true})"));
}

TEST(EvalTest, AnswersAnErrorWithItsPlaceAndExitCodeThree) {
  struct Case {
    EvalOptions options;
    const char* phase;
    int column;
  };
  const Case kCases[] = {
      {{.expression = "1 +"}, "parse", 4},
      {{.expression = "1 + 'a'"}, "check", 3},
      {{.expression = "10 / 0"}, "eval", 4},
      {{.expression = "x", .variables_json = "{"}, "input", 1},
      {{.expression = "nope", .check = false}, "eval", 1},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.options.expression);
    const EvalOutput output = Eval(c.options);
    EXPECT_EQ(output.exit_code, 3);
    const Json error = Json::parse(output.standard_output)["error"];
    EXPECT_EQ(error["phase"], c.phase);
    EXPECT_EQ(error["line"], 1);
    EXPECT_EQ(error["column"], c.column);
    EXPECT_NE(output.standard_error.find('^'), std::string::npos);
  }
}

TEST(EvalTest, ShowsTheDeducedTypeOfACheck) {
  const Json answer =
      EvalRequest({{"id", "a"},
                   {"expr", "[x]"},
                   {"check_only", true},
                   {"decls",
                    {"name: \"x\" ident { type { map_type { key_type { primitive: STRING } "
                     "value_type { dyn { } } } } }"}}},
                  absl::UnixEpoch());
  EXPECT_EQ(answer["type"],
            "list_type { elem_type { map_type { key_type { primitive: STRING } value_type "
            "{ dyn { } } } } }");
}

TEST(EvalBatchTest, AnswersEveryLineInOrderAndGoesOnAfterABadOne) {
  std::istringstream in(
      "{\"id\":1,\"expr\":\"1+1\"}\nnot json\n{\"id\":2}\n{\"id\":3,\"expr\":\"f(1)\","
      "\"disable_check\":true}\n{\"id\":4,\"expr\":\"[1].all(x, x > "
      "0)\",\"disable_macros\":true}\n");
  std::ostringstream out;
  EvalBatch(in, out, absl::UnixEpoch());
  std::istringstream lines(out.str());
  std::vector<Json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_EQ(answers[0]["value"]["v"], "2");
  EXPECT_EQ(answers[1]["error"]["phase"], "input");
  EXPECT_EQ(answers[2]["error"]["phase"], "input");
  EXPECT_EQ(answers[3]["error"]["phase"], "eval");
  EXPECT_EQ(answers[4]["error"]["phase"], "check");
}

RC_GTEST_PROP(TypedJsonTest, DecodingUndoesEncoding,
              (int64_t a, uint64_t b, double c, const std::string& d)) {
  const MapEntry entries[] = {{Value::Int(a), Value::Bytes(d)}};
  const Value items[] = {
      Value::Int(a), Value::Uint(b),     Value::Double(c),         Value::Bytes(d),
      Value::Null(), Value::Bool(a > 0), Value::SortedMap(entries)};
  const Value list = Value::List(items);
  Arena arena;
  const auto back = FromTypedJson(ToTypedJson(list), arena);
  RC_ASSERT(back.ok());
  RC_ASSERT(DebugString(*back) == DebugString(list));
}

RC_GTEST_PROP(TimeTextTest, ParsingUndoesFormatting, (uint64_t seed)) {
  const int64_t span = kMaxTimestampSeconds - kMinTimestampSeconds;
  const int64_t seconds =
      kMinTimestampSeconds + static_cast<int64_t>(seed % static_cast<uint64_t>(span));
  const auto nanos = static_cast<int32_t>(seed % kNanosPerSecond);
  const auto time = ParseTimestamp(FormatTimestamp(seconds, nanos));
  RC_ASSERT(time && time->seconds == seconds && time->nanos == nanos);
  const int64_t length = seconds % kMaxDurationSeconds;
  const auto duration = ParseDuration(FormatDuration(length, nanos));
  RC_ASSERT(duration && duration->seconds == length && duration->nanos == nanos);
}

TEST(TimeTextTest, ReadsWindowsAndDurations) {
  EXPECT_EQ(ParseWindowMicros("2w"), int64_t{14} * 86'400'000'000);
  EXPECT_EQ(ParseWindowMicros("90m"), int64_t{5'400} * 1'000'000);
  for (const char* bad : {"", "d", "0d", "-1d", "1y", "1.5d", "99999999999999d"}) {
    EXPECT_FALSE(ParseWindowMicros(bad)) << bad;
  }
  EXPECT_EQ(ParseDuration("1h1.5s")->seconds, 3601);
  EXPECT_EQ(ParseDuration("1h1.5s")->nanos, 500'000'000);
  for (const char* bad : {"", "1", "s", "1h-1s", "1x", "320000000000s"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
}

TEST(DoubleTest, WritesTheShortestTextThatReadsBack) {
  EXPECT_EQ(ShortestDouble(0.1), "0.1");
  EXPECT_EQ(ShortestDouble(3), "3");
  EXPECT_EQ(DoubleLiteral(3), "3.0");
  EXPECT_EQ(ShortestDouble(1e21), "1e+21");
  EXPECT_EQ(ShortestDouble(-0.0045), "-0.0045");
}

}  // namespace
}  // namespace rondo::rules
