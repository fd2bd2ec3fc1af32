#include "services/insight/cycle_closer.h"

#include <optional>

#include "platform/core/status_macros.h"
#include "services/insight/insight_projection.h"
#include "services/insight/insight_reader.h"
#include "services/insight/share_proposal.h"
#include "services/insight/signal_refresher.h"

namespace rondo::insight {

constexpr absl::Duration kRetryAfter = absl::Seconds(5);

struct CycleCloser::State {
  eventlog::Runtime& runtime;
  Executor& executor;
  const Log& log;
  absl::Duration grace;
  Strand strand;
  std::atomic<bool> stopped = false;
};

namespace {

absl::StatusOr<std::vector<CycleKey>> DueCycles(const eventlog::Runtime& runtime) {
  std::vector<CycleKey> due;
  for (int partition = 0; partition < runtime.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime.ReadState("insight", partition));
    RONDO_ASSIGN_OR_RETURN(const auto here, ReadDue(*state));
    due.insert(due.end(), here.begin(), here.end());
  }
  return due;
}

// Closes the cycle and returns nothing, or, while windows are open, when they end.
absl::StatusOr<std::optional<absl::Time>> Close(const CycleKey& key, absl::Duration grace,
                                                eventlog::Runtime& runtime) {
  const absl::Time as_of = runtime.clock().Now();
  RONDO_RETURN_IF_ERROR(runtime.AwaitSettled("insight"));
  RONDO_ASSIGN_OR_RETURN(const auto all, ReadCampaign(runtime, key.campaign));
  std::vector<CycleView> evidence;  // Earlier ones whose windows are over, and this one last.
  for (const CycleView& cycle : all) {
    const int32_t number = cycle.state.cycle().number();
    if (number < key.cycle && WindowsEnd(cycle) <= as_of) evidence.push_back(cycle);
    if (number == key.cycle) evidence.push_back(cycle);
  }
  const bool found = !evidence.empty() && evidence.back().state.cycle().number() == key.cycle;
  if (!found || evidence.back().state.closed()) return std::nullopt;
  const absl::Time end = WindowsEnd(evidence.back()) + grace;
  if (as_of < end) return std::optional(end);

  eventlog::LogRecord record;
  record.set_source("insight");
  record.set_event_time_micros(ToMicros(as_of));
  auto& closed = *record.mutable_cycle_closed();
  closed.set_campaign(key.campaign);
  closed.set_cycle(key.cycle);
  *closed.mutable_results() =
      MakeReport(std::span<const CycleView>(evidence).last(1), key.cycle, as_of);
  ShareProposal proposal = ProposeShares(evidence);
  for (auto& share : proposal.shares) *closed.add_proposal() = std::move(share);
  for (std::string& reason : proposal.reasons) closed.add_reasons(std::move(reason));
  const int home = eventlog::PartitionOfName(key.campaign, runtime.partition_count());
  const auto position =
      runtime.Submit("insight", home, std::move(record), eventlog::Durability::kSynced);
  if (!position.ok() && !absl::IsAlreadyExists(position.status())) return position.status();
  return std::nullopt;
}

}  // namespace

CycleCloser::CycleCloser(eventlog::Runtime& runtime, Executor& executor, const Log& log,
                         absl::Duration grace)
    : state_(new State{.runtime = runtime,
                       .executor = executor,
                       .log = log,
                       .grace = grace,
                       .strand = Strand(executor),
                       .stopped = false}) {}

// What waits in the strand, which is a part of the state, does not keep the state alive.
void CycleCloser::Post(const std::shared_ptr<State>& state) {
  state->strand.Post([weak = std::weak_ptr(state)] {
    if (const std::shared_ptr<State> alive = weak.lock()) Run(alive);
  });
}

void CycleCloser::Wake() { Post(state_); }

void CycleCloser::Stop() { state_->stopped = true; }

void CycleCloser::WakeAt(const std::shared_ptr<State>& state, absl::Time time) {
  state->executor.PostAt(time, [weak = std::weak_ptr(state)] {
    if (const std::shared_ptr<State> alive = weak.lock()) Post(alive);
  });
}

absl::Status CycleCloser::CloseAll(const std::shared_ptr<State>& state) {
  RONDO_ASSIGN_OR_RETURN(const std::vector<CycleKey> due, DueCycles(state->runtime));
  bool closed_any = false;
  absl::Status failed;
  for (const CycleKey& key : due) {
    if (state->stopped) return absl::OkStatus();
    const auto end = Close(key, state->grace, state->runtime);
    if (!end.ok()) {
      failed.Update(end.status());  // The others are closed all the same.
      continue;
    }
    if (end->has_value()) {
      WakeAt(state, **end);
      continue;
    }
    closed_any = true;
    state->log.Write(LogLevel::kInfo, "cycle_closed",
                     {{"campaign", key.campaign}, {"cycle", int64_t{key.cycle}}});
  }
  // Scores follow the cycle's purchases, for the next cycle's target.
  if (closed_any) failed.Update(RefreshSignals(state->runtime).status());
  return failed;
}

void CycleCloser::Run(const std::shared_ptr<State>& state) {
  if (state->stopped) return;
  const absl::Status status = CloseAll(state);
  if (status.ok() || state->stopped) return;
  state->log.Write(LogLevel::kWarning, "cycle_close_failed",
                   {{"error", std::string_view(status.message().data(), status.message().size())}});
  WakeAt(state, state->runtime.clock().Now() + kRetryAfter);
}

}  // namespace rondo::insight
