#include "services/delivery/ready_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "platform/storage/memory_store.h"
#include "services/delivery/delivery_store.h"

namespace rondo::delivery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kAll = 100;

class ReadyQueueTest : public testing::Test {
 protected:
  void Add(const std::string& key, int64_t time_micros) {
    storage::Batch batch;
    batch.Put(KeyOfReady("email", time_micros, key), "");
    Write(batch, key, statepb::CONTACT_PHASE_READY);
  }
  void Remove(const std::string& key, int64_t time_micros) {
    storage::Batch batch;
    batch.Delete(KeyOfReady("email", time_micros, key));
    Write(batch, key, statepb::CONTACT_PHASE_CLAIMED);
  }
  std::vector<std::string> Take(size_t limit, const std::set<std::string>& busy = {}) {
    const auto taken = queue_.Take(store_, busy, limit);
    EXPECT_TRUE(taken.ok()) << taken.status();
    std::vector<std::string> keys;
    for (const ReadyContact& contact : *taken) keys.push_back(contact.key);
    return keys;
  }

 private:
  void Write(storage::Batch& batch, const std::string& key, statepb::ContactPhase phase) {
    statepb::ContactState contact;
    contact.set_phase(phase);
    batch.Put(KeyOfContact(key), contact.SerializeAsString());
    ASSERT_TRUE(store_.Write(batch, storage::Sync::kNo).ok());
  }
  storage::MemoryStore store_;
  ReadyQueue queue_{"email"};
};

TEST_F(ReadyQueueTest, GivesTheOldestFirstAndWhatIsNotBusy) {
  Add("b", 1);
  Add("a", 2);
  Add("c", 2);
  EXPECT_THAT(Take(2), ElementsAre("b", "a"));
  EXPECT_THAT(Take(kAll, {"b", "a"}), ElementsAre("c"));
}

TEST_F(ReadyQueueTest, WhatWasTakenAndNotClaimedComesAgain) {
  Add("a", 1);
  Add("b", 1);
  EXPECT_THAT(Take(1), ElementsAre("a"));
  EXPECT_THAT(Take(kAll), ElementsAre("b", "a"));
  EXPECT_THAT(Take(kAll), ElementsAre("a", "b"));
}

TEST_F(ReadyQueueTest, ASmallerKeyOfTheSameTimeThatComesLaterIsFound) {
  Add("m", 5);
  EXPECT_THAT(Take(kAll), ElementsAre("m"));
  Remove("m", 5);
  Add("a", 5);
  EXPECT_THAT(Take(kAll), ElementsAre("a"));
}

TEST_F(ReadyQueueTest, WhatIsNoLongerReadyIsLeftOut) {
  for (const char* key : {"a", "b", "c"}) Add(key, 1);
  EXPECT_THAT(Take(1), ElementsAre("a"));
  Remove("a", 1);
  Remove("b", 1);
  EXPECT_THAT(Take(kAll), ElementsAre("c"));
  Remove("c", 1);
  EXPECT_THAT(Take(kAll), IsEmpty());
}

TEST_F(ReadyQueueTest, ABacklogOfSeveralPagesIsTakenWholeAndOnce) {
  constexpr size_t kContacts = 3 * kReadyPage + 7;
  for (size_t i = 0; i < kContacts; ++i) Add(absl::StrFormat("%05d", i), 1);
  size_t next = 0;
  while (next < kContacts) {
    const std::vector<std::string> keys = Take(20);
    ASSERT_FALSE(keys.empty());
    for (const std::string& key : keys) {
      ASSERT_EQ(key, absl::StrFormat("%05d", next++));
      Remove(key, 1);
    }
  }
  EXPECT_THAT(Take(kAll), IsEmpty());
}

}  // namespace
}  // namespace rondo::delivery
