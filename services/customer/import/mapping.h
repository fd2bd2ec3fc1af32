// What an import's mapping file says: how columns become keys, attributes, consents, events and
// past contacts. docs/guide/import.md describes the format for its users.
//
// A mapping is read from YAML, then bound to a file's header, so that every unknown column is told
// before the first row is read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/type/v1/value.pb.h"

namespace rondo::customer {

// Text with `{column}` and `{row}` in it: `h{row}@example.test`. `{{` is a brace.
class TextTemplate {
 public:
  TextTemplate() = default;
  // INVALID_ARGUMENT for a brace that is not closed.
  static absl::StatusOr<TextTemplate> Parse(std::string_view text);

  // NOT_FOUND, naming it, for a column that the header lacks.
  absl::Status Bind(const std::vector<std::string>& header);
  // `row` counts data rows from 1. Empty if all of its columns are: what stands between them, as in
  // `{lat},{lon}`, is no value. After Bind.
  std::string Fill(const std::vector<std::string_view>& fields, int64_t row) const;
  bool empty() const { return parts_.empty(); }
  // The only part is this column: its index after Bind; -1 otherwise.
  int only_column() const;

 private:
  static constexpr int kLiteral = -1;
  static constexpr int kRow = -2;
  struct Part {
    std::string text;  // The literal, or the column's name.
    int column = kLiteral;
  };
  std::vector<Part> parts_;
};

// How one value is made.
struct ValueRule {
  std::string path;  // In the mapping, for messages: `attributes.tier`.
  rondo::type::v1::ValueType type = rondo::type::v1::VALUE_TYPE_STRING;
  TextTemplate text;                         // `column: X` is the template `{X}`.
  std::optional<TextTemplate> times;         // Multiplies a number by another column's.
  std::map<std::string, std::string> codes;  // `map:` replaces whole texts.
  std::set<std::string> nulls = {""};        // Texts that mean that there is no value.
  std::string format;                        // Of times and dates, as absl::ParseTime reads it.
  absl::TimeZone zone = absl::UTCTimeZone();
  std::string currency;         // For money.
  std::string separator = ";";  // For lists.
};

// Whether a row is meant; all tests of a list must hold.
struct Condition {
  enum class Test { kEquals, kNot, kPresent, kPrefix, kNotPrefix, kAbove };
  Test test = Test::kPresent;
  TextTemplate text;
  std::set<std::string> texts;  // For equals, not, prefix and not_prefix.
  double above = 0.0;
};
using Conditions = std::vector<Condition>;

struct KeyRule {
  std::string name_space;
  TextTemplate value;
};

struct NamedRule {
  std::string name;
  ValueRule rule;
};

struct ConsentRule {
  std::string channel;
  std::string purpose;
  std::string business_unit;
  std::string text_version;
  Conditions when;  // Rows that say nothing of it.
  ValueRule granted;
  std::optional<ValueRule> time;
};

struct EventRule {
  std::string type;
  Conditions when;
  ValueRule time;
  TextTemplate message_id;  // Empty: made of the import's name and the row.
  std::vector<NamedRule> fields;
};

struct ResponseRule {
  std::string goal;
  Conditions when;
  absl::Duration after;            // From the due time.
  std::optional<ValueRule> time;   // Instead of `after`.
  std::optional<ValueRule> value;  // Money of the campaign's currency.
};

struct ContactRule {
  std::string campaign;  // `campaigns/...`; one of Mapping::campaigns.
  Conditions when;
  ValueRule cell;
  std::vector<ResponseRule> responses;
};

struct Mapping {
  std::string name;
  char delimiter = ',';
  Conditions where;  // Rows that are taken at all.
  std::vector<KeyRule> keys;
  std::vector<NamedRule> attributes;
  std::vector<ConsentRule> consents;
  std::vector<EventRule> events;
  std::vector<ContactRule> contacts;
  std::vector<rondo::customer::v1::PastCampaign> campaigns;
  std::optional<ValueRule> effective_time;

  // Of the cells of a campaign, by name.
  const rondo::customer::v1::PastCampaign* FindCampaign(std::string_view name) const;

  // Finds the columns of all rules in a header. INVALID_ARGUMENT, naming each, for columns that it
  // lacks, and for a header that names one twice.
  absl::Status Bind(const std::vector<std::string>& header);
};

// INVALID_ARGUMENT, naming the place, for YAML that does not parse, keys that mean nothing and
// rules that lack something.
absl::StatusOr<Mapping> ParseMapping(const std::string& yaml);

}  // namespace rondo::customer
