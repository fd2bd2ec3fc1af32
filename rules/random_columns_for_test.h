// Random customers in columns of every kind and width, for tests and fuzzers of the two evaluators.
#pragma once

#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rules/columns.h"
#include "rules/environment.h"
#include "rules/row.h"

namespace rondo::rules::random {

inline constexpr int64_t kHour = int64_t{3600} * 1'000'000;
inline const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

inline Environment TestEnvironment() {
  Environment environment;
  environment.AddAttribute("tier", Type::String())
      .AddAttribute("age", Type::Int())
      .AddAttribute("spend", Type::Double())
      .AddAttribute("vip", Type::Bool())
      .AddAttribute("joined", Type::Timestamp())
      .AddAttribute("tags", Type::List(Type::String()))
      .AddAttribute("home", Type::GeoPoint())
      .AddSignal("score", Type::Double())
      .AddSignal("last_contact.email", Type::Timestamp())
      .AddCodeList("goods", {{"wear"}, {"shoes", "wear"}, {"bags", "wear"}, {"food"}})
      .AddSegment("old")
      .AddEventType(
          "buy",
          {{"amount", Type::Double()}, {"category", Type::Code("goods")}, {"units", Type::Int()}});
  return environment;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t Below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  template <typename T>
  T Pick(std::initializer_list<T> options) {
    return *(options.begin() + Below(static_cast<int64_t>(options.size())));
  }

 private:
  std::mt19937_64 engine_;
};

class TextDictionary final : public Dictionary {
 public:
  explicit TextDictionary(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  size_t size() const override { return texts_.size(); }
  std::string_view At(size_t code) const override { return texts_[code]; }
  int64_t Find(std::string_view text) const override {
    for (size_t i = 0; i < texts_.size(); ++i) {
      if (texts_[i] == text) return static_cast<int64_t>(i);
    }
    return -1;
  }

 private:
  std::vector<std::string> texts_;
};

// A column of values, stored at a random width.
struct StoredColumn {
  std::vector<Value> values;
  std::vector<uint64_t> validity;
  std::vector<uint64_t> bits;
  std::vector<uint8_t> u8;
  std::vector<uint16_t> u16;
  std::vector<uint32_t> u32;
  std::vector<int64_t> i64;
  std::vector<double> f64;
  ColumnView view;

