#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "absl/strings/str_format.h"
#include "tests/sim/services_loop.h"
#include "tests/sim/simulate.h"
#include "tests/sim/small_loop.h"

namespace rondo::sim {
namespace {

constexpr int kWorldsInCi = 1'000;

DeploymentChoice SmallLoopChoice(SmallLoopOptions options) {
  return [options](const CampaignPlan& plan) { return SmallLoop(options, plan); };
}

int64_t Environment(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoll(value);
}

// RONDO_SIM_SEED replays one world and prints its trace; RONDO_SIM_SEEDS says how many to run.
void RunWorlds(const DeploymentChoice& choice, const std::string& test) {
  const int64_t seed = Environment("RONDO_SIM_SEED", 0);
  const int worlds = static_cast<int>(Environment("RONDO_SIM_SEEDS", kWorldsInCi));
  const SimulateSummary summary = Simulate(
      {.seed = static_cast<uint64_t>(seed == 0 ? 1 : seed),
       .worlds = seed == 0 ? worlds : 1,
       .trace = seed != 0 ? &std::cout : nullptr,
       .miniature = test.starts_with("SmallLoop")},
      choice,
      [&](uint64_t failed) {
        return absl::StrFormat("RONDO_SIM_SEED=%d ./x test sim_test/%s", failed, test);
      },
      std::cout);
  EXPECT_EQ(summary.failed, 0) << summary.first_violation;
  std::cout << absl::StrFormat("%d crashes, %d messages received, %d records, %d of %d held out\n",
                               summary.crashes, summary.received, summary.records, summary.held_out,
                               summary.people);
  EXPECT_GT(summary.received, 0);
  EXPECT_TRUE(seed != 0 || summary.crashes > 0);
  EXPECT_TRUE(summary.HoldoutIsKept())
      << summary.held_out << " of " << summary.people << " were held out";
}

TEST(SmallLoopTest, WorldsAreAsTheyMustBe) {
  RunWorlds(SmallLoopChoice({}), "SmallLoopTest.WorldsAreAsTheyMustBe");
}

TEST(SmallLoopTest, TheSameSeedGivesTheSameTraceByteForByte) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const WorldOptions options{.seed = seed, .keep_trace = true, .miniature = true};
    const WorldResult first = RunWorld(options, SmallLoopChoice({}));
    const WorldResult second = RunWorld(options, SmallLoopChoice({}));
    ASSERT_EQ(first.trace, second.trace) << seed;
    EXPECT_EQ(first.trace_hash, second.trace_hash);
    EXPECT_NE(first.trace_hash,
              RunWorld({.seed = seed + 1, .miniature = true}, SmallLoopChoice({})).trace_hash);
  }
}

TEST(SmallLoopTest, ABrokenClaimIsFoundWithinAHundredWorlds) {
  std::ostringstream printed;
  const SimulateSummary summary = Simulate(
      {.seed = 1, .worlds = 100, .miniature = true}, SmallLoopChoice({.break_claims = true}),
      [](uint64_t seed) { return absl::StrFormat("simulate %d.", seed); }, printed);
  EXPECT_GT(summary.failed, 0);
  EXPECT_NE(printed.str().find("contacted twice"), std::string::npos) << printed.str();
  EXPECT_NE(printed.str().find(absl::StrFormat("replay: simulate %d.", summary.first_failed_seed)),
            std::string::npos);
}

DeploymentFactory Services(const CampaignPlan&) { return ServicesLoop(); }

TEST(ServicesLoopTest, WorldsAreAsTheyMustBe) {
  RunWorlds(Services, "ServicesLoopTest.WorldsAreAsTheyMustBe");
}

TEST(ServicesLoopTest, TheSameSeedGivesTheSameTraceByteForByte) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const WorldOptions options{.seed = seed, .keep_trace = true};
    ASSERT_EQ(RunWorld(options, Services).trace, RunWorld(options, Services).trace) << seed;
  }
}

TEST(ServicesLoopTest, WhatIsBrokenOnPurposeIsFound) {
  struct Case {
    ServicesLoopOptions broken;
    std::string found;
  };
  const Case kCases[] = {
      {{.resend_unknown = true}, "contacted twice"},
      {{.invent_consent = true}, "contacted without consent"},
      {{.swallow_events = true}, "is lost"},
      {{.forget_caps = true}, "over the cap"},
      {{.forget_quiet = true}, "in quiet hours"},
      {{.one_time_zone = true}, "in quiet hours"},
      {{.keep_old_address = true}, "no longer, the customer's"},
      {{.inflate_value = true}, "/revenue/"},
      {{.forget_cost = true}, "at a cost of"},
      {{.forget_pauses = true}, "while its campaign was paused"},
      {{.settle_blindly = true}, "but the sink received"},
      {{.swallow_visits = true}, "a visit"},
      {{.mistake_machines = true}, "(open machine)"},
      {{.lose_a_row = true}, "NOT_FOUND"},
      {{.offer_to_all = true}, "not eligible"},
      {{.misreport_choice = true}, "otherwise than the log says"},
      {{.swallow_answers = true}, "a reply to"},
      {{.forget_erasure = true}, "was erased, but"},
      {{.keep_data_key = true}, "the key of what was sealed"},
  };
  for (const Case& c : kCases) {
    std::ostringstream printed;
    const SimulateSummary summary = Simulate(
        {.seed = 1, .worlds = 20}, [&](const CampaignPlan&) { return ServicesLoop(c.broken); },
        [](uint64_t seed) { return std::to_string(seed); }, printed);
    EXPECT_GT(summary.failed, 0) << c.found;
    EXPECT_NE(printed.str().find(c.found), std::string::npos) << printed.str();
  }
}

TEST(ServicesLoopTest, AForgottenHoldoutIsFoundOverManyWorlds) {
  std::ostringstream printed;
  const SimulateSummary summary = Simulate(
      {.seed = 1, .worlds = 60},
      [](const CampaignPlan&) { return ServicesLoop({.forget_holdout = true}); },
      [](uint64_t seed) { return std::to_string(seed); }, printed);
  EXPECT_GT(summary.people, 0);
  EXPECT_FALSE(summary.HoldoutIsKept());
}

}  // namespace
}  // namespace rondo::sim
