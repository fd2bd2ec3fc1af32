#include "services/targeting/domain/customer_table.h"

#include <bit>
#include <cstring>

#include "platform/core/hash.h"
#include "platform/core/status_macros.h"

namespace rondo::targeting {
namespace {

using rules::ColumnKind;
using rules::kBlockRows;

// Ids are 8 bytes as they are, whatever their value: a kind of fixed width.
constexpr ColumnKind kIdKind = ColumnKind::kTimestamp;

const ColumnChunk* ChunkOf(const Chunks& chunks, size_t ordinal) {
  const size_t block = ordinal / kBlockRows;
  return block < chunks.size() ? chunks[block].get() : nullptr;
}

bool IsSet(const Chunks& bits, size_t ordinal) {
  const ColumnChunk* chunk = ChunkOf(bits, ordinal);
  const size_t row = ordinal % kBlockRows;
  return chunk != nullptr && chunk->Has(row) && chunk->Integer(row) != 0;
}

uint64_t MessageHash(uint32_t ordinal, std::string_view message_id) {
  // Two seeds' CRCs would be too short; FNV-1a over the id, then finalised with the ordinal
  // (SplitMix64's finaliser, Steele et al. 2014), keeps all 64 bits.
  uint64_t x = Fnv1a(message_id) + 0x9e3779b97f4a7c15u * (uint64_t{ordinal} + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

void LiveViews::Add(uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  epochs_.insert(epoch);
}

void LiveViews::Remove(uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  epochs_.erase(epochs_.find(epoch));
}

uint64_t LiveViews::Newest() const {
  const std::lock_guard lock(mutex_);
  return epochs_.empty() ? 0 : *epochs_.rbegin();
}

CustomerView::CustomerView(uint64_t epoch, std::shared_ptr<LiveViews> live)
    : epoch_(epoch), live_(std::move(live)) {
  live_->Add(epoch_);
}

CustomerView::~CustomerView() { live_->Remove(epoch_); }

bool CustomerView::IsAlive(size_t ordinal) const { return IsSet(alive_, ordinal); }

const uint64_t* CustomerView::AliveWords(size_t block) const {
  if (block >= alive_.size() || alive_[block] == nullptr) return nullptr;
  return static_cast<const uint64_t*>(alive_[block]->View(nullptr).data);
}

CustomerId CustomerView::IdOf(size_t ordinal) const {
  const int64_t bits = ids_[ordinal / kBlockRows]->Integer(ordinal % kBlockRows);
  return CustomerId(std::bit_cast<uint64_t>(bits));
}

const Column* CustomerView::Attribute(std::string_view name) const {
  const auto found = attributes_.find(name);
  return found == attributes_.end() ? nullptr : &found->second;
}

const Column* CustomerView::Signal(std::string_view name) const {
  const auto found = signals_.find(name);
  return found == signals_.end() ? nullptr : &found->second;
}

const EventTableView* CustomerView::Events(std::string_view type) const {
  const auto found = events_.find(type);
  return found == events_.end() ? nullptr : found->second.get();
}

uint64_t CustomerView::Fingerprint() const {
  uint64_t hash = 0;
  const auto mix = [&hash](std::string_view text) {
    hash = Fnv1a(text) + 0x9e3779b97f4a7c15u * (std::rotl(hash, 5) ^ text.size());
  };
  rules::Arena arena;
  const auto mix_value = [&](std::string_view name, const rules::Value& value) {
    if (value.is_null()) return;
    mix(name);
    mix(rules::DebugString(value));
    arena.Reset();
  };
  for (size_t ordinal = 0; ordinal < size_; ++ordinal) {
    mix(ToResourceName(IdOf(ordinal)));
    mix(IsAlive(ordinal) ? "alive" : "not alive");
    for (const auto& [name, column] : attributes_) mix_value(name, column.Get(ordinal, arena));
    for (const auto& [name, column] : signals_) mix_value(name, column.Get(ordinal, arena));
  }
  for (const auto& [type, events] : events_) {
    for (const auto& chunk : events->chunks()) {
      for (size_t row = 0; row < chunk->size(); ++row) {
        mix(type);
        mix(std::to_string(chunk->ordinals[row]));
        mix(std::to_string(chunk->times_micros[row]));
        for (const Column& field : chunk->fields) mix_value("", field.Get(row, arena));
      }
    }
  }
  return hash;
}

CustomerTable::CustomerTable() = default;

void CustomerTable::BeginWrites() { epoch_.newest_view = live_->Newest(); }

uint32_t CustomerTable::OrdinalOf(CustomerId id) {
  const auto [entry, is_new] =
      ordinals_.try_emplace(id.value(), static_cast<uint32_t>(ordinals_.size()));
  if (is_new) {
    const uint32_t ordinal = entry->second;
    WritableChunk(ids_, kIdKind, ordinal, epoch_)
        .SetInteger(ordinal % kBlockRows, std::bit_cast<int64_t>(id.value()));
    WritableChunk(alive_, ColumnKind::kBool, ordinal, epoch_).SetInteger(ordinal % kBlockRows, 0);
    last_view_.reset();
  }
  return entry->second;
}

void CustomerTable::MarkAlive(uint32_t ordinal) {
  if (IsSet(alive_, ordinal) || erased_.contains(ordinal)) return;
  WritableChunk(alive_, ColumnKind::kBool, ordinal, epoch_).SetInteger(ordinal % kBlockRows, 1);
  ++alive_count_;
  last_view_.reset();
}

void CustomerTable::Erase(uint32_t ordinal) {
  if (!erased_.insert(ordinal).second) return;
  if (IsSet(alive_, ordinal)) {
    --alive_count_;
    WritableChunk(alive_, ColumnKind::kBool, ordinal, epoch_).SetInteger(ordinal % kBlockRows, 0);
  }
  for (auto& [name, attribute] : attributes_) attribute.column.Set(ordinal, {}, epoch_);
  for (auto& [name, column] : signals_) column.Set(ordinal, {}, epoch_);
  events_to_drop_ = true;
  last_view_.reset();
}

void CustomerTable::DeclareAttribute(std::string_view name, CellType type) {
  if (const auto found = forbidden_.find(name); found != forbidden_.end()) forbidden_.erase(found);
  const auto known = attributes_.find(name);
  if (known == attributes_.end()) {
    attributes_.emplace(std::string(name), Attribute(type));
  } else if (known->second.column.type() != type) {
    known->second = Attribute(type);
  }
  last_view_.reset();
}

void CustomerTable::ForbidAttribute(std::string_view name) {
  forbidden_.emplace(name);
  if (const auto known = attributes_.find(name); known != attributes_.end()) {
    attributes_.erase(known);
  }
  last_view_.reset();
}

void CustomerTable::DeclareEventField(std::string_view event_type, std::string_view field,
                                      CellType type) {
  auto table = events_.find(event_type);
  if (table == events_.end()) table = events_.try_emplace(std::string(event_type)).first;
  table->second.DeclareField(field, type);
  last_view_.reset();
}

void CustomerTable::SetAttribute(uint32_t ordinal, std::string_view name, const Cell& cell,
                                 int64_t effective_micros) {
  if (erased_.contains(ordinal) || forbidden_.find(name) != forbidden_.end()) return;
  auto known = attributes_.find(name);
  if (known == attributes_.end()) {
    if (!cell.present) return;
    known = attributes_.emplace(std::string(name), Attribute(cell.type)).first;
  }
  Attribute& attribute = known->second;
  const size_t row = ordinal % kBlockRows;
  const ColumnChunk* times = ChunkOf(attribute.effective_times, ordinal);
  if (times != nullptr && times->Has(row) && times->Integer(row) > effective_micros) return;
  WritableChunk(attribute.effective_times, ColumnKind::kInt, ordinal, epoch_, effective_micros)
      .SetInteger(row, effective_micros);
  attribute.column.Set(ordinal, cell, epoch_);
  last_view_.reset();
}

void CustomerTable::SetSignal(uint32_t ordinal, std::string_view name, const Cell& cell) {
  if (erased_.contains(ordinal)) return;
  auto known = signals_.find(name);
  if (known == signals_.end()) {
    if (!cell.present) return;
    known = signals_.emplace(std::string(name), Column(cell.type)).first;
  }
  known->second.Set(ordinal, cell, epoch_);
  last_view_.reset();
}

void CustomerTable::AddEvent(uint32_t ordinal, std::string_view type, std::string_view message_id,
                             int64_t time_micros, std::span<const NamedCell> fields) {
  if (erased_.contains(ordinal)) return;
  if (!message_id.empty() && !message_hashes_.insert(MessageHash(ordinal, message_id)).second) {
    return;
  }
  auto table = events_.find(type);
  if (table == events_.end()) table = events_.try_emplace(std::string(type)).first;
  table->second.Add(ordinal, time_micros, fields);
  last_view_.reset();
}

void CustomerTable::DropEventsOfErased() {
  if (!events_to_drop_) return;
  for (auto& [type, table] : events_) {
    table.Remove([this](uint32_t ordinal) { return erased_.contains(ordinal); });
  }
  events_to_drop_ = false;
}

std::shared_ptr<const CustomerView> CustomerTable::View() {
  if (std::shared_ptr<const CustomerView> last = last_view_.lock()) return last;
  epoch_.newest_view = live_->Newest();
  DropEventsOfErased();
  const size_t rows = ordinals_.size();
  auto view = std::make_shared<CustomerView>(epoch_.now, live_);
  for (auto& [name, attribute] : attributes_) {
    attribute.column.CoverRows(rows, epoch_);
    view->attributes_.emplace(name, attribute.column);
  }
  for (auto& [name, column] : signals_) {
    column.CoverRows(rows, epoch_);
    view->signals_.emplace(name, column);
  }
  for (auto& [type, table] : events_) view->events_.emplace(type, table.View());
  view->ids_ = ids_;
  view->alive_ = alive_;
  view->size_ = rows;
  view->alive_count_ = alive_count_;
  epoch_.newest_view = epoch_.now++;
  last_view_ = view;
  return view;
}

std::vector<std::pair<std::string, CellType>> CustomerTable::SignalTypes() const {
  std::vector<std::pair<std::string, CellType>> types;
  for (const auto& [name, column] : signals_) types.emplace_back(name, column.type());
  return types;
}

size_t CustomerTable::memory_bytes() const {
  size_t bytes = ordinals_.capacity() * 17 + message_hashes_.capacity() * 9;
  const auto add = [&bytes](const Chunks& chunks) {
    for (const auto& chunk : chunks) bytes += chunk == nullptr ? 0 : chunk->memory_bytes();
  };
  add(ids_);
  add(alive_);
  for (const auto& [name, attribute] : attributes_) {
    bytes += attribute.column.memory_bytes();
    add(attribute.effective_times);
  }
  for (const auto& [name, column] : signals_) bytes += column.memory_bytes();
  for (const auto& [type, table] : events_) bytes += table.memory_bytes();
  return bytes;
}

}  // namespace rondo::targeting
