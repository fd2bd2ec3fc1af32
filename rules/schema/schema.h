// From the contract's words to those of rules: types and values of attributes and of events'
// fields, and the names that attribute sets declare. The one place of this mapping: what a segment,
// a goal and an offer may name, and what it means there, is the same everywhere.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rondo/customer/v1/customer.pb.h"
#include "rondo/log/v1/definitions.pb.h"
#include "rondo/type/v1/value.pb.h"
#include "rules/environment.h"
#include "rules/program.h"
#include "rules/type.h"
#include "rules/value.h"

namespace rondo::rules {

// The event type of Schema::DeclareResponses; no attribute set may declare it.
inline constexpr std::string_view kResponseEvent = "response";

// nullopt for VALUE_TYPE_UNSPECIFIED and types unknown to this version.
std::optional<Type> TypeOf(type::v1::ValueType type);

// As above; of an attribute or a field whose codes are a list's, Type::Code of that list's name.
std::optional<Type> TypeOf(const customer::v1::Attribute& attribute);

// A code list's codes for Environment::AddCodeList.
std::vector<Code> CodesOf(const customer::v1::CodeList& list);

// A contract's value for rules; borrows from `value` and `arena`. Absent and sealed ones are null.
Value ValueOf(const type::v1::Value& value, Arena& arena);

// The fields of an event type that rules may name: PII and types unknown to this version excepted.
std::vector<Field> FieldsOf(const customer::v1::EventType& event_type);

// What attribute sets declare, with the code lists that they use, and the events and signals that
// the engine itself makes. Immutable, thread-safe.
class Schema {
 public:
  // `attribute_sets`: current definitions of `attributeSets/…`, by name. Of names declared twice
  // the first counts. PII is left out: no rule reads it. `code_lists`: those of `codeLists/…`;
  // codes of a list that is not among them are strings of which rules know nothing more.
  explicit Schema(const std::vector<log::v1::Definition>& attribute_sets,
                  const std::vector<log::v1::Definition>& code_lists = {});

  // `customer.NAME` for each attribute, and the code lists.
  void DeclareAttributes(Environment& environment) const;
  // `events('NAME')` for each event type, and the code lists; the engine's own have no fields
  // unless a set gives them some.
  void DeclareEvents(Environment& environment) const;
  // `events('response')`, whose events are the customer's attributed responses, and with it
  // responded('campaigns/spring', 'click'): for those who have them at hand. Fields: campaign,
  // `campaigns/{campaign}`; cycle, from 1; cell; kind, a goal's name or `click` and its like.
  static void DeclareResponses(Environment& environment);
  // `signal.NAME` for the signals that the engine computes, before the first is computed, but those
  // that `environment` has.
  static void DeclareSignals(Environment& environment);

  // The code lists alone: for those who declare an event type of their own choice.
  void DeclareCodeLists(Environment& environment) const;

  // Whether events of this type are known, declared or the engine's own.
  bool HasEvent(std::string_view event_type) const;
  // Empty for the engine's own and for unknown ones.
  std::vector<Field> FieldsOfEvent(std::string_view event_type) const;

  // The attribute set that declares it; empty if none does.
  std::string OwnerOfAttribute(std::string_view attribute) const;
  std::string OwnerOfEvent(std::string_view event_type) const;
  // Names of the attribute sets that a rule reads, sorted.
  std::vector<std::string> OwnersOf(const References& references) const;

 private:
  struct Attribute {
    std::string owner;
    Type type;
  };
  struct Event {
    std::string owner;  // Empty: the engine's own.
    std::vector<Field> fields;
  };
  std::map<std::string, Attribute, std::less<>> attributes_;
  std::map<std::string, Event, std::less<>> events_;
  std::map<std::string, std::vector<Code>> code_lists_;
};

}  // namespace rondo::rules
