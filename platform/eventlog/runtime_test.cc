#include "platform/eventlog/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <thread>

#include "platform/eventlog/partition_state.h"
#include "platform/eventlog/runtime_fixture_for_test.h"
#include "platform/storage/key.h"
#include "platform/storage/rocksdb_store.h"
#include "tests/kit/process/process.h"

namespace rondo::eventlog {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kAnn = kCustomers[0];
constexpr uint64_t kBob = kCustomers[1];

// What a day brings: all kinds of records, on all partitions, with emissions that cross them.
absl::Status LiveADay(Deployment& deployment) {
  int request = 0;
  for (const uint64_t customer : kCustomers) {
    for (const char* type : {"purchase", "refer", "remind", "refuse", "poison", "refer"}) {
      const absl::Status verdict =
          deployment.Submit(Event(type, customer, "request-" + std::to_string(request++)));
      if (std::string_view(type) == "refuse") {
        EXPECT_EQ(verdict.code(), absl::StatusCode::kFailedPrecondition) << verdict;
      } else if (std::string_view(type) == "poison") {
        EXPECT_EQ(verdict.code(), absl::StatusCode::kInternal) << verdict;
      } else {
        EXPECT_TRUE(verdict.ok()) << verdict;
      }
    }
  }
  deployment.Settle();
  deployment.clock.Advance(absl::Hours(3));
  deployment.Settle();
  return absl::OkStatus();
}

TEST(RuntimeTest, AppliesEmitsAcrossPartitionsAndFiresTimers) {
  Deployment deployment({});
  deployment.Start();
  ASSERT_TRUE(LiveADay(deployment).ok());
  for (const uint64_t customer : kCustomers) {
    SCOPED_TRACE(customer);
    EXPECT_EQ(deployment.Count(customer, "purchase"), 1);
    EXPECT_EQ(deployment.Count(customer, "referred"), 2);
    EXPECT_EQ(deployment.Count(customer, "timer"), 1);
    EXPECT_EQ(deployment.Count(customer, "reminded"), 1);
    EXPECT_EQ(deployment.Count(customer, "refuse"), 0);
    EXPECT_EQ(deployment.Count(customer, "never"), 0);
    EXPECT_EQ(deployment.Count(customer, "skipped by counter"), 1);
  }
}

TEST(RuntimeTest, EndsInTheSameStateHoweverItDiesAtAnyCommit) {
  Deployment undisturbed({});
  undisturbed.Start();
  ASSERT_TRUE(LiveADay(undisturbed).ok());
  const uint64_t counter_hash = *undisturbed.runtime->StateHash("counter");
  const uint64_t witness_hash = *undisturbed.runtime->StateHash("witness");
  const std::vector<std::string> emissions = undisturbed.Emissions();
  ASSERT_GT(undisturbed.commit_points(), 100);
  for (const bool write_ahead_log : {true, false}) {
    for (const bool lose_power : {false, true}) {
      for (int crash_at = 0; crash_at < undisturbed.commit_points(); ++crash_at) {
        SCOPED_TRACE(absl::StrFormat("wal %d, power lost %d, crash at %d", write_ahead_log,
                                     lose_power, crash_at));
        Deployment deployment({.seed = static_cast<uint64_t>(crash_at),
                               .write_ahead_log = write_ahead_log,
                               .lose_power = lose_power,
                               .crash_at = crash_at,
                               .batch_records_max = crash_at % 2 == 0 ? 3u : 2'000u});
        deployment.Start();
        ASSERT_TRUE(LiveADay(deployment).ok());
        ASSERT_EQ(*deployment.runtime->StateHash("counter"), counter_hash);
        ASSERT_EQ(*deployment.runtime->StateHash("witness"), witness_hash);
        ASSERT_EQ(deployment.Emissions(), emissions);
      }
    }
  }
}

TEST(RuntimeTest, RebuildsAnEqualStateAndEmitsNothingMeanwhile) {
  Deployment deployment({});
  deployment.Start();
  ASSERT_TRUE(LiveADay(deployment).ok());
  const uint64_t hash = *deployment.runtime->StateHash("counter");
  const size_t emissions = deployment.Emissions().size();
  deployment.Kill();
  deployment.disks.clear();
  deployment.Start();
  deployment.Settle();
  EXPECT_EQ(*deployment.runtime->StateHash("counter"), hash);
  EXPECT_EQ(deployment.Emissions().size(), emissions);
  for (int partition = 0; partition < kPartitions; ++partition) {
    const LogRecord last = deployment.Records(partition).back();
    EXPECT_TRUE(last.has_owner_changed()) << "after the rebuild nothing was appended";
  }
  EXPECT_EQ(deployment.counter->lives, kPartitions);
}

TEST(RuntimeTest, RecordsThatChangeNothingAreNotWorthACommit) {
  Deployment deployment({});
  deployment.Start();
  ASSERT_TRUE(deployment.Submit(Event("purchase", kAnn)).ok());
  deployment.Settle();
  // Commits of the state while `count` records are read of which it keeps nothing.
  const auto commits = [&](int64_t count) {
    std::vector<LogRecord> ticks(static_cast<size_t>(count));
    for (LogRecord& tick : ticks) tick.mutable_tick();
    EXPECT_TRUE(deployment.log->Append(0, absl::MakeSpan(ticks), Durability::kWritten).ok());
    const int before = deployment.commit_points();
    deployment.Settle();
    return (deployment.commit_points() - before) / 2;  // Each has a point before and one after.
  };
  EXPECT_EQ(commits(100), 0);
  EXPECT_EQ(deployment.runtime->Lags().front().applied, deployment.runtime->Lags().front().end);
  EXPECT_EQ(commits(kUnstoredRecordsMax), 1) << "else a crash would read them all again";
  const int before = deployment.commit_points();
  EXPECT_EQ(commits(7), 0);
  deployment.runtime->Stop();
  EXPECT_GT(deployment.commit_points(), before + 2) << "a stop in good order stores the offset";
}

TEST(RuntimeTest, RebuildsAStateOfAnotherVersionOrAheadOfTheLogAndSaysSo) {
  Deployment deployment({});
  deployment.Start();
  ASSERT_TRUE(deployment.Submit(Event("purchase", kAnn)).ok());
  deployment.Settle();
  deployment.Kill();
  // The log of another, shorter life.
  deployment.log = std::make_unique<MemoryLog>(kPartitions, deployment.clock);
  deployment.Start();
  deployment.Settle();
  EXPECT_THAT(deployment.removed, ElementsAre("counter"));
  EXPECT_THAT(deployment.warnings, Contains(HasSubstr("counter is rebuilt")));
  EXPECT_EQ(deployment.Count(kAnn, "purchase"), 0);
}

TEST(RuntimeTest, EachStartIsANewEpoch) {
  Deployment deployment({});
  for (int epoch = 1; epoch <= 3; ++epoch) {
    deployment.Start();
    deployment.Settle();
    EXPECT_EQ(deployment.Records(2).back().owner_changed().epoch(), epoch);
    deployment.Kill();
  }
}

TEST(RuntimeTest, TimersFireInOrderOfTheirTimeAndCancelledOnesNever) {
  Deployment deployment({});
  deployment.Start();
  ASSERT_TRUE(deployment.Submit(Event("remind_late", kAnn)).ok());
  ASSERT_TRUE(deployment.Submit(Event("cancelled", kAnn)).ok());
  deployment.clock.Advance(absl::Minutes(1));
  ASSERT_TRUE(deployment.Submit(Event("remind", kAnn)).ok());
  EXPECT_THAT(deployment.counter->fired, IsEmpty());
  deployment.clock.Advance(absl::Hours(30));
  deployment.Settle();
  ASSERT_THAT(deployment.counter->fired, SizeIs(2));
  EXPECT_THAT(deployment.counter->fired[0], ::testing::EndsWith("remind"));
  EXPECT_THAT(deployment.counter->fired[1], ::testing::EndsWith("remind_late"));
}

TEST(RuntimeTest, AnIdlePartitionTicksWhenATimerIsDueAndNotBefore) {
  Deployment deployment({});
  deployment.Start();
  ASSERT_TRUE(deployment.Submit(Event("remind", kBob)).ok());
  deployment.Settle();
  const size_t before = deployment.Records(1).size();
  deployment.clock.Advance(absl::Minutes(59));
  deployment.Settle();
  EXPECT_EQ(deployment.Records(1).size(), before);
  EXPECT_TRUE(deployment.executor->Await([&] { return deployment.Count(kBob, "timer") == 1; },
                                         deployment.clock.Now() + absl::Minutes(2)));
  EXPECT_TRUE(deployment.Records(1)[before].has_tick());
}

TEST(RuntimeTest, ARequestIdHasOneEffectAndOneVerdictForADay) {
  Deployment deployment({});
  deployment.Start();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(deployment.Submit(Event("purchase", kAnn, "a")).ok());
    EXPECT_EQ(deployment.Submit(Event("refuse", kAnn, "b")).code(),
              absl::StatusCode::kFailedPrecondition);
    // Whatever it asks now: the first verdict.
    EXPECT_EQ(deployment.Submit(Event("purchase", kAnn, "b")).code(),
              absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(deployment.Count(kAnn, "purchase"), 1);
  deployment.clock.Advance(absl::Hours(25));
  EXPECT_TRUE(deployment.Submit(Event("purchase", kAnn, "b")).ok());
  EXPECT_EQ(deployment.Count(kAnn, "purchase"), 2);
}

TEST(RuntimeTest, VerdictsOfManyComeInTheirOrder) {
  Deployment deployment({});
  deployment.Start();
  const auto verdicts = deployment.runtime->SubmitAll(
      "counter", 0, {Event("purchase", kAnn), Event("refuse", kAnn), Event("heal", kAnn)},
      Durability::kWritten);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  ASSERT_THAT(*verdicts, SizeIs(3));
  EXPECT_TRUE((*verdicts)[0].ok());
  EXPECT_EQ((*verdicts)[1].code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE((*verdicts)[2].ok());
  EXPECT_EQ(
      deployment.runtime->SubmitAll("counter", 0, {Event("purchase", kBob)}, Durability::kWritten)
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

TEST(RuntimeTest, VerdictsAreKeptForABoundedNumberAndNeverInvented) {
  Deployment deployment({});
  deployment.Start();
  const auto first = deployment.log->End(0);
  std::vector<LogRecord> refused(kMaxAppendRecords, Event("refuse", kAnn));
  ASSERT_TRUE(deployment.runtime->SubmitAll("counter", 0, refused, Durability::kWritten).ok());
  const auto later = deployment.runtime->SubmitAll("counter", 0, refused, Durability::kWritten);
  ASSERT_TRUE(later.ok());
  for (const absl::Status& verdict : *later) {
    ASSERT_EQ(verdict.code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_GT(2 * kMaxAppendRecords, kVerdictsKeptMax) << "else nothing was forgotten";
  ASSERT_TRUE(first.ok());
}

TEST(RuntimeTest, ParksACustomerUntilSomeoneSettlesIt) {
  Deployment deployment({});
  deployment.Start();
  EXPECT_EQ(deployment.Submit(Event("poison", kBob)).code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(deployment.Submit(Event("purchase", kBob)).ok()) << "later records still count";
  deployment.Settle();
  deployment.Kill();
  deployment.Start();
  const std::vector<Parked> parked = deployment.runtime->ListParked();
  ASSERT_THAT(parked, SizeIs(1));
  EXPECT_EQ(parked[0].service, "counter");
  EXPECT_EQ(parked[0].customer, CustomerId(kBob));
  EXPECT_EQ(parked[0].reason, "poisoned");
  EXPECT_EQ(parked[0].position.partition, 1);

  LogRecord settle;
  settle.set_party(kBob);
  settle.mutable_parked_settled()->set_service("counter");
  ASSERT_TRUE(deployment.Submit(settle).ok());
  EXPECT_THAT(deployment.runtime->ListParked(), SizeIs(1)) << "nothing was corrected";
  ASSERT_TRUE(deployment.Submit(Event("heal", kBob)).ok());
  ASSERT_TRUE(deployment.Submit(settle).ok());
  EXPECT_THAT(deployment.runtime->ListParked(), IsEmpty());
  EXPECT_EQ(deployment.Count(kBob, "poison"), 1) << "the record was applied after all";

  EXPECT_TRUE(deployment.Submit(Event("poison", kBob)).ok());
}

TEST(RuntimeTest, ASettlementThatDropsForgetsTheRecord) {
  Deployment deployment({});
  deployment.Start();
  EXPECT_FALSE(deployment.Submit(Event("poison", kAnn)).ok());
  LogRecord settle;
  settle.set_party(kAnn);
  settle.mutable_parked_settled()->set_service("counter");
  settle.mutable_parked_settled()->set_dropped(true);
  ASSERT_TRUE(deployment.Submit(settle).ok());
  EXPECT_THAT(deployment.runtime->ListParked(), IsEmpty());
  EXPECT_EQ(deployment.Count(kAnn, "poison"), 0);
}

TEST(RuntimeTest, WaitsForAStoreThatFailsAndLosesNothing) {
  Deployment deployment({});
  deployment.Start();
  int failures = 7;
  deployment.extra_fault = [&](storage::CommitPoint) {
    return failures-- > 0 ? storage::Fault::kFail : storage::Fault::kNone;
  };
  // Log and stores fail alike: repeat until the answer is known, as a client does.
  absl::Status verdict = absl::UnavailableError("");
  while (absl::IsUnavailable(verdict)) verdict = deployment.Submit(Event("refer", kAnn, "once"));
  EXPECT_TRUE(verdict.ok()) << verdict;
  deployment.Settle();
  EXPECT_TRUE(deployment.runtime->Health().ok());
  EXPECT_EQ(deployment.Count(kAnn, "refer"), 1);
  EXPECT_EQ(deployment.Count(kBob, "referred"), 1);
}

TEST(RuntimeTest, ReadsWhatWasWrittenByAnAppendThatFailed) {
  Deployment deployment({});
  deployment.Start();
  deployment.extra_fault = [](storage::CommitPoint point) {
    return point == storage::CommitPoint::kAfter ? storage::Fault::kFail : storage::Fault::kNone;
  };
  LogRecord event = Event("purchase", kAnn);
  EXPECT_TRUE(absl::IsUnavailable(
      deployment.log->Append(0, absl::MakeSpan(&event, 1), Durability::kWritten).status()));
  deployment.extra_fault = nullptr;
  EXPECT_TRUE(deployment.runtime->AwaitEnd("counter").ok());
  EXPECT_EQ(deployment.Count(kAnn, "purchase"), 1);
}

TEST(RuntimeTest, ASettledReadHoldsWhatTheRecordsBeforeItCausedInAnyPartition) {
  Deployment deployment({});
  deployment.Start();
  for (const uint64_t customer : kCustomers) {
    LogRecord event = Event("refer", customer);
    const int partition = PartitionOf(CustomerId(customer), kPartitions);
    ASSERT_TRUE(
        deployment.log->Append(partition, absl::MakeSpan(&event, 1), Durability::kWritten).ok());
  }
  ASSERT_TRUE(deployment.runtime->AwaitSettled("counter").ok());
  for (const uint64_t customer : kCustomers) EXPECT_EQ(deployment.Count(customer, "referred"), 1);
}

TEST(RuntimeTest, AnotherOwnerTakesOverAndTheOldOneStopsActing) {
  Deployment deployment({});
  deployment.Start();
  LogRecord other;
  other.mutable_owner_changed()->set_epoch(9);
  other.mutable_owner_changed()->set_owner("elsewhere");
  ASSERT_TRUE(deployment.log->Append(0, absl::MakeSpan(&other, 1), Durability::kSynced).ok());
  ASSERT_TRUE(deployment.runtime->AwaitEnd("witness").ok());
  EXPECT_FALSE(deployment.runtime->IsLive(0));
  EXPECT_TRUE(deployment.runtime->IsLive(1));
  EXPECT_THAT(deployment.warnings, ElementsAre(HasSubstr("another process owns it")));
}

// A log whose records before some offsets, by partition, cannot be read.
class DamagedLog final : public EventLog {
 public:
  DamagedLog(EventLog& log, absl::Status damage, std::map<int, int64_t> readable_from)
      : log_(log), damage_(std::move(damage)), readable_from_(std::move(readable_from)) {}
  int partition_count() const override { return log_.partition_count(); }
  absl::StatusOr<int64_t> Append(int partition, absl::Span<LogRecord> records,
                                 Durability durability) override {
    return log_.Append(partition, records, durability);
  }
  absl::StatusOr<RecordBlock> Read(int partition, int64_t offset) const override {
    const auto from = readable_from_.find(partition);
    if (from != readable_from_.end() && offset < from->second) return damage_;
    return log_.Read(partition, offset);
  }
  absl::StatusOr<int64_t> End(int partition) const override { return log_.End(partition); }
  absl::Status Sync() override { return log_.Sync(); }
  void SetListener(std::function<void(int partition)> on_append) override {
    log_.SetListener(std::move(on_append));
  }

 private:
  EventLog& log_;
  const absl::Status damage_;
  const std::map<int, int64_t> readable_from_;
};

TEST(RuntimeTest, ADamagedLogEndsTheStartWithWhatIsDamaged) {
  const SystemClock clock;
  MemoryLog log(kPartitions, clock);
  DamagedLog damaged(log, absl::DataLossError("log: 000123.sst is damaged at offset 17"),
                     {{1, INT64_MAX}});
  Counter counter;
  ThreadPoolExecutor executor(2, clock);
  const auto opener = [](std::string_view,
                         bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
    return std::make_unique<storage::MemoryStore>();
  };
  Runtime runtime({.owner = "damaged"}, damaged, executor, clock, opener,
                  [](std::string_view) { return absl::OkStatus(); });
  runtime.Add(counter);
  ASSERT_TRUE(runtime.Start().ok());
  const absl::Status refused = runtime.AwaitLive(clock.Now() + absl::Seconds(30));
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("000123.sst is damaged at offset 17"));
  runtime.Stop();
}

TEST(RuntimeTest, ACopyOfAStateGoesOnWithTheTailOfTheLog) {
  const test::TempDir folder;
  const SystemClock clock;
  MemoryLog log(kPartitions, clock);
  ThreadPoolExecutor executor(2, clock);
  // Runs the counter over the stores in `folder`, and gives its state's hash at the end.
  const auto run = [&](EventLog& from, const std::string& stores,
                       const std::function<void(Runtime&)>& live) {
    Counter counter;
    Runtime runtime(
        {.owner = stores}, from, executor, clock,
        [&](std::string_view, bool) {
          return storage::OpenRocksDbStore({.folder = stores, .write_ahead_log = false});
        },
        [](std::string_view) { return absl::InternalError("nothing is to be rebuilt"); });
    runtime.Add(counter);
    EXPECT_TRUE(runtime.Start().ok());
    EXPECT_TRUE(runtime.AwaitLive(clock.Now() + absl::Seconds(30)).ok());
    live(runtime);
    EXPECT_TRUE(runtime.AwaitQuiet().ok());
    const uint64_t hash = *runtime.StateHash("counter");
    runtime.Stop();
    return hash;
  };
  const auto refer_all = [](Runtime& runtime) {
    for (const uint64_t customer : kCustomers) {
      EXPECT_TRUE(
          runtime.Submit("counter", 0, Event("refer", customer), Durability::kWritten).ok());
    }
    EXPECT_TRUE(runtime.AwaitQuiet().ok());
  };
  std::map<int, int64_t> copied;
  const uint64_t original = run(log, folder.File("live"), [&](Runtime& runtime) {
    refer_all(runtime);
    ASSERT_TRUE(runtime.Checkpoint("counter", folder.File("copy")).ok());
    for (const Lag& lag : runtime.Lags()) copied[lag.partition] = lag.applied;
    refer_all(runtime);
  });
  DamagedLog tail(log, absl::DataLossError("read before the copy's offset"), copied);
  EXPECT_EQ(run(tail, folder.File("copy"), [](Runtime&) {}), original);
}

TEST(RuntimeTest, FoldsOnSeveralThreadsWhatItFoldsOnOne) {
  const SystemClock clock;
  MemoryLog log(kPartitions, clock);
  Counter counter;
  Witness witness;
  ThreadPoolExecutor executor(4, clock);
  const auto opener = [](std::string_view,
                         bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
    return std::make_unique<storage::MemoryStore>();
  };
  Runtime runtime({.owner = "threads"}, log, executor, clock, opener,
                  [](std::string_view) { return absl::OkStatus(); });
  runtime.Add(counter);
  runtime.Add(witness);
  ASSERT_TRUE(runtime.Start().ok());
  ASSERT_TRUE(runtime.AwaitLive(clock.Now() + absl::Seconds(30)).ok());
  std::vector<std::thread> clients;
  for (const uint64_t customer : kCustomers) {
    clients.emplace_back([&, customer] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(
            runtime.Submit("counter", 0, Event("refer", customer), Durability::kWritten).ok());
      }
    });
  }
  for (std::thread& client : clients) client.join();
  ASSERT_TRUE(runtime.AwaitQuiet().ok());
  for (const uint64_t customer : kCustomers) {
    const int partition = PartitionOf(CustomerId(customer), kPartitions);
    const auto state = *runtime.ReadState("counter", partition);
    EXPECT_EQ(**state->Get(storage::KeyBuilder().U64(customer).Raw("referred").view()), "50");
  }
  for (const Lag& lag : runtime.Lags()) EXPECT_EQ(lag.applied, lag.end);
  runtime.Stop();
  EXPECT_EQ(runtime.Await("counter", {0, 1'000'000}).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rondo::eventlog
