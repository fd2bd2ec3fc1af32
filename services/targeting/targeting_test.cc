// The service on a real runtime, log and catalogue, against customers counted one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "platform/catalog/catalog.h"
#include "platform/core/field_error.h"
#include "platform/core/rng.h"
#include "platform/eventlog/memory_log.h"
#include "platform/eventlog/runtime.h"
#include "platform/storage/memory_store.h"
#include "services/targeting/module.h"

namespace rondo::targeting {
namespace {

using eventlog::LogRecord;

constexpr int kPartitions = 4;
const absl::Time kNow =
    absl::FromCivil(absl::CivilSecond(2026, 11, 22, 12, 0, 0), absl::UTCTimeZone());

// A deployment of catalogue and targeting on a log that outlives it.
class Deployment {
 public:
  Deployment(eventlog::MemoryLog& log, const Clock& clock)
      : executor_(2, clock),
        runtime_(
            {.owner = "test"}, log, executor_, clock,
            [](std::string_view, bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
              return std::make_unique<storage::MemoryStore>();
            },
            [](std::string_view) { return absl::OkStatus(); }),
        tokens_(InstanceKey{}) {
    runtime_.Add(catalog_);
    catalog_.Attach(runtime_);
    module_ = std::make_unique<Module>(Module::Parts{.runtime = runtime_,
                                                     .catalog = catalog_,
                                                     .executor = executor_,
                                                     .clock = clock,
                                                     .page_tokens = tokens_});
    EXPECT_TRUE(runtime_.Start().ok());
    EXPECT_TRUE(runtime_.AwaitLive(clock.Now() + absl::Seconds(30)).ok());
    EXPECT_TRUE(runtime_.AwaitQuiet().ok());
  }
  ~Deployment() {
    runtime_.Stop();
    executor_.Shutdown();
  }

  TargetingHandlers& handlers() { return module_->handlers(); }
  TargetingProjection& projection() { return module_->projection(); }
  catalog::Catalog& catalog() { return catalog_; }
  eventlog::Runtime& runtime() { return runtime_; }

 private:
  ThreadPoolExecutor executor_;
  catalog::Catalog catalog_;
  eventlog::Runtime runtime_;
  PageTokens tokens_;
  std::unique_ptr<Module> module_;
};

struct Purchase {
  absl::Time time;
  double amount = 0.0;
};

// A customer as the brute force keeps it.
struct Person {
  CustomerId id;
  std::optional<std::string> tier;
  std::optional<int64_t> age;
  std::optional<bool> newsletter;
  std::vector<Purchase> purchases;
  bool erased = false;
};

rondo::type::v1::Field TextField(const std::string& name, const std::string& value) {
  rondo::type::v1::Field field;
  field.set_name(name);
  field.mutable_value()->set_string_value(value);
  return field;
}

class TargetingTest : public ::testing::Test {
 protected:
  TargetingTest() : clock_(kNow), log_(kPartitions, clock_) { Restart(); }

  // A new process on the same log.
  void Restart() {
    deployment_.reset();
    deployment_ = std::make_unique<Deployment>(log_, clock_);
  }

  void DefineAttributes() {
    catalog::Definition definition;
    definition.set_name("attributeSets/shop");
    auto& set = *definition.mutable_attribute_set();
    set.set_name(definition.name());
    const auto add = [&](const char* name, rondo::type::v1::ValueType type, bool pii) {
      auto& attribute = *set.add_attributes();
      attribute.set_name(name);
      attribute.set_type(type);
      attribute.set_pii(pii);
    };
    add("tier", rondo::type::v1::VALUE_TYPE_STRING, false);
    add("age", rondo::type::v1::VALUE_TYPE_INT, false);
    add("newsletter", rondo::type::v1::VALUE_TYPE_BOOL, false);
    add("zone", rondo::type::v1::VALUE_TYPE_STRING, false);
    add("email", rondo::type::v1::VALUE_TYPE_STRING, true);
    auto& purchase = *set.add_event_types();
    purchase.set_name("purchase");
    auto& amount = *purchase.add_fields();
    amount.set_name("amount");
    amount.set_type(rondo::type::v1::VALUE_TYPE_DOUBLE);
    ASSERT_TRUE(deployment_->catalog().Put(definition, {}).ok());
  }

  void Append(LogRecord record, CustomerId id) {
    record.set_party(id.value());
    ASSERT_TRUE(
        log_.Append(PartitionOf(id, kPartitions), {&record, 1}, eventlog::Durability::kWritten)
            .ok());
  }

