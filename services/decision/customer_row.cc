#include "services/decision/customer_row.h"

#include <algorithm>

namespace rondo::decision {

rules::Environment EnvironmentOf(const rules::Schema& schema) {
  rules::Environment environment;
  schema.DeclareAttributes(environment);
  rules::Schema::DeclareSignals(environment);
  environment.AddVariable(kContextVariable,
                          rules::Type::Map(rules::Type::String(), rules::Type::Dyn()));
  return environment;
}

CustomerRow::CustomerRow(const rondo::state::v1::CustomerViewState& view,
                         const google::protobuf::RepeatedPtrField<rondo::type::v1::Field>& context,
                         rules::Arena& arena)
    : view_(view) {
  const auto count = static_cast<size_t>(context.size());
  auto* entries = arena.NewArray<rules::MapEntry>(count);
  for (size_t i = 0; i < count; ++i) {
    const rondo::type::v1::Field& field = context[static_cast<int>(i)];
    entries[i] = {.key = rules::Value::String(field.name()),
                  .value = rules::ValueOf(field.value(), arena)};
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
  return rules::ValueOf(at->field().value(), arena);
}

rules::Value CustomerRow::Signal(const rules::Symbol& signal, rules::Arena& arena) const {
  const auto& signals = view_.signals();
  const auto at = std::lower_bound(
      signals.begin(), signals.end(), signal.name,
      [](const auto& entry, const std::string& name) { return entry.name() < name; });
  if (at == signals.end() || at->name() != signal.name) return rules::Value::Null();
  return rules::ValueOf(at->value(), arena);
}

const rules::EventSource* CustomerRow::Events(const rules::Symbol&) const { return nullptr; }

bool CustomerRow::InSegment(const rules::Symbol&) const { return false; }

const rules::Value* CustomerRow::Variable(const rules::Symbol& variable) const {
  return variable.name == kContextVariable ? &context_ : nullptr;
}

}  // namespace rondo::decision
