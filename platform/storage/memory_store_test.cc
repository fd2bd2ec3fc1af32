#include "platform/storage/memory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace rondo::storage {
namespace {

Batch Put(std::string_view key, std::string_view value) {
  Batch batch;
  batch.Put(key, value);
  return batch;
}

std::string Read(const Reader& reader, std::string_view key) {
  const auto value = reader.Get(key);
  return value.ok() ? value->value_or("(absent)") : std::string(value.status().message());
}

TEST(MemoryStoreTest, WithoutAWriteAheadLogOnlyWhatWasFlushedSurvivesTheProcess) {
  auto disk = std::make_shared<MemoryDisk>();
  {
    MemoryStore store(disk);
    ASSERT_TRUE(store.Write(Put("a", "1"), Sync::kNo).ok());
    ASSERT_TRUE(store.Flush().ok());
    ASSERT_TRUE(store.Write(Put("a", "2"), Sync::kNo).ok());
  }
  EXPECT_EQ(Read(MemoryStore(disk), "a"), "1");
}

TEST(MemoryStoreTest, WithOneOnlyLossOfPowerTakesWhatWasNotSynced) {
  auto disk = std::make_shared<MemoryDisk>();
  {
    MemoryStore store(disk, {.write_ahead_log = true, .fault = nullptr});
    ASSERT_TRUE(store.Write(Put("a", "1"), Sync::kYes).ok());
    ASSERT_TRUE(store.Write(Put("a", "2"), Sync::kNo).ok());
  }
  EXPECT_EQ(Read(MemoryStore(disk), "a"), "2");
  disk->LosePower();
  EXPECT_EQ(Read(MemoryStore(disk), "a"), "1");
}

struct FaultCase {
  CommitPoint point;
  Fault fault;
  const char* seen_after;      // By the same store.
  const char* found_at_start;  // By the next process.
};
constexpr FaultCase kFaultCases[] = {
    {CommitPoint::kBefore, Fault::kFail, "old", "old"},
    {CommitPoint::kAfter, Fault::kFail, "new", "new"},
    {CommitPoint::kBefore, Fault::kCrash, "storage: the process crashed here", "old"},
    {CommitPoint::kAfter, Fault::kCrash, "storage: the process crashed here", "new"},
};

TEST(MemoryStoreTest, ACommitFailsOrCrashesAtTheChosenPoint) {
  for (const FaultCase& c : kFaultCases) {
    SCOPED_TRACE(static_cast<int>(c.point) * 10 + static_cast<int>(c.fault));
    auto disk = std::make_shared<MemoryDisk>();
    bool armed = false;
    MemoryStore store(disk, {.write_ahead_log = true, .fault = [&](CommitPoint point) {
                               return armed && point == c.point ? c.fault : Fault::kNone;
                             }});
    ASSERT_TRUE(store.Write(Put("a", "old"), Sync::kYes).ok());
    armed = true;
    EXPECT_EQ(store.Write(Put("a", "new"), Sync::kYes).code(), absl::StatusCode::kUnavailable);
    armed = false;
    EXPECT_EQ(Read(store, "a"), c.seen_after);
    EXPECT_EQ(Read(MemoryStore(disk), "a"), c.found_at_start);
  }
}

TEST(MemoryStoreTest, ACheckpointIsADiskOfItsOwn) {
  MemoryStore store;
  ASSERT_TRUE(store.Write(Put("a", "1"), Sync::kNo).ok());
  const auto copy = store.CheckpointTo();
  ASSERT_TRUE(store.Write(Put("a", "2"), Sync::kNo).ok());
  EXPECT_EQ(Read(MemoryStore(copy), "a"), "1");
}

RC_GTEST_PROP(OrderedMapTest, CopiesNeverSeeEachOthersChanges, ()) {
  struct Twin {
    OrderedMap map;
    std::map<std::string, std::string> model;
  };
  std::vector<Twin> twins(1);
  const auto steps = *rc::gen::container<std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>>(
      rc::gen::arbitrary<std::tuple<uint8_t, uint8_t, uint8_t>>());
  for (const auto& [what, which, number] : steps) {
    Twin& twin = twins[which % twins.size()];
    const std::string key = std::to_string(number % 40);
    switch (what % 4) {
      case 0:
      case 1:
        twin.map.Put(key, std::to_string(what));
        twin.model[key] = std::to_string(what);
        break;
      case 2:
        twin.map.Delete(key);
        twin.model.erase(key);
        break;
      default:
        if (twins.size() < 6) {
          Twin copy{twin.map.Copy(), twin.model};
          twins.push_back(std::move(copy));
        }
    }
  }
  for (const Twin& twin : twins) {
    std::map<std::string, std::string> found;
    for (auto cursor = twin.map.Scan({}); cursor->Valid(); cursor->Next()) {
      found.emplace(cursor->key(), cursor->value());
    }
    RC_ASSERT(found == twin.model);
  }
}

}  // namespace
}  // namespace rondo::storage
