#include "platform/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/catalog/derived.h"
#include "platform/core/seeded_executor.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/memory_log.h"
#include "platform/storage/memory_store.h"

namespace rondo::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kPartitions = 3;

// Keeps segments as a service would, for its own Apply.
class Reader final : public eventlog::Projection {
 public:
  std::string_view name() const override { return "reader"; }
  int state_version() const override { return 1; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override {
    RONDO_RETURN_IF_ERROR(table_.Apply(record, context).status());
    if (!record.has_event_tracked()) return absl::OkStatus();
    RONDO_ASSIGN_OR_RETURN(const auto found, table_.Get(record.event_tracked().type(), context));
    seen = found.has_value() ? found->segment().expression() : "absent";
    return absl::OkStatus();
  }
  std::string seen;

 private:
  DefinitionTable table_{7, {"segments/"}};
};

class CatalogTest : public ::testing::Test {
 protected:
  CatalogTest() { Start(); }

  void Start() {
    runtime_.reset();
    executor_.DropAll();
    changes_.clear();
    catalog_ = std::make_unique<Catalog>();
    reader_ = std::make_unique<Reader>();
    runtime_ = std::make_unique<eventlog::Runtime>(
        eventlog::RuntimeOptions{.owner = "test"}, log_, executor_, clock_,
        [this](std::string_view service, bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
          auto& disk = disks_[std::string(service)];
          if (disk == nullptr) disk = std::make_shared<storage::MemoryDisk>();
          return std::make_unique<storage::MemoryStore>(disk);
        },
        [this](std::string_view service) {
          disks_.erase(std::string(service));
          return absl::OkStatus();
        });
    runtime_->Add(*catalog_);
    runtime_->Add(*reader_);
    catalog_->Attach(*runtime_);
    catalog_->Subscribe([this](const Definition& definition) {
      changes_.push_back(absl::StrFormat("%s@%d%s", definition.name(), definition.version(),
                                         definition.deleted() ? " deleted" : ""));
    });
    segment_count_ =
        std::make_unique<Derived<size_t>>(*catalog_, std::vector<std::string>{"segments/"});
    RONDO_CHECK(runtime_->Start().ok());
    RONDO_CHECK(runtime_->AwaitLive(clock_.Now() + absl::Seconds(10)).ok());
  }

  static Definition Segment(const std::string& name, const std::string& expression,
                            const std::vector<std::string>& references = {}) {
    Definition definition;
    definition.set_name(name);
    for (const std::string& reference : references) definition.add_references(reference);
    definition.mutable_segment()->set_expression(expression);
    return definition;
  }

