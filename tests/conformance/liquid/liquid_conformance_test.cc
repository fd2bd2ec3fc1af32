// Golden Liquid's cases against our subset. A case that uses what the subset refuses must be
// refused by Compile, or counted as expected to; every other case must come out as the suite says,
// down to the floor below, which only ever rises.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "channels/template/template.h"
#include "nlohmann/json.hpp"
#include "tests/kit/process/process.h"

namespace rondo::liquid {
namespace {

using nlohmann::json;

// Of the cases within the subset, in per mille.
constexpr int kPassFloor = 990;
// Fewer cases within the subset than this: the filter below has gone wrong.
constexpr int kCasesMin = 400;

const std::set<std::string>& Refused() {
  static const auto& refused = *new std::set<std::string>{"case tag",
                                                          "capture tag",
                                                          "echo tag",
                                                          "liquid tag",
                                                          "include tag",
                                                          "render tag",
                                                          "cycle tag",
                                                          "tablerow tag",
                                                          "increment tag",
                                                          "decrement tag",
                                                          "ifchanged tag",
                                                          "doc tag",
                                                          "base64_encode filter",
                                                          "base64_decode filter",
                                                          "base64_url_safe_encode filter",
                                                          "base64_url_safe_decode filter",
                                                          "find filter",
                                                          "find_index filter",
                                                          "has filter",
                                                          "reject filter",
                                                          "sort_natural filter"};
  return refused;
}

bool UsesRefused(const json& given) {
  // A few cases lack the tag of what they use.
  const std::string source = given["template"];
  for (const char* word : {"capture", "liquid", "doc "}) {
    if (source.find("{% " + std::string(word)) != std::string::npos) return true;
  }
  if (!given.contains("tags")) return false;
  return std::any_of(given["tags"].begin(), given["tags"].end(),
                     [](const json& tag) { return Refused().contains(tag.get<std::string>()); });
}

bool Passes(const json& given, std::string* got) {
  const auto compiled = Template::Compile(given["template"].get<std::string>(), {});
  const bool must_fail = given.value("invalid", false);
  if (!compiled.ok()) {
    *got = compiled.status().ToString();
    return must_fail;
  }
  const auto rendered = compiled->Render(given.value("data", json::object()), {});
  if (!rendered.ok()) {
    *got = rendered.status().ToString();
    return must_fail;
  }
  *got = *rendered;
  if (must_fail) return false;
  if (given.contains("result")) return *rendered == given["result"].get<std::string>();
  const json& results = given["results"];
  return std::find(results.begin(), results.end(), json(*rendered)) != results.end();
}

TEST(LiquidConformanceTest, AgreesWithGoldenLiquidWithinTheSubset) {
  RONDO_REQUIRE_TEST_DATA(folder, "liquid");
  std::ifstream lines(folder + "/cases.jsonl");
  int within = 0;
  int passed = 0;
  std::string failures;
  for (std::string line; std::getline(lines, line);) {
    const json given = json::parse(line);
    if (UsesRefused(given)) continue;
    ++within;
    std::string got;
    if (Passes(given, &got)) {
      ++passed;
    } else {
      failures += given["name"].get<std::string>() + ": " + got + "\n";
    }
  }
  RecordProperty("passed", passed);
  RecordProperty("within", within);
  std::printf("%d of %d cases of the subset pass; these do not:\n%s", passed, within,
              failures.c_str());
  EXPECT_GE(within, kCasesMin);
  EXPECT_GE(passed * 1000, within * kPassFloor);
}

TEST(LiquidConformanceTest, RefusesEveryTagBeyondTheSubset) {
  for (const char* tag : {"case x", "capture x", "echo x", "liquid", "include 'x'", "render 'x'",
                          "cycle 1", "tablerow x in y", "increment x", "ifchanged", "doc"}) {
    const auto compiled = Template::Compile("{% " + std::string(tag) + " %}", {});
    EXPECT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument) << tag;
  }
}

}  // namespace
}  // namespace rondo::liquid
