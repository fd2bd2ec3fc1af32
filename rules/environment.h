// The names that a rule may use, with their types. Unknown names are refused when a rule is
// compiled, before anything runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "rules/row.h"
#include "rules/type.h"

namespace rondo::rules {

struct Field {
  std::string name;
  Type type;
};

// One of a list of codes. `parent` is the code above it, empty for those at the top.
struct Code {
  std::string code;
  std::string parent = {};
};

// Bounds on a rule's text and on one evaluation of it.
struct Limits {
  size_t source_bytes = 64 * 1024;
  int nesting = 100;     // Brackets, calls and unary operators within one another.
  int tree_depth = 400;  // Also counts chains such as a + b + c.
  size_t nodes = 20'000;
  double static_cost = 1e8;    // Estimated steps; see checker.h.
  int64_t steps = 250'000;     // Of one evaluation.
  size_t list_items = 10'000;  // Of a list that a macro runs over.
  size_t pattern_bytes = 1024;
  size_t arena_bytes = size_t{32} << 20;
};

// An overload that only a check knows (`rondo rules eval` with declared functions).
struct Overload {
  std::string id;
  bool member = false;  // The first parameter is the receiver.
  std::vector<Type> params;
  Type result;
};

// Build it once, then share it: reading is thread-safe. Symbols' indices follow the order of Add.
class Environment {
 public:
  // `customer.NAME`. The type becomes nullable: a customer may have no value.
  Environment& AddAttribute(std::string name, const Type& type);
  // `signal.NAME`; the name may have dots: `rfm.recency`. Nullable.
  Environment& AddSignal(std::string name, const Type& type);
  // `events('NAME')`, whose events have these fields (nullable) and `time`.
  Environment& AddEventType(std::string name, std::vector<Field> fields);
  // `in_segment('NAME')`.
  Environment& AddSegment(std::string name);
  // The codes of Type::Code(name), in the order given: what `.under('FOOD')` knows of them.
  Environment& AddCodeList(const std::string& name, std::vector<Code> codes);
  // Also percentile_rank, ntile and top, which compare a customer with all others: for rules that
  // select among all, by Program::Select.
  Environment& AllowRanks();
  // A plain CEL variable; the name may have dots. Not made nullable.
  Environment& AddVariable(std::string name, Type type);
  Environment& AddFunction(const std::string& name, Overload overload);
  // The variable `name` is an event of `event_type`, given with each evaluation: rules of goals.
  Environment& BindEvent(std::string name, std::string event_type);
  // Names are looked up as CONTAINER.NAME first, then in the containers around it.
  Environment& SetContainer(std::string container);
  Environment& SetLimits(Limits limits);

  struct EventType {
    Symbol symbol;
    std::vector<Field> fields;
    // -1 when there is no such field.
    int FieldIndex(std::string_view name) const;
  };
  struct Named {
    Symbol symbol;
    Type type;
  };

  // Null pointer when there is none.
  const Named* FindAttribute(std::string_view name) const;
  const Named* FindSignal(std::string_view name) const;
  const EventType* FindEventType(std::string_view name) const;
  const Symbol* FindSegment(std::string_view name) const;
  const Named* FindVariable(std::string_view name) const;
  const std::vector<Overload>* FindFunction(std::string_view name) const;
  const std::vector<Code>* FindCodeList(std::string_view name) const;

  const std::vector<Named>& attributes() const { return attributes_; }
  const std::vector<Named>& signals() const { return signals_; }
  const std::vector<EventType>& event_types() const { return event_types_; }
  const std::vector<Symbol>& segments() const { return segments_; }
  const std::vector<Named>& variables() const { return variables_; }
  // Empty names when no event is bound.
  const std::string& bound_event_name() const { return bound_event_name_; }
  const std::string& bound_event_type() const { return bound_event_type_; }
  const std::string& container() const { return container_; }
  bool ranks_allowed() const { return ranks_allowed_; }
  const Limits& limits() const { return limits_; }

 private:
  using Index = absl::flat_hash_map<std::string, size_t>;
  std::vector<Named> attributes_, signals_, variables_;
  std::vector<EventType> event_types_;
  std::vector<Symbol> segments_;
  absl::flat_hash_map<std::string, std::vector<Overload>> functions_;
  absl::flat_hash_map<std::string, std::vector<Code>> code_lists_;
  bool ranks_allowed_ = false;
  Index attribute_index_, signal_index_, variable_index_, event_index_, segment_index_;
  std::string bound_event_name_, bound_event_type_, container_;
  Limits limits_;
};

}  // namespace rondo::rules
