#include "platform/storage/rocksdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/kit/process/process.h"

namespace rondo::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

RocksDbOptions OptionsIn(const std::string& folder) {
  RocksDbOptions options;
  options.folder = folder;
  return options;
}

// ThreadSanitizer takes a thread of a forked child for one of its parent's.
#ifdef __SANITIZE_THREAD__
constexpr bool kMayForkWithThreads = false;
#else
constexpr bool kMayForkWithThreads = true;
#endif

// Writes rows in a child process that dies without closing, so that its write-ahead log remains.
void WriteAndDie(const std::string& folder, int rows) {
  const pid_t child = fork();
  if (child == 0) {
    auto store = OpenRocksDbStore(OptionsIn(folder));
    if (!store.ok()) _exit(1);
    for (int i = 0; i < rows; ++i) {
      Batch batch;
      batch.Put("key " + std::to_string(i), std::string(100, static_cast<char>('a' + i % 26)));
      if (!(*store)->Write(batch, Sync::kYes).ok()) _exit(2);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
}

std::string WriteAheadLogOf(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".log") return entry.path().string();
  }
  ADD_FAILURE() << "no write-ahead log in " << folder;
  return "";
}

void FlipByte(const std::string& file, int64_t offset) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(offset);
  const char byte = static_cast<char>(stream.get());
  stream.seekp(offset);
  stream.put(static_cast<char>(byte ^ 0x40));
}

int CountRows(const Store& store) {
  int rows = 0;
  for (auto cursor = store.Scan({}); cursor->Valid(); cursor->Next()) ++rows;
  return rows;
}

TEST(RocksDbStoreTest, SyncedWritesSurviveDeathOfTheProcess) {
  if (!kMayForkWithThreads) GTEST_SKIP() << "not under ThreadSanitizer";
  const test::TempDir folder;
  WriteAndDie(folder.File("db"), 100);
  const auto store = OpenRocksDbStore(OptionsIn(folder.File("db")));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(CountRows(**store), 100);
}

TEST(RocksDbStoreTest, RefusesAFlippedBitInItsLogAndNamesFileAndOffset) {
  if (!kMayForkWithThreads) GTEST_SKIP() << "not under ThreadSanitizer";
  const test::TempDir folder;
  WriteAndDie(folder.File("db"), 100);
  const std::string log = WriteAheadLogOf(folder.File("db"));
  FlipByte(log, static_cast<int64_t>(std::filesystem::file_size(log)) / 2);
  const auto store = OpenRocksDbStore(OptionsIn(folder.File("db")));
  ASSERT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr(log + " is damaged at offset "));

  RocksDbOptions salvage = OptionsIn(folder.File("db"));
  salvage.mode = OpenMode::kSalvage;
  const auto rest = OpenRocksDbStore(salvage);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_GT(CountRows(**rest), 30);
  EXPECT_LT(CountRows(**rest), 60);
}

TEST(RocksDbStoreTest, RefusesADamagedLengthThatLooksLikeATornTail) {
  if (!kMayForkWithThreads) GTEST_SKIP() << "not under ThreadSanitizer";
  const test::TempDir folder;
  WriteAndDie(folder.File("db"), 100);
  const std::string log = WriteAheadLogOf(folder.File("db"));
  FlipByte(log, 5);  // The upper byte of the first record's length: now beyond the file's end.
  const auto store = OpenRocksDbStore(OptionsIn(folder.File("db")));
  ASSERT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr(log + " is damaged at offset 0"));
}

TEST(RocksDbStoreTest, AcceptsATornLastRecord) {
  if (!kMayForkWithThreads) GTEST_SKIP() << "not under ThreadSanitizer";
  const test::TempDir folder;
  WriteAndDie(folder.File("db"), 100);
  const std::string log = WriteAheadLogOf(folder.File("db"));
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 37);
  EXPECT_THAT(FindRocksDbDamage(folder.File("db"), /*report_torn_tail=*/false), IsEmpty());
  EXPECT_THAT(FindRocksDbDamage(folder.File("db"), /*report_torn_tail=*/true), SizeIs(1));
  const auto store = OpenRocksDbStore(OptionsIn(folder.File("db")));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(CountRows(**store), 99);
}

