// What every store promises, checked for each driver.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "platform/core/rng.h"
#include "platform/storage/key.h"
#include "platform/storage/memory_store.h"
#include "platform/storage/rocksdb_store.h"
#include "platform/storage/store.h"
#include "platform/storage/transaction.h"
#include "tests/kit/process/process.h"

namespace rondo::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using Entries = std::vector<std::pair<std::string, std::string>>;

Entries ReadAll(const Reader& reader, const KeyRange& range = {}) {
  Entries entries;
  const auto cursor = reader.Scan(range);
  for (; cursor->Valid(); cursor->Next()) entries.emplace_back(cursor->key(), cursor->value());
  EXPECT_TRUE(cursor->status().ok()) << cursor->status();
  return entries;
}

// One kind of store, and how to close and open it again.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::unique_ptr<Store> Open() = 0;
};

class MemoryDriver final : public Driver {
 public:
  std::unique_ptr<Store> Open() override { return std::make_unique<MemoryStore>(disk_); }

 private:
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

class RocksDbDriver final : public Driver {
 public:
  explicit RocksDbDriver(bool write_ahead_log) : write_ahead_log_(write_ahead_log) {}
  std::unique_ptr<Store> Open() override {
    RocksDbOptions options;
    options.folder = folder_.File("store");
    options.write_ahead_log = write_ahead_log_;
    auto store = OpenRocksDbStore(options);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

 private:
  test::TempDir folder_;
  const bool write_ahead_log_;
};

struct DriverKind {
  const char* name;
  std::unique_ptr<Driver> (*make)();
};

class StoreContractTest : public testing::TestWithParam<DriverKind> {
 protected:
  std::unique_ptr<Driver> driver_ = GetParam().make();
  std::unique_ptr<Store> store_ = driver_->Open();

