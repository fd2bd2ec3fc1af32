#include "services/campaign/domain/lifecycle.h"

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo::campaign {
namespace {

bool IsAllowed(State from, State to) {
  switch (to) {
    case State::kDraft:
      return from == State::kApproved;
    case State::kApproved:
      return from == State::kDraft;
    case State::kScheduled:
      return from == State::kApproved || from == State::kPaused;
    case State::kRunning:
      return from == State::kScheduled || from == State::kPaused;
    case State::kPaused:
      return from == State::kScheduled || from == State::kRunning;
    case State::kCompleted:
      return from == State::kRunning || from == State::kPaused;
    case State::kStopped:
      return !IsOver(from);
  }
  RONDO_CHECK(false);
}

std::string_view WayOut(State from) {
  switch (from) {
    case State::kDraft:
      return "approve it first";
    case State::kApproved:
      return "launch it first";
    case State::kScheduled:
    case State::kRunning:
      return "pause or stop it first";
    case State::kPaused:
      return "resume or stop it";
    case State::kCompleted:
    case State::kStopped:
      return "it is over: create a new campaign from its definition";
  }
  RONDO_CHECK(false);
}

}  // namespace

std::string_view ToString(State state) {
  switch (state) {
    case State::kDraft:
      return "draft";
    case State::kApproved:
      return "approved";
    case State::kScheduled:
      return "scheduled";
    case State::kRunning:
      return "running";
    case State::kPaused:
      return "paused";
    case State::kCompleted:
      return "completed";
    case State::kStopped:
      return "stopped";
  }
  RONDO_CHECK(false);
}

bool IsOver(State state) { return state == State::kCompleted || state == State::kStopped; }

absl::Status CheckTransition(State from, State to) {
  if (IsAllowed(from, to)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrFormat("the campaign is %s and cannot become %s: %s", ToString(from), ToString(to),
                      from == to ? "it already is" : WayOut(from)));
}

}  // namespace rondo::campaign
