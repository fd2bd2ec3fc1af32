// percentile_rank, ntile and top against their definitions, over one table and over several.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_format.h"
#include "rules/program.h"

namespace rondo::rules {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

struct Person {
  uint64_t id = 0;
  Value score;  // Double or null.
  bool alive = true;
};

class People final : public Columns {
 public:
  explicit People(std::vector<Person> people) : people_(std::move(people)) {
    validity_.resize(people_.size() / 64 + 1);
    alive_.resize(people_.size() / 64 + 1);
    for (size_t i = 0; i < people_.size(); ++i) {
      const Person& person = people_[i];
      scores_.push_back(person.score.is_null() ? 0 : person.score.real());
      validity_[i / 64] |= uint64_t{person.score.is_null() ? 0U : 1U} << (i % 64);
      alive_[i / 64] |= uint64_t{person.alive ? 1U : 0U} << (i % 64);
    }
  }
  size_t size() const override { return people_.size(); }
  ColumnView Attribute(const Symbol&, size_t) const override {
    return {.kind = ColumnKind::kAbsent};
  }
  ColumnView Signal(const Symbol&, size_t) const override {
    return {.kind = ColumnKind::kDouble,
            .width_bytes = 8,
            .data = scores_.data(),
            .validity = validity_.data(),
            .dictionary = nullptr};
  }
  std::vector<EventBlock> Events(const Symbol&) const override { return {}; }
  const uint64_t* Segment(const Symbol&, size_t) const override { return nullptr; }
  uint64_t IdOf(size_t ordinal) const override { return people_[ordinal].id; }
  const uint64_t* Alive(size_t) const override { return alive_.data(); }
  std::unique_ptr<Row> NewRow() const override { return std::make_unique<MemoryRow>(); }
  void MoveTo(size_t ordinal, Row& row) const override {
    static_cast<MemoryRow&>(row).signals = {people_[ordinal].score};
  }

