#include "services/targeting/domain/rule_columns.h"

#include "platform/core/status_macros.h"

namespace rondo::targeting {
namespace {

using rules::kBlockRows;

// Events of one customer and type.
class CustomerEvents final : public rules::EventSource {
 public:
  void Reset(const EventTableView& events, const std::vector<int>& fields, uint32_t ordinal) {
    events_ = &events;
    fields_ = &fields;
    places_ = events.EventsOf(ordinal);
  }
  size_t size() const override { return places_.size(); }
  int64_t TimeMicros(size_t i) const override { return ChunkOf(i).times_micros[RowOf(i)]; }
  rules::Value Field(size_t i, const rules::Symbol& field, rules::Arena& arena) const override {
    const size_t index = static_cast<size_t>(field.index);
    const int number = index < fields_->size() ? (*fields_)[index] : -1;
    const EventChunk& chunk = ChunkOf(i);
    if (number < 0 || static_cast<size_t>(number) >= chunk.fields.size()) {
      return rules::Value::Null();
    }
    return chunk.fields[static_cast<size_t>(number)].Get(RowOf(i), arena);
  }

 private:
  const EventChunk& ChunkOf(size_t i) const { return *events_->chunks()[places_[i] >> 16]; }
  size_t RowOf(size_t i) const { return places_[i] & 0xffff; }

  const EventTableView* events_ = nullptr;
  const std::vector<int>* fields_ = nullptr;
  std::span<const uint32_t> places_;
};

}  // namespace

class RuleRow final : public rules::Row {
 public:
  explicit RuleRow(const RuleColumns& columns)
      : columns_(columns), events_(columns.event_types_.size()), loaded_(events_.size()) {}

  void MoveTo(size_t ordinal) {
    ordinal_ = ordinal;
    loaded_.assign(loaded_.size(), false);
  }
  rules::Value Attribute(const rules::Symbol& attribute, rules::Arena& arena) const override {
    return ValueOf(columns_.attributes_[static_cast<size_t>(attribute.index)], arena);
  }
  rules::Value Signal(const rules::Symbol& signal, rules::Arena& arena) const override {
    return ValueOf(columns_.signals_[static_cast<size_t>(signal.index)], arena);
  }
  const rules::EventSource* Events(const rules::Symbol& event_type) const override {
    const size_t index = static_cast<size_t>(event_type.index);
    const RuleColumns::EventType& type = columns_.event_types_[index];
    if (type.events == nullptr) return nullptr;
    if (!loaded_[index]) {
      events_[index].Reset(*type.events, type.fields, static_cast<uint32_t>(ordinal_));
      loaded_[index] = true;
    }
    return &events_[index];
  }
  bool InSegment(const rules::Symbol& segment) const override {
    const rules::Selection* members = columns_.segments_[static_cast<size_t>(segment.index)];
    return members != nullptr && members->Contains(ordinal_);
  }

 private:
  rules::Value ValueOf(const Column* column, rules::Arena& arena) const {
    return column == nullptr ? rules::Value::Null() : column->Get(ordinal_, arena);
  }

  const RuleColumns& columns_;
  size_t ordinal_ = 0;
  mutable std::vector<CustomerEvents> events_;
  mutable std::vector<bool> loaded_;
};

RuleColumns::RuleColumns(const CustomerView& view, const rules::Environment& environment)
    : view_(view), segments_(environment.segments().size(), nullptr) {
  for (const auto& attribute : environment.attributes()) {
    attributes_.push_back(view.Attribute(attribute.symbol.name));
  }
  for (const auto& signal : environment.signals()) {
    signals_.push_back(view.Signal(signal.symbol.name));
  }
  for (const auto& declared : environment.event_types()) {
    EventType type;
    type.events = view.Events(declared.symbol.name);
    for (const rules::Field& field : declared.fields) {
      type.fields.push_back(type.events == nullptr ? -1 : type.events->FieldNumber(field.name));
    }
    event_types_.push_back(std::move(type));
  }
}

void RuleColumns::BindSegment(int index, const rules::Selection* members) {
  segments_.at(static_cast<size_t>(index)) = members;
}

rules::ColumnView RuleColumns::Attribute(const rules::Symbol& attribute, size_t block) const {
  const Column* column = attributes_[static_cast<size_t>(attribute.index)];
  return column == nullptr ? rules::ColumnView{.kind = rules::ColumnKind::kAbsent}
                           : column->View(block);
}

rules::ColumnView RuleColumns::Signal(const rules::Symbol& signal, size_t block) const {
  const Column* column = signals_[static_cast<size_t>(signal.index)];
  return column == nullptr ? rules::ColumnView{.kind = rules::ColumnKind::kAbsent}
                           : column->View(block);
}

std::vector<rules::EventBlock> RuleColumns::Events(const rules::Symbol& event_type) const {
  std::vector<rules::EventBlock> blocks;
  const EventType& type = event_types_[static_cast<size_t>(event_type.index)];
  if (type.events == nullptr) return blocks;
  for (const auto& chunk : type.events->chunks()) {
    rules::EventBlock block{.size = chunk->size(),
                            .ordinals = chunk->ordinals.data(),
                            .times_micros = chunk->times_micros.data(),
                            .sorted_by_time = true,
                            .fields = {}};
    for (const int number : type.fields) {
      const bool known = number >= 0 && static_cast<size_t>(number) < chunk->fields.size();
      block.fields.push_back(known ? chunk->fields[static_cast<size_t>(number)].View(0)
                                   : rules::ColumnView{.kind = rules::ColumnKind::kAbsent});
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

const uint64_t* RuleColumns::Segment(const rules::Symbol& segment, size_t block) const {
  const rules::Selection* members = segments_[static_cast<size_t>(segment.index)];
  const size_t first_word = block * (kBlockRows / 64);
  if (members == nullptr || first_word >= members->words.size()) return nullptr;
  return members->words.data() + first_word;
}

const uint64_t* RuleColumns::Alive(size_t block) const {
  const uint64_t* words = view_.AliveWords(block);
  // Every ordinal has an entry, so each block below size() has words.
  RONDO_CHECK(words != nullptr);
  return words;
}

std::unique_ptr<rules::Row> RuleColumns::NewRow() const { return std::make_unique<RuleRow>(*this); }

void RuleColumns::MoveTo(size_t ordinal, rules::Row& row) const {
  static_cast<RuleRow&>(row).MoveTo(ordinal);
}

}  // namespace rondo::targeting
