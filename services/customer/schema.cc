#include "services/customer/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/id.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"
#include "rules/schema/schema.h"
#include "services/customer/domain/identity.h"

namespace rondo::customer {
namespace {

using rondo::type::v1::Value;
using rondo::type::v1::ValueType;

// What rondo's own channels and doors report; a set may still define their fields.
constexpr std::array<std::string_view, 7> kOwnEventTypes = {
    "open", "click", "unsubscribe", "bounce", "complaint", "delivered", "page_view"};

// Days of 0001-01-01 and 9999-12-31, RFC 3339's range.
constexpr int32_t kMinDateDays = -719'162;
constexpr int32_t kMaxDateDays = 2'932'896;

Value::KindCase KindOf(ValueType type) {
  switch (type) {
    case rondo::type::v1::VALUE_TYPE_STRING:
    case rondo::type::v1::VALUE_TYPE_CODE:
    case rondo::type::v1::VALUE_TYPE_REFERENCE:
      return Value::kStringValue;
    case rondo::type::v1::VALUE_TYPE_INT:
      return Value::kIntValue;
    case rondo::type::v1::VALUE_TYPE_DOUBLE:
      return Value::kDoubleValue;
    case rondo::type::v1::VALUE_TYPE_BOOL:
      return Value::kBoolValue;
    case rondo::type::v1::VALUE_TYPE_TIMESTAMP:
      return Value::kTimestampMicros;
    case rondo::type::v1::VALUE_TYPE_DATE:
      return Value::kDateDays;
    case rondo::type::v1::VALUE_TYPE_MONEY:
      return Value::kMoneyValue;
    case rondo::type::v1::VALUE_TYPE_GEO_POINT:
      return Value::kGeoPointValue;
    case rondo::type::v1::VALUE_TYPE_STRING_LIST:
      return Value::kStringListValue;
    default:
      return Value::KIND_NOT_SET;
  }
}

absl::Status CheckCode(std::string_view field, const Schema& schema, const pb::Attribute& attribute,
                       const std::string& text) {
  if (!attribute.code_list().empty()) {
    const CodeSet* codes = schema.FindCodeSet(attribute.code_list());
    if (codes == nullptr) return absl::OkStatus();  // Removed by another writer at the same time.
    return codes->Check(field, text, "expected a code of " + attribute.code_list());
  }
  const auto& codes = attribute.codes();
  if (codes.empty() || std::find(codes.begin(), codes.end(), text) != codes.end()) {
    return absl::OkStatus();
  }
  return CodeSet(codes).Check(field, text, "expected one of the codes that the attribute allows");
}

absl::Status CheckString(std::string_view field, const Schema& schema,
                         const pb::Attribute& attribute, const std::string& text) {
  if (text.size() > kMaxValueBytes) return FieldError(field, "expected at most 64 KiB");
  if (attribute.type() == rondo::type::v1::VALUE_TYPE_CODE) {
    return CheckCode(field, schema, attribute, text);
  }
  if (attribute.type() == rondo::type::v1::VALUE_TYPE_REFERENCE && !ParseCustomerName(text).ok()) {
    return FieldError(field, "expected customers/ and 16 hexadecimal digits");
  }
  return absl::OkStatus();
}

// The value's kind fits the type; is it in the type's range?
absl::Status CheckRange(std::string_view field, const Schema& schema,
                        const pb::Attribute& attribute, const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return CheckString(field, schema, attribute, value.string_value());
    case Value::kDoubleValue:
      if (std::isfinite(value.double_value())) return absl::OkStatus();
      return FieldError(field, "expected a finite number");
    case Value::kDateDays:
      if (value.date_days() >= kMinDateDays && value.date_days() <= kMaxDateDays) {
        return absl::OkStatus();
      }
      return FieldError(field, "expected a day of the years 1 to 9999");
    case Value::kMoneyValue:
      if (MinorUnitDigits(value.money_value().currency_code()).ok()) return absl::OkStatus();
      return FieldError(field, "expected a currency code of three upper-case letters");
    case Value::kGeoPointValue:
      // A NaN fails both comparisons.
      if (std::abs(value.geo_point_value().latitude()) <= 90.0 &&
          std::abs(value.geo_point_value().longitude()) <= 180.0) {
        return absl::OkStatus();
      }
      return FieldError(field, "expected latitude in [-90, 90] and longitude in [-180, 180]");
    case Value::kStringListValue:
      if (value.string_list_value().values_size() <= kMaxListItems &&
          value.ByteSizeLong() <= kMaxValueBytes) {
        return absl::OkStatus();
      }
      return FieldError(field, "expected at most 1,000 strings of 64 KiB together");
    default:
      return absl::OkStatus();
  }
}

void ValidateAttribute(const std::string& path, const pb::Attribute& attribute,
                       std::set<std::string>& names, FieldViolations& violations) {
  if (!IsSnakeName(attribute.name())) {
    violations.Add(path + ".name", "expected lower_snake_case, at most 63 characters");
  } else if (!names.insert(attribute.name()).second) {
    violations.Add(path + ".name", "this name stands twice in the set");
  }
  if (KindOf(attribute.type()) == Value::KIND_NOT_SET) {
    violations.Add(path + ".type",
                   "expected a type: string, int, double, bool, timestamp, date, "
                   "money, geo_point, string_list, code or reference");
  }
  if (attribute.codes_size() > 0 && attribute.type() != rondo::type::v1::VALUE_TYPE_CODE) {
    violations.Add(path + ".codes", "only attributes of type code have codes");
  }
  if (attribute.code_list().empty()) return;
  if (attribute.type() != rondo::type::v1::VALUE_TYPE_CODE) {
    violations.Add(path + ".code_list", "only attributes of type code have a code list");
  } else if (attribute.codes_size() > 0) {
    violations.Add(path + ".code_list", "expected either codes or a code list");
  } else if (!catalog::IsResourceName(attribute.code_list(), catalog::kCodeLists)) {
    violations.Add(path + ".code_list", "expected codeLists/ and the name of a code list");
  }
}

}  // namespace

