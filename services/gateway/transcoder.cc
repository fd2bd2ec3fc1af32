#include "services/gateway/transcoder.h"

#include <simdjson.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/api/annotations.pb.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/wrappers.pb.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/http/url.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/status.h"

namespace rondo {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  if (field != nullptr) return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

// The field at a dotted path; nullptr if there is none.
const FieldDescriptor* FieldAt(const Descriptor& type, const std::string& path) {
  const Descriptor* message = &type;
  const FieldDescriptor* field = nullptr;
  for (const auto& name : absl::StrSplit(path, '.')) {
    if (message == nullptr) return nullptr;
    field = FindField(*message, std::string(name));
    if (field == nullptr) return nullptr;
    message = field->is_repeated() ? nullptr : field->message_type();
  }
  return field;
}

// Types whose JSON is one string, which may so stand in a query.
bool IsTextual(const Descriptor& type) {
  const std::string& name = type.full_name();
  return name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" ||
         name == "google.protobuf.FieldMask";
}

// The JSON reader names the place in one of three ways: `(cells[0].share): invalid value ...`,
// `(cells[0]) size: Cannot find field.` and, at the root, `size: Cannot find field.`.
absl::Status JsonError(const google::protobuf::util::Status& status, std::string_view root) {
  absl::string_view text(status.message().data(), status.message().size());
  std::string field(root);
  const auto descend = [&](absl::string_view name) {
    if (!name.empty()) absl::StrAppend(&field, field.empty() ? "" : ".", name);
  };
  if (absl::ConsumePrefix(&text, "(")) {
    const size_t end = text.find(')');
    descend(text.substr(0, end));
    text = end == absl::string_view::npos ? absl::string_view() : text.substr(end + 1);
    absl::ConsumePrefix(&text, ":");
    absl::ConsumePrefix(&text, " ");
  }
  if (absl::ConsumeSuffix(&text, ": Cannot find field.")) {
    descend(text);
    text = "no such field";
  }
  return FieldError(field.empty() ? "body" : field, std::string(text));
}

absl::Status ParseJson(const std::string& json, std::string_view root, Message& message) {
  const google::protobuf::util::Status status =
      google::protobuf::util::JsonStringToMessage(json, &message);
  return status.ok() ? absl::OkStatus() : JsonError(status, root);
}

template <typename T>
absl::Status Integer(const std::string& text, std::string_view path, T& value) {
  if (absl::SimpleAtoi(text, &value)) return absl::OkStatus();
  return FieldError(path, "must be an integer within its type's range");
}

// Sets or adds; the field is of a scalar type.
template <typename T>
void Put(Message& message, const FieldDescriptor& field, T value,
         void (Reflection::*set)(Message*, const FieldDescriptor*, T) const,
         void (Reflection::*add)(Message*, const FieldDescriptor*, T) const) {
  (message.GetReflection()->*(field.is_repeated() ? add : set))(&message, &field, std::move(value));
}

absl::Status PutEnum(const std::string& text, std::string_view path, const FieldDescriptor& field,
                     Message& message) {
  const google::protobuf::EnumValueDescriptor* value = field.enum_type()->FindValueByName(text);
  int number = 0;
  if (value == nullptr && absl::SimpleAtoi(text, &number))
    value = field.enum_type()->FindValueByNumber(number);
  if (value == nullptr)
    return FieldError(path, absl::StrCat("must be a value of ", field.enum_type()->name()));
  Put<const google::protobuf::EnumValueDescriptor*>(message, field, value, &Reflection::SetEnum,
                                                    &Reflection::AddEnum);
  return absl::OkStatus();
}

absl::Status PutBytes(const std::string& text, std::string_view path, const FieldDescriptor& field,
                      Message& message) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes) && !absl::WebSafeBase64Unescape(text, &bytes)) {
    return FieldError(path, "must be base64");
  }
  Put<std::string>(message, field, std::move(bytes), &Reflection::SetString,
                   &Reflection::AddString);
  return absl::OkStatus();
}

