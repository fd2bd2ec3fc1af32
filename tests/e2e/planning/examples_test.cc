// What the repository shows to newcomers is accepted: each file of examples/ parses, and every
// campaign and segment in it passes the checks of its service.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/documents.h"
#include "platform/catalog/catalog.h"
#include "services/campaign/module.h"
#include "services/targeting/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo {
namespace {

// The documents of all YAML files of a folder that hold documents, by file.
std::vector<Document> DocumentsOf(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    // The demonstration keeps its mappings beside its definitions.
    if (name.ends_with(".yaml") && name.find("mapping") == std::string::npos) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Document> documents;
  for (const std::filesystem::path& file : files) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    const auto parsed = ParseDocuments(file.string(), text.str());
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    if (parsed.ok()) documents.insert(documents.end(), parsed->begin(), parsed->end());
  }
  return documents;
}

class ExamplesTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ExamplesTest, AreAcceptedByTheServicesThatTheyAreFor) {
  kit::TestRuntime house;
  std::ostringstream sink;
  const Log log(house.clock(), sink);
  const PageTokens tokens{InstanceKey{}};
  MethodTable methods;
  LocalCaller caller(methods);
  catalog::Catalog catalog;
  house.runtime().Add(catalog);
  catalog.Attach(house.runtime());
  targeting::Module targeting({.runtime = house.runtime(),
                               .catalog = catalog,
                               .executor = house.executor(),
                               .clock = house.clock(),
                               .page_tokens = tokens});
  campaign::Module campaigns({.runtime = house.runtime(),
                              .catalog = catalog,
                              .executor = house.executor(),
                              .log = log,
                              .targeting = caller,
                              .page_tokens = tokens,
                              .instance_key = InstanceKey{}});
  targeting.Serve(methods);
  campaigns.Serve(methods);
  house.Start();

  int seen = 0;
  for (const Document& document : DocumentsOf(GetParam())) {
    SCOPED_TRACE(document.file + ": " + document.definition.name());
    absl::Status status;
    if (document.definition.has_segment()) {
      targeting::v1::CreateSegmentRequest request;
      *request.mutable_segment() = document.definition.segment();
      status = targeting.handlers().CreateSegment({}, request).status();
    } else if (document.definition.has_campaign()) {
      campaign::v1::CreateCampaignRequest request;
      *request.mutable_campaign() = document.definition.campaign();
      status = campaigns.handlers().CreateCampaign({}, request).status();
      ++seen;
    } else if (document.definition.has_policy()) {
      campaign::v1::CreatePolicyRequest request;
      *request.mutable_policy() = document.definition.policy();
      status = campaigns.handlers().CreatePolicy({}, request).status();
    } else {
      status = catalog.Put(document.definition, {}).status();
    }
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_GE(seen, 1);
}

INSTANTIATE_TEST_SUITE_P(Folders, ExamplesTest,
                         ::testing::Values("examples/winback", "examples/demo"));

}  // namespace
}  // namespace rondo