Schema::Schema(const std::map<std::string, pb::AttributeSet>& sets, CodeSets code_sets)
    : code_sets_(std::move(code_sets)) {
  for (const auto& [name, set] : sets) {
    for (const pb::Attribute& attribute : set.attributes()) {
      attributes_[attribute.name()] = attribute;
    }
    for (const pb::EventType& type : set.event_types()) event_types_[type.name()] = type;
  }
}

const pb::Attribute* Schema::FindAttribute(std::string_view name) const {
  const auto at = attributes_.find(name);
  return at == attributes_.end() ? nullptr : &at->second;
}

const pb::EventType* Schema::FindEventType(std::string_view name) const {
  const auto at = event_types_.find(name);
  return at == event_types_.end() ? nullptr : &at->second;
}

const CodeSet* Schema::FindCodeSet(std::string_view code_list) const {
  const auto at = code_sets_.find(code_list);
  return at == code_sets_.end() ? nullptr : at->second.get();
}

SchemaView::SchemaView() : current_(std::make_shared<const Schema>()) {}

void SchemaView::Update(const rondo::log::v1::Definition& definition) {
  const bool is_set = definition.name().starts_with(catalog::kAttributeSets);
  if (!is_set && !definition.name().starts_with(catalog::kCodeLists)) return;
  const std::lock_guard lock(mutex_);
  if (definition.deleted()) {
    sets_.erase(definition.name());
    code_sets_.erase(definition.name());
  } else if (is_set) {
    sets_[definition.name()] = definition.attribute_set();
  } else {
    code_sets_[definition.name()] = std::make_shared<const CodeSet>(definition.code_list());
  }
  current_ = std::make_shared<const Schema>(sets_, code_sets_);
}

std::shared_ptr<const Schema> SchemaView::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

absl::Status SchemaView::CheckAgainstOthers(const pb::AttributeSet& set) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [other_name, other] : sets_) {
    if (other_name == set.name()) continue;
    for (const pb::Attribute& theirs : other.attributes()) {
      for (const pb::Attribute& ours : set.attributes()) {
        if (ours.name() != theirs.name()) continue;
        if (ours.type() != theirs.type()) {
          return absl::FailedPreconditionError(
              absl::StrCat("attribute ", ours.name(), " is defined as ", NameOf(theirs.type()),
                           " by ", other_name, ": choose another name or the same type"));
        }
        if (ours.code_list() != theirs.code_list()) {
          return absl::FailedPreconditionError(
              absl::StrCat("attribute ", ours.name(), " is defined with other codes by ",
                           other_name, ": choose another name or the same code list"));
        }
      }
    }
  }
  for (const std::string& code_list : CodeListsOf(set)) {
    if (code_sets_.contains(code_list)) continue;
    return absl::FailedPreconditionError("there is no " + code_list + ": create it first");
  }
  return absl::OkStatus();
}

std::vector<std::string> CodeListsOf(const pb::AttributeSet& set) {
  std::set<std::string> lists;
  for (const pb::Attribute& attribute : set.attributes()) lists.insert(attribute.code_list());
  for (const pb::EventType& type : set.event_types()) {
    for (const pb::Attribute& field : type.fields()) lists.insert(field.code_list());
  }
  lists.erase("");
  return {lists.begin(), lists.end()};
}

