// Aggregations of event columns into counters by ordinal.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "rules/masks.h"
#include "rules/unparser.h"
#include "rules/vector_builder.h"

namespace rondo::rules {
namespace {

// Rows of [first, first + rows) that are in [begin, end).
Words RowsWithin(size_t first, size_t rows, size_t begin, size_t end) {
  Words words{};
  for (size_t w = 0; w * 64 < rows; ++w) {
    const size_t low = first + w * 64;
    const size_t from = std::clamp(begin, low, low + 64) - low;
    const size_t to = std::clamp(end, low, low + 64) - low;
    const auto below = [](size_t bits) {
      return bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    };
    words[w] = below(to) & ~below(from);
  }
  return words;
}

// Rows of [first, first + rows) whose time is in the range.
Words RowsInTime(const EventBlock& block, size_t first, size_t rows, const TimeRange& range) {
  Words from;
  Words to;
  CompareToConstant(Op::kGreaterEqual, block.times_micros + first, rows, range.low, from.data());
  CompareToConstant(Op::kLess, block.times_micros + first, rows, range.high, to.data());
  for (size_t w = 0; w * 64 < rows; ++w) from[w] &= to[w];
  return from;
}

// Calls `visit(row)` for every set bit.
template <typename Visit>
void ForEachBit(const Words& words, size_t count, const Visit& visit) {
  for (size_t w = 0; w < count; ++w) {
    for (uint64_t rest = words[w]; rest != 0; rest &= rest - 1) {
      visit(w * 64 + static_cast<size_t>(__builtin_ctzll(rest)));
    }
  }
}

void SetBit(std::vector<uint64_t>& mask, size_t i) { mask[i / 64] |= uint64_t{1} << (i % 64); }

// Takes the value of `row` into the aggregate of `ordinal`, as Folding::Add does.
void AddValue(ChainEnd end, NumberType type, const Numbers& numbers, size_t row, size_t ordinal,
              Aggregate* result) {
  if (BitAt(result->failed.data(), ordinal)) return;
  if (BitAt(numbers.failed.data(), row)) return SetBit(result->failed, ordinal);
  if (BitAt(numbers.null.data(), row) || BitAt(numbers.no_value.data(), row)) return;
  const auto fold = [&](auto& kept, auto value) {
    uint64_t& null = result->null[ordinal / 64];
    const uint64_t bit = uint64_t{1} << (ordinal % 64);
    if ((null & bit) != 0) {
      kept = value;
      null &= ~bit;
    } else if (end == ChainEnd::kMin ? value < kept : value > kept) {
      kept = value;
    }
  };
  if (type == NumberType::kDouble) {
    double& kept = result->doubles[ordinal];
    if (end == ChainEnd::kSum) {
      kept += numbers.doubles[row];
    } else {
      fold(kept, numbers.doubles[row]);
    }
    return;
  }
  int64_t& kept = result->integers[ordinal];
  if (end != ChainEnd::kSum) {
    fold(kept, numbers.integers[row]);
  } else if (__builtin_add_overflow(kept, numbers.integers[row], &kept)) {
    SetBit(result->failed, ordinal);
  }
}

// The type of what columns can fold a chain into; nothing where they cannot.
std::optional<NumberType> TypeOfFold(const EventChain& chain) {
  switch (chain.end) {
    case ChainEnd::kCount:
      return NumberType::kInt;
    case ChainEnd::kSum:
      if (chain.fold_kind == TypeKind::kDouble) return NumberType::kDouble;
      if (chain.fold_kind == TypeKind::kInt) return NumberType::kInt;
      return std::nullopt;
    case ChainEnd::kMin:
    case ChainEnd::kMax:
      if (chain.fold_kind == TypeKind::kDouble) return NumberType::kDouble;
      if (chain.fold_kind == TypeKind::kTimestamp) return NumberType::kTimestamp;
      if (chain.fold_kind == TypeKind::kInt) return NumberType::kInt;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// Takes events into an aggregate.
class FoldSink {
 public:
  FoldSink(const EventChain& chain, NumberType type, size_t size, Aggregate* result)
      : end_(chain.end), type_(type), size_(size), result_(*result) {
    if (type == NumberType::kDouble) {
      result->doubles.assign(size, 0);
    } else {
      result->integers.assign(size, 0);
    }
    const size_t words = (size + 63) / 64;
    const bool null_when_empty = end_ == ChainEnd::kMin || end_ == ChainEnd::kMax;
    if (null_when_empty) result->null.assign(words, ~uint64_t{0});
    result->failed.assign(words, 0);
  }
  void Fail(uint32_t ordinal) {
    if (ordinal < size_) SetBit(result_.failed, ordinal);
  }
  void Take(uint32_t ordinal, const Numbers* numbers, size_t row) {
    if (ordinal >= size_) return;
    if (numbers == nullptr) {
      ++result_.integers[ordinal];
    } else {
      AddValue(end_, type_, *numbers, row, ordinal, &result_);
    }
  }

 private:
  ChainEnd end_;
  NumberType type_;
  size_t size_;
  Aggregate& result_;
};

// Counts events, up to 255.
class CountSink {
 public:
  explicit CountSink(EventCounts* counts) : counts_(*counts), size_(counts->counters.size()) {}
  void Fail(uint32_t ordinal) {
    if (ordinal < size_) SetBit(counts_.failed, ordinal);
  }
  void Take(uint32_t ordinal, const Numbers*, size_t) {
    if (ordinal >= size_) return;
    uint8_t& counter = counts_.counters[ordinal];
    counter = static_cast<uint8_t>(counter + (counter != std::numeric_limits<uint8_t>::max()));
  }

 private:
  EventCounts& counts_;
  size_t size_;
};

}  // namespace

std::optional<TimeRange> VectorBuilder::RangeOfChain(const EventChain& chain) {
  TimeRange range;
  for (const EventWindow& window : chain.windows) {
    Value ends[2];
    for (size_t i = 0; i < 2; ++i) {
      const Expr* expr = i == 0 ? window.from : window.to;
      if (expr == nullptr) continue;
      const std::optional<Value> end = ConstantOf(*expr);
      if (!end) return std::nullopt;
      ends[i] = *end;
    }
    const std::optional<TimeRange> part = RangeOf(window.kind, ends[0], ends[1], now_);
    if (!part) return std::nullopt;
    range.low = std::max(range.low, part->low);
    range.high = std::min(range.high, part->high);
  }
  return range;
}

std::optional<VectorBuilder::EventParts> VectorBuilder::PartsOf(const EventChain& chain,
                                                                const EventBlock& block,
                                                                NumberType type) {
  VectorBuilder inner(environment_, columns_, now_, local_slots_, arena_);
  inner.scope_ = EventScope{environment_.FindEventType(chain.event_type->name), 0, &block};
  EventParts parts;
  for (const ColumnView& field : block.fields) {
    parts.built_for.emplace_back(field.kind, field.dictionary);
  }
  for (const EventCondition& condition : chain.conditions) {
    inner.scope_->slot = condition.slot;
    parts.conditions.push_back(inner.Build(*condition.condition));
    if (parts.conditions.back() == nullptr) return std::nullopt;
  }
  if (chain.body != nullptr) {
    inner.scope_->slot = chain.body_slot;
    parts.body = inner.BuildNumber(*chain.body);
    if (parts.body == nullptr || parts.body->type != type) return std::nullopt;
  }
  return parts;
}

template <typename Sink>
void VectorBuilder::RunBlock(const EventParts& parts, const EventBlock& block, TimeRange range,
                             Sink& sink) const {
  size_t begin = 0;
  size_t end = block.size;
  if (block.sorted_by_time) {
    const int64_t* times = block.times_micros;
    begin = static_cast<size_t>(std::lower_bound(times, times + end, range.low) - times);
    end = static_cast<size_t>(std::lower_bound(times + begin, times + end, range.high) - times);
    if (parts.conditions.empty() && parts.body == nullptr) {
      for (size_t i = begin; i < end; ++i) sink.Take(block.ordinals[i], nullptr, 0);
      return;
    }
  }
  const auto numbers = parts.body == nullptr ? nullptr : std::make_unique<Numbers>();
  const auto masks = std::make_unique<Masks>();
  for (size_t first = begin / 64 * 64; first < end; first += kChunkRows) {
    Chunk chunk;
    chunk.columns = &columns_;
    chunk.events = &block;
    chunk.first = first;
    chunk.rows = std::min(kChunkRows, end - first);
    chunk.now = now_;
    Words keep = block.sorted_by_time ? RowsWithin(first, chunk.rows, begin, end)
                                      : RowsInTime(block, first, chunk.rows, range);
    const uint32_t* ordinals = block.ordinals + first;
    for (const ConditionPtr& condition : parts.conditions) {
      condition->Eval(chunk, keep, masks.get());
      for (size_t w = 0; w < chunk.words(); ++w) masks->failed[w] &= keep[w];
      ForEachBit(masks->failed, chunk.words(), [&](size_t row) { sink.Fail(ordinals[row]); });
      for (size_t w = 0; w < chunk.words(); ++w) keep[w] &= masks->is_true[w];
    }
    if (parts.body != nullptr) parts.body->Eval(chunk, numbers.get());
    ForEachBit(keep, chunk.words(),
               [&](size_t row) { sink.Take(ordinals[row], numbers.get(), row); });
  }
}

template <typename Sink>
bool VectorBuilder::RunChain(const EventChain& chain, NumberType type, Sink& sink) {
  const std::optional<TimeRange> range = RangeOfChain(chain);
  if (!range) return false;
  std::optional<EventParts> parts;
  for (const EventBlock& block : columns_.Events(*chain.event_type)) {
    if (block.size == 0) continue;
    const bool outside = block.sorted_by_time && (block.times_micros[block.size - 1] < range->low ||
                                                  block.times_micros[0] >= range->high);
    if (outside) continue;
    // What is built for one block holds for the others whose fields are stored alike.
    const bool alike =
        parts && std::ranges::equal(parts->built_for, block.fields,
                                    [](const auto& built, const ColumnView& field) {
                                      return built == std::pair(field.kind, field.dictionary);
                                    });
    if (!alike) parts = PartsOf(chain, block, type);
    if (!parts) return false;
    RunBlock(*parts, block, *range, sink);
  }
  return true;
}

NumberPtr VectorBuilder::BuildAggregate(const Expr& expr) {
  const std::optional<EventChain> chain = ReadEventChain(expr);
  const std::optional<NumberType> type = chain ? TypeOfFold(*chain) : std::nullopt;
  if (!type) return nullptr;
  auto result = std::make_shared<Aggregate>();
  FoldSink sink(*chain, *type, columns_.size(), result.get());
  if (!RunChain(*chain, *type, sink)) return nullptr;
  return MakeAggregateNumber(std::move(result), *type, Unparse(expr));
}

ConditionPtr VectorBuilder::BuildCountCompare(Op op, const Expr& count, int64_t constant,
                                              std::string text) {
  const std::optional<EventChain> chain = ReadEventChain(count);
  const bool fits = chain && chain->end == ChainEnd::kCount && constant >= 0 &&
                    constant < std::numeric_limits<uint8_t>::max();
  if (!fits) return nullptr;
  auto counts = std::make_shared<EventCounts>();
  counts->counters.assign(columns_.size(), 0);
  counts->failed.assign((columns_.size() + 63) / 64, 0);
  CountSink sink(counts.get());
  if (!RunChain(*chain, NumberType::kInt, sink)) return nullptr;
  return MakeCountCompare(op, std::move(counts), static_cast<uint8_t>(constant), std::move(text));
}

}  // namespace rondo::rules
