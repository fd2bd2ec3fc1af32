#include "services/targeting/domain/column.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "platform/core/status_macros.h"

namespace rondo::targeting {
namespace {

using rules::ColumnKind;
using rules::kBlockRows;

constexpr size_t kFirstRows = 64;

ColumnKind KindOf(CellType type) {
  switch (type) {
    case CellType::kString:
    case CellType::kStringList:
      return ColumnKind::kCode;
    case CellType::kInt:
    case CellType::kMoney:
      return ColumnKind::kInt;
    case CellType::kGeoPoint:
      return ColumnKind::kGeoPoint;
    case CellType::kDouble:
      return ColumnKind::kDouble;
    case CellType::kBool:
      return ColumnKind::kBool;
    case CellType::kTimestamp:
      return ColumnKind::kTimestamp;
  }
  RONDO_CHECK(false);
}

template <typename T>
int64_t Load(const std::byte* data, size_t row) {
  T value;
  std::memcpy(&value, data + row * sizeof(T), sizeof(T));
  return static_cast<int64_t>(value);
}

template <typename T>
void StoreAs(std::byte* data, size_t row, int64_t value) {
  const T narrow = static_cast<T>(value);
  std::memcpy(data + row * sizeof(T), &narrow, sizeof(T));
}

int64_t LoadWidth(const std::byte* data, size_t row, uint8_t width, bool is_code) {
  switch (width) {
    case 1:
      return is_code ? Load<uint8_t>(data, row) : Load<int8_t>(data, row);
    case 2:
      return is_code ? Load<uint16_t>(data, row) : Load<int16_t>(data, row);
    case 4:
      return is_code ? Load<uint32_t>(data, row) : Load<int32_t>(data, row);
    default:
      return Load<int64_t>(data, row);
  }
}

void StoreWidth(std::byte* data, size_t row, uint8_t width, int64_t value) {
  switch (width) {
    case 1:
      return StoreAs<uint8_t>(data, row, value);
    case 2:
      return StoreAs<uint16_t>(data, row, value);
    case 4:
      return StoreAs<uint32_t>(data, row, value);
    default:
      return StoreAs<int64_t>(data, row, value);
  }
}

template <typename T>
bool Holds(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

}  // namespace

std::string PackStrings(const std::vector<std::string_view>& strings) {
  std::string packed;
  for (const std::string_view text : strings) {
    const uint32_t size = static_cast<uint32_t>(text.size());
    char head[sizeof size];
    std::memcpy(head, &size, sizeof size);
    packed.append(head, sizeof head).append(text);
  }
  return packed;
}

namespace {

rules::Value UnpackStrings(std::string_view packed, rules::Arena& arena) {
  std::vector<rules::Value> strings;
  while (!packed.empty()) {
    uint32_t size = 0;
    std::memcpy(&size, packed.data(), sizeof size);
    strings.push_back(rules::Value::String(packed.substr(sizeof size, size)));
    packed.remove_prefix(sizeof size + size);
  }
  rules::Value* items = arena.NewArray<rules::Value>(strings.size());
  std::copy(strings.begin(), strings.end(), items);
  return rules::Value::List({items, strings.size()});
}

}  // namespace

Cell Convert(const Cell& cell, CellType type) {
  if (!cell.present || cell.type == type) {
    Cell same = cell;
    same.type = type;
    return same;
  }
  if (cell.type == CellType::kInt && type == CellType::kDouble) {
    Cell real{.type = type, .present = true, .integer = 0, .real = 0.0, .text = {}};
    real.real = static_cast<double>(cell.integer);
    return real;
  }
  Cell absent;
  absent.type = type;
  return absent;
}

ColumnChunk::ColumnChunk(ColumnKind kind, uint64_t born, int64_t base)
    : kind_(kind), born_(born), base_(base) {
  switch (kind) {
    case ColumnKind::kBool:
      width_ = 0;
      break;
    case ColumnKind::kDouble:
    case ColumnKind::kTimestamp:
    case ColumnKind::kGeoPoint:
      width_ = 8;
      break;
    default:
      width_ = 1;
  }
}

size_t ColumnChunk::memory_bytes() const {
  return sizeof *this + data_.capacity() + validity_.capacity() * sizeof(uint64_t);
}

void ColumnChunk::Reserve(size_t rows) {
  RONDO_CHECK(rows <= kBlockRows);
  if (rows <= capacity_) return;
  capacity_ = std::max(kFirstRows, std::bit_ceil(rows));
  validity_.resize(capacity_ / 64);
  data_.resize(kind_ == ColumnKind::kBool ? capacity_ / 8 : capacity_ * width_);
}

uint8_t ColumnChunk::WidthFor(int64_t value) const {
  if (kind_ == ColumnKind::kCode) {
    return Holds<uint8_t>(value) ? 1 : Holds<uint16_t>(value) ? 2 : 4;
  }
  return Holds<int8_t>(value) ? 1 : Holds<int16_t>(value) ? 2 : Holds<int32_t>(value) ? 4 : 8;
}

void ColumnChunk::Widen(uint8_t width) {
  std::vector<std::byte> wider(capacity_ * width);
  const bool is_code = kind_ == ColumnKind::kCode;
  for (size_t row = 0; row < capacity_; ++row) {
    StoreWidth(wider.data(), row, width, LoadWidth(data_.data(), row, width_, is_code));
  }
  data_ = std::move(wider);
  width_ = width;
}

void ColumnChunk::Store(size_t row, int64_t value) {
  if (kind_ == ColumnKind::kBool) {
    uint64_t word;
    std::memcpy(&word, data_.data() + row / 64 * 8, 8);
    const uint64_t bit = uint64_t{1} << (row % 64);
    word = value != 0 ? word | bit : word & ~bit;
    std::memcpy(data_.data() + row / 64 * 8, &word, 8);
    return;
  }
  if (kind_ == ColumnKind::kCode || kind_ == ColumnKind::kInt) {
    if (const uint8_t needed = WidthFor(value); needed > width_) Widen(needed);
  }
  StoreWidth(data_.data(), row, width_, value);
}

void ColumnChunk::SetInteger(size_t row, int64_t value) {
  Store(row, static_cast<int64_t>(static_cast<uint64_t>(value) - static_cast<uint64_t>(base_)));
  validity_[row / 64] |= uint64_t{1} << (row % 64);
}

void ColumnChunk::SetReal(size_t row, double value) {
  StoreWidth(data_.data(), row, width_, std::bit_cast<int64_t>(value));
  validity_[row / 64] |= uint64_t{1} << (row % 64);
}

void ColumnChunk::Clear(size_t row) {
  if (!Has(row)) return;
  validity_[row / 64] &= ~(uint64_t{1} << (row % 64));
  Store(row, 0);  // What was cleared is gone, erasure included.
}

int64_t ColumnChunk::Integer(size_t row) const {
  if (kind_ == ColumnKind::kBool) {
    return Load<uint64_t>(data_.data(), row / 64) >> (row % 64) & 1;
  }
  const int64_t stored = LoadWidth(data_.data(), row, width_, kind_ == ColumnKind::kCode);
  return static_cast<int64_t>(static_cast<uint64_t>(stored) + static_cast<uint64_t>(base_));
}

double ColumnChunk::Real(size_t row) const {
  return std::bit_cast<double>(Load<int64_t>(data_.data(), row));
}

rules::ColumnView ColumnChunk::View(const rules::Dictionary* dictionary) const {
  return {.kind = kind_,
          .width_bytes = width_,
          .data = data_.data(),
          .validity = validity_.data(),
          .dictionary = dictionary};
}

ColumnChunk& WritableChunk(Chunks& chunks, ColumnKind kind, size_t ordinal, const WriteEpoch& epoch,
                           int64_t base) {
  const size_t block = ordinal / kBlockRows;
  if (chunks.size() <= block) chunks.resize(block + 1);
  std::shared_ptr<ColumnChunk>& chunk = chunks[block];
  if (chunk == nullptr) {
    chunk = std::make_shared<ColumnChunk>(kind, epoch.now, base);
  } else if (chunk->born() <= epoch.newest_view) {
    chunk = std::make_shared<ColumnChunk>(*chunk);
    chunk->set_born(epoch.now);
  }
  chunk->Reserve(ordinal % kBlockRows + 1);
  return *chunk;
}

Column::Column(CellType type) : type_(type) {
  if (type == CellType::kString || type == CellType::kStringList || type == CellType::kMoney) {
    dictionary_ = std::make_shared<StringDictionary>();
  }
}

void Column::Set(size_t ordinal, const Cell& raw, const WriteEpoch& epoch) {
  const Cell cell = Convert(raw, type_);
  if (!cell.present && !Has(ordinal)) return;
  const size_t row = ordinal % kBlockRows;
  ColumnChunk& chunk = WritableChunk(chunks_, KindOf(type_), ordinal, epoch);
  if (!cell.present) return chunk.Clear(row);
  switch (type_) {
    case CellType::kString:
    case CellType::kStringList:
      return chunk.SetInteger(row, dictionary_->Add(cell.text));
    case CellType::kDouble:
      return chunk.SetReal(row, cell.real);
    case CellType::kMoney:
      WritableChunk(currencies_, ColumnKind::kCode, ordinal, epoch)
          .SetInteger(row, dictionary_->Add(cell.text));
      return chunk.SetInteger(row, cell.integer);
    default:
      return chunk.SetInteger(row, cell.integer);
  }
}

Column Column::Like(const Column& like) {
  Column column(like);
  column.chunks_.clear();
  column.currencies_.clear();
  return column;
}

void Column::CopyFrom(size_t ordinal, const Column& from, size_t from_ordinal,
                      const WriteEpoch& epoch) {
  if (!from.Has(from_ordinal)) return;
  const size_t row = ordinal % kBlockRows;
  const size_t from_row = from_ordinal % kBlockRows;
  const ColumnChunk& source = *from.chunks_[from_ordinal / kBlockRows];
  ColumnChunk& chunk = WritableChunk(chunks_, KindOf(type_), ordinal, epoch);
  if (type_ == CellType::kDouble) return chunk.SetReal(row, source.Real(from_row));
  if (type_ == CellType::kMoney) {
    WritableChunk(currencies_, ColumnKind::kCode, ordinal, epoch)
        .SetInteger(row, from.currencies_[from_ordinal / kBlockRows]->Integer(from_row));
  }
  chunk.SetInteger(row, source.Integer(from_row));
}

void Column::CoverRows(size_t rows, const WriteEpoch& epoch) {
  if (rows == 0 || chunks_.size() * kBlockRows < rows) return;
  const size_t block = (rows - 1) / kBlockRows;
  if (chunks_[block] == nullptr || chunks_[block]->capacity() > (rows - 1) % kBlockRows) return;
  WritableChunk(chunks_, KindOf(type_), rows - 1, epoch);
}

bool Column::Has(size_t ordinal) const {
  const size_t block = ordinal / kBlockRows;
  return block < chunks_.size() && chunks_[block] != nullptr &&
         chunks_[block]->Has(ordinal % kBlockRows);
}

rules::Value Column::Get(size_t ordinal, rules::Arena& arena) const {
  if (!Has(ordinal)) return rules::Value::Null();
  const size_t row = ordinal % kBlockRows;
  const ColumnChunk& chunk = *chunks_[ordinal / kBlockRows];
  switch (type_) {
    case CellType::kString:
      return rules::Value::String(dictionary_->At(static_cast<size_t>(chunk.Integer(row))));
    case CellType::kStringList:
      return UnpackStrings(dictionary_->At(static_cast<size_t>(chunk.Integer(row))), arena);
    case CellType::kInt:
      return rules::Value::Int(chunk.Integer(row));
    case CellType::kDouble:
      return rules::Value::Double(chunk.Real(row));
    case CellType::kBool:
      return rules::Value::Bool(chunk.Integer(row) != 0);
    case CellType::kTimestamp:
      return rules::Value::TimestampMicros(chunk.Integer(row));
    case CellType::kMoney: {
      const int64_t code = currencies_[ordinal / kBlockRows]->Integer(row);
      return rules::Value::Money(chunk.Integer(row), dictionary_->At(static_cast<size_t>(code)));
    }
    case CellType::kGeoPoint:
      return rules::UnpackGeoPoint(chunk.Integer(row));
  }
  RONDO_CHECK(false);
}

rules::ColumnView Column::View(size_t block) const {
  if (type_ == CellType::kMoney || type_ == CellType::kStringList) {
    return {.kind = ColumnKind::kNone};
  }
  if (block >= chunks_.size() || chunks_[block] == nullptr) return {.kind = ColumnKind::kAbsent};
  return chunks_[block]->View(dictionary_.get());
}

size_t Column::memory_bytes() const {
  size_t bytes = 0;
  for (const Chunks* chunks : {&chunks_, &currencies_}) {
    for (const auto& chunk : *chunks) bytes += chunk == nullptr ? 0 : chunk->memory_bytes();
  }
  return bytes;
}

}  // namespace rondo::targeting
