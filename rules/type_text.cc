// Types and declarations in the text form of google.api.expr.v1alpha1 (checked.proto).
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "rules/typed_json.h"

namespace rondo::rules {
namespace {

constexpr int kMaxDepth = 64;

// `name: VALUE` or `name { FIELDS }`.
struct TextField {
  std::string name;
  std::string value;
  std::vector<TextField> fields;
};

struct NamedType {
  std::string_view name;
  TypeKind kind;
};
constexpr NamedType kPrimitives[] = {{"BOOL", TypeKind::kBool},     {"INT64", TypeKind::kInt},
                                     {"UINT64", TypeKind::kUint},   {"DOUBLE", TypeKind::kDouble},
                                     {"STRING", TypeKind::kString}, {"BYTES", TypeKind::kBytes}};
constexpr NamedType kWellKnown[] = {{"TIMESTAMP", TypeKind::kTimestamp},
                                    {"DURATION", TypeKind::kDuration},
                                    {"ANY", TypeKind::kDyn}};

class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) {}
  absl::StatusOr<std::vector<TextField>> Read() { return ReadFields(0); }

 private:
  absl::Status Refuse() const {
    return absl::InvalidArgumentError(absl::StrFormat(
        "declaration, column %d: expected `name: value` or `name { ... }`", at_ + 1));
  }
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == ','))
      ++at_;
  }
  std::string Word() {
    const size_t start = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
      ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }
  absl::StatusOr<std::string> ReadValue() {
    SkipSpace();
    if (at_ < text_.size() && text_[at_] == '"') {
      const size_t end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos) return Refuse();
      std::string value(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      return value;
    }
    std::string word = Word();
    if (word.empty()) return Refuse();
    return word;
  }
  absl::StatusOr<std::vector<TextField>> ReadFields(int depth) {
    std::vector<TextField> fields;
    if (depth > kMaxDepth) return Refuse();
    for (SkipSpace(); at_ < text_.size() && text_[at_] != '}'; SkipSpace()) {
      TextField field;
      field.name = Word();
      if (field.name.empty()) return Refuse();
      SkipSpace();
      const bool colon = at_ < text_.size() && text_[at_] == ':';
      if (colon) ++at_;
      SkipSpace();
      if (at_ < text_.size() && text_[at_] == '{') {
        ++at_;
        RONDO_ASSIGN_OR_RETURN(field.fields, ReadFields(depth + 1));
        if (at_ >= text_.size()) return Refuse();
        ++at_;
      } else {
        if (!colon) return Refuse();
        RONDO_ASSIGN_OR_RETURN(field.value, ReadValue());
      }
      fields.push_back(std::move(field));
    }
    return fields;
  }

  std::string_view text_;
  size_t at_ = 0;
};

