#include "services/response/event_fields.h"

#include "platform/core/clock.h"

namespace rondo::response {
namespace {

namespace type = ::rondo::type::v1;

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

rules::Value ListOf(const type::StringList& list, rules::Arena& arena) {
  const auto size = static_cast<size_t>(list.values_size());
  auto* items = arena.NewArray<rules::Value>(size);
  for (size_t i = 0; i < size; ++i) {
    items[i] = rules::Value::String(list.values(static_cast<int>(i)));
  }
  return rules::Value::List({items, size});
}

rules::Value ValueOf(const type::Value& value, const rules::Type& declared, rules::Arena& arena) {
  switch (value.kind_case()) {
    case type::Value::kStringValue:
      return rules::Value::String(value.string_value());
    case type::Value::kIntValue:
      return declared.kind == rules::TypeKind::kDouble
                 ? rules::Value::Double(static_cast<double>(value.int_value()))
                 : rules::Value::Int(value.int_value());
    case type::Value::kDoubleValue:
      return rules::Value::Double(value.double_value());
    case type::Value::kBoolValue:
      return rules::Value::Bool(value.bool_value());
    case type::Value::kTimestampMicros:
      return rules::Value::TimestampMicros(value.timestamp_micros());
    case type::Value::kDateDays:
      return rules::Value::TimestampMicros(value.date_days() * kDayMicros);
    case type::Value::kMoneyValue:
      return rules::Value::Money(value.money_value().minor_units(),
                                 value.money_value().currency_code());
    case type::Value::kGeoPointValue:
      return rules::Value::GeoPoint(value.geo_point_value().latitude(),
                                    value.geo_point_value().longitude());
    case type::Value::kStringListValue:
      return ListOf(value.string_list_value(), arena);
    case type::Value::kSealedValue:
    case type::Value::KIND_NOT_SET:
      return rules::Value::Null();
  }
  return rules::Value::Null();
}

}  // namespace

std::optional<rules::Type> RuleTypeOf(type::ValueType value_type) {
  switch (value_type) {
    case type::VALUE_TYPE_STRING:
    case type::VALUE_TYPE_CODE:
    case type::VALUE_TYPE_REFERENCE:
      return rules::Type::String();
    case type::VALUE_TYPE_INT:
      return rules::Type::Int();
    case type::VALUE_TYPE_DOUBLE:
      return rules::Type::Double();
    case type::VALUE_TYPE_BOOL:
      return rules::Type::Bool();
    case type::VALUE_TYPE_TIMESTAMP:
    case type::VALUE_TYPE_DATE:
      return rules::Type::Timestamp();
    case type::VALUE_TYPE_MONEY:
      return rules::Type::Money();
    case type::VALUE_TYPE_GEO_POINT:
      return rules::Type::GeoPoint();
    case type::VALUE_TYPE_STRING_LIST:
      return rules::Type::List(rules::Type::String());
    default:
      return std::nullopt;
  }
}

std::vector<rules::Field> RuleFieldsOf(const rondo::customer::v1::EventType& declared) {
  std::vector<rules::Field> fields;
  for (const auto& field : declared.fields()) {
    const auto rule_type = RuleTypeOf(field.type());
    if (!field.pii() && rule_type.has_value()) fields.push_back({field.name(), *rule_type});
  }
  return fields;
}

EventFacts FactsOf(const rondo::response::v1::Event& event, const std::vector<rules::Field>& fields,
                   rules::Arena& arena) {
  EventFacts facts;
  facts.time_micros = event.event_time().seconds() * 1'000'000 + event.event_time().nanos() / 1'000;
  for (const rules::Field& field : fields) {
    rules::Value value;
    for (const auto& carried : event.fields()) {
      if (carried.name() == field.name) value = ValueOf(carried.value(), field.type, arena);
    }
    facts.fields.push_back(value);
  }
  return facts;
}

bool Fits(const type::Value& value, type::ValueType value_type) {
  switch (value.kind_case()) {
    case type::Value::kStringValue:
      return value_type == type::VALUE_TYPE_STRING || value_type == type::VALUE_TYPE_CODE ||
             value_type == type::VALUE_TYPE_REFERENCE;
    case type::Value::kIntValue:
      return value_type == type::VALUE_TYPE_INT || value_type == type::VALUE_TYPE_DOUBLE;
    case type::Value::kDoubleValue:
      return value_type == type::VALUE_TYPE_DOUBLE;
    case type::Value::kBoolValue:
      return value_type == type::VALUE_TYPE_BOOL;
    case type::Value::kTimestampMicros:
      return value_type == type::VALUE_TYPE_TIMESTAMP;
    case type::Value::kDateDays:
      return value_type == type::VALUE_TYPE_DATE;
    case type::Value::kMoneyValue:
      return value_type == type::VALUE_TYPE_MONEY;
    case type::Value::kGeoPointValue:
      return value_type == type::VALUE_TYPE_GEO_POINT;
    case type::Value::kStringListValue:
      return value_type == type::VALUE_TYPE_STRING_LIST;
    case type::Value::kSealedValue:
      return false;
    case type::Value::KIND_NOT_SET:
      return true;
  }
  return false;
}

}  // namespace rondo::response
