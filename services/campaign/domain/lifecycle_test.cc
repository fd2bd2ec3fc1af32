#include "services/campaign/domain/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace rondo::campaign {
namespace {

constexpr State kStates[] = {State::kDraft,  State::kApproved,  State::kScheduled, State::kRunning,
                             State::kPaused, State::kCompleted, State::kStopped};

TEST(LifecycleTest, AllowsExactlyTheStepsOfItsPicture) {
  const std::set<std::pair<State, State>> allowed = {
      {State::kDraft, State::kApproved},     {State::kApproved, State::kDraft},
      {State::kApproved, State::kScheduled}, {State::kScheduled, State::kRunning},
      {State::kScheduled, State::kPaused},   {State::kRunning, State::kPaused},
      {State::kPaused, State::kScheduled},   {State::kPaused, State::kRunning},
      {State::kRunning, State::kCompleted},  {State::kPaused, State::kCompleted},
      {State::kDraft, State::kStopped},      {State::kApproved, State::kStopped},
      {State::kScheduled, State::kStopped},  {State::kRunning, State::kStopped},
      {State::kPaused, State::kStopped},
  };
  for (const State from : kStates) {
    for (const State to : kStates) {
      SCOPED_TRACE(std::string(ToString(from)) + " to " + std::string(ToString(to)));
      EXPECT_EQ(CheckTransition(from, to).code(), allowed.contains({from, to})
                                                      ? absl::StatusCode::kOk
                                                      : absl::StatusCode::kFailedPrecondition);
    }
  }
}

TEST(LifecycleTest, ARefusalSaysWhatToDo) {
  EXPECT_THAT(std::string(CheckTransition(State::kDraft, State::kScheduled).message()),
              ::testing::HasSubstr("approve it first"));
  EXPECT_THAT(std::string(CheckTransition(State::kRunning, State::kRunning).message()),
              ::testing::HasSubstr("it already is"));
}

TEST(LifecycleTest, NothingFollowsTheEnd) {
  for (const State over : {State::kCompleted, State::kStopped}) {
    EXPECT_TRUE(IsOver(over));
    for (const State to : kStates) EXPECT_FALSE(CheckTransition(over, to).ok());
  }
}

}  // namespace
}  // namespace rondo::campaign
