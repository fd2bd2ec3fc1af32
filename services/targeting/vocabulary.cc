#include "services/targeting/vocabulary.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "platform/core/clock.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"

namespace rondo::targeting {
namespace {

namespace type = ::rondo::type::v1;

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

Cell IntegerCell(CellType cell_type, int64_t value) {
  return {.type = cell_type, .present = true, .integer = value, .real = 0.0, .text = {}};
}

Cell TextCell(CellType cell_type, std::string_view text) {
  return {.type = cell_type, .present = true, .integer = 0, .real = 0.0, .text = text};
}

}  // namespace

std::optional<CellType> CellTypeOf(type::ValueType value_type) {
  switch (value_type) {
    case type::VALUE_TYPE_STRING:
    case type::VALUE_TYPE_CODE:
    case type::VALUE_TYPE_REFERENCE:
      return CellType::kString;
    case type::VALUE_TYPE_INT:
      return CellType::kInt;
    case type::VALUE_TYPE_DOUBLE:
      return CellType::kDouble;
    case type::VALUE_TYPE_BOOL:
      return CellType::kBool;
    case type::VALUE_TYPE_TIMESTAMP:
    case type::VALUE_TYPE_DATE:
      return CellType::kTimestamp;
    case type::VALUE_TYPE_MONEY:
      return CellType::kMoney;
    case type::VALUE_TYPE_GEO_POINT:
      return CellType::kGeoPoint;
    case type::VALUE_TYPE_STRING_LIST:
      return CellType::kStringList;
    default:
      return std::nullopt;
  }
}

rules::Type RuleTypeOf(CellType cell_type) {
  switch (cell_type) {
    case CellType::kString:
      return rules::Type::String();
    case CellType::kInt:
      return rules::Type::Int();
    case CellType::kDouble:
      return rules::Type::Double();
    case CellType::kBool:
      return rules::Type::Bool();
    case CellType::kTimestamp:
      return rules::Type::Timestamp();
    case CellType::kMoney:
      return rules::Type::Money();
    case CellType::kGeoPoint:
      return rules::Type::GeoPoint();
    case CellType::kStringList:
      return rules::Type::List(rules::Type::String());
  }
  RONDO_CHECK(false);
}

Cell CellOf(const type::Value& value, std::string& scratch) {
  switch (value.kind_case()) {
    case type::Value::kStringValue:
      return TextCell(CellType::kString, value.string_value());
    case type::Value::kIntValue:
      return IntegerCell(CellType::kInt, value.int_value());
    case type::Value::kDoubleValue: {
      Cell cell = IntegerCell(CellType::kDouble, 0);
      cell.real = value.double_value();
      return cell;
    }
    case type::Value::kBoolValue:
      return IntegerCell(CellType::kBool, value.bool_value() ? 1 : 0);
    case type::Value::kTimestampMicros:
      return IntegerCell(CellType::kTimestamp, value.timestamp_micros());
    case type::Value::kDateDays:
      return IntegerCell(CellType::kTimestamp, value.date_days() * kDayMicros);
    case type::Value::kMoneyValue: {
      Cell cell = TextCell(CellType::kMoney, value.money_value().currency_code());
      cell.integer = value.money_value().minor_units();
      return cell;
    }
    case type::Value::kGeoPointValue:
      return IntegerCell(CellType::kGeoPoint,
                         rules::PackGeoPoint(value.geo_point_value().latitude(),
                                             value.geo_point_value().longitude()));
    case type::Value::kStringListValue: {
      std::vector<std::string_view> strings(value.string_list_value().values().begin(),
                                            value.string_list_value().values().end());
      scratch = PackStrings(strings);
      return TextCell(CellType::kStringList, scratch);
    }
    case type::Value::kSealedValue:
    case type::Value::KIND_NOT_SET:
      return {};
  }
  return {};
}

std::string TextOf(const rules::Value& value) {
  switch (value.kind()) {
    case rules::Kind::kString:
      return std::string(value.text());
    case rules::Kind::kInt:
      return absl::StrCat(value.integer());
    case rules::Kind::kDouble:
      return absl::StrCat(value.real());
    case rules::Kind::kBool:
      return value.boolean() ? "true" : "false";
    case rules::Kind::kTimestamp:
      return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", FromMicros(value.micros()),
                              absl::UTCTimeZone());
    case rules::Kind::kMoney: {
      const Money money{.currency = value.currency(), .minor_units = value.integer()};
      return absl::StrCat(FormatAmount(money), " ", money.currency);
    }
    case rules::Kind::kGeoPoint:
      return absl::StrFormat("%.7g,%.7g", value.latitude(), value.longitude());
    case rules::Kind::kList: {
      std::vector<std::string> texts;
      for (const rules::Value& item : value.items()) texts.push_back(TextOf(item));
      return absl::StrJoin(texts, ", ");
    }
    default:
      return "";
  }
}

rules::Environment EnvironmentOf(const rules::Schema& schema,
                                 const std::vector<std::pair<std::string, CellType>>& signals_seen,
                                 const std::vector<std::string>& segments) {
  rules::Environment environment;
  schema.DeclareAttributes(environment);
  schema.DeclareEvents(environment);
  rules::Schema::DeclareResponses(environment);
  environment.AllowRanks();
  for (const auto& [name, cell_type] : signals_seen) {
    if (environment.FindSignal(name) == nullptr) {
      environment.AddSignal(name, RuleTypeOf(cell_type));
    }
  }
  rules::Schema::DeclareSignals(environment);
  for (const std::string& segment : segments) environment.AddSegment(segment);
  return environment;
}

}  // namespace rondo::targeting
