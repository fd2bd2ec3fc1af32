#include "rules/row.h"

#include "platform/core/status_macros.h"

namespace rondo::rules {
namespace {

Value AtOrNull(const std::vector<Value>& values, int index) {
  const auto at = static_cast<size_t>(index);
  return index >= 0 && at < values.size() ? values[at] : Value::Null();
}

bool IsSet(const std::vector<bool>& bits, int index) {
  const auto at = static_cast<size_t>(index);
  return index >= 0 && at < bits.size() && bits[at];
}

}  // namespace

const Value* Row::Variable(const Symbol&) const { return nullptr; }

void MemoryEvents::Add(int64_t time_micros, std::vector<Value> fields) {
  RONDO_CHECK(times_.empty() || times_.back() <= time_micros);
  times_.push_back(time_micros);
  fields_.push_back(std::move(fields));
}

Value MemoryEvents::Field(size_t i, const Symbol& field, Arena&) const {
  return AtOrNull(fields_[i], field.index);
}

Value MemoryRow::Attribute(const Symbol& attribute, Arena&) const {
  return AtOrNull(attributes, attribute.index);
}

Value MemoryRow::Signal(const Symbol& signal, Arena&) const {
  return AtOrNull(signals, signal.index);
}

const EventSource* MemoryRow::Events(const Symbol& event_type) const {
  const auto at = static_cast<size_t>(event_type.index);
  return event_type.index >= 0 && at < events.size() ? events[at].get() : nullptr;
}

bool MemoryRow::InSegment(const Symbol& segment) const { return IsSet(segments, segment.index); }

const Value* MemoryRow::Variable(const Symbol& variable) const {
  return IsSet(bound, variable.index) ? &variables[static_cast<size_t>(variable.index)] : nullptr;
}

}  // namespace rondo::rules
