#include "rules/environment.h"

#include <utility>

namespace rondo::rules {
namespace {

using Index = absl::flat_hash_map<std::string, size_t>;

// Adds, or replaces the type of a name that is there already.
void AddNamed(std::string name, Type type, std::vector<Environment::Named>* list, Index* index) {
  const auto [at, added] = index->try_emplace(name, list->size());
  if (added) {
    list->push_back({{std::move(name), static_cast<int>(list->size())}, std::move(type)});
  } else {
    (*list)[at->second].type = std::move(type);
  }
}

template <typename T>
const T* Find(std::string_view name, const std::vector<T>& list, const Index& index) {
  const auto at = index.find(std::string(name));
  return at == index.end() ? nullptr : &list[at->second];
}

}  // namespace

Environment& Environment::AddAttribute(std::string name, const Type& type) {
  AddNamed(std::move(name), type.Nullable(), &attributes_, &attribute_index_);
  return *this;
}

Environment& Environment::AddSignal(std::string name, const Type& type) {
  AddNamed(std::move(name), type.Nullable(), &signals_, &signal_index_);
  return *this;
}

Environment& Environment::AddEventType(std::string name, std::vector<Field> fields) {
  for (Field& field : fields) field.type.nullable = true;
  const auto [at, added] = event_index_.try_emplace(name, event_types_.size());
  if (added) {
    const int index = static_cast<int>(event_types_.size());
    event_types_.push_back({{std::move(name), index}, std::move(fields)});
  } else {
    event_types_[at->second].fields = std::move(fields);
  }
  return *this;
}

Environment& Environment::AddSegment(std::string name) {
  if (segment_index_.try_emplace(name, segments_.size()).second) {
    segments_.push_back({std::move(name), static_cast<int>(segments_.size())});
  }
  return *this;
}

Environment& Environment::AddCodeList(const std::string& name, std::vector<Code> codes) {
  code_lists_[name] = std::move(codes);
  return *this;
}

Environment& Environment::AllowRanks() {
  ranks_allowed_ = true;
  return *this;
}

Environment& Environment::AddVariable(std::string name, Type type) {
  AddNamed(std::move(name), std::move(type), &variables_, &variable_index_);
  return *this;
}

Environment& Environment::AddFunction(const std::string& name, Overload overload) {
  functions_[name].push_back(std::move(overload));
  return *this;
}

Environment& Environment::BindEvent(std::string name, std::string event_type) {
  bound_event_name_ = std::move(name);
  bound_event_type_ = std::move(event_type);
  return *this;
}

Environment& Environment::SetContainer(std::string container) {
  container_ = std::move(container);
  return *this;
}

Environment& Environment::SetLimits(Limits limits) {
  limits_ = limits;
  return *this;
}

int Environment::EventType::FieldIndex(std::string_view name) const {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

const Environment::Named* Environment::FindAttribute(std::string_view name) const {
  return Find(name, attributes_, attribute_index_);
}
const Environment::Named* Environment::FindSignal(std::string_view name) const {
  return Find(name, signals_, signal_index_);
}
const Environment::EventType* Environment::FindEventType(std::string_view name) const {
  return Find(name, event_types_, event_index_);
}
const Symbol* Environment::FindSegment(std::string_view name) const {
  return Find(name, segments_, segment_index_);
}
const Environment::Named* Environment::FindVariable(std::string_view name) const {
  return Find(name, variables_, variable_index_);
}
const std::vector<Overload>* Environment::FindFunction(std::string_view name) const {
  const auto at = functions_.find(std::string(name));
  return at == functions_.end() ? nullptr : &at->second;
}
const std::vector<Code>* Environment::FindCodeList(std::string_view name) const {
  const auto at = code_lists_.find(std::string(name));
  return at == code_lists_.end() ? nullptr : &at->second;
}

}  // namespace rondo::rules
