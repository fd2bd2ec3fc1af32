// What attributes and types of events exist, of which types: the union of all attribute sets; and
// the code lists that they use.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "rondo/customer/v1/customer.pb.h"
#include "rondo/log/v1/definitions.pb.h"
#include "rondo/response/v1/event.pb.h"
#include "rondo/type/v1/value.pb.h"
#include "services/customer/code_list.h"

namespace rondo::customer {

namespace pb = ::rondo::customer::v1;

inline constexpr size_t kMaxValueBytes = 64 * 1024;
inline constexpr int kMaxListItems = 1'000;

// Code lists by name, for checking values.
using CodeSets = std::map<std::string, std::shared_ptr<const CodeSet>, std::less<>>;

// Immutable; of current attribute sets. If two sets define one name, the set that sorts last holds.
class Schema {
 public:
  Schema() = default;
  Schema(const std::map<std::string, pb::AttributeSet>& sets, CodeSets code_sets);

  // nullptr if no set defines it.
  const pb::Attribute* FindAttribute(std::string_view name) const;
  const pb::EventType* FindEventType(std::string_view name) const;
  // nullptr if there is no such code list.
  const CodeSet* FindCodeSet(std::string_view code_list) const;

 private:
  std::map<std::string, pb::Attribute, std::less<>> attributes_;
  std::map<std::string, pb::EventType, std::less<>> event_types_;
  CodeSets code_sets_;
};

// The schema as it is now. Thread-safe.
class SchemaView {
 public:
  SchemaView();
  // Takes over a definition of `attributeSets/*` or `codeLists/*`; others are ignored.
  void Update(const rondo::log::v1::Definition& definition);
  std::shared_ptr<const Schema> Current() const;
  // FAILED_PRECONDITION, naming the other set, if `set` gives a name that another set defines
  // another type or code list; or if a code list that it uses does not exist.
  absl::Status CheckAgainstOthers(const pb::AttributeSet& set) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, pb::AttributeSet> sets_;
  CodeSets code_sets_;
  std::shared_ptr<const Schema> current_;
};

// INVALID_ARGUMENT, all wrong fields named, unless names are lower_snake_case and unique, types are
// said, codes and code lists belong to codes, and the currency is a currency.
absl::Status ValidateAttributeSet(const pb::AttributeSet& set);

// Names of the code lists that attributes and fields of `set` use, sorted, each once.
std::vector<std::string> CodeListsOf(const pb::AttributeSet& set);

// INVALID_ARGUMENT for `field` unless `value` is absent or of the attribute's type and in its
// range: of a code, one that the attribute or its code list allows.
absl::Status CheckValue(std::string_view field, const Schema& schema,
                        const pb::Attribute& attribute, const rondo::type::v1::Value& value);

// INVALID_ARGUMENT unless the event's type is defined (or one that rondo makes itself), its fields
// are of their types, and it is within the bounds that events which are sent in are held to:
// 64 KiB, 200 fields of plain names, each once, finite numbers, nothing sealed, a message id of at
// most 256 bytes, at most a day after `now`.
absl::Status CheckEvent(std::string_view field, const Schema& schema,
                        const rondo::response::v1::Event& event, absl::Time now);

// `timestamp`, `string list`: a type as messages name it.
std::string NameOf(rondo::type::v1::ValueType type);

}  // namespace rondo::customer