  void Finish(ColumnKind kind, uint8_t width, const Dictionary* dictionary) {
    const size_t words = (values.size() + 63) / 64;
    validity.assign(words, 0);
    bits.assign(words, 0);
    view = {.kind = kind,
            .width_bytes = width,
            .data = nullptr,
            .validity = nullptr,
            .dictionary = dictionary};
    for (size_t i = 0; i < values.size(); ++i) {
      const Value& v = values[i];
      if (!v.is_null()) validity[i / 64] |= uint64_t{1} << (i % 64);
      int64_t integer = 0;
      if (v.is(Kind::kInt)) integer = v.integer();
      if (v.is(Kind::kString)) integer = dictionary->Find(v.text());
      if (v.is(Kind::kTimestamp)) integer = v.micros();
      if (v.is(Kind::kGeoPoint)) integer = PackGeoPoint(v.latitude(), v.longitude());
      if (v.is_true()) bits[i / 64] |= uint64_t{1} << (i % 64);
      u8.push_back(static_cast<uint8_t>(integer));
      u16.push_back(static_cast<uint16_t>(integer));
      u32.push_back(static_cast<uint32_t>(integer));
      i64.push_back(integer);
      f64.push_back(v.is(Kind::kDouble) ? v.real() : 0);
    }
  }
  ColumnView View(size_t row) const {
    ColumnView at = view;
    at.validity = validity.data() + row / 64;
    if (at.kind == ColumnKind::kBool) {
      at.data = bits.data() + row / 64;
    } else if (at.kind == ColumnKind::kDouble) {
      at.data = f64.data() + row;
    } else if (at.width_bytes == 1) {
      at.data = u8.data() + row;
    } else if (at.width_bytes == 2) {
      at.data = u16.data() + row;
    } else if (at.width_bytes == 4) {
      at.data = u32.data() + row;
    } else {
      at.data = i64.data() + row;
    }
    return at;
  }
};

struct StoredEvent {
  uint32_t ordinal;
  int64_t time;
  std::vector<Value> fields;
};

class TestColumns final : public Columns {
 public:
  TestColumns(Random& random, size_t size) : size_(size) {
    Fill(random);
    FillEvents(random);
    for (size_t w = 0; w < (size + 63) / 64; ++w) {
      segment_.push_back(static_cast<uint64_t>(random.Below(1 << 30)));
      alive_.push_back(~static_cast<uint64_t>(random.OneIn(3) ? random.Below(1 << 20) : 0));
    }
  }
  size_t size() const override { return size_; }
  ColumnView Attribute(const Symbol& attribute, size_t block) const override {
    const auto index = static_cast<size_t>(attribute.index);
    if (index == 5) return {};
    return columns_[index == 6 ? 7 : index].View(block * kBlockRows);
  }
  ColumnView Signal(const Symbol& signal, size_t block) const override {
    return columns_[5 + static_cast<size_t>(signal.index)].View(block * kBlockRows);
  }
  std::vector<EventBlock> Events(const Symbol&) const override {
    std::vector<EventBlock> blocks;
    for (const Block& block : blocks_) {
      EventBlock view;
      view.size = block.ordinals.size();
      view.ordinals = block.ordinals.data();
      view.times_micros = block.times.data();
      for (const StoredColumn& field : block.fields) view.fields.push_back(field.View(0));
      blocks.push_back(view);
    }
    return blocks;
  }
  const uint64_t* Segment(const Symbol&, size_t block) const override {
    return segment_.data() + block * kBlockRows / 64;
  }
  const uint64_t* Alive(size_t block) const override {
    return alive_.data() + block * kBlockRows / 64;
  }
  uint64_t IdOf(size_t ordinal) const override { return ordinal * 7919 % 65'521; }
  std::unique_ptr<Row> NewRow() const override { return std::make_unique<MemoryRow>(); }
  void MoveTo(size_t ordinal, Row& row) const override {
    auto& memory = static_cast<MemoryRow&>(row);
    memory.attributes.clear();
    for (size_t i = 0; i < 5; ++i) memory.attributes.push_back(columns_[i].values[ordinal]);
    memory.attributes.push_back(tags_[ordinal]);
    memory.attributes.push_back(columns_[7].values[ordinal]);
    memory.signals = {columns_[5].values[ordinal], columns_[6].values[ordinal]};
    memory.segments = {BitAt(segment_, ordinal)};
    memory.events.clear();
    memory.events.push_back(std::make_unique<MemoryEvents>());
    for (const size_t at : events_of_[ordinal]) {
      memory.events[0]->Add(events_[at].time, events_[at].fields);
    }
  }
  bool IsAlive(size_t ordinal) const { return BitAt(alive_, ordinal); }

 private:
  struct Block {
    std::vector<uint32_t> ordinals;
    std::vector<int64_t> times;
    std::vector<StoredColumn> fields;
  };
  static bool BitAt(const std::vector<uint64_t>& words, size_t i) {
    return (words[i / 64] >> (i % 64) & 1) != 0;
  }
  Value Text(Random& random, const TextDictionary& dictionary) {
    return Value::String(
        dictionary.At(static_cast<size_t>(random.Below(static_cast<int64_t>(dictionary.size())))));
  }
  static Value Real(Random& random) {
    if (random.OneIn(20)) return Value::Double(std::numeric_limits<double>::quiet_NaN());
    return Value::Double(static_cast<double>(random.Below(200)) / 2 - 20);
  }
  void Fill(Random& random) {
    static const Value kTags[] = {Value::String("a"), Value::String("b")};
    const int64_t now = absl::ToUnixMicros(kNow);
    for (size_t i = 0; i < size_; ++i) {
      const auto add = [&](size_t column, Value value) {
        columns_[column].values.push_back(random.OneIn(6) ? Value::Null() : value);
      };
      add(0, Text(random, tiers_));
      add(1, Value::Int(random.Below(120) - 10));
      add(2, Real(random));
      add(3, Value::Bool(random.OneIn(2)));
      add(4, Value::TimestampMicros(now - random.Below(1000) * kHour));
      add(5, Real(random));
      add(7, UnpackGeoPoint(PackGeoPoint(static_cast<double>(random.Below(1801)) / 10 - 90,
                                         static_cast<double>(random.Below(3601)) / 10 - 180)));
      add(6, random.OneIn(9) ? Value::TimestampMicros(0)
                             : Value::TimestampMicros(now - random.Below(1000) * kHour));
      tags_.push_back(random.OneIn(4) ? Value::Null()
                                      : Value::List({kTags, static_cast<size_t>(random.Below(3))}));
    }
    columns_[0].Finish(ColumnKind::kCode, random.Pick<uint8_t>({1, 2, 4}), &tiers_);
    columns_[1].Finish(ColumnKind::kInt, random.Pick<uint8_t>({1, 2, 4, 8}), nullptr);
    columns_[2].Finish(ColumnKind::kDouble, 8, nullptr);
    columns_[3].Finish(ColumnKind::kBool, 0, nullptr);
    columns_[4].Finish(ColumnKind::kTimestamp, 8, nullptr);
    columns_[5].Finish(ColumnKind::kDouble, 8, nullptr);
    columns_[6].Finish(ColumnKind::kTimestamp, 8, nullptr);
    columns_[7].Finish(ColumnKind::kGeoPoint, 8, nullptr);
  }
  void FillEvents(Random& random) {
    int64_t time = absl::ToUnixMicros(kNow) - 1000 * kHour;
    const auto count = static_cast<size_t>(random.Below(static_cast<int64_t>(size_) * 3 + 1));
    events_of_.resize(size_);
    for (size_t i = 0; i < count; ++i) {
      time += random.Below(10 * kHour * 100 / static_cast<int64_t>(count));
      StoredEvent event{static_cast<uint32_t>(random.Below(static_cast<int64_t>(size_))), time, {}};
      event.fields = {Real(random), Text(random, categories_),
                      random.OneIn(50) ? Value::Int(std::numeric_limits<int64_t>::max())
                                       : Value::Int(random.Below(5))};
      for (Value& field : event.fields) {
        if (random.OneIn(8)) field = Value::Null();
      }
      if (blocks_.empty() || random.OneIn(100)) {
        blocks_.emplace_back();
        blocks_.back().fields.resize(3);
      }
      blocks_.back().ordinals.push_back(event.ordinal);
      blocks_.back().times.push_back(event.time);
      for (size_t f = 0; f < 3; ++f) blocks_.back().fields[f].values.push_back(event.fields[f]);
      events_of_[event.ordinal].push_back(events_.size());
      events_.push_back(std::move(event));
    }
    for (Block& block : blocks_) {
      block.fields[0].Finish(ColumnKind::kDouble, 8, nullptr);
      block.fields[1].Finish(ColumnKind::kCode, 2, &categories_);
      block.fields[2].Finish(ColumnKind::kInt, 8, nullptr);
    }
  }

  size_t size_;
  const TextDictionary tiers_{{"gold", "silver", "bronze", "", "guest"}};
  const TextDictionary categories_{{"shoes", "bags", "food"}};
  StoredColumn columns_[8];
  std::vector<Value> tags_;
  std::vector<StoredEvent> events_;
  std::vector<std::vector<size_t>> events_of_;  // By ordinal, oldest first.
  std::vector<Block> blocks_;
  std::vector<uint64_t> segment_, alive_;
};

}  // namespace rondo::rules::random
