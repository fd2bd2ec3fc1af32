#include "services/customer/import/row_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"

namespace rondo::customer {
namespace {

namespace pb = ::rondo::customer::v1;
namespace type = ::rondo::type::v1;
using Fields = std::vector<std::string_view>;

absl::StatusOr<int64_t> ReadInt(const std::string& text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number))
    return absl::InvalidArgumentError("expected a whole number");
  return number;
}

absl::StatusOr<double> ReadDouble(const std::string& text) {
  double number = 0.0;
  if (!absl::SimpleAtod(text, &number) || !std::isfinite(number)) {
    return absl::InvalidArgumentError("expected a number");
  }
  return number;
}

absl::StatusOr<bool> ReadBool(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);
  for (const char* yes : {"1", "true", "yes", "y", "t"}) {
    if (lower == yes) return true;
  }
  for (const char* no : {"0", "false", "no", "n", "f"}) {
    if (lower == no) return false;
  }
  return absl::InvalidArgumentError("expected 1 or 0, true or false, yes or no");
}

absl::StatusOr<absl::Time> ReadTime(const ValueRule& rule, const std::string& text,
                                    const char* default_format) {
  const std::string format = rule.format.empty() ? default_format : rule.format;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(format, text, rule.zone, &time, &error)) {
    return absl::InvalidArgumentError("expected a time as " + format);
  }
  return time;
}

absl::StatusOr<type::GeoPoint> ReadGeoPoint(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  type::GeoPoint point;
  double latitude = 0.0;
  double longitude = 0.0;
  if (parts.size() != 2 || !absl::SimpleAtod(parts[0], &latitude) ||
      !absl::SimpleAtod(parts[1], &longitude)) {
    return absl::InvalidArgumentError("expected latitude,longitude in degrees");
  }
  point.set_latitude(latitude);
  point.set_longitude(longitude);
  return point;
}

// A number times a whole or decimal number of another column.
absl::StatusOr<double> Factor(const ValueRule& rule, const Fields& fields, int64_t row) {
  return ReadDouble(rule.times->Fill(fields, row));
}

absl::StatusOr<type::Money> ReadMoney(const ValueRule& rule, const std::string& text,
                                      const Fields& fields, int64_t row) {
  absl::StatusOr<Money> money = ParseMoney(text, rule.currency);
  if (!money.ok()) {
    return absl::InvalidArgumentError("expected an amount in " + rule.currency);
  }
  if (rule.times.has_value()) {
    RONDO_ASSIGN_OR_RETURN(const int64_t factor, ReadInt(rule.times->Fill(fields, row)));
    if (__builtin_mul_overflow(money->minor_units, factor, &money->minor_units)) {
      return absl::InvalidArgumentError("the amount is too large");
    }
  }
  type::Money out;
  out.set_currency_code(money->currency);
  out.set_minor_units(money->minor_units);
  return out;
}

type::StringList ReadList(const ValueRule& rule, const std::string& text) {
  type::StringList list;
  for (absl::string_view item : absl::StrSplit(text, rule.separator, absl::SkipWhitespace())) {
    item = absl::StripAsciiWhitespace(item);
    list.add_values(item.data(), item.size());
  }
  return list;
}

absl::Status ReadNumber(const ValueRule& rule, const std::string& text, const Fields& fields,
                        int64_t row, type::Value& value) {
  if (rule.type == type::VALUE_TYPE_INT && !rule.times.has_value()) {
    RONDO_ASSIGN_OR_RETURN(const int64_t number, ReadInt(text));
    value.set_int_value(number);
    return absl::OkStatus();
  }
  RONDO_ASSIGN_OR_RETURN(double number, ReadDouble(text));
  if (rule.times.has_value()) {
    RONDO_ASSIGN_OR_RETURN(const double factor, Factor(rule, fields, row));
    number *= factor;
  }
  if (rule.type == type::VALUE_TYPE_DOUBLE) {
    value.set_double_value(number);
    return absl::OkStatus();
  }
  // Whole numbers are exact in a double up to 2^53.
  if (number != std::trunc(number) || std::abs(number) > 0x1p53) {
    return absl::InvalidArgumentError("expected a whole number");
  }
  value.set_int_value(static_cast<int64_t>(number));
  return absl::OkStatus();
}