 private:
  std::vector<Person> people_;
  std::vector<double> scores_;
  std::vector<uint64_t> validity_, alive_;
};

std::vector<Person> RandomPeople(std::mt19937_64& random, size_t count) {
  std::vector<Person> people(count);
  std::set<uint64_t> ids;
  const auto spread = static_cast<int64_t>(random() % 40 + 1);
  for (Person& person : people) {
    do {
      person.id = random() % 100'000;
    } while (!ids.insert(person.id).second);
    person.alive = random() % 8 != 0;
    if (random() % 6 == 0) continue;
    person.score = Value::Double(static_cast<double>(static_cast<int64_t>(random()) % spread));
    if (random() % 30 == 0) person.score = Value::Double(std::nan(""));
  }
  return people;
}

bool Counts(const Person& person) {
  return person.alive && !person.score.is_null() && !std::isnan(person.score.real());
}

// Ids of whom the rule selects, by its definition: `rank` of everybody who counts.
template <typename Holds>
std::set<uint64_t> BruteForce(const std::vector<Person>& people, const Holds& holds) {
  std::set<uint64_t> chosen;
  for (const Person& person : people) {
    if (!Counts(person)) continue;
    double smaller = 0;
    double before = 0;  // In order of value, then of id.
    double above = 0;   // In order of value, largest first, then of id.
    double known = 0;
    for (const Person& other : people) {
      if (!Counts(other)) continue;
      const double a = other.score.real();
      const double b = person.score.real();
      ++known;
      if (a < b) ++smaller;
      if (a < b || (a == b && other.id < person.id)) ++before;
      if (a > b || (a == b && other.id < person.id)) ++above;
    }
    if (holds(smaller, before, above, known)) chosen.insert(person.id);
  }
  return chosen;
}

// Over `tables` tables, dealt out by id.
std::set<uint64_t> Selected(const std::string& rule, const std::vector<Person>& people,
                            size_t tables) {
  Environment environment;
  environment.AddSignal("ltv", Type::Double()).AllowRanks();
  const auto program = Compile(rule, environment, Type::Bool());
  EXPECT_TRUE(program.ok()) << program.status();
  std::vector<std::vector<Person>> parts(tables);
  for (const Person& person : people) parts[person.id % tables].push_back(person);
  std::vector<std::unique_ptr<People>> columns;
  std::vector<const Columns*> pointers;
  for (const auto& part : parts) {
    columns.push_back(std::make_unique<People>(part));
    pointers.push_back(columns.back().get());
  }
  const auto selections = program->Select(pointers, kNow);
  EXPECT_TRUE(selections.ok()) << selections.status();
  std::set<uint64_t> ids;
  for (size_t t = 0; t < tables; ++t) {
    for (size_t i = 0; i < parts[t].size(); ++i) {
      if ((*selections)[t].Contains(i)) ids.insert(parts[t][i].id);
    }
  }
  return ids;
}

RC_GTEST_PROP(RanksTest, FollowTheirDefinitionsOverAnyNumberOfTables, (uint64_t seed)) {
  std::mt19937_64 random(seed);
  const std::vector<Person> people = RandomPeople(random, random() % 60);
  const double fraction = static_cast<double>(random() % 100) / 100;
  const auto n = static_cast<int64_t>(random() % 20 + 1);
  const auto tile = static_cast<int64_t>(random() % static_cast<uint64_t>(n)) + 1;
  struct Case {
    std::string rule;
    std::set<uint64_t> expected;
  };
  const Case cases[] = {
      {absl::StrFormat("percentile_rank(signal.ltv) >= %.2f", fraction),
       BruteForce(people,
                  [&](double smaller, double, double, double known) {
                    return smaller / std::max(known - 1, 1.0) >= fraction;
                  })},
      {absl::StrFormat("%.2f > percentile_rank(signal.ltv)", fraction),
       BruteForce(people,
                  [&](double smaller, double, double, double known) {
                    return smaller / std::max(known - 1, 1.0) < fraction;
                  })},
      {absl::StrFormat("percentile_rank(signal.ltv) == %.2f || 0.0 == percentile_rank(signal.ltv)",
                       fraction),
       BruteForce(people,
                  [&](double smaller, double, double, double known) {
                    return smaller / std::max(known - 1, 1.0) == fraction || smaller == 0;
                  })},
      // Not by the comparison, but by the rank.
      {absl::StrFormat("percentile_rank(signal.ltv) + 0.0 > %.2f", fraction),
       BruteForce(people,
                  [&](double smaller, double, double, double known) {
                    return smaller / std::max(known - 1, 1.0) > fraction;
                  })},
      {absl::StrFormat("ntile(%d, signal.ltv) == %d", n, tile),
       BruteForce(people,
                  [&](double, double before, double, double known) {
                    const auto large = std::fmod(known, static_cast<double>(n));
                    const double small_size = std::floor(known / static_cast<double>(n));
                    const double in_large = large * (small_size + 1);
                    const double own = before < in_large
                                           ? std::floor(before / (small_size + 1))
                                           : large + std::floor((before - in_large) / small_size);
                    return own + 1 == static_cast<double>(tile);
                  })},
      {absl::StrFormat("top(%d, signal.ltv)", n),
       BruteForce(people, [&](double, double, double above,
                              double) { return above < static_cast<double>(n); })},
  };
  for (const Case& c : cases) {
    for (const size_t tables : {1U, 2U, 5U}) {
      RC_ASSERT(Selected(c.rule, people, tables) == c.expected);
    }
  }
}

TEST(RanksTest, StandBesideOtherConditionsAndWithinArithmetic) {
  std::mt19937_64 random(5);
  const std::vector<Person> people = RandomPeople(random, 200);
  const std::set<uint64_t> by_rank = Selected("ntile(4, signal.ltv) >= 3", people, 3);
  EXPECT_EQ(Selected("ntile(4, signal.ltv) + 1 > 3", people, 2), by_rank);
  EXPECT_EQ(Selected("string(ntile(4, signal.ltv)) in ['3', '4']", people, 2), by_rank);
  EXPECT_EQ(Selected("ntile(4, signal.ltv * 2.0 + 1.0) >= 3", people, 1), by_rank);
  EXPECT_EQ(Selected("ntile(4, double(string(signal.ltv))) >= 3", people, 1), by_rank);
  std::set<uint64_t> none;
  EXPECT_EQ(Selected("top(3, signal.ltv) && !top(10, signal.ltv)", people, 4), none);
}

TEST(RanksTest, LeaveTheMessageToWhatReallyFailed) {
  Environment environment;
  environment.AddSignal("ltv", Type::Double()).AllowRanks();
  const auto program = Compile("percentile_rank(signal.ltv) > 0.5 || 1 / int(signal.ltv) > 5",
                               environment, Type::Bool());
  ASSERT_TRUE(program.ok()) << program.status();
  const People people({{.id = 1, .score = Value::Double(0)}, {.id = 2, .score = Value::Double(1)}});
  const auto selection = program->Select(people, kNow);
  ASSERT_TRUE(selection.ok());
  EXPECT_EQ(selection->errors, 1);
  EXPECT_NE(selection->first_error.find("zero"), std::string::npos) << selection->first_error;
}

TEST(RanksTest, TakeNobodyFromNobody) {
  EXPECT_TRUE(Selected("top(3, signal.ltv)", {}, 2).empty());
  EXPECT_TRUE(
      Selected("ntile(3, signal.ltv) == 1", {{.id = 1, .score = Value::Null()}}, 1).empty());
  EXPECT_EQ(
      Selected("percentile_rank(signal.ltv) == 0.0", {{.id = 1, .score = Value::Double(4)}}, 1),
      std::set<uint64_t>{1});
}

}  // namespace
}  // namespace rondo::rules