  void AppendProfile(const Person& person) {
    LogRecord record;
    auto& profile = *record.mutable_profile_changed();
    profile.set_effective_time_micros(ToMicros(kNow));
    if (person.tier) *profile.add_attributes() = TextField("tier", *person.tier);
    if (person.age) {
      auto& field = *profile.add_attributes();
      field.set_name("age");
      field.mutable_value()->set_int_value(*person.age);
    }
    if (person.newsletter) {
      auto& field = *profile.add_attributes();
      field.set_name("newsletter");
      field.mutable_value()->set_bool_value(*person.newsletter);
    }
    auto& email = *profile.add_attributes();
    email.set_name("email");
    email.mutable_value()->set_sealed_value("sealed");
    Append(record, person.id);
  }

  void AppendPurchase(const Person& person, const Purchase& purchase, bool machine = false) {
    LogRecord record;
    record.set_event_time_micros(ToMicros(purchase.time));
    auto& event = *record.mutable_event_tracked();
    event.set_type("purchase");
    event.set_message_id(std::to_string(++messages_));
    event.set_machine(machine);
    auto& amount = *event.add_fields();
    amount.set_name("amount");
    amount.mutable_value()->set_double_value(purchase.amount);
    Append(record, person.id);
  }

  // People with gaps in their data, drawn from `seed`, and their records in the log.
  void AppendPeople(int count, uint64_t seed) {
    Rng rng(seed);
    const char* tiers[] = {"gold", "silver", "basic"};
    for (int i = 0; i < count; ++i) {
      Person person;
      person.id = CustomerId(rng.Next() | 1);
      if (rng.Chance(0.8)) person.tier = tiers[rng.Below(3)];
      if (rng.Chance(0.7)) person.age = static_cast<int64_t>(rng.Below(100));
      if (rng.Chance(0.5)) person.newsletter = rng.Chance(0.5);
      AppendProfile(person);
      for (uint64_t p = rng.Below(5); p > 0; --p) {
        person.purchases.push_back({kNow - absl::Hours(static_cast<int64_t>(rng.Below(24 * 200))),
                                    static_cast<double>(rng.Below(200)) / 2});
        AppendPurchase(person, person.purchases.back());
      }
      AppendPurchase(person, {kNow - absl::Hours(1), 1000.0}, /*machine=*/true);
      if (rng.Chance(0.05)) {
        LogRecord erased;
        erased.mutable_customer_erased();
        Append(erased, person.id);
        person.erased = true;
      }
      people_.push_back(person);
    }
  }

  int64_t CountPeople(const std::function<bool(const Person&)>& is_in) const {
    return std::count_if(people_.begin(), people_.end(),
                         [&](const Person& p) { return !p.erased && is_in(p); });
  }

  absl::StatusOr<v1::PreviewSegmentResponse> Preview(const std::string& expression) {
    v1::PreviewSegmentRequest request;
    request.set_expression(expression);
    request.add_breakdown("tier");
    return deployment_->handlers().PreviewSegment({}, request);
  }

  absl::StatusOr<v1::Segment> Create(const std::string& name, const std::string& expression) {
    v1::CreateSegmentRequest request;
    request.mutable_segment()->set_name(name);
    request.mutable_segment()->set_expression(expression);
    return deployment_->handlers().CreateSegment({}, request);
  }

  std::vector<v1::Target> Select(const v1::SelectTargetsRequest& request) {
    std::vector<v1::Target> targets;
    auto stream = deployment_->handlers().SelectTargets({}, request);
    EXPECT_TRUE(stream.ok()) << stream.status();
    bool last = false;
    while (stream.ok()) {
      auto chunk = (*stream)();
      EXPECT_TRUE(chunk.ok());
      if (!chunk.ok() || !chunk->has_value()) break;
      EXPECT_FALSE(last);
      EXPECT_LE((*chunk)->ByteSizeLong(), kStreamChunkBytesMax);
      for (const v1::Target& target : (*chunk)->targets()) targets.push_back(target);
      last = (*chunk)->last();
      if (last) {
        EXPECT_EQ((*chunk)->total(), static_cast<int64_t>(targets.size()));
      }
    }
    EXPECT_TRUE(last);
    return targets;
  }