// Puts `text` into a field that is no message.
absl::Status PutScalar(const std::string& text, std::string_view path, const FieldDescriptor& field,
                       Message& message) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) return PutBytes(text, path, field, message);
      Put<std::string>(message, field, text, &Reflection::SetString, &Reflection::AddString);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t value = 0;
      RONDO_RETURN_IF_ERROR(Integer(text, path, value));
      Put<int32_t>(message, field, value, &Reflection::SetInt32, &Reflection::AddInt32);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t value = 0;
      RONDO_RETURN_IF_ERROR(Integer(text, path, value));
      Put<int64_t>(message, field, value, &Reflection::SetInt64, &Reflection::AddInt64);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t value = 0;
      RONDO_RETURN_IF_ERROR(Integer(text, path, value));
      Put<uint32_t>(message, field, value, &Reflection::SetUInt32, &Reflection::AddUInt32);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t value = 0;
      RONDO_RETURN_IF_ERROR(Integer(text, path, value));
      Put<uint64_t>(message, field, value, &Reflection::SetUInt64, &Reflection::AddUInt64);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double value = 0;
      if (!absl::SimpleAtod(text, &value)) return FieldError(path, "must be a number");
      Put<double>(message, field, value, &Reflection::SetDouble, &Reflection::AddDouble);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_FLOAT: {
      float value = 0;
      if (!absl::SimpleAtof(text, &value)) return FieldError(path, "must be a number");
      Put<float>(message, field, value, &Reflection::SetFloat, &Reflection::AddFloat);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") return FieldError(path, "must be true or false");
      Put<bool>(message, field, text == "true", &Reflection::SetBool, &Reflection::AddBool);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM:
      return PutEnum(text, path, field, message);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return FieldError(path, "is a message: name one of its fields, or send it in the body");
}

// Puts `text` into the field at `path`, `campaign.name` say.
absl::Status PutField(const std::string& path, const std::string& text, Message& root) {
  const FieldDescriptor* field = FieldAt(*root.GetDescriptor(), path);
  if (field == nullptr) return FieldError(path, "is no field of the request");
  if (!simdjson::validate_utf8(text.data(), text.size())) return FieldError(path, "must be UTF-8");
  Message* message = &root;
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    message = message->GetReflection()->MutableMessage(
        message, FindField(*message->GetDescriptor(), names[i]));
  }
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || !IsTextual(*field->message_type())) {
    return PutScalar(text, path, *field, *message);
  }
  Message* value = field->is_repeated() ? message->GetReflection()->AddMessage(message, field)
                                        : message->GetReflection()->MutableMessage(message, field);
  google::protobuf::StringValue quoted;  // Whose JSON is the escaped text.
  quoted.set_value(text);
  RONDO_ASSIGN_OR_RETURN(const std::string json, ToJson(quoted));
  return ParseJson(json, path, *value);
}

absl::StatusOr<RestRoute> RouteOf(const MethodDescriptor& rpc, const google::api::HttpRule& rule) {
  const auto refused = [&](std::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(rpc.full_name(), ": ", std::string(reason)));
  };
  RestRoute route{.rpc = &rpc, .http_method = "", .path = {}, .path_text = "", .body = rule.body()};
  switch (rule.pattern_case()) {
    case google::api::HttpRule::kGet:
      route.http_method = "GET", route.path_text = rule.get();
      break;
    case google::api::HttpRule::kPut:
      route.http_method = "PUT", route.path_text = rule.put();
      break;
    case google::api::HttpRule::kPost:
      route.http_method = "POST", route.path_text = rule.post();
      break;
    case google::api::HttpRule::kDelete:
      route.http_method = "DELETE", route.path_text = rule.delete_();
      break;
    case google::api::HttpRule::kPatch:
      route.http_method = "PATCH", route.path_text = rule.patch();
      break;
    default:
      return refused("the annotation needs get, put, post, delete or patch");
  }
  if (!rule.response_body().empty()) return refused("response_body is not supported");
  RONDO_ASSIGN_OR_RETURN(route.path, ParsePathTemplate(route.path_text));
  if (!route.body.empty() && route.body != "*") {
    const FieldDescriptor* field = FindField(*rpc.input_type(), route.body);
    if (field == nullptr || field->is_repeated() ||
        field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      return refused("the body must name a message field of the request");
    }
  }
  for (const PathTemplate::Variable& variable : route.path.variables) {
    const FieldDescriptor* field = FieldAt(*rpc.input_type(), variable.field_path);
    if (field == nullptr || field->is_repeated() ||
        field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return refused(absl::StrCat("no field ", variable.field_path, " for the path"));
    }
  }
  return route;
}

}  // namespace

