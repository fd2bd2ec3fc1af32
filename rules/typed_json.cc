#include "rules/typed_json.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "rules/number.h"
#include "rules/text.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 100;

Json Typed(std::string_view type, Json value) {
  return {{"t", std::string(type)}, {"v", std::move(value)}};
}

std::string Base64(std::string_view bytes) {
  return absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
}

Json ListToJson(const Value& value) {
  Json items = Json::array();
  for (const Value& item : value.items()) items.push_back(ToTypedJson(item));
  return Typed("list", std::move(items));
}

Json MapToJson(const Value& value) {
  Json entries = Json::array();
  for (const MapEntry& entry : value.entries()) {
    entries.push_back(Json::array({ToTypedJson(entry.key), ToTypedJson(entry.value)}));
  }
  return Typed("map", std::move(entries));
}

absl::Status Bad(std::string_view what) { return absl::InvalidArgumentError(std::string(what)); }

absl::StatusOr<Value> Read(const Json& json, Arena& arena, int depth);

absl::StatusOr<Value> ReadList(const Json& items, Arena& arena, int depth) {
  if (!items.is_array()) return Bad("a list's \"v\" is an array of typed values");
  Value* values = arena.NewArray<Value>(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    RONDO_ASSIGN_OR_RETURN(values[i], Read(items[i], arena, depth + 1));
  }
  return Value::List({values, items.size()});
}

absl::StatusOr<Value> FinishMap(MapEntry* entries, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const Kind kind = entries[i].key.kind();
    const bool fits =
        kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kString;
    if (!fits) return Bad("a map's keys are bool, int, uint or string");
  }
  if (!SortMapEntries({entries, size})) return Bad("a map may not have the same key twice");
  return Value::SortedMap({entries, size});
}

absl::StatusOr<Value> ReadMap(const Json& items, Arena& arena, int depth) {
  if (!items.is_array()) return Bad("a map's \"v\" is an array of [key, value]");
  MapEntry* entries = arena.NewArray<MapEntry>(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_array() || items[i].size() != 2) return Bad("a map's entry is [key, value]");
    RONDO_ASSIGN_OR_RETURN(entries[i].key, Read(items[i][0], arena, depth + 1));
    RONDO_ASSIGN_OR_RETURN(entries[i].value, Read(items[i][1], arena, depth + 1));
  }
  return FinishMap(entries, items.size());
}

absl::StatusOr<Value> ReadText(const std::string& type, const std::string& text, Arena& arena) {
  if (type == "string") return Value::String(arena.Copy(text));
  if (type == "type") return Value::TypeName(arena.Copy(text));
  if (type == "bytes") {
    std::string bytes;
    if (!absl::Base64Unescape(text, &bytes)) return Bad("bytes travel as base64");
    return Value::Bytes(arena.Copy(bytes));
  }
  if (type == "int") {
    if (const auto parsed = ParseInt(text)) return Value::Int(*parsed);
  } else if (type == "uint") {
    if (const auto parsed = ParseUint(text)) return Value::Uint(*parsed);
  } else if (type == "double") {
    if (const auto parsed = ParseDouble(text)) return Value::Double(*parsed);
  } else if (type == "timestamp") {
    if (const auto parsed = ParseTimestamp(text)) {
      return Value::Timestamp(parsed->seconds, parsed->nanos);
    }
  } else if (type == "duration") {
    if (const auto parsed = ParseDuration(text)) {
      return Value::Duration(parsed->seconds, parsed->nanos);
    }
  } else {
    return Bad(absl::StrFormat("unknown \"t\": %s", type));
  }
  return Bad(absl::StrFormat("the \"v\" is no %s", type));
}

absl::StatusOr<Value> Read(const Json& json, Arena& arena, int depth) {
  if (depth > kMaxDepth) return Bad("the value is nested too deeply");
  if (!json.is_object() || !json.contains("t") || !json["t"].is_string()) {
    return Bad("a typed value is an object with \"t\" and \"v\"");
  }
  const std::string type = json["t"];
  if (type == "null") return Value::Null();
  if (type == "optional") {
    if (!json.contains("v")) return Value::Optional(nullptr);
    RONDO_ASSIGN_OR_RETURN(const Value inner, Read(json["v"], arena, depth + 1));
    return Value::Optional(arena.New(inner));
  }
  if (!json.contains("v")) return Bad("a typed value needs \"v\"");
  const Json& v = json["v"];
  if (type == "bool") {
    if (!v.is_boolean()) return Bad("a bool's \"v\" is true or false");
    return Value::Bool(v.get<bool>());
  }
  if (type == "list") return ReadList(v, arena, depth);
  if (type == "map") return ReadMap(v, arena, depth);
  if (!v.is_string()) return Bad(absl::StrFormat("a %s's \"v\" is text", type));
  return ReadText(type, v.get_ref<const std::string&>(), arena);
}

