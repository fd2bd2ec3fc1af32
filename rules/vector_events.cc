// Aggregations of event columns into counters by ordinal.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "rules/unparser.h"
#include "rules/vector_builder.h"

namespace rondo::rules {
namespace {

struct ChunkOfEvents {
  const EventBlock& block;
  size_t first;
  size_t rows;
};

// Rows of [first, first + rows) whose time is in the range.
Words InRange(const ChunkOfEvents& chunk, const TimeRange& range) {
  Words words{};
  for (size_t i = 0; i < chunk.rows; ++i) {
    const int64_t time = chunk.block.times_micros[chunk.first + i];
    words[i / 64] |= static_cast<uint64_t>(time >= range.low && time < range.high) << (i % 64);
  }
  return words;
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

}  // namespace

NumberPtr VectorBuilder::BuildAggregate(const Expr& expr) {
  const std::optional<EventChain> chain = ReadEventChain(expr);
  if (!chain) return nullptr;
  NumberType type = NumberType::kInt;
  switch (chain->end) {
    case ChainEnd::kCount:
      break;
    case ChainEnd::kSum:
      if (chain->fold_kind == TypeKind::kDouble) type = NumberType::kDouble;
      if (chain->fold_kind != TypeKind::kDouble && chain->fold_kind != TypeKind::kInt)
        return nullptr;
      break;
    case ChainEnd::kMin:
    case ChainEnd::kMax:
      if (chain->fold_kind == TypeKind::kDouble) {
        type = NumberType::kDouble;
      } else if (chain->fold_kind == TypeKind::kTimestamp) {
        type = NumberType::kTimestamp;
      } else if (chain->fold_kind != TypeKind::kInt) {
        return nullptr;
      }
      break;
    default:
      return nullptr;
  }
  auto result = std::make_shared<Aggregate>();
  if (!RunChain(*chain, type, result.get())) return nullptr;
  return MakeAggregateNumber(std::move(result), type, Unparse(expr));
}

std::optional<TimeRange> VectorBuilder::RangeOfChain(const EventChain& chain) {
  TimeRange range;
  for (const EventWindow& window : chain.windows) {
    Value ends[2];
    for (size_t i = 0; i < 2; ++i) {
      const Expr* expr = i == 0 ? window.from : window.to;
      if (expr == nullptr) continue;
      const Reads reads = ReadsOf(*expr);
      if (reads.other || reads.segments || !reads.leaves.empty()) return std::nullopt;
      ends[i] = Probe(*NodeBuilder(environment_, arena_).Build(*expr), nullptr, Value());
    }
    const std::optional<TimeRange> part = RangeOf(window.kind, ends[0], ends[1], now_);
    if (!part) return std::nullopt;
    range.low = std::max(range.low, part->low);
    range.high = std::min(range.high, part->high);
  }
  return range;
}

bool VectorBuilder::RunChain(const EventChain& chain, NumberType type, Aggregate* result) {
  const std::optional<TimeRange> range = RangeOfChain(chain);
  if (!range) return false;
  const size_t size = columns_.size();
  if (type == NumberType::kDouble) {
    result->doubles.assign(size, 0);
  } else {
    result->integers.assign(size, 0);
  }
  const size_t words = (size + 63) / 64;
  const bool null_when_empty = chain.end == ChainEnd::kMin || chain.end == ChainEnd::kMax;
  if (null_when_empty) result->null.assign(words, ~uint64_t{0});
  result->failed.assign(words, 0);
  for (const EventBlock& block : columns_.Events(*chain.event_type)) {
    if (!RunBlock(chain, block, *range, type, result)) return false;
  }
  return true;
}

bool VectorBuilder::RunBlock(const EventChain& chain, const EventBlock& block, TimeRange range,
                             NumberType type, Aggregate* result) {
  VectorBuilder inner(environment_, columns_, now_, local_slots_, arena_);
  inner.scope_ = EventScope{environment_.FindEventType(chain.event_type->name), 0, &block};
  std::vector<ConditionPtr> conditions;
  for (const EventCondition& condition : chain.conditions) {
    inner.scope_->slot = condition.slot;
    conditions.push_back(inner.Build(*condition.condition));
    if (conditions.back() == nullptr) return false;
  }
  NumberPtr body;
  if (chain.body != nullptr) {
    inner.scope_->slot = chain.body_slot;
    body = inner.BuildNumber(*chain.body);
    if (body == nullptr || body->type != type) return false;
  }
  size_t begin = 0;
  size_t end = block.size;
  if (block.sorted_by_time) {
    const int64_t* times = block.times_micros;
    begin = static_cast<size_t>(std::lower_bound(times, times + end, range.low) - times);
    end = static_cast<size_t>(std::lower_bound(times + begin, times + end, range.high) - times);
  }
  const auto numbers = body == nullptr ? nullptr : std::make_unique<Numbers>();
  const auto masks = std::make_unique<Masks>();
  for (size_t first = begin / 64 * 64; first < end; first += kChunkRows) {
    Chunk chunk;
    chunk.columns = &columns_;
    chunk.events = &block;
    chunk.first = first;
    chunk.rows = std::min(kChunkRows, end - first);
    chunk.now = now_;
    Words keep = InRange({block, first, chunk.rows}, range);
    const auto ordinal = [&](size_t row) {
      return static_cast<size_t>(block.ordinals[first + row]);
    };
    for (const ConditionPtr& condition : conditions) {
      condition->Eval(chunk, keep, masks.get());
      for (size_t w = 0; w < chunk.words(); ++w) masks->failed[w] &= keep[w];
      ForEachBit(masks->failed, chunk.words(), [&](size_t row) {
        if (ordinal(row) < columns_.size()) SetBit(result->failed, ordinal(row));
      });
      for (size_t w = 0; w < chunk.words(); ++w) keep[w] &= masks->is_true[w];
    }
    if (body != nullptr) body->Eval(chunk, numbers.get());
    ForEachBit(keep, chunk.words(), [&](size_t row) {
      const size_t at = ordinal(row);
      if (at >= columns_.size()) return;
      if (body == nullptr) {
        ++result->integers[at];
      } else {
        AddValue(chain.end, type, *numbers, row, at, result);
      }
    });
  }
  return true;
}

}  // namespace rondo::rules