  absl::StatusCode CodeOfPut(const Definition& definition, int64_t expected) {
    return catalog_->Put(definition, {.expected_version = expected}).status().code();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SeededExecutor executor_{3, clock_};
  eventlog::MemoryLog log_{kPartitions, clock_};
  std::map<std::string, std::shared_ptr<storage::MemoryDisk>> disks_;
  std::vector<std::string> changes_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Derived<size_t>> segment_count_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<eventlog::Runtime> runtime_;
};

TEST(EtagTest, ReadsBackWhatItWroteAndRefusesOthers) {
  EXPECT_EQ(*VersionOf(EtagOf(17)), 17);
  EXPECT_EQ(*VersionOf(""), -1);
  for (const char* bad : {"17", "\"", "\"\"", "\"0\"", "\"-1\"", "\"01\"", "\"1x\"", "W/\"1\""}) {
    EXPECT_EQ(VersionOf(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST_F(CatalogTest, GivesVersionsAndKeepsOldOnes) {
  const auto first = catalog_->Put(Segment("segments/vip", "a"), {.author = "ann"});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->version(), 1);
  EXPECT_EQ(first->author(), "ann");
  EXPECT_GT(first->activate_time_micros(), 0);
  EXPECT_EQ(catalog_->Put(Segment("segments/vip", "b"), {})->version(), 2);
  EXPECT_EQ(catalog_->Get("segments/vip")->segment().expression(), "b");
  EXPECT_EQ(catalog_->Get("segments/vip", 1)->segment().expression(), "a");
  EXPECT_EQ(catalog_->Get("segments/vip", 3).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CatalogTest, EqualContentMakesNoNewVersion) {
  ASSERT_TRUE(catalog_->Put(Segment("segments/vip", "a"), {.author = "ann"}).ok());
  EXPECT_EQ(catalog_->Put(Segment("segments/vip", "a"), {.author = "bob"})->version(), 1);
  EXPECT_EQ(catalog_->Get("segments/vip")->author(), "ann");
}

TEST_F(CatalogTest, RefusesAnotherVersionThanExpected) {
  EXPECT_EQ(CodeOfPut(Segment("segments/vip", "a"), 1), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOfPut(Segment("segments/vip", "a"), 0), absl::StatusCode::kOk);
  EXPECT_EQ(CodeOfPut(Segment("segments/vip", "b"), 0), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOfPut(Segment("segments/vip", "b"), 2), absl::StatusCode::kAborted);
  EXPECT_EQ(CodeOfPut(Segment("segments/vip", "b"), 1), absl::StatusCode::kOk);
}

TEST_F(CatalogTest, ARepeatedRequestGetsTheFirstAnswer) {
  const PutOptions request{.expected_version = 0, .request_id = "one", .author = "ann"};
  ASSERT_TRUE(catalog_->Put(Segment("segments/vip", "a"), request).ok());
  ASSERT_TRUE(catalog_->Put(Segment("segments/vip", "b"), {}).ok());
  EXPECT_EQ(catalog_->Put(Segment("segments/vip", "a"), request)->version(), 1);
  EXPECT_EQ(catalog_->Get("segments/vip")->version(), 2);
}

TEST_F(CatalogTest, KnowsWhoUsesWhatAndHoldsOnToWhatIsUsed) {
  EXPECT_EQ(CodeOfPut(Segment("segments/a", "", {"segments/b"}), 0),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(catalog_->Put(Segment("segments/b", ""), {}).ok());
  ASSERT_TRUE(catalog_->Put(Segment("segments/a", "", {"segments/b"}), {}).ok());
  EXPECT_THAT(catalog_->UsersOf("segments/b"), ElementsAre("segments/a"));
  const absl::Status refused = catalog_->Remove("segments/b", {});
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("segments/a"));
  // A newer version that refers to nothing lets go.
  ASSERT_TRUE(catalog_->Put(Segment("segments/a", "x"), {}).ok());
  EXPECT_THAT(catalog_->UsersOf("segments/b"), IsEmpty());
  EXPECT_TRUE(catalog_->Remove("segments/b", {}).ok());
}

TEST_F(CatalogTest, ARemovedNameIsGoneUntilItIsDefinedAgain) {
  ASSERT_TRUE(catalog_->Put(Segment("segments/a", "old"), {}).ok());
  EXPECT_EQ(catalog_->Remove("segments/a", {.expected_version = 7}).code(),
            absl::StatusCode::kAborted);
  ASSERT_TRUE(catalog_->Remove("segments/a", {.expected_version = 1}).ok());
  EXPECT_EQ(catalog_->Get("segments/a").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(catalog_->Get("segments/a", 1)->segment().expression(), "old");
  EXPECT_EQ(catalog_->Remove("segments/a", {}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(catalog_->Put(Segment("segments/a", "new"), {.expected_version = 0})->version(), 3);
}

TEST_F(CatalogTest, PagesByNameWithinACollection) {
  for (const char* name : {"segments/c", "segments/a", "offers/x", "segments/b"}) {
    ASSERT_TRUE(catalog_->Put(Segment(name, name), {}).ok());
  }
  const Page first = catalog_->List("segments/", "", 2);
  ASSERT_EQ(first.definitions.size(), 2u);
  EXPECT_EQ(first.definitions[0].name(), "segments/a");
  EXPECT_EQ(first.next_after, "segments/b");
  const Page second = catalog_->List("segments/", first.next_after, 2);
  ASSERT_EQ(second.definitions.size(), 1u);
  EXPECT_EQ(second.definitions[0].name(), "segments/c");
  EXPECT_EQ(second.next_after, "");
}

TEST_F(CatalogTest, WhatIsDerivedIsMadeAnewWhenWhatItWasMadeFromChanges) {
  int made = 0;
  const auto current = [&](bool serves = true) {
    const auto make = [&] {
      ++made;
      return std::make_shared<size_t>(catalog_->ListAll("segments/").size());
    };
    return *segment_count_->Current([&](size_t) { return serves; }, make);
  };
  EXPECT_EQ(current(), 0u);
  EXPECT_EQ(current(), 0u);
  EXPECT_EQ(made, 1);
  ASSERT_TRUE(catalog_->Put(Segment("segments/a", "true"), {}).ok());
  ASSERT_TRUE(catalog_->Put(Segment("offers/a", "true"), {}).ok());
  EXPECT_EQ(current(), 1u);
  EXPECT_EQ(made, 2);
  EXPECT_EQ(current(/*serves=*/false), 1u);
  EXPECT_EQ(made, 3);
}

TEST_F(CatalogTest, TellsSubscribersOfEachVersionOnceAlsoOnReplay) {
  ASSERT_TRUE(catalog_->Put(Segment("segments/a", "1"), {}).ok());
  ASSERT_TRUE(catalog_->Put(Segment("segments/a", "2"), {}).ok());
  ASSERT_TRUE(catalog_->Remove("segments/a", {}).ok());
  const std::vector<std::string> all = changes_;
  EXPECT_THAT(all, ElementsAre("segments/a@1", "segments/a@2", "segments/a@3 deleted"));
  Start();  // From the store.
  EXPECT_EQ(changes_, all);
  disks_.clear();
  Start();  // From the log.
  ASSERT_TRUE(runtime_->AwaitQuiet().ok());
  EXPECT_EQ(changes_, all);
}

TEST_F(CatalogTest, RefusesADefinitionThatIsTooLargeOrHasNoName) {
  EXPECT_EQ(CodeOfPut(Segment("", "a"), -1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOfPut(Segment("segments/a", std::string(kMaxDefinitionBytes, 'x')), -1),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CatalogTest, ServicesReadDefinitionsInTheOrderOfTheirOwnRecords) {
  ASSERT_TRUE(catalog_->Put(Segment("segments/a", "first"), {}).ok());
  ASSERT_TRUE(catalog_->Put(Segment("offers/a", "other"), {}).ok());
  eventlog::LogRecord ask;
  for (const auto& [name, seen] : std::vector<std::pair<std::string, std::string>>{
           {"segments/a", "first"}, {"offers/a", "absent"}}) {
    ask.mutable_event_tracked()->set_type(name);
    for (int partition = 0; partition < kPartitions; ++partition) {
      reader_->seen.clear();
      ASSERT_TRUE(runtime_->Submit("reader", partition, ask, eventlog::Durability::kWritten).ok());
      EXPECT_EQ(reader_->seen, seen);
    }
  }
  ASSERT_TRUE(catalog_->Remove("segments/a", {}).ok());
  ask.mutable_event_tracked()->set_type("segments/a");
  ASSERT_TRUE(runtime_->Submit("reader", 0, ask, eventlog::Durability::kWritten).ok());
  EXPECT_EQ(reader_->seen, "absent");
}

}  // namespace
}  // namespace rondo::catalog