  ManualClock clock_;
  eventlog::MemoryLog log_;
  std::unique_ptr<Deployment> deployment_;
  std::vector<Person> people_;
  int messages_ = 0;
};

// The share of those with an age who are younger.
TEST_F(TargetingTest, RanksCompareTheCustomersOfAllPartitions) {
  DefineAttributes();
  AppendPeople(200, 3);
  std::vector<int64_t> ages;
  for (const Person& person : people_) {
    if (!person.erased && person.age) ages.push_back(*person.age);
  }
  std::sort(ages.begin(), ages.end());
  const auto oldest = Preview("percentile_rank(customer.age) >= 0.9");
  ASSERT_TRUE(oldest.ok()) << oldest.status();
  EXPECT_EQ(oldest->count(), CountPeople([&](const Person& p) {
              if (!p.age) return false;
              const auto younger =
                  std::lower_bound(ages.begin(), ages.end(), *p.age) - ages.begin();
              return static_cast<double>(younger) / static_cast<double>(ages.size() - 1) >= 0.9;
            }));
  EXPECT_EQ(Preview("top(7, customer.age)")->count(), 7);
  // A stored segment within another rule counts all partitions too.
  ASSERT_TRUE(Create("segments/oldest", "top(50, customer.age)").ok());
  const auto gold = Preview("in_segment('oldest') && customer.tier == 'gold'");
  ASSERT_TRUE(gold.ok()) << gold.status();
  EXPECT_EQ(Preview("in_segment('oldest')")->count(), 50);
  EXPECT_EQ(gold->count(), Preview("top(50, customer.age) && customer.tier == 'gold'")->count());
}

TEST_F(TargetingTest, RulesSpeakOfWhatPeopleAnsweredToACampaign) {
  DefineAttributes();
  AppendPeople(20, 4);
  const auto respond = [&](const Person& person, const char* campaign, const char* goal,
                           bool machine) {
    LogRecord record;
    record.set_event_time_micros(ToMicros(kNow - absl::Hours(30)));
    auto& response = *record.mutable_response_attributed();
    response.mutable_contact()->set_campaign(campaign);
    response.mutable_contact()->set_cycle(2);
    response.set_cell("mail");
    response.set_goal(goal);
    response.set_event_message_id("m1");
    response.set_machine(machine);
    Append(record, person.id);
  };
  std::vector<const Person*> alive;
  for (const Person& person : people_) {
    if (!person.erased) alive.push_back(&person);
  }
  respond(*alive[0], "campaigns/spring", "click", false);
  respond(*alive[0], "campaigns/spring", "click", false);  // The same once more.
  respond(*alive[1], "campaigns/spring", "bought", false);
  respond(*alive[2], "campaigns/autumn", "click", false);
  respond(*alive[3], "campaigns/spring", "click", true);
  EXPECT_EQ(Preview("responded('campaigns/spring', 'click')")->count(), 1);
  EXPECT_EQ(Preview("responded('campaigns/spring', 'bought')")->count(), 1);
  EXPECT_EQ(Preview("events('response').last('2d').where(r, r.cycle == 2).count() == 1")->count(),
            3);
  EXPECT_EQ(Preview("events('response').last('1d').count() > 0")->count(), 0);
}

double Spent(const Person& person, absl::Duration within) {
  double sum = 0;
  for (const Purchase& purchase : person.purchases) {
    if (purchase.time > kNow - within) sum += purchase.amount;
  }
  return sum;
}

TEST_F(TargetingTest, SelectsWhomCountingOneByOneSelects) {
  DefineAttributes();
  AppendPeople(2000, 7);
  struct Case {
    std::string rule;
    std::function<bool(const Person&)> is_in;
  };
  const Case kCases[] = {
      {"true", [](const Person&) { return true; }},
      {"customer.tier == 'gold'", [](const Person& p) { return p.tier == "gold"; }},
      {"customer.tier in ['gold', 'silver'] && customer.age >= 40",
       [](const Person& p) {
         return (p.tier == "gold" || p.tier == "silver") && p.age && *p.age >= 40;
       }},
      {"customer.newsletter == true || customer.age < 18",
       [](const Person& p) { return p.newsletter == true || (p.age && *p.age < 18); }},
      {"events('purchase').count() == 0", [](const Person& p) { return p.purchases.empty(); }},
      {"events('purchase').last('90d').where(e, e.amount > 50.0).count() >= 2",
       [](const Person& p) {
         int count = 0;
         for (const Purchase& purchase : p.purchases) {
           count += purchase.time > kNow - absl::Hours(90 * 24) && purchase.amount > 50.0;
         }
         return count >= 2;
       }},
      {"events('purchase').last('30d').sum(e, e.amount) > 100.0",
       [](const Person& p) { return Spent(p, absl::Hours(30 * 24)) > 100.0; }},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.rule);
    const auto preview = Preview(c.rule);
    ASSERT_TRUE(preview.ok()) << preview.status();
    EXPECT_EQ(preview->count(), CountPeople(c.is_in));
    EXPECT_EQ(preview->total(), CountPeople([](const Person&) { return true; }));
    EXPECT_EQ(preview->error_count(), 0);
    int64_t by_tier = 0;
    for (const v1::BreakdownRow& row : preview->breakdown()) {
      by_tier += row.count();
      EXPECT_EQ(row.count(), CountPeople([&](const Person& p) {
                  return c.is_in(p) && p.tier.value_or("") == row.value();
                }));
    }
    EXPECT_EQ(by_tier, preview->count());
    EXPECT_EQ(preview->sample_size(), std::min<int64_t>(10, preview->count()));
  }
}

TEST_F(TargetingTest, AProcessThatStartsAgainKnowsTheSame) {
  DefineAttributes();
  AppendPeople(500, 11);
  ASSERT_TRUE(Create("segments/gold", "customer.tier == 'gold'").ok());
  ASSERT_TRUE(deployment_->runtime().AwaitQuiet().ok());
  const uint64_t before = deployment_->projection().Fingerprint();
  Restart();
  EXPECT_EQ(deployment_->projection().Fingerprint(), before);
  v1::GetSegmentRequest get;
  get.set_name("segments/gold");
  const auto segment = deployment_->handlers().GetSegment({}, get);
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_EQ(segment->member_count(), CountPeople([](const Person& p) { return p.tier == "gold"; }));
}

TEST_F(TargetingTest, AudienceIsTheUnionOfIncludesWithoutExcludesInOrderOfIds) {
  DefineAttributes();
  AppendPeople(800, 13);
  ASSERT_TRUE(Create("segments/gold", "customer.tier == 'gold'").ok());
  ASSERT_TRUE(Create("segments/young", "customer.age < 30").ok());
  ASSERT_TRUE(Create("segments/reader", "customer.newsletter == true").ok());
  v1::SelectTargetsRequest request;
  request.mutable_audience()->add_include("segments/gold");
  request.mutable_audience()->add_include("segments/young");
  request.mutable_audience()->add_exclude("segments/reader");
  request.set_with_attribute("tier");
  request.add_membership_of("segments/young");
  request.add_membership_of("segments/gold");
  const std::vector<v1::Target> targets = Select(request);
  std::map<uint64_t, uint32_t> memberships;
  for (const Person& p : people_) {
    memberships[p.id.value()] = (p.age && *p.age < 30 ? 1u : 0u) | (p.tier == "gold" ? 2u : 0u);
  }
  std::map<uint64_t, std::string> want;
  for (const Person& p : people_) {
    if (!p.erased && (p.tier == "gold" || (p.age && *p.age < 30)) && p.newsletter != true) {
      want[p.id.value()] = p.tier.value_or("");
    }
  }
  ASSERT_EQ(targets.size(), want.size());
  auto expected = want.begin();  // Partitions are ranges of ids: all are in one order.
  for (const v1::Target& target : targets) {
    EXPECT_EQ(target.customer(), expected->first);
    EXPECT_EQ(target.attribute(), expected->second);
    EXPECT_EQ(target.segments(), memberships.at(target.customer()));
    ++expected;
  }
}

TEST_F(TargetingTest, AnExclusionThatFailsForSomebodyAddressesNobody) {
  DefineAttributes();
  AppendPeople(400, 13);
  ASSERT_TRUE(Create("segments/gold", "customer.tier == 'gold'").ok());
  ASSERT_TRUE(Create("segments/odd", "100 / (customer.age - customer.age) > 3").ok());
  v1::SelectTargetsRequest request;
  request.mutable_audience()->add_include("segments/gold");
  request.mutable_audience()->add_exclude("segments/odd");
  const auto refused = deployment_->handlers().SelectTargets({}, request);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()),
              ::testing::HasSubstr("audience.exclude[0]: segments/odd fails for"));
}