absl::StatusOr<Value> ReadPlain(const Json& json, Arena& arena, int depth) {
  if (depth > kMaxDepth) return Bad("the value is nested too deeply");
  switch (json.type()) {
    case Json::value_t::null:
      return Value::Null();
    case Json::value_t::boolean:
      return Value::Bool(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::Int(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const auto natural = json.get<uint64_t>();
      return natural >> 63 == 0 ? Value::Int(static_cast<int64_t>(natural)) : Value::Uint(natural);
    }
    case Json::value_t::number_float:
      return Value::Double(json.get<double>());
    case Json::value_t::string:
      return Value::String(arena.Copy(json.get_ref<const std::string&>()));
    case Json::value_t::array: {
      Value* values = arena.NewArray<Value>(json.size());
      for (size_t i = 0; i < json.size(); ++i) {
        RONDO_ASSIGN_OR_RETURN(values[i], ReadPlain(json[i], arena, depth + 1));
      }
      return Value::List({values, json.size()});
    }
    case Json::value_t::object: {
      MapEntry* entries = arena.NewArray<MapEntry>(json.size());
      size_t i = 0;
      for (const auto& [key, item] : json.items()) {
        entries[i].key = Value::String(arena.Copy(key));
        RONDO_ASSIGN_OR_RETURN(entries[i++].value, ReadPlain(item, arena, depth + 1));
      }
      return FinishMap(entries, json.size());
    }
    default:
      return Bad("unknown JSON");
  }
}

}  // namespace

Json ToTypedJson(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return {{"t", "null"}};
    case Kind::kBool:
      return Typed("bool", value.boolean());
    case Kind::kInt:
      return Typed("int", absl::StrCat(value.integer()));
    case Kind::kUint:
      return Typed("uint", absl::StrCat(value.natural()));
    case Kind::kDouble: {
      return Typed("double", DoubleLiteral(value.real()));
    }
    case Kind::kString:
      return Typed("string", std::string(value.text()));
    case Kind::kBytes:
      return Typed("bytes", Base64(value.text()));
    case Kind::kTimestamp:
      return Typed("timestamp", FormatTimestamp(value.seconds(), value.nanos()));
    case Kind::kDuration:
      return Typed("duration", FormatDuration(value.seconds(), value.nanos()));
    case Kind::kList:
      return ListToJson(value);
    case Kind::kMap:
      return MapToJson(value);
    case Kind::kType:
      return Typed("type", std::string(value.text()));
    case Kind::kOptional:
      if (value.optional() == nullptr) return {{"t", "optional"}};
      return Typed("optional", ToTypedJson(*value.optional()));
    case Kind::kMoney:
      return Typed("money", {{"currency_code", value.currency()},
                             {"minor_units", absl::StrCat(value.integer())}});
    case Kind::kGeoPoint:
      return Typed("geo_point", {{"latitude", value.latitude()}, {"longitude", value.longitude()}});
    case Kind::kIp:
      return Typed("ip", FormatIp(value.ip()));
    default:
      return {{"t", std::string(TypeNameOf(value))}};
  }
}

absl::StatusOr<Value> FromTypedJson(const Json& json, Arena& arena) { return Read(json, arena, 0); }

absl::StatusOr<Value> FromPlainJson(const Json& json, Arena& arena) {
  return ReadPlain(json, arena, 0);
}

Type TypeOfValue(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return Type::Bool();
    case Kind::kInt:
      return Type::Int();
    case Kind::kUint:
      return Type::Uint();
    case Kind::kDouble:
      return Type::Double();
    case Kind::kString:
      return Type::String();
    case Kind::kBytes:
      return Type::Bytes();
    case Kind::kTimestamp:
      return Type::Timestamp();
    case Kind::kDuration:
      return Type::Duration();
    case Kind::kList:
      return Type::List(Type::Dyn());
    case Kind::kMap:
      return Type::Map(Type::Dyn(), Type::Dyn());
    case Kind::kOptional:
      return Type::Optional(Type::Dyn());
    default:
      return Type::Dyn();
  }
}

}  // namespace rondo::rules