absl::StatusOr<std::vector<RestRoute>> RoutesOf(const MethodDescriptor& rpc) {
  std::vector<RestRoute> routes;
  if (!rpc.options().HasExtension(google::api::http)) return routes;
  const google::api::HttpRule& rule = rpc.options().GetExtension(google::api::http);
  RONDO_ASSIGN_OR_RETURN(RestRoute first, RouteOf(rpc, rule));
  routes.push_back(std::move(first));
  for (const google::api::HttpRule& additional : rule.additional_bindings()) {
    RONDO_ASSIGN_OR_RETURN(RestRoute route, RouteOf(rpc, additional));
    routes.push_back(std::move(route));
  }
  return routes;
}

absl::StatusOr<Transcoder> Transcoder::Create(const std::vector<std::string>& services) {
  std::vector<RestRoute> all;
  for (const std::string& name : services) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) return absl::NotFoundError(absl::StrCat("no service ", name));
    for (int i = 0; i < service->method_count(); ++i) {
      RONDO_ASSIGN_OR_RETURN(std::vector<RestRoute> routes, RoutesOf(*service->method(i)));
      std::move(routes.begin(), routes.end(), std::back_inserter(all));
    }
  }
  // `*` would take `a:launch` whole.
  std::stable_partition(all.begin(), all.end(),
                        [](const RestRoute& route) { return !route.path.verb.empty(); });
  return Transcoder(std::move(all));
}

absl::StatusOr<RestCall> Transcoder::Decode(const HttpRequest& http) const {
  const std::string method = http.method == "HEAD" ? "GET" : http.method;
  for (const RestRoute& route : routes_) {
    if (route.http_method != method) continue;
    const auto variables = MatchPath(route.path, http.path);
    if (!variables.has_value()) continue;

    RestCall call{.rpc = route.rpc, .request = NewMessage(*route.rpc->input_type())};
    Message& request = *call.request;
    if (route.body.empty()) {
      if (!http.body.empty()) return FieldError("body", "this method takes no body");
    } else if (!http.body.empty()) {
      const FieldDescriptor* field =
          route.body == "*" ? nullptr : FindField(*request.GetDescriptor(), route.body);
      Message& target =
          field == nullptr ? request : *request.GetReflection()->MutableMessage(&request, field);
      RONDO_RETURN_IF_ERROR(
          ParseJson(http.body, field == nullptr ? "" : field->json_name(), target));
    }
    for (const auto& [field, value] : *variables)
      RONDO_RETURN_IF_ERROR(PutField(field, value, request));
    RONDO_ASSIGN_OR_RETURN(const auto parameters, ParseQuery(http.query));
    if (route.body == "*" && !parameters.empty()) {
      return FieldError(parameters.front().first, "belongs into the body");
    }
    for (const auto& [field, value] : parameters)
      RONDO_RETURN_IF_ERROR(PutField(field, value, request));
    return call;
  }
  const std::string allowed = AllowedMethods(http.path);
  if (allowed.empty()) return absl::NotFoundError("no such path; see /openapi.json");
  return absl::UnimplementedError(absl::StrCat("this path takes ", allowed));
}

std::string Transcoder::AllowedMethods(std::string_view path) const {
  std::vector<std::string> methods;
  for (const RestRoute& route : routes_) {
    if (MatchPath(route.path, path).has_value()) methods.push_back(route.http_method);
  }
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  return absl::StrJoin(methods, ", ");
}

absl::StatusOr<std::string> ToJson(const Message& message, JsonDefaults defaults) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = defaults == JsonDefaults::kWritten;
  std::string json;
  const google::protobuf::util::Status status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  if (status.ok()) return json;
  return absl::InternalError(absl::StrCat(
      message.GetDescriptor()->full_name(),
      " has no JSON: ", std::string(status.message().data(), status.message().size())));
}

int HttpStatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 503;  // Of storage, above all: nothing was taken, and the same call may succeed later.
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

HttpResponse ErrorResponse(const absl::Status& status, std::string_view trace_id) {
  absl::StatusOr<std::string> json = ToJson(ToRpcStatus(status, trace_id), JsonDefaults::kLeftOut);
  RONDO_CHECK(json.ok());  // Made of our own, valid parts.
  HttpResponse response =
      MakeResponse(HttpStatusOf(status.code()), "application/json", *std::move(json));
  if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) {
    response.headers.emplace_back("Retry-After", absl::StrCat(absl::ToInt64Seconds(kRetryDelay)));
  }
  return response;
}

}  // namespace rondo
