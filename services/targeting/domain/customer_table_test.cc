#include "services/targeting/domain/customer_table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "services/targeting/domain/rule_columns.h"

namespace rondo::targeting {
namespace {

Cell Int(int64_t value) {
  return {.type = CellType::kInt, .present = true, .integer = value, .real = 0.0, .text = {}};
}
Cell Text(std::string_view text) {
  return {.type = CellType::kString, .present = true, .integer = 0, .real = 0.0, .text = text};
}
CustomerId IdNumber(uint64_t n) { return CustomerId(n + 1); }

std::optional<int64_t> IntAt(const CustomerView& view, std::string_view name, size_t ordinal) {
  const Column* column = view.Attribute(name);
  rules::Arena arena;
  const rules::Value value = column == nullptr ? rules::Value::Null() : column->Get(ordinal, arena);
  return value.is_null() ? std::nullopt : std::optional(value.integer());
}

// What the columns' spans say, as a rule reads them.
std::optional<int64_t> IntInSpan(const CustomerView& view, std::string_view name, size_t ordinal) {
  const Column* column = view.Attribute(name);
  if (column == nullptr) return std::nullopt;
  const rules::ColumnView span = column->View(ordinal / rules::kBlockRows);
  const size_t row = ordinal % rules::kBlockRows;
  if (span.kind == rules::ColumnKind::kAbsent) return std::nullopt;
  if ((span.validity[row / 64] >> (row % 64) & 1) == 0) return std::nullopt;
  switch (span.width_bytes) {
    case 1:
      return static_cast<const int8_t*>(span.data)[row];
    case 2:
      return static_cast<const int16_t*>(span.data)[row];
    case 4:
      return static_cast<const int32_t*>(span.data)[row];
    default:
      return static_cast<const int64_t*>(span.data)[row];
  }
}

std::vector<int64_t> TimesOf(const CustomerView& view, std::string_view type, uint32_t ordinal) {
  std::vector<int64_t> times;
  const EventTableView* events = view.Events(type);
  if (events == nullptr) return times;
  for (const uint32_t place : events->EventsOf(ordinal)) {
    times.push_back(events->chunks()[place >> 16]->times_micros[place & 0xffff]);
  }
  return times;
}

TEST(CustomerTableTest, GivesOrdinalsInTheOrderOfFirstMention) {
  CustomerTable table;
  EXPECT_EQ(table.OrdinalOf(IdNumber(7)), 0u);
  EXPECT_EQ(table.OrdinalOf(IdNumber(3)), 1u);
  EXPECT_EQ(table.OrdinalOf(IdNumber(7)), 0u);
  EXPECT_EQ(table.View()->IdOf(1), IdNumber(3));
}

TEST(CustomerTableTest, CountsOnlyCustomersWithAProfile) {
  CustomerTable table;
  table.MarkAlive(table.OrdinalOf(IdNumber(1)));
  table.AddEvent(table.OrdinalOf(IdNumber(2)), "purchase", "m1", 5, {});
  const auto view = table.View();
  EXPECT_EQ(view->size(), 2u);
  EXPECT_EQ(view->alive_count(), 1u);
  EXPECT_TRUE(view->IsAlive(0));
  EXPECT_FALSE(view->IsAlive(1));
}

TEST(CustomerTableTest, KeepsTheValueWithTheLatestEffectiveTime) {
  CustomerTable table;
  const uint32_t ordinal = table.OrdinalOf(IdNumber(1));
  table.SetAttribute(ordinal, "age", Int(30), 1000);
  table.SetAttribute(ordinal, "age", Int(29), 999);
  EXPECT_EQ(IntAt(*table.View(), "age", ordinal), 30);
  table.SetAttribute(ordinal, "age", Int(31), 1000);
  EXPECT_EQ(IntAt(*table.View(), "age", ordinal), 31) << "the later record wins a tie";
  table.SetAttribute(ordinal, "age", {}, 1001);
  table.SetAttribute(ordinal, "age", Int(32), 1000);
  EXPECT_EQ(IntAt(*table.View(), "age", ordinal), std::nullopt) << "a clearing has a time too";
}

TEST(CustomerTableTest, DropsAnEventWhoseMessageIdTheCustomerHas) {
  CustomerTable table;
  const uint32_t a = table.OrdinalOf(IdNumber(1));
  const uint32_t b = table.OrdinalOf(IdNumber(2));
  table.AddEvent(a, "purchase", "m1", 5, {});
  table.AddEvent(a, "purchase", "m1", 6, {});
  table.AddEvent(b, "purchase", "m1", 7, {});
  table.AddEvent(b, "purchase", "", 8, {});
  table.AddEvent(b, "purchase", "", 8, {});
  EXPECT_EQ(TimesOf(*table.View(), "purchase", a), std::vector<int64_t>{5});
  EXPECT_EQ(TimesOf(*table.View(), "purchase", b), (std::vector<int64_t>{7, 8, 8}));
}

TEST(CustomerTableTest, ErasureClearsValuesAndEventsForEver) {
  CustomerTable table;
  const uint32_t ordinal = table.OrdinalOf(IdNumber(1));
  table.MarkAlive(ordinal);
  table.SetAttribute(ordinal, "age", Int(30), 1);
  table.SetSignal(ordinal, "rfm.recency", Int(3));
  table.AddEvent(ordinal, "purchase", "m1", 5, {});
  const auto before = table.View();
  table.BeginWrites();
  table.Erase(ordinal);
  table.MarkAlive(ordinal);
  table.SetAttribute(ordinal, "age", Int(31), 9);
  table.AddEvent(ordinal, "purchase", "m2", 6, {});
  const auto after = table.View();
  EXPECT_EQ(after->alive_count(), 0u);
  EXPECT_EQ(IntAt(*after, "age", ordinal), std::nullopt);
  EXPECT_FALSE(after->Signal("rfm.recency")->Has(ordinal));
  EXPECT_TRUE(TimesOf(*after, "purchase", ordinal).empty());
  EXPECT_EQ(IntAt(*before, "age", ordinal), 30) << "a view does not change";
  EXPECT_EQ(TimesOf(*before, "purchase", ordinal).size(), 1u);
}

TEST(CustomerTableTest, PiiIsNeverAColumn) {
  CustomerTable table;
  const uint32_t ordinal = table.OrdinalOf(IdNumber(1));
  table.SetAttribute(ordinal, "email", Text("a@b.example"), 1);
  table.ForbidAttribute("email");
  EXPECT_EQ(table.View()->Attribute("email"), nullptr);
  table.SetAttribute(ordinal, "email", Text("a@b.example"), 2);
  EXPECT_EQ(table.View()->Attribute("email"), nullptr);
}

TEST(CustomerTableTest, ColumnsGoOnBeyondOneBlock) {
  CustomerTable table;
  const uint32_t customers = static_cast<uint32_t>(rules::kBlockRows) + 100;
  for (uint32_t i = 0; i < customers; ++i) {
    table.MarkAlive(table.OrdinalOf(IdNumber(i)));
    // Wider values come later, so that chunks widen with rows in them.
    if (i % 3 == 0) table.SetAttribute(i, "n", Int(int64_t{i} * i), 1);
  }
  const auto view = table.View();
  EXPECT_EQ(view->alive_count(), customers);
  for (uint32_t i = 0; i < customers; ++i) {
    const auto want = i % 3 == 0 ? std::optional(int64_t{i} * i) : std::nullopt;
    ASSERT_EQ(IntAt(*view, "n", i), want) << i;
    ASSERT_EQ(IntInSpan(*view, "n", i), want) << i;
  }
}

// A table and its model walk through the same random writes; views taken on the way are kept, and
// all of them must still say what the model said then.
RC_GTEST_PROP(CustomerTableProperty, ViewsKeepWhatTheySawWhateverIsWrittenLater, ()) {
  struct Model {
    std::map<std::pair<uint32_t, std::string>, int64_t> values;
    std::map<uint32_t, std::vector<int64_t>> times;
    size_t customers = 0;
  };
  CustomerTable table;
  Model model;
  std::vector<std::pair<std::shared_ptr<const CustomerView>, Model>> kept;
  const std::vector<std::string> names = {"a", "b", "c"};
  const int steps = *rc::gen::inRange(1, 300);
  for (int step = 0; step < steps; ++step) {
    if (*rc::gen::inRange(0, 10) == 0) {
      kept.emplace_back(table.View(), model);
      if (*rc::gen::inRange(0, 3) == 0) kept.erase(kept.begin());
      table.BeginWrites();
    }
    const uint32_t ordinal =
        table.OrdinalOf(IdNumber(static_cast<uint64_t>(*rc::gen::inRange(0, 150))));
    model.customers = std::max<size_t>(model.customers, ordinal + 1);
    if (*rc::gen::inRange(0, 2) == 0) {
      const std::string name = *rc::gen::elementOf(names);
      const int64_t value = *rc::gen::arbitrary<int64_t>() >> *rc::gen::inRange(0, 63);
      const bool present = *rc::gen::inRange(0, 5) != 0;
      table.SetAttribute(ordinal, name, present ? Int(value) : Cell{}, step);
      if (present) {
        model.values[{ordinal, name}] = value;
      } else {
        model.values.erase({ordinal, name});
      }
    } else {
      const int64_t time = *rc::gen::inRange(0, 50);
      table.AddEvent(ordinal, "purchase", "", time, {});
      auto& times = model.times[ordinal];
      times.insert(std::upper_bound(times.begin(), times.end(), time), time);
    }
  }
  kept.emplace_back(table.View(), model);
  for (const auto& [view, then] : kept) {
    RC_ASSERT(view->size() == then.customers);
    for (uint32_t ordinal = 0; ordinal < then.customers; ++ordinal) {
      for (const std::string& name : names) {
        const auto value = then.values.find({ordinal, name});
        const auto want = value == then.values.end() ? std::nullopt : std::optional(value->second);
        RC_ASSERT(IntAt(*view, name, ordinal) == want);
        RC_ASSERT(IntInSpan(*view, name, ordinal) == want);
      }
      const auto times = then.times.find(ordinal);
      RC_ASSERT(TimesOf(*view, "purchase", ordinal) ==
                (times == then.times.end() ? std::vector<int64_t>() : times->second));
    }
  }
}

// One thread writes in batches, as the projection does; others take views and read them while it
// goes on. A view must be of whole batches: in each, all customers have the batch's number.
TEST(CustomerTableTest, ReadersSeeWholeBatchesWhileAWriterGoesOn) {
  constexpr uint32_t kCustomers = 300;
  constexpr int64_t kBatches = 100;
  CustomerTable table;
  std::mutex mutex;
  std::atomic<bool> done = false;
  std::atomic<int64_t> wrong = 0;
  const auto read = [&] {
    while (!done) {
      std::shared_ptr<const CustomerView> view;
      {
        const std::lock_guard lock(mutex);
        view = table.View();
      }
      if (view->size() == 0) continue;
      const std::optional<int64_t> batch = IntInSpan(*view, "batch", 0);
      for (uint32_t i = 0; i < view->size(); ++i) {
        wrong += IntInSpan(*view, "batch", i) != batch || !view->IsAlive(i);
        wrong += static_cast<int64_t>(TimesOf(*view, "tick", i).size()) != *batch;
      }
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  for (int64_t batch = 1; batch <= kBatches; ++batch) {
    const std::lock_guard lock(mutex);
    table.BeginWrites();
    for (uint32_t i = 0; i < kCustomers; ++i) {
      table.MarkAlive(table.OrdinalOf(IdNumber(i)));
      table.SetAttribute(i, "batch", Int(batch), batch);
      table.AddEvent(i, "tick", "", batch, {});
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(IntInSpan(*table.View(), "batch", kCustomers - 1), kBatches);
}

TEST(EventTableTest, LateEventsTakeTheirPlaceInTimeAndEqualTimesStayInOrderOfArrival) {
  CustomerTable table;
  const uint32_t ordinal = table.OrdinalOf(IdNumber(1));
  const auto add = [&](int64_t time, int64_t amount) {
    const NamedCell field{"amount", Int(amount)};
    table.AddEvent(ordinal, "purchase", "", time, {&field, 1});
  };
  add(10, 1);
  add(30, 2);
  const auto first = table.View();
  add(20, 3);
  add(10, 4);
  const auto view = table.View();
  EXPECT_EQ(TimesOf(*first, "purchase", ordinal), (std::vector<int64_t>{10, 30}));
  rules::Arena arena;
  std::vector<int64_t> amounts;
  for (const uint32_t place : view->Events("purchase")->EventsOf(ordinal)) {
    const EventChunk& chunk = *view->Events("purchase")->chunks()[place >> 16];
    amounts.push_back(chunk.fields.at(0).Get(place & 0xffff, arena).integer());
  }
  EXPECT_EQ(amounts, (std::vector<int64_t>{1, 4, 3, 2}));
}

TEST(EventTableTest, ManyEventsMakeFewChunksEachInOrderOfTime) {
  CustomerTable table;
  const uint32_t ordinal = table.OrdinalOf(IdNumber(1));
  for (int i = 0; i < 3000; ++i) {
    table.AddEvent(ordinal, "page_view", "", i % 7 == 0 ? i - 50 : i, {});
    if (i % 10 == 0) table.View();
  }
  const auto view = table.View();
  EXPECT_EQ(view->Events("page_view")->size(), 3000u);
  EXPECT_LE(view->Events("page_view")->chunks().size(), 16u);
  const std::vector<int64_t> times = TimesOf(*view, "page_view", ordinal);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST(ColumnTest, HoldsEveryTypeAndGivesItBackAsRulesReadIt) {
  rules::Arena arena;
  const WriteEpoch epoch;
  const std::string packed = PackStrings({"a", "", "b,c"});
  struct Case {
    Cell cell;
    std::string want;
    rules::ColumnKind kind;
  };
  const Case kCases[] = {
      {Text("gold"), "'gold'", rules::ColumnKind::kCode},
      {Int(-70000), "-70000", rules::ColumnKind::kInt},
      {{.type = CellType::kDouble, .present = true, .integer = 0, .real = 0.5, .text = {}},
       "0.5",
       rules::ColumnKind::kDouble},
      {{.type = CellType::kBool, .present = true, .integer = 1, .real = 0.0, .text = {}},
       "true",
       rules::ColumnKind::kBool},
      {{.type = CellType::kMoney, .present = true, .integer = 1250, .real = 0.0, .text = "EUR"},
       "money(1250, 'EUR')",
       rules::ColumnKind::kNone},
      {{.type = CellType::kStringList, .present = true, .integer = 0, .real = 0.0, .text = packed},
       "['a', '', 'b,c']",
       rules::ColumnKind::kNone},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.want);
    Column column(c.cell.type);
    column.Set(3, c.cell, epoch);
    std::string said = rules::DebugString(column.Get(3, arena));
    std::replace(said.begin(), said.end(), '"', '\'');
    EXPECT_EQ(said, c.want);
    EXPECT_TRUE(column.Get(2, arena).is_null());
    EXPECT_EQ(column.View(0).kind, c.kind);
  }
  Column place(CellType::kGeoPoint);
  place.Set(0,
            {.type = CellType::kGeoPoint,
             .present = true,
             .integer = rules::PackGeoPoint(-33.8688, 151.2093),
             .real = 0.0,
             .text = {}},
            epoch);
  EXPECT_NEAR(place.Get(0, arena).latitude(), -33.8688, 1e-6);
  EXPECT_NEAR(place.Get(0, arena).longitude(), 151.2093, 1e-6);
}

TEST(DictionaryTest, CodesAreDenseStableAndFound) {
  StringDictionary dictionary;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(dictionary.Add("value " + std::to_string(i)), static_cast<uint32_t>(i));
  }
  EXPECT_EQ(dictionary.Add("value 17"), 17u);
  EXPECT_EQ(dictionary.size(), 5000u);
  EXPECT_EQ(dictionary.At(4999), "value 4999");
  EXPECT_EQ(dictionary.Find("value 256"), 256);
  EXPECT_EQ(dictionary.Find("none"), -1);
}

}  // namespace
}  // namespace rondo::targeting