TEST(RocksDbStoreTest, ReadsOfADamagedTableAreDataLossAndTheDamageIsFound) {
  if (!kMayForkWithThreads) GTEST_SKIP() << "not under ThreadSanitizer";
  const test::TempDir folder;
  WriteAndDie(folder.File("db"), 2'000);
  { ASSERT_TRUE(OpenRocksDbStore(OptionsIn(folder.File("db"))).ok()); }  // Recovery writes a table.
  std::string table;
  for (const auto& entry : std::filesystem::directory_iterator(folder.File("db"))) {
    if (entry.path().extension() == ".sst") table = entry.path().string();
  }
  ASSERT_NE(table, "");
  FlipByte(table, 3'000);
  const auto store = OpenRocksDbStore(OptionsIn(folder.File("db")));
  if (store.ok()) {
    const auto cursor = (*store)->Scan({});
    while (cursor->Valid()) cursor->Next();
    EXPECT_EQ(cursor->status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(cursor->status().message()), HasSubstr(".sst"));
  } else {
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  }
  const auto damages = FindRocksDbDamage(folder.File("db"), false);
  ASSERT_THAT(damages, SizeIs(1));
  EXPECT_EQ(damages[0].file, table);
  EXPECT_GE(damages[0].offset, 0);
}

// Recent writes are looked up through a filter.
TEST(RocksDbStoreTest, FindsEveryKeyThatIsNotYetInATableAndNoOther) {
  const test::TempDir folder;
  RocksDbOptions options = OptionsIn(folder.path());
  options.write_ahead_log = false;
  const auto store = OpenRocksDbStore(options);
  ASSERT_TRUE(store.ok()) << store.status();
  constexpr int kKeys = 20'000;
  Batch batch;
  for (int i = 0; i < kKeys; ++i) batch.Put("key " + std::to_string(i), std::to_string(i));
  for (int i = 0; i < kKeys; i += 7) batch.Delete("key " + std::to_string(i));
  ASSERT_TRUE((*store)->Write(batch, Sync::kNo).ok());
  for (int i = 0; i < 2 * kKeys; ++i) {
    const auto value = (*store)->Get("key " + std::to_string(i));
    ASSERT_TRUE(value.ok()) << value.status();
    ASSERT_EQ(value->has_value(), i < kKeys && i % 7 != 0) << i;
    ASSERT_EQ(value->value_or(std::to_string(i)), std::to_string(i));
  }
}

TEST(RocksDbStoreTest, ASecondProcessIsRefusedWithTheFolderAndTheWayOut) {
  const test::TempDir folder;
  const auto store = OpenRocksDbStore(OptionsIn(folder.File("db")));
  ASSERT_TRUE(store.ok());
  const auto second = OpenRocksDbStore(OptionsIn(folder.File("db")));
  ASSERT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(folder.File("db")));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("stop it, or choose another"));
}

TEST(RocksDbStoreTest, AnAbsentFolderIsRefusedUnlessItMayBeMade) {
  const test::TempDir folder;
  RocksDbOptions options = OptionsIn(folder.File("absent"));
  options.create_if_missing = false;
  EXPECT_EQ(OpenRocksDbStore(options).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RocksDbStoreTest, ACheckpointOpensAsAStoreOfItsOwn) {
  const test::TempDir folder;
  const auto store = OpenRocksDbStore(OptionsIn(folder.File("db")));
  Batch batch;
  batch.Put("a", "1");
  ASSERT_TRUE((*store)->Write(batch, Sync::kNo).ok());
  ASSERT_TRUE((*store)->Checkpoint(folder.File("copy")).ok());
  batch.Put("b", "2");
  ASSERT_TRUE((*store)->Write(batch, Sync::kNo).ok());
  const auto copy = OpenRocksDbStore(OptionsIn(folder.File("copy")));
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(CountRows(**copy), 1);
}

}  // namespace
}  // namespace rondo::storage
