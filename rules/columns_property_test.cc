// The two evaluators agree: random rules over random customers, null and failures included.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/frame.h"
#include "rules/program.h"

namespace rondo::rules {
namespace {

constexpr int64_t kHour = int64_t{3600} * 1'000'000;
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Environment TestEnvironment() {
  Environment environment;
  environment.AddAttribute("tier", Type::String())
      .AddAttribute("age", Type::Int())
      .AddAttribute("spend", Type::Double())
      .AddAttribute("vip", Type::Bool())
      .AddAttribute("joined", Type::Timestamp())
      .AddAttribute("tags", Type::List(Type::String()))
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
    return index < 5 ? columns_[index].View(block * kBlockRows) : ColumnView();
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
  StoredColumn columns_[7];
  std::vector<Value> tags_;
  std::vector<StoredEvent> events_;
  std::vector<std::vector<size_t>> events_of_;  // By ordinal, oldest first.
  std::vector<Block> blocks_;
  std::vector<uint64_t> segment_, alive_;
};

// Random well-typed rules. `event` is the variable in scope for conditions on events, or "".
class RuleWriter {
 public:
  explicit RuleWriter(Random& random) : random_(random) {}

  std::string Bool(int depth, const std::string& event = "") {
    if (depth > 0 && random_.OneIn(2)) return Compound(depth, event);
    return event.empty() ? CustomerPredicate(depth) : EventPredicate(depth, event);
  }

 private:
  std::string Compound(int depth, const std::string& event) {
    switch (random_.Below(6)) {
      case 0:
      case 1:
        return absl::StrCat("(", Bool(depth - 1, event), " && ", Bool(depth - 1, event), ")");
      case 2:
      case 3:
        return absl::StrCat("(", Bool(depth - 1, event), " || ", Bool(depth - 1, event), ")");
      case 4:
        return "!(" + Bool(depth - 1, event) + ")";
      default:
        return absl::StrCat("(", Bool(depth - 1, event), " ? ", Bool(depth - 1, event), " : ",
                            Bool(depth - 1, event), ")");
    }
  }
  std::string Compare() { return random_.Pick<const char*>({"<", "<=", ">", ">=", "==", "!="}); }
  std::string Literal() { return absl::StrCat(random_.Below(60) - 5); }
  std::string Tier() {
    return random_.Pick<const char*>({"'gold'", "'silver'", "''", "'none'", "'guest'"});
  }

  std::string CustomerPredicate(int depth) {
    switch (random_.Below(17)) {
      case 0:
        return absl::StrCat("customer.tier ", random_.OneIn(2) ? "== " : "!= ", Tier());
      case 1:
        return absl::StrCat("customer.tier in [", Tier(), ", ", Tier(), "]");
      case 2:
        return absl::StrCat("customer.tier.", random_.OneIn(2) ? "startsWith" : "contains", "('",
                            random_.OneIn(2) ? "g" : "er", "')");
      case 3:
        return absl::StrCat("customer.tier.matches('^[gs].*')");
      case 4:
        return "customer.vip";
      case 5:
        return random_.Pick<const char*>({"has(customer.age)", "customer.spend == null",
                                          "customer.joined != null", "has(customer.tier)"});
      case 6:
        return "in_segment('old')";
      case 7:
        return absl::StrCat("now() - customer.joined ", Compare(), " duration('",
                            random_.Below(900), "h')");
      case 8:
        return absl::StrCat("customer.joined ", Compare(), " now() - duration('",
                            random_.Below(900), "h')");
      case 9:
        return "customer.tags.exists(t, t == 'b')";
      case 10:
        return absl::StrCat("customer.tier ", Compare(), " ", Tier());
      case 11:
        return absl::StrCat("customer.age in [", Literal(), ", ", Literal(), "]");
      case 12:
        return absl::StrCat(Double(depth, ""), " ", Compare(), " ", Double(depth, ""));
      case 13:
        return absl::StrCat("now() - last_contact('email').orValue(timestamp(",
                            random_.OneIn(2) ? "0" : "1699000000", ")) ", Compare(), " duration('",
                            random_.Below(900), "h')");
      case 14:
        return absl::StrCat(Chain(depth), random_.OneIn(2) ? ".followed_by(" : ".not_followed_by(",
                            Chain(0), ", '", random_.Below(90) + 1, "h').count() ", Compare(), " ",
                            random_.Below(3));
      case 15:
        return absl::StrCat("events('buy').max(e, e.time) ", Compare(), " now() - duration('",
                            random_.Below(900), "h')");
      default:
        return absl::StrCat(Int(depth, ""), " ", Compare(), " ", Int(depth, ""));
    }
  }

  std::string EventPredicate(int depth, const std::string& e) {
    switch (random_.Below(7)) {
      case 0:
        return absl::StrCat(e, ".category == 'shoes'");
      case 5:
        return absl::StrCat(e, ".category.under('wear')");
      case 1:
        return absl::StrCat(e, ".category in ['bags', 'food']");
      case 2:
        return absl::StrCat(Double(depth, e), " ", Compare(), " ", Double(depth, e));
      case 3:
        return absl::StrCat(e, ".time > now() - duration('", random_.Below(900), "h')");
      case 4:
        return random_.OneIn(4) ? absl::StrCat(e, ".amount > customer.spend")
                                : absl::StrCat(e, ".amount != null");
      default:
        return absl::StrCat(Int(depth, e), " ", Compare(), " ", Int(depth, e));
    }
  }

