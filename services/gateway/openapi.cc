#include "services/gateway/openapi.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "google/api/annotations.pb.h"
#include "google/api/field_behavior.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "platform/core/status_macros.h"
#include "services/gateway/transcoder.h"

namespace rondo {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using Json = nlohmann::ordered_json;

// Query parameters name fields of messages in messages up to this depth: deeper ones need a body.
constexpr int kQueryDepthMax = 3;

// The comment above `element`, its lines joined; empty if it has none.
template <typename Element>
std::string CommentOf(const Element& element) {
  google::protobuf::SourceLocation location;
  if (!element.GetSourceLocation(&location)) return {};
  std::string text = absl::StrReplaceAll(location.leading_comments, {{"\n ", "\n"}});
  absl::StripAsciiWhitespace(&text);
  return text;
}

template <typename Element>
void Describe(const Element& element, Json& json) {
  const std::string comment = CommentOf(element);
  if (!comment.empty()) json["description"] = comment;
}

bool HasBehavior(const FieldDescriptor& field, google::api::FieldBehavior behavior) {
  for (int i = 0; i < field.options().ExtensionSize(google::api::field_behavior); ++i) {
    if (field.options().GetExtension(google::api::field_behavior, i) == behavior) return true;
  }
  return false;
}

// Types with a JSON form of their own; nullptr for all others.
const Json* WellKnownSchema(const std::string& type) {
  static const std::map<std::string, Json>& kSchemas = *new std::map<std::string, Json>{
      {"google.protobuf.Timestamp", {{"type", "string"}, {"format", "date-time"}}},
      {"google.protobuf.Duration",
       {{"type", "string"}, {"pattern", "^-?[0-9]+(\\.[0-9]{1,9})?s$"}}},
      {"google.protobuf.FieldMask", {{"type", "string"}}},
      {"google.protobuf.Empty", {{"type", "object"}}},
      {"google.protobuf.Struct", {{"type", "object"}, {"additionalProperties", true}}},
      {"google.protobuf.Value", Json::object()},
      {"google.protobuf.ListValue", {{"type", "array"}, {"items", Json::object()}}},
      {"google.protobuf.Any",
       {{"type", "object"},
        {"properties", {{"@type", {{"type", "string"}}}}},
        {"additionalProperties", true}}},
      {"google.protobuf.StringValue", {{"type", "string"}, {"nullable", true}}},
      {"google.protobuf.BoolValue", {{"type", "boolean"}, {"nullable", true}}},
      {"google.protobuf.DoubleValue",
       {{"type", "number"}, {"format", "double"}, {"nullable", true}}},
      {"google.protobuf.Int32Value",
       {{"type", "integer"}, {"format", "int32"}, {"nullable", true}}},
      {"google.protobuf.Int64Value", {{"type", "string"}, {"format", "int64"}, {"nullable", true}}},
  };
  const auto found = kSchemas.find(type);
  return found == kSchemas.end() ? nullptr : &found->second;
}

Json Reference(const std::string& name) {
  return {{"$ref", absl::StrCat("#/components/schemas/", name)}};
}

class Document {
 public:
  Json Make(const std::vector<const ServiceDescriptor*>& services) {
    Json tags = Json::array();
    Json paths = Json::object();
    for (const ServiceDescriptor* service : services) {
      Json tag = {{"name", service->name()}};
      Describe(*service, tag);
      tags.push_back(tag);
      for (int i = 0; i < service->method_count(); ++i) AddRpc(*service->method(i), paths);
    }
    Json schemas = Json::object();
    // Describing one message may need others.
    while (!wanted_.empty()) {
      const auto next = wanted_.extract(wanted_.begin());
      schemas[next.key()] = next.mapped()();
    }
    Json sorted = Json::object();
    std::map<std::string, Json> by_name;
    for (auto& [name, schema] : schemas.items()) by_name[name] = schema;
    for (auto& [name, schema] : by_name) sorted[name] = std::move(schema);
    return {{"openapi", "3.0.3"},
            {"info", {{"title", "rondo"}, {"version", "v1"}, {"description", kDescription}}},
            {"tags", tags},
            {"paths", paths},
            {"components", {{"schemas", sorted}}}};
  }

