#include "services/insight/cycle_closer.h"

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

absl::Status Close(const CycleKey& key, eventlog::Runtime& runtime) {
  const absl::Time as_of = runtime.clock().Now();
  RONDO_RETURN_IF_ERROR(runtime.AwaitEnd("insight"));
  RONDO_ASSIGN_OR_RETURN(const auto all, ReadCampaign(runtime, key.campaign));
  std::vector<CycleView> evidence;  // Earlier ones whose windows are over, and this one last.
  for (const CycleView& cycle : all) {
    const int32_t number = cycle.state.cycle().number();
    if (number < key.cycle && WindowsEnd(cycle.state) <= as_of) evidence.push_back(cycle);
    if (number == key.cycle) evidence.push_back(cycle);
  }
  const bool found = !evidence.empty() && evidence.back().state.cycle().number() == key.cycle;
  if (!found || evidence.back().state.closed()) return absl::OkStatus();

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
  if (absl::IsAlreadyExists(position.status())) return absl::OkStatus();
  return position.status();
}

}  // namespace

CycleCloser::CycleCloser(eventlog::Runtime& runtime, Executor& executor, const Log& log)
    : state_(new State{.runtime = runtime,
                       .executor = executor,
                       .log = log,
                       .strand = Strand(executor),
                       .stopped = false}) {}

void CycleCloser::Wake() {
  state_->strand.Post([state = state_] { Run(state); });
}

void CycleCloser::Stop() { state_->stopped = true; }

void CycleCloser::Run(const std::shared_ptr<State>& state) {
  if (state->stopped) return;
  const auto close_all = [&]() -> absl::Status {
    RONDO_ASSIGN_OR_RETURN(const std::vector<CycleKey> due, DueCycles(state->runtime));
    for (const CycleKey& key : due) {
      if (state->stopped) return absl::OkStatus();
      RONDO_RETURN_IF_ERROR(Close(key, state->runtime));
      state->log.Write(LogLevel::kInfo, "cycle_closed",
                       {{"campaign", key.campaign}, {"cycle", int64_t{key.cycle}}});
    }
    // Scores follow the cycle's purchases, for the next cycle's target.
    if (!due.empty()) RONDO_RETURN_IF_ERROR(RefreshSignals(state->runtime).status());
    return absl::OkStatus();
  };
  const absl::Status status = close_all();
  if (status.ok() || state->stopped) return;
  state->log.Write(LogLevel::kWarning, "cycle_close_failed",
                   {{"error", std::string_view(status.message().data(), status.message().size())}});
  state->executor.PostAt(state->runtime.clock().Now() + kRetryAfter,
                         [state] { state->strand.Post([state] { Run(state); }); });
}

}  // namespace rondo::insight