  void Write(std::initializer_list<std::pair<const char*, const char*>> entries) {
    Batch batch;
    for (const auto& [key, value] : entries) batch.Put(key, value);
    ASSERT_TRUE(store_->Write(batch, Sync::kNo).ok());
  }
};

TEST_P(StoreContractTest, ReadsWhatWasWrittenAndTellsTheAbsent) {
  Write({{"a", "1"}, {"", "empty key"}, {"b", ""}});
  EXPECT_EQ(**store_->Get("a"), "1");
  EXPECT_EQ(**store_->Get(""), "empty key");
  EXPECT_EQ(**store_->Get("b"), "");
  EXPECT_EQ(*store_->Get("c"), std::nullopt);
}

TEST_P(StoreContractTest, KeysAreOrderedAsUnsignedBytes) {
  Write({{"\xff", "3"}, {"\x7f", "2"}, {"a", "1"}});
  EXPECT_THAT(ReadAll(*store_), ElementsAre(Pair("a", "1"), Pair("\x7f", "2"), Pair("\xff", "3")));
}

TEST_P(StoreContractTest, AScanIsHalfOpenAndAnEmptyEndMeansToTheLastKey) {
  Write({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  EXPECT_THAT(ReadAll(*store_, {"a", "c"}), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(ReadAll(*store_, {"b", ""}), ElementsAre(Pair("b", "2"), Pair("c", "3")));
  EXPECT_THAT(ReadAll(*store_, {"c", "c"}), IsEmpty());
}

TEST_P(StoreContractTest, APrefixRangeHoldsAllKeysOfThePrefix) {
  Write({{"p", "0"}, {"p\x01", "1"}, {"p\xff\xff", "2"}, {"q", "3"}, {"\xff\xff", "4"}});
  EXPECT_THAT(ReadAll(*store_, PrefixRange("p")),
              ElementsAre(Pair("p", "0"), Pair("p\x01", "1"), Pair("p\xff\xff", "2")));
  EXPECT_THAT(ReadAll(*store_, PrefixRange("\xff")), ElementsAre(Pair("\xff\xff", "4")));
  EXPECT_EQ(ReadAll(*store_, PrefixRange("")).size(), 5u);
}

TEST_P(StoreContractTest, ALaterWriteOfABatchWins) {
  Batch batch;
  batch.Put("a", "1");
  batch.Delete("a");
  batch.Delete("b");
  batch.Put("b", "2");
  ASSERT_TRUE(store_->Write(batch, Sync::kNo).ok());
  EXPECT_THAT(ReadAll(*store_), ElementsAre(Pair("b", "2")));
}

TEST_P(StoreContractTest, ASnapshotAndACursorDoNotSeeLaterWrites) {
  Write({{"a", "1"}, {"b", "2"}});
  const auto snapshot = store_->Snapshot();
  const auto cursor = store_->Scan({});
  Batch batch;
  batch.Delete("b");
  batch.Put("a", "new");
  batch.Put("c", "3");
  ASSERT_TRUE(store_->Write(batch, Sync::kNo).ok());
  EXPECT_THAT(ReadAll(*snapshot), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_EQ(**snapshot->Get("a"), "1");
  cursor->Next();
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "b");
  EXPECT_THAT(ReadAll(*store_), ElementsAre(Pair("a", "new"), Pair("c", "3")));
}

TEST_P(StoreContractTest, WhatWasFlushedOrSyncedIsThereAtTheNextStart) {
  Write({{"a", "1"}});
  ASSERT_TRUE(store_->Flush().ok());
  Batch batch;
  batch.Put("b", "2");
  ASSERT_TRUE(store_->Write(batch, Sync::kYes).ok());
  store_.reset();
  store_ = driver_->Open();
  EXPECT_THAT(ReadAll(*store_), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_P(StoreContractTest, ReadersOnOtherThreadsSeeBatchesWhole) {
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!done) {
      const auto snapshot = store_->Snapshot();
      if (*snapshot->Get("a") != *snapshot->Get("z")) ++torn;
    }
  });
  for (int i = 0; i < 2'000; ++i) {
    Batch batch;
    batch.Put("a", std::to_string(i));
    batch.Put("z", std::to_string(i));
    ASSERT_TRUE(store_->Write(batch, Sync::kNo).ok());
  }
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_P(StoreContractTest, EqualContentsHaveEqualHashesHoweverTheyArose) {
  const auto other_driver = GetParam().make();
  const auto other = other_driver->Open();
  Write({{"a", "1"}, {"b", "2"}});
  Batch batch;
  batch.Put("b", "2");
  batch.Put("x", "gone");
  ASSERT_TRUE(other->Write(batch, Sync::kNo).ok());
  batch.Clear();
  batch.Delete("x");
  batch.Put("a", "1");
  ASSERT_TRUE(other->Write(batch, Sync::kNo).ok());
  EXPECT_EQ(*HashOf(*store_, {}), *HashOf(*other, {}));
  Write({{"a", "12"}, {"b", ""}});
  EXPECT_NE(*HashOf(*store_, {}), *HashOf(*other, {}));
}

// A transaction over the store behaves like a plain map with its writes applied.
TEST_P(StoreContractTest, ATransactionReadsItsOwnWritesOverTheStore) {
  Rng rng(7);
  for (int round = 0; round < 30; ++round) {
    std::map<std::string, std::string> model;
    for (auto& [key, value] : ReadAll(*store_)) model[key] = value;
    Transaction transaction(*store_);
    auto marked = model;
    for (int step = 0; step < 40; ++step) {
      const std::string key(1, static_cast<char>('a' + rng.Below(12)));
      switch (rng.Below(6)) {
        case 5:
          EXPECT_EQ(
              ReadAll(transaction, {key, "k"}),
              Entries(model.lower_bound(key), model.lower_bound(std::max<std::string>(key, "k"))));
          break;
        case 0:
          transaction.Delete(key);
          model.erase(key);
          break;
        case 1:
          transaction.Mark();
          marked = model;
          break;
        case 2:
          if (rng.Chance(0.3)) {
            transaction.RollBack();
            model = marked;
          }
          break;
        default:
          transaction.Put(key, std::to_string(step));
          model[key] = std::to_string(step);
      }
      const auto found = model.find(key);
      EXPECT_EQ(*transaction.Get(key),
                found == model.end() ? std::nullopt : std::optional(found->second));
    }
    const KeyRange range{"c", "j"};
    EXPECT_EQ(ReadAll(transaction, range),
              Entries(model.lower_bound(range.begin), model.lower_bound(range.end)));
    ASSERT_TRUE(store_->Write(transaction.TakeBatch(), Sync::kNo).ok());
    EXPECT_EQ(ReadAll(*store_), Entries(model.begin(), model.end()));
  }
}

// Keys that are the same for long, or end where others go on, or hold zeros.
TEST_P(StoreContractTest, ATransactionsBatchIsInKeyOrder) {
  Rng rng(11);
  Transaction transaction(*store_);
  std::map<std::string, std::string> model;
  for (int i = 0; i < 500; ++i) {
    std::string key(rng.Below(20), rng.Chance(0.5) ? 'k' : '\0');
    for (uint64_t more = rng.Below(4); more > 0; --more) {
      key.push_back(static_cast<char>(rng.Below(2) * 0xff));
    }
    transaction.Put(key, std::to_string(i));
    model[key] = std::to_string(i);
  }
  const Batch batch = transaction.TakeBatch();
  Entries written;
  for (const Batch::Write& write : batch.writes()) written.emplace_back(write.key, *write.value);
  EXPECT_EQ(written, Entries(model.begin(), model.end()));
}

const DriverKind kDrivers[] = {
    {"Memory", []() -> std::unique_ptr<Driver> { return std::make_unique<MemoryDriver>(); }},
    {"RocksDb", []() -> std::unique_ptr<Driver> { return std::make_unique<RocksDbDriver>(true); }},
    {"RocksDbWithoutLog",
     []() -> std::unique_ptr<Driver> { return std::make_unique<RocksDbDriver>(false); }},
};
INSTANTIATE_TEST_SUITE_P(Drivers, StoreContractTest, testing::ValuesIn(kDrivers),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace rondo::storage