const TextField* Find(const std::vector<TextField>& fields, std::string_view name) {
  for (const TextField& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

absl::StatusOr<Type> ToType(const std::vector<TextField>& fields);

absl::StatusOr<Type> TypeAt(const TextField& parent, std::string_view name) {
  const TextField* field = Find(parent.fields, name);
  if (field == nullptr) return Type::Dyn();
  return ToType(field->fields);
}

absl::StatusOr<Type> AbstractType(const TextField& field) {
  const TextField* name = Find(field.fields, "name");
  Type type = Type::Abstract(name == nullptr ? "" : name->value);
  for (const TextField& param : field.fields) {
    if (param.name != "parameter_types") continue;
    RONDO_ASSIGN_OR_RETURN(Type inner, ToType(param.fields));
    type.params.push_back(std::move(inner));
  }
  return type;
}

absl::StatusOr<Type> ToType(const std::vector<TextField>& fields) {
  if (fields.empty()) return Type::Dyn();
  const TextField& field = fields[0];
  for (const NamedType& named : kPrimitives) {
    if (field.value != named.name) continue;
    if (field.name == "primitive") return Type{.kind = named.kind};
    if (field.name == "wrapper") return Type{.kind = named.kind, .nullable = true};
  }
  for (const NamedType& named : kWellKnown) {
    if (field.name == "well_known" && field.value == named.name) return Type{.kind = named.kind};
  }
  if (field.name == "dyn") return Type::Dyn();
  if (field.name == "null") return Type::Null();
  if (field.name == "type_param") return Type::Param(field.value);
  if (field.name == "abstract_type") return AbstractType(field);
  if (field.name == "type") {
    RONDO_ASSIGN_OR_RETURN(Type inner, ToType(field.fields));
    return Type::TypeOf(std::move(inner));
  }
  if (field.name == "list_type") {
    RONDO_ASSIGN_OR_RETURN(Type element, TypeAt(field, "elem_type"));
    return Type::List(std::move(element));
  }
  if (field.name == "map_type") {
    RONDO_ASSIGN_OR_RETURN(Type key, TypeAt(field, "key_type"));
    RONDO_ASSIGN_OR_RETURN(Type value, TypeAt(field, "value_type"));
    return Type::Map(std::move(key), std::move(value));
  }
  return absl::InvalidArgumentError(absl::StrFormat("unknown type `%s`", field.name));
}

absl::StatusOr<Overload> ToOverload(const TextField& field) {
  Overload overload;
  for (const TextField& part : field.fields) {
    if (part.name == "overload_id") overload.id = part.value;
    if (part.name == "is_instance_function") overload.member = part.value == "true";
    if (part.name == "params") {
      RONDO_ASSIGN_OR_RETURN(Type param, ToType(part.fields));
      overload.params.push_back(std::move(param));
    }
    if (part.name == "result_type") {
      RONDO_ASSIGN_OR_RETURN(overload.result, ToType(part.fields));
    }
  }
  return overload;
}

std::string Primitive(const Type& type, std::string_view name) {
  return absl::StrFormat("%s: %s", type.nullable ? "wrapper" : "primitive", name);
}

}  // namespace

std::string ToTypeText(const Type& type) {
  for (const NamedType& named : kPrimitives) {
    if (named.kind == type.kind) return Primitive(type, named.name);
  }
  switch (type.kind) {
    case TypeKind::kNull:
      return "null: NULL_VALUE";
    case TypeKind::kTimestamp:
      return "well_known: TIMESTAMP";
    case TypeKind::kDuration:
      return "well_known: DURATION";
    case TypeKind::kList:
      return absl::StrFormat("list_type { elem_type { %s } }", ToTypeText(type.params[0]));
    case TypeKind::kMap:
      return absl::StrFormat("map_type { key_type { %s } value_type { %s } }",
                             ToTypeText(type.params[0]), ToTypeText(type.params[1]));
    case TypeKind::kType:
      if (type.params.empty()) return "type { }";
      return absl::StrFormat("type { %s }", ToTypeText(type.params[0]));
    case TypeKind::kParam:
      return absl::StrFormat("type_param: \"%s\"", type.name);
    case TypeKind::kAbstract: {
      std::string out = absl::StrFormat("abstract_type { name: \"%s\" ", type.name);
      for (const Type& param : type.params) {
        absl::StrAppend(&out, "parameter_types { ", ToTypeText(param), " } ");
      }
      return out + "}";
    }
    case TypeKind::kMoney:
      return "message_type: \"rondo.type.v1.Money\"";
    case TypeKind::kGeoPoint:
      return "message_type: \"rondo.type.v1.GeoPoint\"";
    case TypeKind::kEvent:
      return absl::StrFormat("message_type: \"%s\"", type.name);
    default:
      return "dyn { }";
  }
}

absl::Status AddDeclaration(std::string_view text, Environment* environment) {
  RONDO_ASSIGN_OR_RETURN(const std::vector<TextField> fields, TextReader(text).Read());
  const TextField* name = Find(fields, "name");
  if (name == nullptr || name->value.empty()) {
    return absl::InvalidArgumentError("a declaration needs `name: \"...\"`");
  }
  if (const TextField* ident = Find(fields, "ident")) {
    RONDO_ASSIGN_OR_RETURN(Type type, TypeAt(*ident, "type"));
    environment->AddVariable(name->value, std::move(type));
    return absl::OkStatus();
  }
  const TextField* function = Find(fields, "function");
  if (function == nullptr) {
    return absl::InvalidArgumentError("a declaration has `ident { ... }` or `function { ... }`");
  }
  for (const TextField& field : function->fields) {
    if (field.name != "overloads") continue;
    RONDO_ASSIGN_OR_RETURN(Overload overload, ToOverload(field));
    environment->AddFunction(name->value, std::move(overload));
  }
  return absl::OkStatus();
}

}  // namespace rondo::rules