absl::Status ReadTimes(const ValueRule& rule, const std::string& text, type::Value& value) {
  if (rule.type == type::VALUE_TYPE_TIMESTAMP) {
    RONDO_ASSIGN_OR_RETURN(const absl::Time time, ReadTime(rule, text, absl::RFC3339_full));
    value.set_timestamp_micros(absl::ToUnixMicros(time));
    return absl::OkStatus();
  }
  RONDO_ASSIGN_OR_RETURN(const absl::Time time, ReadTime(rule, text, "%Y-%m-%d"));
  const absl::CivilDay day = absl::ToCivilDay(time, rule.zone);
  value.set_date_days(static_cast<int32_t>(day - absl::CivilDay(1970, 1, 1)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<type::Value> ReadCell(const ValueRule& rule, const Fields& fields, int64_t row) {
  type::Value value;
  std::string text = rule.text.Fill(fields, row);
  if (const auto code = rule.codes.find(text); code != rule.codes.end()) text = code->second;
  if (rule.nulls.count(text) > 0) return value;
  switch (rule.type) {
    case type::VALUE_TYPE_INT:
    case type::VALUE_TYPE_DOUBLE:
      RONDO_RETURN_IF_ERROR(ReadNumber(rule, text, fields, row, value));
      break;
    case type::VALUE_TYPE_BOOL: {
      RONDO_ASSIGN_OR_RETURN(const bool yes, ReadBool(text));
      value.set_bool_value(yes);
      break;
    }
    case type::VALUE_TYPE_TIMESTAMP:
    case type::VALUE_TYPE_DATE:
      RONDO_RETURN_IF_ERROR(ReadTimes(rule, text, value));
      break;
    case type::VALUE_TYPE_MONEY: {
      RONDO_ASSIGN_OR_RETURN(*value.mutable_money_value(), ReadMoney(rule, text, fields, row));
      break;
    }
    case type::VALUE_TYPE_GEO_POINT: {
      RONDO_ASSIGN_OR_RETURN(*value.mutable_geo_point_value(), ReadGeoPoint(text));
      break;
    }
    case type::VALUE_TYPE_STRING_LIST:
      *value.mutable_string_list_value() = ReadList(rule, text);
      break;
    default:
      value.set_string_value(std::move(text));
  }
  return value;
}

bool Holds(const Conditions& conditions, const Fields& fields, int64_t row) {
  return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    const std::string text = condition.text.Fill(fields, row);
    const auto starts = [&](const std::string& prefix) { return text.starts_with(prefix); };
    switch (condition.test) {
      case Condition::Test::kEquals:
        return condition.texts.count(text) > 0;
      case Condition::Test::kNot:
        return condition.texts.count(text) == 0;
      case Condition::Test::kPresent:
        return !text.empty();
      case Condition::Test::kPrefix:
        return std::any_of(condition.texts.begin(), condition.texts.end(), starts);
      case Condition::Test::kNotPrefix:
        return std::none_of(condition.texts.begin(), condition.texts.end(), starts);
      case Condition::Test::kAbove: {
        double number = 0.0;
        return absl::SimpleAtod(text, &number) && number > condition.above;
      }
    }
    return false;
  });
}

// One row being built; the first thing that is wrong ends it.
class RowBuilder::Building {
 public:
  Building(const Mapping& mapping, const Fields& fields, int64_t number, pb::ImportRow& row,
           Rejection& rejection)
      : mapping_(mapping), fields_(fields), number_(number), row_(row), rejection_(rejection) {}

  bool Run() {
    row_.set_row(number_);
    return Keys() && EffectiveTime() && Attributes() && Consents() && Events() && Contacts();
  }

 private:
  bool Refuse(const TextTemplate& text, const std::string& field, std::string_view reason) {
    rejection_.column = text.only_column();
    rejection_.field = field;
    rejection_.value = text.Fill(fields_, number_);
    rejection_.reason = reason;
    return false;
  }

  bool Read(const ValueRule& rule, type::Value& value) {
    absl::StatusOr<type::Value> read = ReadCell(rule, fields_, number_);
    if (!read.ok()) {
      const absl::string_view why = read.status().message();
      return Refuse(rule.text, rule.path, std::string_view(why.data(), why.size()));
    }
    value = *std::move(read);
    return true;
  }

  // An instant or a day's beginning in the rule's zone; required.
  bool ReadInstant(const ValueRule& rule, google::protobuf::Timestamp& time) {
    type::Value value;
    if (!Read(rule, value)) return false;
    if (value.kind_case() == type::Value::kDateDays) {
      time =
          ToTimestamp(absl::FromCivil(absl::CivilDay(1970, 1, 1) + value.date_days(), rule.zone));
    } else if (value.kind_case() == type::Value::kTimestampMicros) {
      time = ToTimestamp(absl::FromUnixMicros(value.timestamp_micros()));
    } else {
      return Refuse(rule.text, rule.path, "expected a time");
    }
    return true;
  }

  bool Keys() {
    for (const KeyRule& rule : mapping_.keys) {
      std::string value = rule.value.Fill(fields_, number_);
      if (value.empty()) {
        // The first key says who it is; a further one may be missing.
        if (row_.keys_size() > 0) continue;
        return Refuse(rule.value, "key " + rule.name_space, "the key is empty");
      }
      pb::ExternalKey& key = *row_.add_keys();
      key.set_namespace_(rule.name_space);
      key.set_value(std::move(value));
    }
    return true;
  }

  bool EffectiveTime() {
    return !mapping_.effective_time.has_value() ||
           ReadInstant(*mapping_.effective_time, *row_.mutable_effective_time());
  }

  bool Attributes() {
    for (const NamedRule& rule : mapping_.attributes) {
      type::Field& field = *row_.add_attributes();
      field.set_name(rule.name);
      if (!Read(rule.rule, *field.mutable_value())) return false;
    }
    return true;
  }

  bool Consents() {
    for (const ConsentRule& rule : mapping_.consents) {
      if (!Holds(rule.when, fields_, number_)) continue;
      type::Value granted;
      if (!Read(rule.granted, granted)) return false;
      if (granted.kind_case() != type::Value::kBoolValue) continue;  // Nothing was said.
      pb::Consent& consent = *row_.add_consents();
      consent.set_channel(rule.channel);
      consent.set_purpose(rule.purpose);
      consent.set_business_unit(rule.business_unit);
      consent.set_text_version(rule.text_version);
      consent.set_granted(granted.bool_value());
      if (rule.time.has_value() && !ReadInstant(*rule.time, *consent.mutable_effective_time())) {
        return false;
      }
    }
    return true;
  }

  bool Events() {
    for (const EventRule& rule : mapping_.events) {
      if (!Holds(rule.when, fields_, number_)) continue;
      rondo::response::v1::Event& event = *row_.add_events();
      event.set_type(rule.type);
      event.set_message_id(rule.message_id.Fill(fields_, number_));
      if (!ReadInstant(rule.time, *event.mutable_event_time())) return false;
      for (const NamedRule& named : rule.fields) {
        type::Value value;
        if (!Read(named.rule, value)) return false;
        if (value.kind_case() == type::Value::KIND_NOT_SET) continue;
        type::Field& field = *event.add_fields();
        field.set_name(named.name);
        *field.mutable_value() = std::move(value);
      }
    }
    return true;
  }

  bool Contacts() {
    for (const ContactRule& rule : mapping_.contacts) {
      if (!Holds(rule.when, fields_, number_)) continue;
      if (!Contact(rule, *mapping_.FindCampaign(rule.campaign))) return false;
    }
    return true;
  }

  bool Contact(const ContactRule& rule, const pb::PastCampaign& campaign) {
    type::Value cell;
    if (!Read(rule.cell, cell)) return false;
    const auto& cells = campaign.campaign().cells();
    const auto at = std::find_if(cells.begin(), cells.end(),
                                 [&](const auto& c) { return c.name() == cell.string_value(); });
    if (at == cells.end()) {
      return Refuse(rule.cell.text, rule.cell.path, "expected one of the campaign's cells");
    }
    pb::PastContact& contact = *row_.add_contacts();
    contact.set_campaign(rule.campaign);
    contact.set_cycle(campaign.cycle());
    contact.set_cell(at->name());
    contact.set_control(at->control());
    contact.set_channel(at->treatment().channel());
    *contact.mutable_due_time() = campaign.due_time();
    const absl::Time due = absl::FromUnixSeconds(campaign.due_time().seconds());
    for (const ResponseRule& response : rule.responses) {
      if (!Holds(response.when, fields_, number_)) continue;
      pb::PastResponse& out = *contact.add_responses();
      out.set_goal(response.goal);
      *out.mutable_event_time() = ToTimestamp(due + response.after);
      if (response.time.has_value() && !ReadInstant(*response.time, *out.mutable_event_time())) {
        return false;
      }
      if (!response.value.has_value()) continue;
      type::Value value;
      if (!Read(*response.value, value)) return false;
      out.set_value_minor_units(value.money_value().minor_units());
    }
    return true;
  }

  const Mapping& mapping_;
  const Fields& fields_;
  int64_t number_;
  pb::ImportRow& row_;
  Rejection& rejection_;
};

RowBuilder::Outcome RowBuilder::Build(const Fields& fields, int64_t row_number, pb::ImportRow& row,
                                      Rejection& rejection) const {
  if (!Holds(mapping_.where, fields, row_number)) return Outcome::kLeftOut;
  return Building(mapping_, fields, row_number, row, rejection).Run() ? Outcome::kRow
                                                                      : Outcome::kRejected;
}

}  // namespace rondo::customer
