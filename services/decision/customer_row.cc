#include "services/decision/customer_row.h"

#include <algorithm>
#include <set>

namespace rondo::decision {
namespace {

namespace type = ::rondo::type::v1;

constexpr int64_t kMicrosPerDay = int64_t{24} * 3600 * 1'000'000;

// Signals that insight writes.
struct KnownSignal {
  const char* name;
  rules::TypeKind kind;
};
constexpr KnownSignal kSignals[] = {
    {"last_contact.any", rules::TypeKind::kTimestamp},
    {"last_contact.email", rules::TypeKind::kTimestamp},
    {"last_contact.sms", rules::TypeKind::kTimestamp},
    {"last_contact.web", rules::TypeKind::kTimestamp},
    {"rfm.frequency", rules::TypeKind::kInt},
    {"rfm.monetary", rules::TypeKind::kInt},
    {"rfm.recency", rules::TypeKind::kInt},
};

rules::Type RuleTypeOf(type::ValueType value_type) {
  switch (value_type) {
    case type::VALUE_TYPE_INT:
      return rules::Type::Int();
    case type::VALUE_TYPE_DOUBLE:
      return rules::Type::Double();
    case type::VALUE_TYPE_BOOL:
      return rules::Type::Bool();
    case type::VALUE_TYPE_TIMESTAMP:
      return rules::Type::Timestamp();
    case type::VALUE_TYPE_DATE:
      return rules::Type::Date();
    case type::VALUE_TYPE_MONEY:
      return rules::Type::Money();
    case type::VALUE_TYPE_GEO_POINT:
      return rules::Type::GeoPoint();
    case type::VALUE_TYPE_STRING_LIST:
      return rules::Type::List(rules::Type::String());
    default:
      return rules::Type::String();  // Strings, codes and references.
  }
}

}  // namespace

rules::Environment EnvironmentOf(const std::vector<rondo::customer::v1::AttributeSet>& sets) {
  rules::Environment environment;
  std::set<std::string> seen;
  for (const auto& set : sets) {
    for (const auto& attribute : set.attributes()) {
      if (attribute.pii() || !seen.insert(attribute.name()).second) continue;
      environment.AddAttribute(attribute.name(), RuleTypeOf(attribute.type()));
    }
  }
  for (const KnownSignal& signal : kSignals) {
    environment.AddSignal(signal.name, rules::Type{.kind = signal.kind});
  }
  environment.AddVariable(kContextVariable,
                          rules::Type::Map(rules::Type::String(), rules::Type::Dyn()));
  return environment;
}

rules::Value ToRuleValue(const type::Value& value, rules::Arena& arena) {
  switch (value.kind_case()) {
    case type::Value::kStringValue:
      return rules::Value::String(value.string_value());
    case type::Value::kIntValue:
      return rules::Value::Int(value.int_value());
    case type::Value::kDoubleValue:
      return rules::Value::Double(value.double_value());
    case type::Value::kBoolValue:
      return rules::Value::Bool(value.bool_value());
    case type::Value::kTimestampMicros:
      return rules::Value::TimestampMicros(value.timestamp_micros());
    case type::Value::kDateDays:
      return rules::Value::TimestampMicros(value.date_days() * kMicrosPerDay);
    case type::Value::kMoneyValue:
      return rules::Value::Money(value.money_value().minor_units(),
                                 value.money_value().currency_code());
    case type::Value::kGeoPointValue:
      return rules::Value::GeoPoint(value.geo_point_value().latitude(),
                                    value.geo_point_value().longitude());
    case type::Value::kStringListValue: {
      const auto& strings = value.string_list_value().values();
      const auto count = static_cast<size_t>(strings.size());
      auto* items = arena.NewArray<rules::Value>(count);
      for (size_t i = 0; i < count; ++i) {
        items[i] = rules::Value::String(strings[static_cast<int>(i)]);
      }
      return rules::Value::List(std::span<const rules::Value>(items, count));
    }
    case type::Value::kSealedValue:
    case type::Value::KIND_NOT_SET:
      return rules::Value::Null();
  }
  return rules::Value::Null();
}

CustomerRow::CustomerRow(const rondo::state::v1::CustomerViewState& view,
                         const google::protobuf::RepeatedPtrField<type::Field>& context,
                         rules::Arena& arena)
    : view_(view) {
  const auto count = static_cast<size_t>(context.size());
  auto* entries = arena.NewArray<rules::MapEntry>(count);
  for (size_t i = 0; i < count; ++i) {
    const type::Field& field = context[static_cast<int>(i)];
    entries[i] = {.key = rules::Value::String(field.name()),
                  .value = ToRuleValue(field.value(), arena)};
  }
  const std::span<rules::MapEntry> all(entries, count);
  // Names given twice are refused by the handler; here they would leave the context empty.
  if (rules::SortMapEntries(all)) {
    context_ = rules::Value::SortedMap(all);
  } else {
    context_ = rules::Value::SortedMap({});
  }
}

rules::Value CustomerRow::Attribute(const rules::Symbol& attribute, rules::Arena& arena) const {
  const auto& attributes = view_.attributes();
  const auto at = std::lower_bound(
      attributes.begin(), attributes.end(), attribute.name,
      [](const auto& entry, const std::string& name) { return entry.field().name() < name; });
  if (at == attributes.end() || at->field().name() != attribute.name) return rules::Value::Null();
  return ToRuleValue(at->field().value(), arena);
}

rules::Value CustomerRow::Signal(const rules::Symbol& signal, rules::Arena& arena) const {
  const auto& signals = view_.signals();
  const auto at = std::lower_bound(
      signals.begin(), signals.end(), signal.name,
      [](const auto& entry, const std::string& name) { return entry.name() < name; });
  if (at == signals.end() || at->name() != signal.name) return rules::Value::Null();
  return ToRuleValue(at->value(), arena);
}

const rules::EventSource* CustomerRow::Events(const rules::Symbol&) const { return nullptr; }

bool CustomerRow::InSegment(const rules::Symbol&) const { return false; }

const rules::Value* CustomerRow::Variable(const rules::Symbol& variable) const {
  return variable.name == kContextVariable ? &context_ : nullptr;
}

}  // namespace rondo::decision
