#include "services/targeting/targeting_projection.h"

#include <bit>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "platform/core/status_macros.h"
#include "services/targeting/vocabulary.h"

namespace rondo::targeting {
namespace {

namespace log = ::rondo::log::v1;
using eventlog::LogRecord;

bool IsOfInterest(const LogRecord& record) {
  switch (record.body_case()) {
    case LogRecord::kDefinitionActivated:
      return record.definition_activated().definition().has_attribute_set();
    case LogRecord::kProfileChanged:
    case LogRecord::kCustomerErased:
    case LogRecord::kCustomerAbsorbed:
    case LogRecord::kSignalsChanged:
      return true;
    case LogRecord::kEventTracked:
      return !record.event_tracked().machine();
    case LogRecord::kResponseAttributed:
      return !record.response_attributed().machine();
    default:
      return false;
  }
}

void FoldProfile(const log::ProfileChanged& profile, uint32_t ordinal, CustomerTable& table) {
  std::string scratch;
  for (const auto& field : profile.attributes()) {
    table.SetAttribute(ordinal, field.name(), CellOf(field.value(), scratch),
                       profile.effective_time_micros());
  }
}

void FoldAttributeSet(const rondo::customer::v1::AttributeSet& set, CustomerTable& table) {
  for (const auto& attribute : set.attributes()) {
    const auto type = CellTypeOf(attribute.type());
    if (attribute.pii() || !type) {
      table.ForbidAttribute(attribute.name());
    } else {
      table.DeclareAttribute(attribute.name(), *type);
    }
  }
  for (const auto& event : set.event_types()) {
    for (const auto& field : event.fields()) {
      const auto type = CellTypeOf(field.type());
      if (!field.pii() && type) table.DeclareEventField(event.name(), field.name(), *type);
    }
  }
}

void FoldEvent(const LogRecord& record, CustomerTable& table) {
  const log::EventTracked& event = record.event_tracked();
  std::vector<std::string> scratch(static_cast<size_t>(event.fields_size()));
  std::vector<NamedCell> fields;
  fields.reserve(scratch.size());
  for (int i = 0; i < event.fields_size(); ++i) {
    const auto& field = event.fields(i);
    fields.push_back({field.name(), CellOf(field.value(), scratch[static_cast<size_t>(i)])});
  }
  table.AddEvent(table.OrdinalOf(CustomerId(record.party())), event.type(), event.message_id(),
                 record.event_time_micros(), fields);
}

// A response is an event of its own type, known by its contact, goal and event.
void FoldResponse(const LogRecord& record, CustomerTable& table) {
  const log::ResponseAttributed& response = record.response_attributed();
  const auto& contact = response.contact();
  const std::string id =
      absl::StrCat(contact.campaign(), "/", contact.cycle(), "/", contact.step(), "/",
                   contact.occurrence(), "/", response.goal(), "/", response.event_message_id());
  const auto text = [](std::string_view value) {
    return Cell{.type = CellType::kString, .present = true, .integer = 0, .real = 0, .text = value};
  };
  const NamedCell fields[] = {{"campaign", text(contact.campaign())},
                              {"cycle",
                               {.type = CellType::kInt,
                                .present = true,
                                .integer = contact.cycle(),
                                .real = 0,
                                .text = {}}},
                              {"cell", text(response.cell())},
                              {"kind", text(response.goal())}};
  table.AddEvent(table.OrdinalOf(CustomerId(record.party())), rules::kResponseEvent, id,
                 record.event_time_micros(), fields);
}

void Fold(const LogRecord& record, CustomerTable& table) {
  if (record.body_case() == LogRecord::kDefinitionActivated) {
    const log::Definition& definition = record.definition_activated().definition();
    if (!definition.deleted()) FoldAttributeSet(definition.attribute_set(), table);
    return;
  }
  const CustomerId party(record.party());
  if (!party.is_set()) return;
  switch (record.body_case()) {
    case LogRecord::kProfileChanged: {
      const uint32_t ordinal = table.OrdinalOf(party);
      table.MarkAlive(ordinal);
      return FoldProfile(record.profile_changed(), ordinal, table);
    }
    case LogRecord::kCustomerAbsorbed: {
      const uint32_t ordinal = table.OrdinalOf(party);
      table.MarkAlive(ordinal);
      return FoldProfile(record.customer_absorbed().profile(), ordinal, table);
    }
    case LogRecord::kCustomerErased:
      return table.Erase(table.OrdinalOf(party));
    case LogRecord::kSignalsChanged: {
      const uint32_t ordinal = table.OrdinalOf(party);
      std::string scratch;
      for (const log::Signal& signal : record.signals_changed().signals()) {
        table.SetSignal(ordinal, signal.name(), CellOf(signal.value(), scratch));
      }
      return;
    }
    case LogRecord::kEventTracked:
      return FoldEvent(record, table);
    case LogRecord::kResponseAttributed:
      return FoldResponse(record, table);
    default:
      return;
  }
}

}  // namespace

struct TargetingProjection::Partition {
  // Of the lane alone: records applied but not yet committed. They live until then.
  std::vector<std::pair<int64_t, const LogRecord*>> pending;