  std::string Int(int depth, const std::string& event) {
    if (depth > 0 && random_.OneIn(3)) {
      return absl::StrCat("(", Int(depth - 1, event), " ",
                          random_.Pick<const char*>({"+", "-", "*", "/", "%"}), " ",
                          Int(depth - 1, event), ")");
    }
    if (random_.OneIn(3)) return Literal();
    if (!event.empty()) return event + ".units";
    switch (random_.Below(4)) {
      case 0:
        return Chain(depth) + ".count()";
      case 1:
        return Chain(depth) + ".sum(e, " + Int(0, "e") + ")";
      case 2:
        return Chain(depth) + ".min(e, e.units)";
      default:
        return "customer.age";
    }
  }
  std::string Double(int depth, const std::string& event) {
    if (depth > 0 && random_.OneIn(3)) {
      return absl::StrCat("(", Double(depth - 1, event), " ",
                          random_.Pick<const char*>({"+", "-", "*", "/"}), " ",
                          Double(depth - 1, event), ")");
    }
    if (random_.OneIn(3)) return Literal() + ".5";
    if (!event.empty()) return event + ".amount";
    switch (random_.Below(5)) {
      case 0:
        return Chain(depth) + ".sum(e, e.amount)";
      case 1:
        return Chain(depth) + ".max(e, e.amount)";
      case 2:
        return "signal.score";
      default:
        return "customer.spend";
    }
  }
  std::string Chain(int depth) {
    std::string chain = "events('buy')";
    if (random_.OneIn(2)) absl::StrAppend(&chain, ".last('", random_.Below(40) + 1, "d')");
    if (random_.OneIn(6)) absl::StrAppend(&chain, ".since(now() - duration('300h'))");
    if (random_.OneIn(6)) {
      absl::StrAppend(&chain, ".between(now() - duration('700h'), now() - duration('9h'))");
    }
    for (int64_t i = random_.Below(3); i > 0; --i) {
      absl::StrAppend(&chain, ".where(e, ", Bool(depth > 0 ? depth - 1 : 0, "e"), ")");
    }
    return chain;
  }

  Random& random_;
};

void ExpectAgreement(uint64_t seed, size_t size, int rules) {
  Random random(seed);
  const TestColumns columns(random, size);
  for (int i = 0; i < rules; ++i) {
    const std::string text = RuleWriter(random).Bool(3);
    const auto program = Compile(text, TestEnvironment(), Type::Bool());
    ASSERT_TRUE(program.ok()) << text << "\n" << program.status();
    const auto selection = program->Select(columns, kNow);
    ASSERT_TRUE(selection.ok());
    const std::unique_ptr<Row> row = columns.NewRow();
    size_t no_value = 0;
    size_t errors = 0;
    Arena arena;
    for (size_t ordinal = 0; ordinal < size; ++ordinal) {
      if (!columns.IsAlive(ordinal)) {
        ASSERT_FALSE(selection->Contains(ordinal)) << text;
        continue;
      }
      columns.MoveTo(ordinal, *row);
      arena.Reset();
      const Value value = program->Evaluate({.row = row.get(), .event = {}, .now = kNow}, arena);
      const bool unknown = IsNoValue(value) || value.is_null();
      no_value += unknown ? 1 : 0;
      errors += value.is_error() && !unknown ? 1 : 0;
      ASSERT_EQ(selection->Contains(ordinal), value.is_true())
          << "seed " << seed << ", ordinal " << ordinal << ": " << text << "\n"
          << DebugString(value) << "\n"
          << program->Explain();
    }
    ASSERT_EQ(selection->no_value, no_value) << "seed " << seed << ": " << text;
    ASSERT_EQ(selection->errors, errors) << "seed " << seed << ": " << text;
    ASSERT_EQ(selection->errors > 0, !selection->first_error.empty()) << text;
  }
}

RC_GTEST_PROP(ColumnsTest, AgreeWithRowsOnEveryRuleAndCustomer, (uint64_t seed)) {
  ExpectAgreement(seed, 1 + static_cast<size_t>(seed % 150), 20);
}

TEST(ColumnsTest, AgreeWithRowsAcrossChunks) { ExpectAgreement(7, 4096 + 1000, 6); }

TEST(ColumnsTest, FormattedRulesSelectTheSame) {
  Random random(3);
  for (int i = 0; i < 300; ++i) {
    const std::string text = RuleWriter(random).Bool(3);
    const auto formatted = Format(text);
    ASSERT_TRUE(formatted.ok()) << text;
    EXPECT_EQ(*Format(*formatted), *formatted);
    EXPECT_TRUE(Compile(*formatted, TestEnvironment(), Type::Bool()).ok()) << *formatted;
  }
}

}  // namespace
}  // namespace rondo::rules
