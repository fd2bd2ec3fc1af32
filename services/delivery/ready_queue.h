// The head of one partition's ready contacts of one channel, read from the state a page at a time.
//
// A queue in an ordered store leaves a deletion behind for each entry that was taken; a scan from
// the start would step over all of them, every time. So a scan starts where the oldest ready entry
// was last seen: new entries carry the partition's time, which never goes back. One thread at a
// time.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/storage/store.h"
#include "rondo/state/v1/delivery.pb.h"

namespace rondo::delivery {

// Entries read at once: what is kept in memory of a backlog.
inline constexpr size_t kReadyPage = 512;

struct ReadyContact {
  std::string key;
  rondo::state::v1::ContactState state;
};

class ReadyQueue {
 public:
  explicit ReadyQueue(std::string_view channel) : channel_(channel) {}

  // The next contacts that are ready in `state`, oldest first, without those in `busy`; at most
  // `limit` (and kReadyPage), fewer only if there are no more. What was taken and is neither busy
  // nor claimed comes again. `state` is never older than in the call before. DATA_LOSS for what
  // does not decode.
  absl::StatusOr<std::vector<ReadyContact>> Take(const storage::Reader& state,
                                                 const std::set<std::string>& busy, size_t limit);

 private:
  absl::Status ReadPage(const storage::Reader& state, const std::set<std::string>& skipped);

  std::string channel_;
  std::deque<std::string> page_;
  int64_t oldest_micros_ = std::numeric_limits<int64_t>::min();  // None is ready since before.
};

}  // namespace rondo::delivery
