#include "rules/schema/schema.h"

#include <set>
#include <utility>

namespace rondo::rules {
namespace {

namespace pb = ::rondo::type::v1;

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

// Events that the engine itself tracks; an attribute set may give them fields.
constexpr std::string_view kOwnEvents[] = {"open",   "click",     "unsubscribe",
                                           "bounce", "complaint", "delivered"};

// Signals that insight computes.
constexpr std::pair<std::string_view, TypeKind> kOwnSignals[] = {
    {"last_contact.any", TypeKind::kTimestamp},
    {"last_contact.email", TypeKind::kTimestamp},
    {"last_contact.sms", TypeKind::kTimestamp},
    {"last_contact.web", TypeKind::kTimestamp},
    {"rfm.frequency", TypeKind::kInt},
    {"rfm.monetary", TypeKind::kInt},
    {"rfm.recency", TypeKind::kInt},
};

Value ListOf(const pb::StringList& list, Arena& arena) {
  const auto size = static_cast<size_t>(list.values_size());
  auto* items = arena.NewArray<Value>(size);
  for (size_t i = 0; i < size; ++i) {
    items[i] = Value::String(list.values(static_cast<int>(i)));
  }
  return Value::List({items, size});
}

}  // namespace

std::optional<Type> TypeOf(pb::ValueType type) {
  switch (type) {
    case pb::VALUE_TYPE_STRING:
    case pb::VALUE_TYPE_CODE:
    case pb::VALUE_TYPE_REFERENCE:
      return Type::String();
    case pb::VALUE_TYPE_INT:
      return Type::Int();
    case pb::VALUE_TYPE_DOUBLE:
      return Type::Double();
    case pb::VALUE_TYPE_BOOL:
      return Type::Bool();
    case pb::VALUE_TYPE_TIMESTAMP:
      return Type::Timestamp();
    case pb::VALUE_TYPE_DATE:
      return Type::Date();
    case pb::VALUE_TYPE_MONEY:
      return Type::Money();
    case pb::VALUE_TYPE_GEO_POINT:
      return Type::GeoPoint();
    case pb::VALUE_TYPE_STRING_LIST:
      return Type::List(Type::String());
    default:
      return std::nullopt;
  }
}

std::optional<Type> TypeOf(const customer::v1::Attribute& attribute) {
  if (attribute.type() == pb::VALUE_TYPE_CODE && !attribute.code_list().empty()) {
    return Type::Code(attribute.code_list());
  }
  return TypeOf(attribute.type());
}

std::vector<Code> CodesOf(const customer::v1::CodeList& list) {
  std::vector<Code> codes;
  for (const customer::v1::Code& code : list.codes()) codes.push_back({code.code(), code.parent()});
  return codes;
}

Value ValueOf(const pb::Value& value, Arena& arena) {
  switch (value.kind_case()) {
    case pb::Value::kStringValue:
      return Value::String(value.string_value());
    case pb::Value::kIntValue:
      return Value::Int(value.int_value());
    case pb::Value::kDoubleValue:
      return Value::Double(value.double_value());
    case pb::Value::kBoolValue:
      return Value::Bool(value.bool_value());
    case pb::Value::kTimestampMicros:
      return Value::TimestampMicros(value.timestamp_micros());
    case pb::Value::kDateDays:
      return Value::TimestampMicros(value.date_days() * kDayMicros);
    case pb::Value::kMoneyValue:
      return Value::Money(value.money_value().minor_units(), value.money_value().currency_code());
    case pb::Value::kGeoPointValue:
      return Value::GeoPoint(value.geo_point_value().latitude(),
                             value.geo_point_value().longitude());
    case pb::Value::kStringListValue:
      return ListOf(value.string_list_value(), arena);
    case pb::Value::kSealedValue:
    case pb::Value::KIND_NOT_SET:
      return Value::Null();
  }
  return Value::Null();
}

std::vector<Field> FieldsOf(const customer::v1::EventType& event_type) {
  std::vector<Field> fields;
  for (const auto& field : event_type.fields()) {
    const std::optional<Type> type = TypeOf(field);
    if (!field.pii() && type.has_value()) fields.push_back({field.name(), *type});
  }
  return fields;
}

Schema::Schema(const std::vector<log::v1::Definition>& attribute_sets,
               const std::vector<log::v1::Definition>& code_lists) {
  for (const log::v1::Definition& set : attribute_sets) {
    for (const auto& attribute : set.attribute_set().attributes()) {
      const std::optional<Type> type = TypeOf(attribute);
      if (attribute.pii() || !type.has_value()) continue;
      attributes_.emplace(attribute.name(), Attribute{set.name(), *type});
    }
    for (const auto& event : set.attribute_set().event_types()) {
      events_.emplace(event.name(), Event{set.name(), FieldsOf(event)});
    }
  }
  for (const std::string_view own : kOwnEvents) events_.emplace(own, Event{});
  for (const log::v1::Definition& list : code_lists) {
    code_lists_.emplace(list.name(), CodesOf(list.code_list()));
  }
}

void Schema::DeclareAttributes(Environment& environment) const {
  for (const auto& [name, attribute] : attributes_) environment.AddAttribute(name, attribute.type);
  DeclareCodeLists(environment);
}

void Schema::DeclareEvents(Environment& environment) const {
  for (const auto& [name, event] : events_) environment.AddEventType(name, event.fields);
  DeclareCodeLists(environment);
}

void Schema::DeclareCodeLists(Environment& environment) const {
  for (const auto& [name, codes] : code_lists_) environment.AddCodeList(name, codes);
}

void Schema::DeclareResponses(Environment& environment) {
  environment.AddEventType(std::string(kResponseEvent), {{"campaign", Type::String()},
                                                         {"cycle", Type::Int()},
                                                         {"cell", Type::String()},
                                                         {"kind", Type::String()}});
}

void Schema::DeclareSignals(Environment& environment) {
  for (const auto& [name, kind] : kOwnSignals) {
    if (environment.FindSignal(name) == nullptr) {
      environment.AddSignal(std::string(name), Type{.kind = kind});
    }
  }
}

bool Schema::HasEvent(std::string_view event_type) const { return events_.contains(event_type); }

std::vector<Field> Schema::FieldsOfEvent(std::string_view event_type) const {
  const auto found = events_.find(event_type);
  return found == events_.end() ? std::vector<Field>() : found->second.fields;
}

std::string Schema::OwnerOfAttribute(std::string_view attribute) const {
  const auto found = attributes_.find(attribute);
  return found == attributes_.end() ? "" : found->second.owner;
}

std::string Schema::OwnerOfEvent(std::string_view event_type) const {
  const auto found = events_.find(event_type);
  return found == events_.end() ? "" : found->second.owner;
}

std::vector<std::string> Schema::OwnersOf(const References& references) const {
  std::set<std::string> owners;
  for (const std::string& attribute : references.attributes) {
    owners.insert(OwnerOfAttribute(attribute));
  }
  for (const std::string& event : references.event_types) owners.insert(OwnerOfEvent(event));
  owners.erase("");
  return {owners.begin(), owners.end()};
}

}  // namespace rondo::rules
