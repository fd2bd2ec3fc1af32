// Rules that are meant to hurt: each is refused with its place, or answered, in bounded time.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rules/eval_command.h"

namespace rondo::rules {
namespace {

using Json = nlohmann::json;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kSlowdown = 30;
#else
constexpr double kSlowdown = 1;
#endif
// Processor time for what is refused as text, and for what runs until its budget is used up.
constexpr double kRefusalSeconds = 0.010 * kSlowdown;
constexpr double kBudgetSeconds = 0.500 * kSlowdown;

std::string Repeat(const std::string& text, size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// What `rondo rules eval` answers, checked and not; the answer is there within `seconds`.
Json Answer(const std::string& expression, bool check, double seconds) {
  const Json request = {{"expr", expression}, {"disable_check", !check}};
  const std::clock_t start = std::clock();
  Json answer = EvalRequest(request, absl::FromUnixSeconds(1'700'000'000));
  const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_LT(took, seconds) << expression.substr(0, 80);
  return answer;
}

// Empty when the answer is an error of `phase` whose message says `says`, at line 1 and `column`.
std::string Complaint(const Json& answer, const std::string& phase, int column,
                      const std::string& says) {
  if (!answer.contains("error")) return "no error: " + answer.dump().substr(0, 200);
  const Json& error = answer["error"];
  const bool right = error["phase"] == phase && error["line"] == 1 && error["column"] == column &&
                     error["message"].get<std::string>().find(says) != std::string::npos;
  return right ? "" : error.dump();
}

struct Bad {
  std::string text;
  const char* phase;
  int column;
  const char* says;
};

void ExpectRefused(const std::vector<Bad>& cases, double seconds) {
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.text.substr(0, 60));
    EXPECT_EQ(Complaint(Answer(bad.text, true, seconds), bad.phase, bad.column, bad.says), "");
    // Unchecked, what the check refuses fails when it runs; the rest in the same way.
    const Json unchecked = Answer(bad.text, false, seconds);
    ASSERT_TRUE(unchecked.contains("error"));
    EXPECT_EQ(unchecked["error"]["line"], 1);
    EXPECT_GE(unchecked["error"]["column"], 1);
  }
}

TEST(BadInputTest, AMegabyteIsRefusedWhereTheLimitIs) {
  std::vector<Bad> cases;
  for (const char* unit :
       {"a", " ", "1", "+", "(", "'", "\"", "//", "a.", "[", "1+", "\\", "\xff"}) {
    cases.push_back({Repeat(unit, 1 << 20), "parse", 65'537, "longer than 65536 bytes"});
  }
  ExpectRefused(cases, kRefusalSeconds);
}

TEST(BadInputTest, TenThousandLevelsOfNestingAreRefusedWhereTheLimitIs) {
  struct Bracket {
    const char* open;
    const char* close;
  };
  const Bracket kBrackets[] = {{"(", ")"},
                               {"[", "]"},
                               {"{1:", "}"},
                               {"f(", ")"},
                               {"a[", "]"},
                               {"a.b(", ")"},
                               {"[?", "]"},
                               {"x{a:", "}"},
                               {"1+(", ")"},
                               {"has(", ")"},
                               {"a?b:(", ")"},
                               {"true?1:", ""},
                               {"[1].map(x,", ")"},
                               {"-(", ")"},
                               {"!(", ")"},
                               {"a.all(x,", ")"},
                               {"cel.bind(a,1,", ")"},
                               {"optional.of(", ")"},
                               {"[1][?", "]"},
                               {"1 in [", "]"}};
  for (const Bracket& bracket : kBrackets) {
    const std::string open = bracket.open;
    // As many of the 10,000 levels as a rule's 64 KiB hold; beyond these it is refused as too long.
    const size_t levels = std::min<size_t>(10'000, 65'000 / (open.size() + 1));
    for (const bool closed : {true, false}) {
      const std::string text =
          Repeat(open, levels) + "1" + (closed ? Repeat(bracket.close, levels) : "");
      SCOPED_TRACE(text.substr(0, 40));
      const Json answer = Answer(text, true, kRefusalSeconds);
      ASSERT_TRUE(answer.contains("error"));
      EXPECT_EQ(answer["error"]["phase"], "parse");
      EXPECT_NE(answer["error"]["message"].get<std::string>().find("nested more than 100"),
                std::string::npos);
      EXPECT_LE(answer["error"]["column"].get<size_t>(), 101 * open.size() + 1);
    }
    EXPECT_TRUE(
        Answer(Repeat(open, 10'000) + "1" + Repeat(bracket.close, 10'000), true, kRefusalSeconds)
            .contains("error"));
  }
}

TEST(BadInputTest, TenThousandSignsOrLinksOfAChainAreRefused) {
  const std::vector<Bad> cases = {
      {Repeat("!", 10'000) + "true", "parse", 1, "too many signs"},
      {Repeat("-", 10'000) + "1", "parse", 1, "too many signs"},
      {Repeat("- ", 10'000) + "1", "parse", 1, "too many signs"},
      {Repeat("!-", 10'000) + "1", "parse", 2, "unexpected `-`"},
      {"a" + Repeat(".b", 10'000), "parse", 20'001, "chained more than 400 deep"},
      {"a" + Repeat(".?b", 10'000), "parse", 29'999, "chained more than 400 deep"},
      {"a" + Repeat("[0]", 10'000), "parse", 29'999, "more than 20000 parts"},
      {"a" + Repeat(".f()", 10'000), "parse", 39'999, "chained more than 400 deep"},
      {"1" + Repeat("+1", 10'000), "parse", 20'000, "more than 20000 parts"},
      {"1" + Repeat("<1", 10'000), "parse", 20'000, "more than 20000 parts"},
      {"[" + Repeat("1,", 30'000) + "]", "parse", 40'000, "more than 20000 parts"},
  };
  ExpectRefused(cases, kRefusalSeconds * 2);
}

TEST(BadInputTest, PatternsRunInLinearTimeOrAreRefused) {
  const std::string many = Repeat("a", 3'000);
  for (const std::string pattern : {"(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)(.*)(.*)[0-9]"}) {
    const Json answer = Answer("'" + many + "!'.matches('" + pattern + "')", true, kRefusalSeconds);
    EXPECT_EQ(answer["value"]["v"], false) << pattern;
  }
  ExpectRefused({{"'a'.matches('(a{1000}){1000}')", "eval", 5, "invalid repetition size"},
                 {"'a'.matches('a{1001}')", "eval", 5, "invalid repetition size"},
                 {"'a'.matches('[')", "eval", 5, "missing ]"},
                 {"'a'.matches('" + Repeat("a", 2'000) + "')", "eval", 5, "pattern is too long"},
                 {R"('a'.matches('(\\pL|\\pN){100}(\\pL{100}){5}'))", "eval", 5, "too large"}},
                kBudgetSeconds);
  // Patterns that are made while the rule runs are compiled each time, and paid for.
  std::string texts;
  for (int i = 0; i < 900; ++i) texts += "'a" + std::to_string(i) + "',";
  ExpectRefused({{"[" + texts + "].map(p, 'aaaa'.matches('(a|aa)+' + p + '{500}'))", "eval", 6208,
                  "too many steps"}},
                kBudgetSeconds);
}

// Nested cel.bind, each twice the one before: 2^levels of `first` while it shares its parts.
std::string Doubled(const std::string& first, const std::string& twice, int levels,
                    const std::string& body) {
  std::string text = "cel.bind(a0, " + first + ", ";
  for (int i = 1; i <= levels; ++i) {
    std::string step = twice;
    const std::string before = "a" + std::to_string(i - 1);
    for (size_t at = 0; (at = step.find('$', at)) != std::string::npos;) {
      step.replace(at, 1, before);
    }
    text += "cel.bind(a" + std::to_string(i) + ", " + step + ", ";
  }
  std::string end = body;
  for (size_t at = 0; (at = end.find('$', at)) != std::string::npos;) {
    end.replace(at, 1, "a" + std::to_string(levels));
  }
  return text + end + Repeat(")", static_cast<size_t>(levels) + 1);
}

TEST(BadInputTest, ValuesThatDoubleThemselvesEndWithinTheBudget) {
  for (const char* body : {"$", "$ == $", "$ in [$]", "[$] == [$]", "'%s'.format([$])", "{1: 2}[$]",
                           "{1: $}", "optional.of($)", "$.map(x, x) == $", "$ != [$]"}) {
    const Json answer = Answer(Doubled("[1]", "[$, $]", 60, body), false, kBudgetSeconds);
    EXPECT_TRUE(answer.contains("error")) << body << answer.dump().substr(0, 200);
  }
  for (const char* body : {"$", "$.size()", "$ == $", "$.reverse()", "$.contains('b')"}) {
    const Json answer = Answer(Doubled("'0123456789'", "$ + $", 60, body), true, kBudgetSeconds);
    ASSERT_TRUE(answer.contains("error")) << body;
    EXPECT_NE(answer["error"]["message"].get<std::string>().find("too large"), std::string::npos);
  }
}

TEST(BadInputTest, RepetitionOfTextEndsWithinTheBudget) {
  const std::string a = "'" + Repeat("a", 1'000) + "'";
  const std::string b = "'" + Repeat("b", 30'000) + "'";
  const std::string items = "[" + Repeat("1,", 5'000) + "]";
  const std::vector<std::string> texts = {
      a + ".replace('a', " + b + ").replace('b', " + b + ")",
      a + ".replace('', " + b + ").replace('', " + b + ")",
      "'" + Repeat("a", 9'000) + "'.split('').join(" + b + ")",
      "cel.bind(b, " + b + ", " + items + ".map(x, b.reverse()))",
      "cel.bind(b, " + b + ", " + items + ".map(x, strings.quote(b)))",
      "cel.bind(b, " + b + ", " + items + ".map(x, " + items + ".map(y, b.size())))",
      "cel.bind(b, " + items + ", b.map(x, b == b))",
      "cel.bind(b, " + items + ", b.all(x, !(2 in b)))",
      items + ".map(x, " + items + ".map(y, 1))",
      "'%.99999999999f'.format([1.0])"};
  for (const std::string& text : texts) {
    EXPECT_TRUE(Answer(text, true, kBudgetSeconds).contains("error")) << text.substr(0, 60);
  }
  // Quadratic for a naive search, which takes minutes.
  const Json found = Answer("cel.bind(l, '" + Repeat("a", 30'000) +
                                "', [1,2,3,4,5,6,7,8,9,10].all(i, [1,2,3,4,5,6,7,8,9,10].all(j, "
                                "!l.contains('" +
                                Repeat("a", 15'000) + "b'))))",
                            true, kBudgetSeconds);
  EXPECT_EQ(found["value"]["v"], true);
}

TEST(BadInputTest, ArithmeticBeyondItsRangeNamesTheOperator) {
  ExpectRefused({{"1 / 0", "eval", 3, "division by zero"},
                 {"1u % 0u", "eval", 4, "modulus by zero"},
                 {"9223372036854775807 + 1", "eval", 21, "overflow"},
                 {"-9223372036854775808 - 1", "eval", 22, "overflow"},
                 {"4611686018427387904 * 4", "eval", 21, "overflow"},
                 {"-(-9223372036854775808)", "eval", 1, "overflow"},
                 {"-9223372036854775808 / -1", "eval", 22, "overflow"},
                 {"-9223372036854775808 % -1", "eval", 22, "overflow"},
                 {"0u - 1u", "eval", 4, "overflow"},
                 {"int(1e19)", "eval", 1, "out of the target"},
                 {"int(0.0 / 0.0)", "eval", 1, "out of the target"},
                 {"[1][dyn(0.0 / 0.0)]", "eval", 4, "out of range"},
                 {"[1][-1]", "eval", 4, "out of range"},
                 {"[1][9223372036854775807]", "eval", 4, "out of range"},
                 {"{1: 2}[dyn(0.0 / 0.0)]", "eval", 7, "no such key"},
                 {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "eval", 35, "out of range"},
                 {"duration('315576000000s') + duration('1s')", "eval", 27, "out of range"}},
                kRefusalSeconds);
  for (const char* nan : {"0.0/0.0 < 1.0", "0.0/0.0 == 0.0/0.0", "[0.0/0.0] == [0.0/0.0]"}) {
    EXPECT_EQ(Answer(nan, true, kRefusalSeconds)["value"]["v"], false) << nan;
  }
}

TEST(BadInputTest, TextThatIsNoUtf8IsRefusedWhereItIs) {
  ExpectRefused({{"'a\xff'", "parse", 3, "not valid UTF-8"},
                 {"\xc3", "parse", 1, "not valid UTF-8"},
                 {"'\xed\xa0\x80'", "parse", 2, "not valid UTF-8"},
                 {"'\xc0\x80'", "parse", 2, "not valid UTF-8"},
                 {"1 + \xf5", "parse", 5, "not valid UTF-8"},
                 {"string(b'\\xff')", "eval", 1, "UTF-8"}},
                kRefusalSeconds);
}

TEST(BadInputTest, LongTextOfNumbersAndTimesIsReadInLinearTime) {
  const std::string ones = Repeat("1", 60'000);
  ExpectRefused({{ones, "parse", 1, "too large"},
                 {"0x" + ones, "parse", 1, "too large"},
                 {"1e" + ones, "parse", 1, "too large"},
                 {"int('" + ones + "')", "eval", 1, "no int"},
                 {"timestamp('" + ones + "')", "eval", 1, "no timestamp"},
                 {"duration('" + ones + "s')", "eval", 1, "no duration"},
                 {"timestamp(0).getHours('" + Repeat("A/", 30'000) + "')", "eval", 14, "time zone"},
                 {"timestamp(0).getHours('../../../etc/passwd')", "eval", 14, "time zone"},
                 {"timestamp(0).getHours('/dev/stdin')", "eval", 14, "time zone"}},
                kRefusalSeconds);
}

TEST(BadInputTest, DeepVariablesAreRefusedAsInput) {
  Json deep = {{"t", "int"}, {"v", "1"}};
  for (int i = 0; i < 10'000; ++i)
    deep = Json{{"t", "list"}, {"v", Json::array({std::move(deep)})}};
  Json request = {{"expr", "x"}};
  request["bindings"]["x"] = std::move(deep);
  const Json answer = EvalRequest(request, absl::UnixEpoch());
  EXPECT_EQ(answer["error"]["phase"], "input");
}

}  // namespace
}  // namespace rondo::rules