TEST_F(TargetingTest, SegmentsMayUseOthersButNotInACircle) {
  DefineAttributes();
  AppendPeople(400, 17);
  ASSERT_TRUE(Create("segments/gold", "customer.tier == 'gold'").ok());
  const auto nested = Create("segments/gold-adult", "in_segment('gold') && customer.age >= 18");
  ASSERT_TRUE(nested.ok()) << nested.status();
  EXPECT_EQ(nested->member_count(),
            CountPeople([](const Person& p) { return p.tier == "gold" && p.age && *p.age >= 18; }));
  v1::UpdateSegmentRequest update;
  update.mutable_segment()->set_name("segments/gold");
  update.mutable_segment()->set_expression("in_segment('gold-adult')");
  const auto circle = deployment_->handlers().UpdateSegment({}, update);
  ASSERT_EQ(circle.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(circle.status().message()),
              ::testing::HasSubstr("gold uses gold-adult uses gold"));
}

TEST_F(TargetingTest, WhatASegmentUsesCannotBeDeletedAndTheUsersAreNamed) {
  DefineAttributes();
  ASSERT_TRUE(Create("segments/gold", "customer.tier == 'gold'").ok());
  ASSERT_TRUE(Create("segments/gold-adult", "in_segment('gold') && customer.age >= 18").ok());
  EXPECT_EQ(deployment_->catalog().UsersOf("attributeSets/shop"),
            (std::vector<std::string>{"segments/gold", "segments/gold-adult"}));
  v1::DeleteSegmentRequest remove;
  remove.set_name("segments/gold");
  const auto refused = deployment_->handlers().DeleteSegment({}, remove);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("gold-adult"));
  remove.set_name("segments/gold-adult");
  EXPECT_TRUE(deployment_->handlers().DeleteSegment({}, remove).ok());
  remove.set_name("segments/gold");
  EXPECT_TRUE(deployment_->handlers().DeleteSegment({}, remove).ok());
}

