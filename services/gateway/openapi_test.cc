#include "services/gateway/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "google/protobuf/descriptor.pb.h"

namespace rondo {
namespace {

using Json = nlohmann::json;

const std::vector<std::string>& ContractServices() {
  static const std::vector<std::string> kServices = [] {
    std::vector<std::string> names;
    google::protobuf::FileDescriptorSet files;
    files.ParseFromString(std::string(ContractDescriptorSet()));
    for (const auto& file : files.file()) {
      for (const auto& service : file.service())
        names.push_back(file.package() + "." + service.name());
    }
    return names;
  }();
  return kServices;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// What the OpenAPI 3.0.3 specification demands of the parts that the document has.
class Validator {
 public:
  explicit Validator(const Json& document) : document_(document) {}

  void Check() {
    EXPECT_EQ(document_.at("openapi"), "3.0.3");
    EXPECT_TRUE(document_.at("info").contains("title") && document_.at("info").contains("version"));
    for (const auto& [path, item] : document_.at("paths").items()) {
      EXPECT_EQ(path.front(), '/');
      for (const auto& [method, operation] : item.items()) CheckOperation(path, method, operation);
    }
    for (const auto& [name, schema] : document_.at("components").at("schemas").items())
      CheckSchema(schema);
  }

 private:
  void CheckOperation(const std::string& path, const std::string& method, const Json& operation) {
    SCOPED_TRACE(method + " " + path);
    EXPECT_TRUE((std::set<std::string>{"get", "put", "post", "delete", "patch"}.contains(method)));
    EXPECT_TRUE(operation_ids_.insert(operation.at("operationId").get<std::string>()).second)
        << operation.at("operationId");
    std::set<std::string> in_path;
    std::set<std::pair<std::string, std::string>> all;
    for (const Json& parameter : operation.value("parameters", Json::array())) {
      EXPECT_TRUE(all.emplace(parameter.at("in"), parameter.at("name")).second) << parameter;
      if (parameter.at("in") == "path") {
        EXPECT_EQ(parameter.at("required"), true);
        in_path.insert(parameter.at("name"));
      }
      CheckSchema(parameter.at("schema"));
    }
    EXPECT_EQ(in_path, PlaceholdersOf(path));
    if (operation.contains("requestBody")) CheckContent(operation.at("requestBody").at("content"));
    EXPECT_FALSE(method == "get" && operation.contains("requestBody"));
    ASSERT_FALSE(operation.at("responses").empty());
    for (const auto& [code, response] : operation.at("responses").items()) {
      EXPECT_TRUE(response.contains("description")) << code;
      CheckContent(response.at("content"));
    }
  }

  static std::set<std::string> PlaceholdersOf(const std::string& path) {
    std::set<std::string> names;
    for (size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
      names.insert(path.substr(at + 1, path.find('}', at) - at - 1));
    }
    return names;
  }

  void CheckContent(const Json& content) {
    for (const auto& [type, media] : content.items()) CheckSchema(media.at("schema"));
  }

  void CheckSchema(const Json& schema) {
    if (schema.contains("$ref")) {
      const std::string reference = schema.at("$ref");
      EXPECT_TRUE(document_.contains(Json::json_pointer(reference.substr(1)))) << reference;
      EXPECT_EQ(schema.size(), 1u) << "what stands beside a $ref is ignored";
      return;
    }
    if (schema.value("type", "") == "array") CheckSchema(schema.at("items"));
    for (const Json& part : schema.value("allOf", Json::array())) CheckSchema(part);
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, property] : properties.items()) CheckSchema(property);
    for (const Json& name : schema.value("required", Json::array())) {
      EXPECT_TRUE(schema.at("properties").contains(name)) << name;
    }
  }

  const Json& document_;
  std::set<std::string> operation_ids_;
};

TEST(OpenApiTest, TheContractsDocumentIsValid) {
  const absl::StatusOr<std::string> text =
      OpenApiDocument(ContractDescriptorSet(), ContractServices());
  ASSERT_TRUE(text.ok()) << text.status();
  const Json document = Json::parse(*text);
  Validator(document).Check();
  EXPECT_GE(document.at("paths").size(), 30u);
  const Json& launch = document.at("paths").at("/api/v1/campaigns/{campaignsId}:launch").at("post");
  EXPECT_EQ(launch.at("operationId"), "CampaignService_LaunchCampaign");
  // Each RPC and each property of each message says what it is.
  for (const auto& [path, item] : document.at("paths").items()) {
    for (const auto& [method, operation] : item.items())
      EXPECT_TRUE(operation.contains("description")) << path;
  }
}

TEST(OpenApiTest, TheEchoServicesDocumentIsAsItWas) {
  const absl::StatusOr<std::string> text =
      OpenApiDocument(ReadFile(RONDO_ECHO_DESCRIPTORS), {"rondo.rpc.testing.EchoService"});
  ASSERT_TRUE(text.ok()) << text.status();
  Validator(Json::parse(*text)).Check();
  const std::string golden = "services/gateway/testing/echo_openapi.json";
  const std::string now = nlohmann::ordered_json::parse(*text).dump(2) + "\n";
  if (std::getenv("RONDO_UPDATE_GOLDEN") != nullptr) std::ofstream(golden) << now;
  EXPECT_EQ(now, ReadFile(golden)) << "if that is meant: RONDO_UPDATE_GOLDEN=1, and read the diff";
}

TEST(OpenApiTest, RefusesASetWithoutTheService) {
  EXPECT_FALSE(OpenApiDocument(ContractDescriptorSet(), {"no.Such"}).ok());
  EXPECT_FALSE(OpenApiDocument("\xff", {}).ok());
}

}  // namespace
}  // namespace rondo
