// Where a campaign stands, and where it may go from there.
//
//   draft -> approved -> scheduled -> running <-> paused -> completed
//
// Approval is of one content: a change takes it back to draft until the launch; after the launch a
// change is for the next cycle. Whatever is not over can be stopped for good.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace rondo::campaign {

enum class State { kDraft, kApproved, kScheduled, kRunning, kPaused, kCompleted, kStopped };

// `draft`, `approved`, ...
std::string_view ToString(State state);

// Completed or stopped: nothing happens any more.
bool IsOver(State state);

// FAILED_PRECONDITION, with the way out, unless a campaign may go from `from` to `to`.
absl::Status CheckTransition(State from, State to);

}  // namespace rondo::campaign
