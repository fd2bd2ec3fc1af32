#include "app/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace rondo {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class DataFolderTest : public ::testing::Test {
 protected:
  DataFolderTest() {
    char path[] = "/tmp/rondo-data-XXXXXX";
    root_ = mkdtemp(path);
  }
  ~DataFolderTest() override { fs::remove_all(root_); }
  fs::path root_;
};

TEST_F(DataFolderTest, KeepsTheKeyThatItMadeFirst) {
  const std::string path = root_ / "new" / "deep";
  const InstanceKey first = (*DataFolder::Open(path))->instance_key();
  EXPECT_EQ((*DataFolder::Open(path))->instance_key(), first);
  EXPECT_EQ(fs::status(fs::path(path) / "instance.key").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(DataFolderTest, AFolderThatItMakesIsForItsOwnerAlone) {
  const fs::path made = root_ / "made";
  ASSERT_TRUE(DataFolder::Open(made).ok());
  EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_all);
  fs::permissions(made, fs::perms::owner_all | fs::perms::group_read);
  ASSERT_TRUE(DataFolder::Open(made).ok());  // Who opens it to others has a reason.
  EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_all | fs::perms::group_read);
}

TEST_F(DataFolderTest, RefusesASecondProcessAndSaysWhatToDo) {
  const auto held = DataFolder::Open(root_);
  ASSERT_TRUE(held.ok());
  const auto second = DataFolder::Open(root_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr("--data"));
}

TEST_F(DataFolderTest, RefusesANewerFormatAndALostKey) {
  ASSERT_TRUE(DataFolder::Open(root_).ok());
  std::ofstream(root_ / "format") << "2\n";
  EXPECT_THAT(DataFolder::Open(root_).status().message(), HasSubstr("of a newer rondo"));
  std::ofstream(root_ / "format") << "1\n";
  fs::create_directories(root_ / "log");
  fs::remove(root_ / "instance.key");
  EXPECT_EQ(DataFolder::Open(root_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(DataFolderTest, RefusesAPathThatIsAFile) {
  std::ofstream(root_ / "file") << "x";
  EXPECT_EQ(DataFolder::Open(root_ / "file").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DataFolderTest, TakesTheAddressesAwayWhenItCloses) {
  {
    const auto folder = DataFolder::Open(root_);
    ASSERT_TRUE((*folder)->WriteAddresses("127.0.0.1:1", "127.0.0.1:2").ok());
    EXPECT_TRUE(fs::exists(root_ / "addresses.json"));
  }
  EXPECT_FALSE(fs::exists(root_ / "addresses.json"));
}

TEST_F(DataFolderTest, WhoIsRefusedLeavesTheAddressesOfTheOneThatServes) {
  const auto folder = DataFolder::Open(root_);
  ASSERT_TRUE((*folder)->WriteAddresses("127.0.0.1:1", "127.0.0.1:2").ok());
  EXPECT_EQ(DataFolder::Open(root_).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(fs::exists(root_ / "addresses.json"));
}

}  // namespace
}  // namespace rondo
