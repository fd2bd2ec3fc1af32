// What a rule reads of one customer: an interface that each service implements over its own state.
//
// Programs name what they read by a Symbol, whose index is the name's position among the
// environment's declarations of that kind; so a row can answer by array access, without hashing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rules/value.h"

namespace rondo::rules {

// A name that a program reads. `index` counts the environment's declarations of the same kind from
// 0, in the order in which they were added (fields: within their event type).
struct Symbol {
  std::string name;
  int index = -1;
};

// The events of one type of one customer, oldest first (equal times: in order of arrival).
class EventSource {
 public:
  virtual ~EventSource() = default;
  virtual size_t size() const = 0;
  // Microseconds since the epoch, ascending with `i`.
  virtual int64_t TimeMicros(size_t i) const = 0;
  // Null when the event has no such field. Borrowed from the source, or from `arena`.
  virtual Value Field(size_t i, const Symbol& field, Arena& arena) const = 0;
};

// One customer. Not thread-safe unless the implementation says so.
class Row {
 public:
  virtual ~Row() = default;
  // Null when the customer has no value. Borrowed from the row, or from `arena`.
  virtual Value Attribute(const Symbol& attribute, Arena& arena) const = 0;
  virtual Value Signal(const Symbol& signal, Arena& arena) const = 0;
  // Null pointer when there are none.
  virtual const EventSource* Events(const Symbol& event_type) const = 0;
  virtual bool InSegment(const Symbol& segment) const = 0;
  // A plain CEL variable (Environment::AddVariable); null pointer when it is not bound.
  virtual const Value* Variable(const Symbol& variable) const;
};

// Events held in memory: for tests, and for callers that have just one event (goals).
class MemoryEvents final : public EventSource {
 public:
  // `fields` by the event type's field order; missing ones at the end are null. Callers add in
  // ascending time; the values' memory must outlive the object.
  void Add(int64_t time_micros, std::vector<Value> fields);
  size_t size() const override { return times_.size(); }
  int64_t TimeMicros(size_t i) const override { return times_[i]; }
  Value Field(size_t i, const Symbol& field, Arena& arena) const override;

 private:
  std::vector<int64_t> times_;
  std::vector<std::vector<Value>> fields_;
};

// A customer held in memory, indexed as the environment declares. What is not set is null.
class MemoryRow final : public Row {
 public:
  std::vector<Value> attributes;
  std::vector<Value> signals;
  std::vector<std::unique_ptr<MemoryEvents>> events;  // By event type; null pointer: none.
  std::vector<bool> segments;
  std::vector<Value> variables;
  std::vector<bool> bound;  // Which variables are; shorter means that the rest is not.

  Value Attribute(const Symbol& attribute, Arena& arena) const override;
  Value Signal(const Symbol& signal, Arena& arena) const override;
  const EventSource* Events(const Symbol& event_type) const override;
  bool InSegment(const Symbol& segment) const override;
  const Value* Variable(const Symbol& variable) const override;
};

}  // namespace rondo::rules
