#include "tests/bench/segments/shop_records.h"

#include "platform/core/clock.h"

namespace rondo::bench {
namespace {

namespace customer = ::rondo::customer::v1;
namespace type = ::rondo::type::v1;
using targeting::Cell;
using targeting::CellType;

constexpr int64_t kSecond = 1'000'000;

int64_t EffectiveMicros() { return ToMicros(Population::Now() - absl::Hours(24 * 730)); }

double Degrees(uint32_t scaled) { return static_cast<int32_t>(scaled) / 1e7; }

type::ValueType TypeOf(ValueKind kind) {
  switch (kind) {
    case ValueKind::kCode:
      return type::VALUE_TYPE_STRING;
    case ValueKind::kInt:
      return type::VALUE_TYPE_INT;
    case ValueKind::kReal:
      return type::VALUE_TYPE_DOUBLE;
    case ValueKind::kFlag:
      return type::VALUE_TYPE_BOOL;
    case ValueKind::kSeconds:
      return type::VALUE_TYPE_TIMESTAMP;
    case ValueKind::kDays:
      return type::VALUE_TYPE_DATE;
    case ValueKind::kPoint:
      return type::VALUE_TYPE_GEO_POINT;
  }
  return type::VALUE_TYPE_UNSPECIFIED;
}

void SetValue(const Values& values, size_t row, type::Value& value) {
  switch (values.kind) {
    case ValueKind::kCode:
      return value.set_string_value(values.dictionary[values.Integer(row)]);
    case ValueKind::kInt:
      return value.set_int_value(static_cast<int64_t>(values.Integer(row)));
    case ValueKind::kReal:
      return value.set_double_value(values.Real(row));
    case ValueKind::kFlag:
      return value.set_bool_value(values.Integer(row) != 0);
    case ValueKind::kSeconds:
      return value.set_timestamp_micros(static_cast<int64_t>(values.Integer(row)) * kSecond);
    case ValueKind::kDays:
      return value.set_date_days(static_cast<int32_t>(values.Integer(row)));
    case ValueKind::kPoint: {
      auto& point = *value.mutable_geo_point_value();
      point.set_latitude(Degrees(static_cast<uint32_t>(values.Integer(row))));
      point.set_longitude(Degrees(values.longitudes[row]));
      return;
    }
  }
}

// What CellOf makes of SetValue's value.
Cell CellAt(const Values& values, size_t row) {
  Cell cell{.type = CellType::kInt, .present = values.Has(row)};
  if (!cell.present) return cell;
  switch (values.kind) {
    case ValueKind::kCode:
      cell.type = CellType::kString;
      cell.text = values.dictionary[values.Integer(row)];
      return cell;
    case ValueKind::kReal:
      cell.type = CellType::kDouble;
      cell.real = values.Real(row);
      return cell;
    case ValueKind::kPoint:
      cell.type = CellType::kGeoPoint;
      cell.integer = rules::PackGeoPoint(Degrees(static_cast<uint32_t>(values.Integer(row))),
                                         Degrees(values.longitudes[row]));
      return cell;
    case ValueKind::kFlag:
      cell.type = CellType::kBool;
      break;
    case ValueKind::kSeconds:
    case ValueKind::kDays:
      cell.type = CellType::kTimestamp;
      break;
    case ValueKind::kInt:
      break;
  }
  const int64_t factor = values.kind == ValueKind::kSeconds ? kSecond
                         : values.kind == ValueKind::kDays  ? 86'400 * kSecond
                                                            : 1;
  cell.integer = static_cast<int64_t>(values.Integer(row)) * factor;
  return cell;
}

}  // namespace

customer::AttributeSet ShopSet(const Population& population) {
  customer::AttributeSet set;
  set.set_name("attributeSets/shop");
  for (const Values& values : population.columns()) {
    if (values.is_signal) continue;
    auto& attribute = *set.add_attributes();
    attribute.set_name(values.name);
    attribute.set_type(TypeOf(values.kind));
  }
  auto& purchase = *set.add_event_types();
  purchase.set_name("purchase");
  for (const Values& values : population.purchase_columns()) {
    if (values.name != "category" && values.name != "cents") continue;
    auto& field = *purchase.add_fields();
    field.set_name(values.name);
    field.set_type(TypeOf(values.kind));
  }
  return set;
}

NumberRange NumbersOf(const Population& population, int partition, int partition_count) {
  const auto first_of = [&](int wanted) {
    size_t low = 0;
    size_t high = population.customers();
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (PartitionOf(population.IdOf(middle), partition_count) < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  return {first_of(partition), first_of(partition + 1)};
}

void FillTable(const Population& population, NumberRange numbers, targeting::CustomerTable& table) {
  for (size_t number = numbers.begin; number < numbers.end; ++number) {
    const uint32_t ordinal = table.OrdinalOf(population.IdOf(number));
    table.MarkAlive(ordinal);
    for (const Values& values : population.columns()) {
      const Cell cell = CellAt(values, number);
      if (!cell.present) continue;
      if (values.is_signal) {
        table.SetSignal(ordinal, values.name, cell);
      } else {
        table.SetAttribute(ordinal, values.name, cell, EffectiveMicros());
      }
    }
  }
  const std::vector<uint32_t>& owners = population.purchase_customers();
  const Values& cents = population.purchase_columns()[3];
  for (size_t i = 0; i < population.purchases(); ++i) {
    if (owners[i] < numbers.begin || owners[i] >= numbers.end) continue;
    const targeting::NamedCell fields[] = {
        {"category", CellAt(population.purchase_categories(), i)}, {"cents", CellAt(cents, i)}};
    // Ordinals are given in the order of numbers, from the first of the partition on.
    table.AddEvent(static_cast<uint32_t>(owners[i] - numbers.begin), "purchase", std::to_string(i),
                   population.purchase_seconds()[i] * kSecond, fields);
  }
}

eventlog::LogRecord ProfileRecord(const Population& population, size_t number) {
  eventlog::LogRecord record;
  record.set_party(population.IdOf(number).value());
  auto& profile = *record.mutable_profile_changed();
  profile.set_effective_time_micros(EffectiveMicros());
  for (const Values& values : population.columns()) {
    if (values.is_signal || !values.Has(number)) continue;
    auto& field = *profile.add_attributes();
    field.set_name(values.name);
    SetValue(values, number, *field.mutable_value());
  }
  return record;
}

eventlog::LogRecord SignalRecord(const Population& population, size_t number) {
  eventlog::LogRecord record;
  record.set_party(population.IdOf(number).value());
  auto& changed = *record.mutable_signals_changed();
  for (const Values& values : population.columns()) {
    if (!values.is_signal || !values.Has(number)) continue;
    auto& signal = *changed.add_signals();
    signal.set_name(values.name);
    SetValue(values, number, *signal.mutable_value());
  }
  return record;
}

eventlog::LogRecord PurchaseRecord(const Population& population, size_t purchase) {
  eventlog::LogRecord record;
  record.set_party(population.IdOf(population.purchase_customers()[purchase]).value());
  record.set_event_time_micros(population.purchase_seconds()[purchase] * kSecond);
  auto& event = *record.mutable_event_tracked();
  event.set_type("purchase");
  event.set_message_id(std::to_string(purchase));
  for (const size_t column : {size_t{2}, size_t{3}}) {
    const Values& values = population.purchase_columns()[column];
    auto& field = *event.add_fields();
    field.set_name(values.name);
    SetValue(values, purchase, *field.mutable_value());
  }
  return record;
}

}  // namespace rondo::bench