  mutable std::mutex mutex;  // Guards what follows.
  std::unique_ptr<CustomerTable> table = std::make_unique<CustomerTable>();
  int64_t next_offset = 0;  // Records below are in the table.
};

TargetingProjection::TargetingProjection(int partition_count) {
  for (int i = 0; i < partition_count; ++i) partitions_.push_back(std::make_unique<Partition>());
}

TargetingProjection::~TargetingProjection() = default;

absl::Status TargetingProjection::Apply(const LogRecord& record, eventlog::ApplyContext& context) {
  if (!IsOfInterest(record)) return absl::OkStatus();
  Partition& partition = *partitions_.at(static_cast<size_t>(context.partition()));
  // A batch that could not be committed comes again.
  while (!partition.pending.empty() && partition.pending.back().first >= context.offset()) {
    partition.pending.pop_back();
  }
  partition.pending.emplace_back(context.offset(), &record);
  return absl::OkStatus();
}

void TargetingProjection::Committed(int partition_number, int64_t next_offset, bool live) {
  static_cast<void>(live);
  Partition& partition = *partitions_.at(static_cast<size_t>(partition_number));
  const std::lock_guard lock(partition.mutex);
  partition.table->BeginWrites();
  for (const auto& [offset, record] : partition.pending) {
    if (offset >= partition.next_offset && offset < next_offset) Fold(*record, *partition.table);
  }
  partition.next_offset = std::max(partition.next_offset, next_offset);
  partition.pending.clear();
}

absl::Status TargetingProjection::Loaded(int partition_number, int64_t next_offset,
                                         const storage::Reader& state) {
  static_cast<void>(state);
  if (next_offset != 0) {
    return absl::InternalError("targeting keeps its state in memory and starts at offset 0");
  }
  Partition& partition = *partitions_.at(static_cast<size_t>(partition_number));
  const std::lock_guard lock(partition.mutex);
  partition.pending.clear();
  partition.table = std::make_unique<CustomerTable>();
  partition.next_offset = 0;
  return absl::OkStatus();
}

void TargetingProjection::Fill(int partition_number,
                               const std::function<void(CustomerTable&)>& fill) {
  Partition& partition = *partitions_.at(static_cast<size_t>(partition_number));
  const std::lock_guard lock(partition.mutex);
  partition.table->BeginWrites();
  fill(*partition.table);
}

std::shared_ptr<const CustomerView> TargetingProjection::View(int partition_number) const {
  const Partition& partition = *partitions_.at(static_cast<size_t>(partition_number));
  const std::lock_guard lock(partition.mutex);
  return partition.table->View();
}

std::vector<std::pair<std::string, CellType>> TargetingProjection::SignalTypes() const {
  std::map<std::string, CellType> types;
  for (const auto& partition : partitions_) {
    const std::lock_guard lock(partition->mutex);
    for (auto& [name, type] : partition->table->SignalTypes()) types.emplace(name, type);
  }
  return {types.begin(), types.end()};
}

size_t TargetingProjection::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& partition : partitions_) {
    const std::lock_guard lock(partition->mutex);
    bytes += partition->table->memory_bytes();
  }
  return bytes;
}

uint64_t TargetingProjection::Fingerprint() const {
  uint64_t hash = 0;
  for (int i = 0; i < partition_count(); ++i) {
    hash = std::rotl(hash, 7) * 0x9e3779b97f4a7c15u + View(i)->Fingerprint();
  }
  return hash;
}

}  // namespace rondo::targeting
