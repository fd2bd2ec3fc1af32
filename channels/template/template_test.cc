#include "channels/template/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "nlohmann/json.hpp"

namespace rondo::liquid {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string RenderAs(AutoEscape escape, std::string_view source,
                     const json& data = json::object()) {
  const auto compiled = Template::Compile(source, {.escape = escape});
  if (!compiled.ok()) return "compile: " + std::string(compiled.status().message());
  const auto rendered = compiled->Render(data, {});
  return rendered.ok() ? *rendered : "render: " + std::string(rendered.status().message());
}
std::string RenderText(std::string_view source, const json& data = json::object()) {
  return RenderAs(AutoEscape::kNone, source, data);
}
std::string RenderHtml(std::string_view source, const json& data = json::object()) {
  return RenderAs(AutoEscape::kHtml, source, data);
}

TEST(TemplateTest, GreetsByName) {
  EXPECT_EQ(RenderText("Hello {{ customer.name | default: 'there' }}!",
                       {{"customer", {{"name", "민수"}}}}),
            "Hello 민수!");
  EXPECT_EQ(RenderText("Hello {{ customer.name | default: 'there' }}!"), "Hello there!");
}

TEST(TemplateTest, RefusesWhatIsNotInTheSubsetAndSaysWhere) {
  struct Case {
    const char* source;
    const char* place;
    const char* what;
  };
  const Case cases[] = {
      {"{% include 'x' %}", "line 1, column 1", "`include`"},
      {"a\n  {% render 'x' %}", "line 2, column 3", "`render`"},
      {"{{ x | nosuch }}", "line 1, column 8", "`nosuch`"},
      {"{{ x | raw }}", "line 1, column 8", "`raw`"},
      {"{% if x %}", "line 1, column 11", "endif"},
      {"{{ x", "line 1, column 1", "never closed"},
      {"{{ 'x }}", "line 1, column 4", "never closed"},
      {"{% for x of y %}{% endfor %}", "line 1, column 10", "`in`"},
      {"{% endif %}", "line 1, column 1", "`endif`"},
      {"{{ x y }}", "line 1, column 6", "`y`"},
      {"{{ x | append }}", "line 1, column 8", "1 to 1 arguments"},
      {"{{ 99999999999999999999 }}", "line 1, column 4", "too large"},
      {"{% if a && b %}{% endif %}", "line 1, column 9", "no meaning"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.source);
    const std::string message = RenderText(c.source);
    EXPECT_THAT(message, HasSubstr(std::string("compile: ") + c.place));
    EXPECT_THAT(message, HasSubstr(c.what));
  }
}

TEST(TemplateTest, EscapesWhatCustomersWroteInHtml) {
  const json data = {{"name", "<img src=x onerror='a()'>"}, {"list", {"<b>", "\"&"}}};
  EXPECT_EQ(RenderHtml("<b>{{ name }}</b>", data),
            "<b>&lt;img src=x onerror=&#39;a()&#39;&gt;</b>");
  EXPECT_EQ(RenderHtml("{{ list | join: '<i>' }}", data), "&lt;b&gt;&lt;i&gt;&quot;&amp;");
  EXPECT_EQ(RenderHtml("{% for x in list %}{{ x }}{% endfor %}", data), "&lt;b&gt;&quot;&amp;");
  EXPECT_EQ(RenderHtml("{% assign y = name | downcase | append: '<' %}{{ y }}", data),
            "&lt;img src=x onerror=&#39;a()&#39;&gt;&lt;");
}

TEST(TemplateTest, EscapesOnceWhatAFilterEscapedAlready) {
  const json data = {{"name", "<a\nb>"}};
  EXPECT_EQ(RenderHtml("{{ name | escape }}", data), "&lt;a\nb&gt;");
  EXPECT_EQ(RenderHtml("{{ name | newline_to_br }}", data), "&lt;a<br />\nb&gt;");
  EXPECT_EQ(RenderHtml("{{ name | default: '<br>' }}"), "<br>") << "the author's own words stay";
}

TEST(TemplateTest, WritesTextAsItIs) {
  EXPECT_EQ(RenderText("{{ name }}", {{"name", "<Kim & Söhne>"}}), "<Kim & Söhne>");
}

TEST(TemplateTest, AllowsTheRawFilterOnlyToThoseWhoMay) {
  const auto compiled = Template::Compile(
      "{{ x | raw }}", {.escape = AutoEscape::kHtml, .raw_filter = RawFilter::kAllowed});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_EQ(compiled->Render({{"x", "<hr>"}}, {}).value(), "<hr>");
}

TEST(TemplateTest, NamesTheVariablesThatItReads) {
  const auto compiled = Template::Compile(
      "{% assign a = offer.price %}{% for item in customer.basket limit: top %}{{ item.name }}"
      "{{ forloop.index }}{{ a }}{{ customer['x'].y }}{% endfor %}",
      {});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_THAT(compiled->Variables(),
              ElementsAre("customer", "customer.basket", "offer.price", "top"));
}

TEST(TemplateTest, SaysWhereRenderingFailed) {
  EXPECT_EQ(RenderText("a\n{{ 1 | divided_by: 0 }}"), "render: line 2, column 8: divided by zero");
  EXPECT_EQ(RenderText("{% if x < 'a' %}{% endif %}", {{"x", 1}}),
            "render: line 1, column 9: a number and a string have no order");
}

TEST(TemplateTest, ReadsNeitherEnvironmentNorClock) {
  EXPECT_EQ(RenderText("{{ env }}{{ PATH }}{{ system.PATH }}"), "");
  const auto compiled = Template::Compile("{{ 'now' | date: '%Y-%m-%d %H:%M' }}", {});
  RenderOptions options;
  options.now = absl::FromUnixSeconds(1'000'000'000);
  options.time_zone = absl::FixedTimeZone(9 * 3600);
  EXPECT_EQ(compiled->Render(json::object(), options).value(), "2001-09-09 10:46");
}

struct Hostile {
  const char* name;
  std::string source;
};

std::string Nested(int depth) {
  std::string source;
  for (int i = 0; i < depth; ++i) source += "{% if true %}";
  for (int i = 0; i < depth; ++i) source += "{% endif %}";
  return source;
}

TEST(TemplateLimitTest, EndsHostileTemplatesEarly) {
  std::string doubling = "{% assign x = 'xxxxxxxxxxxxxxxx' %}";
  for (int i = 0; i < 40; ++i) doubling += "{% assign x = x | append: x %}";
  std::string brackets = "{{ ";
  for (int i = 0; i < 100'000; ++i) brackets += "[";
  const Hostile cases[] = {
      {"long loop", "{% for i in (1..1000000000) %}{% endfor %}"},
      {"nested loops", "{% for i in (1..9999) %}{% for j in (1..9999) %}x{% endfor %}{% endfor %}"},
      {"long range joined", "{{ (1..1000000000) | join }}"},
      {"whole int64", "{{ (-9223372036854775807..9223372036854775807) | sum }}"},
      {"doubling", doubling},
      {"replace of nothing", "{% assign x = 'aaaaaaaaaaaaaaaa' %}" + doubling.substr(35, 31 * 15) +
                                 "{{ x | replace: '', x }}"},
      {"deep blocks", Nested(100'000)},
      {"deep brackets", brackets + " }}"},
      {"wide date", "{{ 1 | date: '%999999999d' }}"},
  };
  for (const Hostile& c : cases) {
    SCOPED_TRACE(c.name);
    const absl::Time start = absl::Now();
    EXPECT_THAT(RenderText(c.source),
                ::testing::AnyOf(HasSubstr("compile: line"), HasSubstr("render: line")));
    EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  }
}

TEST(TemplateLimitTest, HoldsTheLimitOfAShortMessage) {
  const auto compiled = Template::Compile("{% for i in (1..200) %}0123456789{% endfor %}", {});
  RenderOptions options;
  options.output_bytes_max = 1600;
  EXPECT_EQ(compiled->Render(json::object(), options).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(TemplateTest, TakesItemsWithLimitOffsetAndReversed) {
  const json data = {{"x", {1, 2, 3, 4, 5}}};
  EXPECT_EQ(RenderText("{% for i in x limit: 2 offset: 1 reversed %}{{ i }}{% endfor %}", data),
            "32");
  EXPECT_EQ(RenderText("{% for i in y %}a{% else %}none{% endfor %}", data), "none");
}

TEST(TemplateTest, HandlesCharactersNotBytes) {
  const json data = {{"x", "안녕하세요"}};
  EXPECT_EQ(RenderText("{{ x | truncate: 4, '…' }}{{ x | size }}{{ x | slice: 1, 2 }}", data),
            "안녕하…5녕하");
  EXPECT_EQ(RenderText("{{ 'straße éa' | upcase }}"), "STRASSE ÉA");
}

RC_GTEST_PROP(TemplateTest, HtmlOutputsNeverHoldMarkup, (const std::string& name)) {
  const json data = {{"name", name}};
  const auto compiled =
      Template::Compile("{{ name }}{{ name | capitalize }}{{ name | split: '' | join: '-' }}",
                        {.escape = AutoEscape::kHtml});
  const std::string html = compiled->Render(data, {}).value();
  RC_ASSERT(html.find_first_of("<>\"'") == std::string::npos);
}

RC_GTEST_PROP(TemplateTest, TextWithoutDelimitersIsWrittenAsItIs, (std::string text)) {
  std::erase(text, '{');
  RC_ASSERT(RenderText(text) == text);
}

}  // namespace
}  // namespace rondo::liquid