 private:
  static constexpr char kDescription[] =
      "Campaign management and closed-loop marketing. Made from the protobuf contract: the same "
      "methods are "
      "served over gRPC. Errors are google.rpc.Status.";

  void Want(const std::string& name, std::function<Json()> make) {
    if (known_.insert(name).second) wanted_.emplace(name, std::move(make));
  }

  Json MessageSchema(const Descriptor& type) {
    if (const Json* well_known = WellKnownSchema(type.full_name())) return *well_known;
    Want(type.full_name(), [this, &type] { return ObjectSchema(type, {}); });
    return Reference(type.full_name());
  }

  Json EnumSchema(const EnumDescriptor& type) {
    Want(type.full_name(), [&type] {
      Json schema = {{"type", "string"}, {"enum", Json::array()}};
      std::string comment = CommentOf(type);
      for (int i = 0; i < type.value_count(); ++i) {
        schema["enum"].push_back(type.value(i)->name());
        const std::string value_comment = CommentOf(*type.value(i));
        if (!value_comment.empty())
          absl::StrAppend(&comment, "\n- ", type.value(i)->name(), ": ", value_comment);
      }
      if (!comment.empty()) schema["description"] = comment;
      return schema;
    });
    return Reference(type.full_name());
  }

  // Of one value of the field.
  Json ValueSchema(const FieldDescriptor& field) {
    switch (field.type()) {
      case FieldDescriptor::TYPE_MESSAGE:
      case FieldDescriptor::TYPE_GROUP:
        return MessageSchema(*field.message_type());
      case FieldDescriptor::TYPE_ENUM:
        return EnumSchema(*field.enum_type());
      case FieldDescriptor::TYPE_STRING:
        return {{"type", "string"}};
      case FieldDescriptor::TYPE_BYTES:
        return {{"type", "string"}, {"format", "byte"}};
      case FieldDescriptor::TYPE_BOOL:
        return {{"type", "boolean"}};
      case FieldDescriptor::TYPE_DOUBLE:
        return {{"type", "number"}, {"format", "double"}};
      case FieldDescriptor::TYPE_FLOAT:
        return {{"type", "number"}, {"format", "float"}};
      case FieldDescriptor::TYPE_INT32:
      case FieldDescriptor::TYPE_SINT32:
      case FieldDescriptor::TYPE_SFIXED32:
        return {{"type", "integer"}, {"format", "int32"}};
      case FieldDescriptor::TYPE_UINT32:
      case FieldDescriptor::TYPE_FIXED32:
        return {{"type", "integer"}, {"format", "uint32"}};
      // Beyond JavaScript's exact integers: proto's JSON writes strings.
      case FieldDescriptor::TYPE_INT64:
      case FieldDescriptor::TYPE_SINT64:
      case FieldDescriptor::TYPE_SFIXED64:
        return {{"type", "string"}, {"format", "int64"}};
      case FieldDescriptor::TYPE_UINT64:
      case FieldDescriptor::TYPE_FIXED64:
        return {{"type", "string"}, {"format", "uint64"}};
    }
    return Json::object();
  }

  Json FieldSchema(const FieldDescriptor& field) {
    Json schema;
    if (field.is_map()) {
      schema = {{"type", "object"},
                {"additionalProperties", ValueSchema(*field.message_type()->map_value())}};
    } else if (field.is_repeated()) {
      schema = {{"type", "array"}, {"items", ValueSchema(field)}};
    } else {
      schema = ValueSchema(field);
    }
    const std::string comment = CommentOf(field);
    const bool is_read_only = HasBehavior(field, google::api::OUTPUT_ONLY);
    if (comment.empty() && !is_read_only) return schema;
    // OpenAPI 3.0: what stands beside a $ref is ignored.
    if (schema.contains("$ref")) schema = {{"allOf", Json::array({schema})}};
    if (!comment.empty()) schema["description"] = comment;
    if (is_read_only) schema["readOnly"] = true;
    return schema;
  }

