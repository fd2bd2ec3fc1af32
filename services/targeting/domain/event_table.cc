#include "services/targeting/domain/event_table.h"

#include <algorithm>

namespace rondo::targeting {
namespace {

using rules::kBlockRows;

// A tail of this many events is merged even if nobody reads, so that it cannot grow for ever.
constexpr size_t kTailEventsMax = size_t{1} << 20;
constexpr uint32_t kRowBits = 16;
static_assert(kBlockRows == size_t{1} << kRowBits);

// Nothing is shared with a reader while a chunk is being written.
constexpr WriteEpoch kUnshared{};

struct Place {
  int64_t time_micros;
  uint32_t source;  // Index into the chunks that are merged.
  uint32_t row;
};

bool Earlier(const Place& a, const Place& b) { return a.time_micros < b.time_micros; }

}  // namespace

size_t EventTableView::size() const {
  size_t events = 0;
  for (const auto& chunk : chunks_) events += chunk->size();
  return events;
}

int EventTableView::FieldNumber(std::string_view name) const {
  const auto found = field_numbers_.find(absl::string_view(name.data(), name.size()));
  return found == field_numbers_.end() ? -1 : static_cast<int>(found->second);
}

std::span<const uint32_t> EventTableView::EventsOf(uint32_t ordinal) const {
  std::call_once(indexed_, [this] {
    uint32_t last = 0;
    for (const auto& chunk : chunks_) {
      for (const uint32_t owner : chunk->ordinals) last = std::max(last, owner);
    }
    starts_.assign(size_t{last} + 2, 0);
    for (const auto& chunk : chunks_) {
      for (const uint32_t owner : chunk->ordinals) ++starts_[owner + 1];
    }
    for (size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    places_.resize(size());
    std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
    for (size_t c = 0; c < chunks_.size(); ++c) {
      for (size_t row = 0; row < chunks_[c]->size(); ++row) {
        places_[next[chunks_[c]->ordinals[row]]++] = static_cast<uint32_t>(c << kRowBits | row);
      }
    }
  });
  if (size_t{ordinal} + 1 >= starts_.size()) return {};
  return std::span(places_).subspan(starts_[ordinal], starts_[ordinal + 1] - starts_[ordinal]);
}

size_t EventTable::FieldNumber(std::string_view name, CellType type) {
  if (const auto known = field_numbers_.find(absl::string_view(name.data(), name.size()));
      known != field_numbers_.end()) {
    return known->second;
  }
  field_numbers_.emplace(std::string(name), prototypes_.size());
  prototypes_.emplace_back(type);
  return prototypes_.size() - 1;
}

void EventTable::DeclareField(std::string_view name, CellType type) {
  FieldNumber(name, type);
  view_ = nullptr;
}

void EventTable::Add(uint32_t ordinal, int64_t time_micros, std::span<const NamedCell> fields) {
  const size_t row = tail_.size();
  tail_.times_micros.push_back(time_micros);
  tail_.ordinals.push_back(ordinal);
  for (const NamedCell& field : fields) {
    if (!field.cell.present) continue;
    const size_t number = FieldNumber(field.name, field.cell.type);
    while (tail_.fields.size() <= number) {
      tail_.fields.push_back(Column::Like(prototypes_[tail_.fields.size()]));
    }
    tail_.fields[number].Set(row, field.cell, kUnshared);
  }
  view_ = nullptr;
  if (tail_.size() >= kTailEventsMax) MergeTail();
}

void EventTable::MergeTail() {
  if (tail_.size() == 0) return;
  const int64_t oldest = *std::min_element(tail_.times_micros.begin(), tail_.times_micros.end());
  size_t first = chunks_.size();
  size_t rows = tail_.size();
  // Chunks that hold later events; then small ones, so that there are few: a chunk is rewritten
  // only when it at most doubles what is rewritten already, hence O(log n) times.
  while (first > 0 &&
         (chunks_[first - 1]->times_micros.back() > oldest ||
          (chunks_[first - 1]->size() < kBlockRows && chunks_[first - 1]->size() <= 2 * rows))) {
    rows += chunks_[--first]->size();
  }
  Rewrite(first, [](uint32_t) { return false; });
}

void EventTable::Rewrite(size_t first_chunk, const std::function<bool(uint32_t)>& drop) {
  std::vector<const EventChunk*> sources;
  for (size_t i = first_chunk; i < chunks_.size(); ++i) sources.push_back(chunks_[i].get());
  sources.push_back(&tail_);
  std::vector<Place> order;
  for (size_t s = 0; s < sources.size(); ++s) {
    for (size_t row = 0; row < sources[s]->size(); ++row) {
      if (drop(sources[s]->ordinals[row])) continue;
      order.push_back(
          {sources[s]->times_micros[row], static_cast<uint32_t>(s), static_cast<uint32_t>(row)});
    }
  }
  // Stable: equal times stay in the order of arrival.
  if (!std::is_sorted(order.begin(), order.end(), Earlier)) {
    std::stable_sort(order.begin(), order.end(), Earlier);
  }
  std::vector<std::shared_ptr<const EventChunk>> merged(
      chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(first_chunk));
  for (size_t begin = 0; begin < order.size(); begin += kBlockRows) {
    const size_t count = std::min(kBlockRows, order.size() - begin);
    auto chunk = std::make_shared<EventChunk>();
    chunk->times_micros.reserve(count);
    chunk->ordinals.reserve(count);
    for (const Column& prototype : prototypes_) chunk->fields.push_back(Column::Like(prototype));
    for (size_t row = 0; row < count; ++row) {
      const Place& place = order[begin + row];
      const EventChunk& source = *sources[place.source];
      chunk->times_micros.push_back(place.time_micros);
      chunk->ordinals.push_back(source.ordinals[place.row]);
      for (size_t f = 0; f < source.fields.size(); ++f) {
        chunk->fields[f].CopyFrom(row, source.fields[f], place.row, kUnshared);
      }
    }
    for (Column& field : chunk->fields) field.CoverRows(count, kUnshared);
    merged.push_back(std::move(chunk));
  }
  chunks_ = std::move(merged);
  tail_ = {};
}

void EventTable::Remove(const std::function<bool(uint32_t)>& drop) {
  Rewrite(0, drop);
  view_ = nullptr;
}

std::shared_ptr<const EventTableView> EventTable::View() {
  MergeTail();
  if (view_ == nullptr) view_ = std::make_shared<EventTableView>(chunks_, field_numbers_);
  return view_;
}

size_t EventTable::memory_bytes() const {
  const auto bytes_of = [](const EventChunk& chunk) {
    size_t bytes = chunk.times_micros.capacity() * 8 + chunk.ordinals.capacity() * 4;
    for (const Column& field : chunk.fields) bytes += field.memory_bytes();
    return bytes;
  };
  size_t bytes = bytes_of(tail_);
  for (const auto& chunk : chunks_) bytes += bytes_of(*chunk);
  return bytes;
}

}  // namespace rondo::targeting