absl::Status ValidateAttributeSet(const pb::AttributeSet& set) {
  FieldViolations violations;
  if (!catalog::IsResourceName(set.name(), catalog::kAttributeSets)) {
    violations.Add("name", "expected attributeSets/ and lower-case letters, digits and hyphens");
  }
  std::set<std::string> names;
  for (int i = 0; i < set.attributes_size(); ++i) {
    ValidateAttribute(absl::StrCat("attributes[", i, "]"), set.attributes(i), names, violations);
  }
  std::set<std::string> types;
  for (int i = 0; i < set.event_types_size(); ++i) {
    const std::string path = absl::StrCat("event_types[", i, "]");
    const pb::EventType& type = set.event_types(i);
    if (!IsSnakeName(type.name()) || !types.insert(type.name()).second) {
      violations.Add(path + ".name", "expected lower_snake_case, each type once");
    }
    if (type.name() == rules::kResponseEvent) {
      violations.Add(path + ".name", "`response` is the engine's own: take another name");
    }
    std::set<std::string> fields;
    for (int j = 0; j < type.fields_size(); ++j) {
      const std::string field = absl::StrCat(path, ".fields[", j, "]");
      ValidateAttribute(field, type.fields(j), fields, violations);
      if (type.fields(j).pii()) {
        violations.Add(field + ".pii", "events carry no PII: keep it in an attribute");
      }
    }
  }
  if (!set.currency().empty() && !MinorUnitDigits(set.currency()).ok()) {
    violations.Add("currency", "expected an ISO 4217 code: three upper-case letters");
  }
  return violations.ToStatus();
}

absl::Status CheckValue(std::string_view field, const Schema& schema,
                        const pb::Attribute& attribute, const Value& value) {
  if (value.kind_case() == Value::KIND_NOT_SET) return absl::OkStatus();
  if (value.kind_case() != KindOf(attribute.type())) {
    return FieldError(field, "expected a value of type " + NameOf(attribute.type()));
  }
  return CheckRange(field, schema, attribute, value);
}

namespace {

// What response holds the events to that are sent in; an import is no way around it.
absl::Status CheckEventBounds(const std::string& path, const rondo::response::v1::Event& event,
                              absl::Time now) {
  constexpr size_t kEventBytesMax = 64 << 10;
  constexpr int kEventFieldsMax = 200;
  constexpr size_t kMessageIdBytesMax = 256;
  constexpr absl::Duration kAheadMax = absl::Hours(24);
  if (event.ByteSizeLong() > kEventBytesMax) {
    return FieldError(path, "at most 64 KiB; keep large content elsewhere and import its address");
  }
  if (event.message_id().size() > kMessageIdBytesMax) {
    return FieldError(path + ".message_id", "at most 256 bytes");
  }
  if (!IsValid(event.event_time())) {
    return FieldError(path + ".event_time", "an instant between the years 1 and 9999");
  }
  if (TimeOf(event.event_time()) > now + kAheadMax) {
    return FieldError(path + ".event_time", "more than 24 hours ahead");
  }
  if (event.has_contact() && (!event.contact().campaign().starts_with(catalog::kCampaigns) ||
                              event.contact().cycle() < 1)) {
    return FieldError(path + ".contact", "a campaign `campaigns/{campaign}` and a cycle from 1");
  }
  if (event.fields_size() > kEventFieldsMax) {
    return FieldError(path + ".fields", "at most 200 fields");
  }
  std::set<std::string_view> names;
  for (const rondo::type::v1::Field& given : event.fields()) {
    if (!IsSnakeName(given.name()) || !names.insert(given.name()).second) {
      return FieldError(path + ".fields",
                        "names in lower_snake_case of at most 63 letters, each once");
    }
    const Value& value = given.value();
    if (value.has_sealed_value()) {
      return FieldError(path + "." + given.name(), "a value in clear: only the engine seals");
    }
    if (value.has_double_value() && !std::isfinite(value.double_value())) {
      return FieldError(path + "." + given.name(), "a finite number");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckEvent(std::string_view field, const Schema& schema,
                        const rondo::response::v1::Event& event, absl::Time now) {
  const std::string path(field);
  if (!event.has_event_time()) return FieldError(path + ".event_time", "expected a time");
  RONDO_RETURN_IF_ERROR(CheckEventBounds(path, event, now));
  const pb::EventType* type = schema.FindEventType(event.type());
  if (type == nullptr) {
    if (std::find(kOwnEventTypes.begin(), kOwnEventTypes.end(), event.type()) !=
        kOwnEventTypes.end()) {
      return absl::OkStatus();
    }
    return FieldError(path + ".type", "no attribute set defines this type of event");
  }
  for (const rondo::type::v1::Field& given : event.fields()) {
    const auto defined =
        std::find_if(type->fields().begin(), type->fields().end(),
                     [&](const pb::Attribute& f) { return f.name() == given.name(); });
    const std::string name = absl::StrCat(path, ".", given.name());
    if (defined == type->fields().end()) {
      return FieldError(name, "the event's type defines no such field");
    }
    RONDO_RETURN_IF_ERROR(CheckValue(name, schema, *defined, given.value()));
  }
  return absl::OkStatus();
}

std::string NameOf(ValueType type) {
  std::string name = rondo::type::v1::ValueType_Name(type);
  constexpr std::string_view kPrefix = "VALUE_TYPE_";
  name = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c == '_' ? ' ' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return name;
}

}  // namespace rondo::customer