  // `but` are names of fields that stand elsewhere.
  Json ObjectSchema(const Descriptor& type, const std::set<std::string>& but) {
    Json schema = {{"type", "object"}};
    Describe(type, schema);
    Json required = Json::array();
    Json properties = Json::object();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (but.contains(field.name())) continue;
      properties[field.json_name()] = FieldSchema(field);
      if (HasBehavior(field, google::api::REQUIRED)) required.push_back(field.json_name());
    }
    if (!properties.empty()) schema["properties"] = properties;
    if (!required.empty()) schema["required"] = required;
    return schema;
  }

  void AddRpc(const MethodDescriptor& rpc, Json& paths) {
    const absl::StatusOr<std::vector<RestRoute>> routes = RoutesOf(rpc);
    RONDO_CHECK(routes.ok());  // OpenApiDocument has seen them.
    int binding = 0;
    for (const RestRoute& route : *routes) {
      Json parameters = Json::array();
      const std::string path = AddPath(route, parameters);
      Json operation = {
          {"operationId", absl::StrCat(rpc.service()->name(), "_", rpc.name(),
                                       binding == 0 ? "" : absl::StrCat("_", binding + 1))},
          {"tags", Json::array({rpc.service()->name()})}};
      ++binding;
      Describe(rpc, operation);
      if (route.body != "*") AddQuery(route, *rpc.input_type(), "", 0, parameters);
      if (!parameters.empty()) operation["parameters"] = parameters;
      if (!route.body.empty()) operation["requestBody"] = RequestBody(route);
      operation["responses"] = Responses(rpc);
      paths[path][absl::AsciiStrToLower(route.http_method)] = operation;
    }
  }

