#include "services/response/event_fields.h"

#include "platform/rpc/timestamp.h"
#include "rules/schema/schema.h"

namespace rondo::response {
namespace {

namespace type = ::rondo::type::v1;

rules::Value ValueAs(const rules::Type& declared, const type::Value& value, rules::Arena& arena) {
  if (declared.kind == rules::TypeKind::kDouble && value.has_int_value()) {
    return rules::Value::Double(static_cast<double>(value.int_value()));
  }
  return rules::ValueOf(value, arena);
}

}  // namespace

EventFacts FactsOf(const rondo::response::v1::Event& event, const std::vector<rules::Field>& fields,
                   rules::Arena& arena) {
  EventFacts facts;
  facts.time_micros = ToMicros(event.event_time());
  for (const rules::Field& field : fields) {
    rules::Value value;
    for (const auto& carried : event.fields()) {
      if (carried.name() == field.name) value = ValueAs(field.type, carried.value(), arena);
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
