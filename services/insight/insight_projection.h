// Records to insight's state: outcomes of customers, sums of cells, purchases, and which cycles are
// due to be closed.
//
// Everything but a cycle's end follows from the customer's own partition. The end is decided in the
// partition of the campaign's name: a timer marks the cycle as due when windows that opened at its
// due time end; the closer (cycle_closer.h) then waits for the latest contact's window, merges all
// partitions' sums and submits CycleClosed, which this partition passes on to all others, once.
#pragma once

#include <functional>
#include <mutex>
#include <set>

#include "platform/eventlog/projection.h"
#include "services/insight/insight_store.h"

namespace rondo::insight {

struct InsightOptions {
  // How long after the last window's end late events are waited for.
  absl::Duration close_grace = absl::Minutes(1);
};

// For campaigns without a goal: how long clicks are waited for.
inline constexpr absl::Duration kWindowWithoutGoal = absl::Hours(14 * 24);

// The longest response window of a cycle's goals.
absl::Duration LongestWindow(const pb::CycleState& cycle);
// When the cycle itself is due; a contact may be due later where its customer's clock is behind.
absl::Time DueTimeOf(const pb::CycleState& cycle);

class InsightProjection final : public eventlog::Projection {
 public:
  explicit InsightProjection(InsightOptions options) : options_(options) {}

  // `on_due` is called on a lane, once committed and live, when a cycle may have become due. Before
  // the runtime starts.
  void OnDue(std::function<void()> on_due) { on_due_ = std::move(on_due); }

  std::string_view name() const override { return "insight"; }
  int state_version() const override { return 3; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  absl::Status OnTimer(absl::Time due, std::string_view key, std::string_view payload,
                       eventlog::ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;

 private:
  InsightOptions options_;
  std::function<void()> on_due_;
  std::mutex due_mutex_;
  std::set<int> due_partitions_;  // Where a timer fired that is not committed yet.
};

}  // namespace rondo::insight