  // `/api/v1/{name=campaigns/*}:launch` is `/api/v1/campaigns/{campaignsId}:launch`.
  std::string AddPath(const RestRoute& route, Json& parameters) {
    std::string path;
    std::string last = "path";
    for (size_t i = 0; i < route.path.segments.size(); ++i) {
      const PathTemplate::Segment& segment = route.path.segments[i];
      if (segment.kind == PathTemplate::Kind::kLiteral) {
        absl::StrAppend(&path, "/", segment.literal);
        last = segment.literal;
        continue;
      }
      std::string name = last + "Id";
      for (const PathTemplate::Variable& variable : route.path.variables) {
        if (variable.begin == i && variable.end == i + 1) name = variable.field_path;
      }
      absl::StrAppend(&path, "/{", name, "}");
      parameters.push_back(
          {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
    }
    if (!route.path.verb.empty()) absl::StrAppend(&path, ":", route.path.verb);
    return path;
  }

  static bool IsInPathOrBody(const RestRoute& route, const std::string& field_path) {
    if (route.body == field_path) return true;
    for (const PathTemplate::Variable& variable : route.path.variables) {
      if (variable.field_path == field_path) return true;
    }
    return false;
  }

  void AddQuery(const RestRoute& route, const Descriptor& type, const std::string& prefix,
                int depth, Json& parameters) {
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (IsInPathOrBody(route, absl::StrCat(prefix, field.name()))) continue;
      const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
      const Json* well_known =
          is_message ? WellKnownSchema(field.message_type()->full_name()) : nullptr;
      const bool is_leaf =
          !is_message || (well_known != nullptr && well_known->value("type", "") == "string");
      if (!is_leaf) {
        if (!field.is_repeated() && well_known == nullptr && depth + 1 < kQueryDepthMax) {
          AddQuery(route, *field.message_type(), absl::StrCat(prefix, field.name(), "."), depth + 1,
                   parameters);
        }
        continue;
      }
      Json parameter = {{"name", absl::StrCat(JsonPrefix(prefix), field.json_name())},
                        {"in", "query"}};
      Describe(field, parameter);
      if (prefix.empty() && HasBehavior(field, google::api::REQUIRED)) parameter["required"] = true;
      parameter["schema"] = field.is_repeated()
                                ? Json{{"type", "array"}, {"items", ValueSchema(field)}}
                                : ValueSchema(field);
      parameters.push_back(parameter);
    }
  }

  // Dotted names of fields in lowerCamelCase, as JSON has them.
  static std::string JsonPrefix(const std::string& prefix) {
    std::string out;
    bool is_upper = false;
    for (const char c : prefix) {
      if (c == '_') {
        is_upper = true;
      } else {
        out += is_upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
        is_upper = false;
      }
    }
    return out;
  }

  Json RequestBody(const RestRoute& route) {
    const Descriptor& request = *route.rpc->input_type();
    Json schema;
    if (route.body == "*") {
      std::set<std::string> elsewhere;
      for (const PathTemplate::Variable& variable : route.path.variables)
        elsewhere.insert(variable.field_path);
      schema = elsewhere.empty() ? MessageSchema(request) : ObjectSchema(request, elsewhere);
    } else {
      schema = MessageSchema(*request.FindFieldByName(route.body)->message_type());
    }
    return {{"required", true}, {"content", {{"application/json", {{"schema", schema}}}}}};
  }

  Json Responses(const MethodDescriptor& rpc) {
    const Json schema = MessageSchema(*rpc.output_type());
    Json content;
    if (rpc.server_streaming()) {
      content = {{"application/json", {{"schema", {{"type", "array"}, {"items", schema}}}}},
                 {"application/x-ndjson", {{"schema", schema}}}};
    } else {
      content = {{"application/json", {{"schema", schema}}}};
    }
    Want("google.rpc.Status", [] {
      return Json{
          {"type", "object"},
          {"description", "Why a call failed."},
          {"properties",
           {{"code",
             {{"type", "integer"}, {"format", "int32"}, {"description", "A google.rpc.Code."}}},
            {"message", {{"type", "string"}, {"description", "Names the field and the way out."}}},
            {"details",
             {{"type", "array"},
              {"description", "BadRequest with the fields, ErrorInfo, RetryInfo, RequestInfo."},
              {"items", *WellKnownSchema("google.protobuf.Any")}}}}}};
    });
    return {{"200", {{"description", "OK"}, {"content", content}}},
            {"default",
             {{"description", "Failed"},
              {"content", {{"application/json", {{"schema", Reference("google.rpc.Status")}}}}}}}};
  }

  std::set<std::string> known_;
  std::map<std::string, std::function<Json()>> wanted_;
};

}  // namespace

absl::StatusOr<std::string> OpenApiDocument(std::string_view descriptor_set,
                                            const std::vector<std::string>& services) {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size()))) {
    return absl::InvalidArgumentError("the descriptor set does not parse");
  }
  // A pool of their own: the generated one has no comments.
  google::protobuf::DescriptorPool pool;
  for (const google::protobuf::FileDescriptorProto& file : files.file()) {
    if (pool.BuildFile(file) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("descriptors of ", file.name(), " do not fit together"));
    }
  }
  std::vector<const ServiceDescriptor*> found;
  for (const std::string& name : services) {
    found.push_back(pool.FindServiceByName(name));
    if (found.back() == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("the descriptor set has no service ", name));
    }
    for (int i = 0; i < found.back()->method_count(); ++i) {
      RONDO_RETURN_IF_ERROR(RoutesOf(*found.back()->method(i)).status());
    }
  }
  return Document().Make(found).dump();
}

}  // namespace rondo
