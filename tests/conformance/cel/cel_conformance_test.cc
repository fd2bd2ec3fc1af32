// Google's own cases for CEL (google/cel-spec), half of them, from the test data's folder `cel`.
//
// Left out by agreement: block_ext (test-only syntax), network_ext, proto2 and dynamic (messages).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rules/eval_command.h"

namespace rondo::rules {
namespace {

using Json = nlohmann::json;

std::string CasesFile() {
  const char* folder = std::getenv("RONDO_TEST_DATA");
  return std::string(folder == nullptr ? "../shared/data" : folder) + "/cel/cases.jsonl";
}

std::string SuiteOf(const std::string& id) { return id.substr(0, id.find('/')); }

bool IsLeftOut(const std::string& suite) {
  return suite == "block_ext" || suite == "network_ext" || suite == "proto2" || suite == "dynamic";
}

bool SameValue(const Json& a, const Json& b);

bool SameEntries(const Json& a, const Json& b) {
  if (a.size() != b.size()) return false;
  return std::ranges::all_of(a, [&](const Json& entry) {
    return std::ranges::any_of(b, [&](const Json& other) {
      return SameValue(entry[0], other[0]) && SameValue(entry[1], other[1]);
    });
  });
}

// Maps are unordered, NaN equals NaN, and numbers of different types differ.
bool SameValue(const Json& a, const Json& b) {
  if (!a.is_object() || !b.is_object() || a["t"] != b["t"]) return false;
  const std::string type = a["t"];
  if (a.contains("v") != b.contains("v")) return false;
  if (!a.contains("v")) return true;
  if (type == "optional") return SameValue(a["v"], b["v"]);
  if (type == "map") return SameEntries(a["v"], b["v"]);
  if (type == "list") return std::ranges::equal(a["v"], b["v"], SameValue);
  if (type == "double") {
    const double x = std::stod(a["v"].get<std::string>());
    const double y = std::stod(b["v"].get<std::string>());
    return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
  }
  return a["v"] == b["v"];
}

// Empty when the answer is right.
std::string Complaint(const Json& request) {
  const Json answer = EvalRequest(request, absl::FromUnixSeconds(1'700'000'000));
  if (request.contains("want_error")) {
    return answer.contains("error") ? "" : "wants an error, got " + answer.dump();
  }
  if (request.contains("want_type")) {
    Json check = request;
    check["check_only"] = true;
    const Json type = EvalRequest(check, absl::UnixEpoch());
    const std::string wanted = request["want_type"];
    if (type.value("type", "") != wanted) return "wrong type: " + type.dump();
  }
  if (request.value("check_only", false)) return answer.contains("type") ? "" : answer.dump();
  if (!answer.contains("value")) return answer.dump();
  return SameValue(request["want"], answer["value"]) ? "" : "got " + answer["value"].dump();
}

TEST(CelConformanceTest, AnswersAsTheSpecificationSays) {
  std::ifstream cases(CasesFile());
  if (!cases) {
    const char* ci = std::getenv("CI");
    ASSERT_FALSE(ci != nullptr && std::string(ci) == "true") << "no " << CasesFile();
    GTEST_SKIP() << "NO CONFORMANCE CASES at " << CasesFile() << "; set RONDO_TEST_DATA";
  }
  std::map<std::string, std::pair<int, int>> passed_of_all;
  std::vector<std::string> failed;
  for (std::string line; std::getline(cases, line);) {
    const Json request = Json::parse(line);
    const std::string id = request["id"];
    const std::string complaint = Complaint(request);
    auto& [passed, all] = passed_of_all[SuiteOf(id)];
    ++all;
    if (complaint.empty()) {
      ++passed;
    } else if (!IsLeftOut(SuiteOf(id))) {
      failed.push_back(id + ": " + request["expr"].get<std::string>() + "\n    " + complaint);
    }
  }
  int passed = 0;
  int all = 0;
  for (const auto& [suite, counts] : passed_of_all) {
    std::printf("%-16s %3d of %3d%s\n", suite.c_str(), counts.first, counts.second,
                IsLeftOut(suite) ? " (left out)" : "");
    if (IsLeftOut(suite)) continue;
    passed += counts.first;
    all += counts.second;
  }
  std::printf("passed %d of %d; failing ids: %zu\n", passed, all, failed.size());
  for (const std::string& text : failed) std::printf("  %s\n", text.c_str());
  EXPECT_TRUE(failed.empty());
}

}  // namespace
}  // namespace rondo::rules