TEST_F(TargetingTest, AWrongRuleIsRefusedWithItsPlace) {
  DefineAttributes();
  struct Case {
    std::string rule;
    std::string field;
  };
  const Case kCases[] = {
      {"customer.teir == 'gold'", "expression:1:10"},
      {"customer.email == 'x'", "expression:1:10"},
      {"customer.age >=", "expression:1:16"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.rule);
    const auto refused = Create("segments/wrong", c.rule);
    ASSERT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
    const auto violations = ViolationsOf(refused.status());
    ASSERT_FALSE(violations.empty());
    EXPECT_EQ(violations[0].field, c.field) << refused.status();
  }
  EXPECT_EQ(Create("segments/wrong", "customer.age").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Create("Segments/X", "true").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TargetingTest, ValidateOnlyWritesNothing) {
  DefineAttributes();
  v1::CreateSegmentRequest request;
  request.mutable_segment()->set_name("segments/gold");
  request.mutable_segment()->set_expression("customer.tier == 'gold'");
  request.set_validate_only(true);
  EXPECT_TRUE(deployment_->handlers().CreateSegment({}, request).ok());
  EXPECT_EQ(deployment_->catalog().Get("segments/gold").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(TargetingTest, AnUpdateNeedsTheVersionThatWasRead) {
  DefineAttributes();
  const auto first = Create("segments/gold", "customer.tier == 'gold'");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Create("segments/gold", "true").status().code(), absl::StatusCode::kAlreadyExists);
  v1::UpdateSegmentRequest update;
  *update.mutable_segment() = *first;
  update.mutable_segment()->set_expression("customer.tier == 'silver'");
  const auto second = deployment_->handlers().UpdateSegment({}, update);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->version(), 2);
  update.mutable_segment()->set_expression("customer.tier == 'basic'");
  EXPECT_EQ(deployment_->handlers().UpdateSegment({}, update).status().code(),
            absl::StatusCode::kAborted);
}

TEST_F(TargetingTest, SignalsAreColumnsOnceTheyAreComputed) {
  DefineAttributes();
  AppendPeople(50, 19);
  ASSERT_TRUE(Create("segments/recent", "signal.rfm.recency >= 4").ok());
  for (size_t i = 0; i < 20; ++i) {
    LogRecord record;
    auto& signal = *record.mutable_signals_changed()->add_signals();
    signal.set_name("rfm.recency");
    signal.mutable_value()->set_int_value(static_cast<int64_t>(i % 5) + 1);
    Append(record, people_[i].id);
  }
  int64_t want = 0;
  for (size_t i = 0; i < 20; ++i) want += !people_[i].erased && i % 5 + 1 >= 4;
  const auto preview = Preview("in_segment('recent')");
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_EQ(preview->count(), want);
}

TEST_F(TargetingTest, ListsSegmentsByNameAPageAtATime) {
  DefineAttributes();
  for (const char* name : {"segments/b", "segments/a", "segments/c"}) {
    ASSERT_TRUE(Create(name, "true").ok());
  }
  v1::ListSegmentsRequest request;
  request.set_page_size(2);
  const auto first = deployment_->handlers().ListSegments({}, request);
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(first->segments_size(), 2);
  EXPECT_EQ(first->segments(0).name(), "segments/a");
  request.set_page_token(first->next_page_token());
  const auto second = deployment_->handlers().ListSegments({}, request);
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->segments_size(), 1);
  EXPECT_EQ(second->segments(0).name(), "segments/c");
  EXPECT_TRUE(second->next_page_token().empty());
}

}  // namespace
}  // namespace rondo::targeting
