#include "services/campaign/cycle_planner.h"

#include <atomic>
#include <map>

#include "platform/core/status_macros.h"
#include "services/campaign/campaign_projection.h"
#include "services/campaign/campaign_proto.h"
#include "services/campaign/campaign_store.h"

namespace rondo::campaign {
namespace {

using eventlog::LogRecord;

constexpr absl::Duration kRetryAfter = absl::Seconds(5);

// Appends the contacts of one cycle.
class CycleWriter {
 public:
  CycleWriter(eventlog::Runtime& runtime, const log::v1::CycleStarted& started,
              const std::atomic<bool>& stopped)
      : runtime_(runtime), started_(started), stopped_(stopped) {}

  // What is in the log already; all of it must have been applied.
  absl::Status Load() {
    for (int p = 0; p < runtime_.partition_count(); ++p) {
      RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(CampaignProjection::kName, p));
      RONDO_ASSIGN_OR_RETURN(const CustomerId last,
                             CampaignReader(*state).LastPlanned(name(), number()));
      last_planned_.push_back(last);
    }
    return absl::OkStatus();
  }

  absl::Status Add(const Visit& visit) {
    if (visit.held_out) {
      ++held_out_;
      return absl::OkStatus();
    }
    const int partition = PartitionOf(visit.customer, runtime_.partition_count());
    if (visit.customer <= last_planned_[static_cast<size_t>(partition)]) return absl::OkStatus();
    if (partition != partition_ || batch_.size() == kContactsPerAppend) {
      RONDO_RETURN_IF_ERROR(Flush());
    }
    partition_ = partition;
    batch_.push_back(ContactOf(visit));
    return absl::OkStatus();
  }

  // ABORTED when the campaign was stopped, or this process is ending.
  absl::Status Flush() {
    if (batch_.empty()) return absl::OkStatus();
    if (stopped_) return absl::AbortedError("the process is ending");
    const int home = eventlog::PartitionOfName(name(), runtime_.partition_count());
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(CampaignProjection::kName, home));
    RONDO_ASSIGN_OR_RETURN(const auto campaign, CampaignReader(*state).State(name()));
    if (!campaign.has_value() || campaign->state() == v1::CAMPAIGN_STATE_STOPPED) {
      return absl::AbortedError("the campaign was stopped");
    }
    RONDO_RETURN_IF_ERROR(
        runtime_.log()
            .Append(partition_, absl::MakeSpan(batch_), eventlog::Durability::kWritten)
            .status());
    last_planned_[static_cast<size_t>(partition_)] = CustomerId(batch_.back().party());
    batch_.clear();
    return absl::OkStatus();
  }

  // Sums what the partitions counted and says that the cycle is planned.
  absl::Status Finish() {
    RONDO_RETURN_IF_ERROR(Flush());
    RONDO_RETURN_IF_ERROR(runtime_.log().Sync());
    RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(CampaignProjection::kName));
    LogRecord record;
    log::v1::CyclePlanned& planned = *record.mutable_cycle_planned();
    RONDO_RETURN_IF_ERROR(SumProgress(planned));
    record.set_source(std::string(CampaignProjection::kName));
    planned.set_held_out(held_out_);
    const int home = eventlog::PartitionOfName(name(), runtime_.partition_count());
    const auto position = runtime_.Submit(CampaignProjection::kName, home, std::move(record),
                                          eventlog::Durability::kSynced);
    if (absl::IsAlreadyExists(position.status())) return absl::OkStatus();
    return position.status();
  }

 private:
  const std::string& name() const { return started_.campaign().name(); }
  int number() const { return started_.cycle().number(); }

  LogRecord ContactOf(const Visit& visit) const {
    const v1::Campaign& campaign = started_.campaign();
    const v1::Cell& cell = campaign.cells(visit.cell);
    LogRecord record;
    record.set_party(visit.customer.value());
    record.set_source(std::string(CampaignProjection::kName));
    record.set_event_time_micros(ToMicros(runtime_.clock().Now()));
    log::v1::ContactPlanned& contact = *record.mutable_contact_planned();
    contact.mutable_contact()->set_campaign(name());
    contact.mutable_contact()->set_cycle(number());
    contact.set_campaign_version(started_.cycle().campaign_version());
    contact.set_cell(cell.name());
    contact.set_control(cell.control());
    contact.set_due_time_micros(ToMicros(visit.due));
    contact.set_assignment_probability(visit.probability);
    contact.set_time_zone(std::string(visit.time_zone));
    contact.set_segments(visit.segments);
    contact.set_purpose(campaign.purpose());
    contact.set_plan_only(campaign.plan_only_from_cycle() > 0 &&
                          number() >= campaign.plan_only_from_cycle());
    if (!cell.control()) {
      contact.set_channel(cell.treatment().channel());
      contact.set_cost_minor_units(cell.treatment().cost().minor_units());
    }
    return record;
  }

  absl::Status SumProgress(log::v1::CyclePlanned& planned) const {
    std::map<std::string, int64_t> counts;
    for (int p = 0; p < runtime_.partition_count(); ++p) {
      RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(CampaignProjection::kName, p));
      RONDO_ASSIGN_OR_RETURN(const auto progress,
                             CampaignReader(*state).Progress(name(), number()));
      if (!progress.has_value()) continue;
      planned.set_targeted(planned.targeted() + progress->targeted());
      for (const v1::CellCount& cell : progress->cells()) counts[cell.cell()] += cell.count();
    }
    planned.set_campaign(name());
    planned.set_cycle(number());
    for (const v1::Cell& cell : started_.campaign().cells()) {
      v1::CellCount& count = *planned.add_cells();
      count.set_cell(cell.name());
      count.set_count(counts[cell.name()]);
    }
    return absl::OkStatus();
  }

  eventlog::Runtime& runtime_;
  const log::v1::CycleStarted& started_;
  const std::atomic<bool>& stopped_;
  std::vector<CustomerId> last_planned_;  // By partition.
  int partition_ = -1;
  std::vector<LogRecord> batch_;
  int64_t held_out_ = 0;
};

absl::StatusOr<std::vector<UnplannedCycle>> UnplannedCycles(const eventlog::Runtime& runtime) {
  std::vector<UnplannedCycle> cycles;
  for (int p = 0; p < runtime.partition_count(); ++p) {
    if (!runtime.IsLive(p)) continue;
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime.ReadState(CampaignProjection::kName, p));
    RONDO_ASSIGN_OR_RETURN(const auto here, CampaignReader(*state).Unplanned());
    cycles.insert(cycles.end(), here.begin(), here.end());
  }
  return cycles;
}

absl::Status PlanCycle(const UnplannedCycle& cycle, eventlog::Runtime& runtime,
                       const WalkTools& tools, const std::atomic<bool>& stopped) {
  RONDO_RETURN_IF_ERROR(runtime.AwaitEnd(CampaignProjection::kName));
  const int home = eventlog::PartitionOfName(cycle.campaign, runtime.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto state, runtime.ReadState(CampaignProjection::kName, home));
  RONDO_ASSIGN_OR_RETURN(const auto started,
                         CampaignReader(*state).Cycle(cycle.campaign, cycle.number));
  if (!started.has_value() || started->cycle().has_planned_time()) return absl::OkStatus();
  CycleWriter writer(runtime, *started, stopped);
  RONDO_RETURN_IF_ERROR(writer.Load());
  RONDO_RETURN_IF_ERROR(WalkTargets(tools, CallInfo(), started->campaign(), started->cycle(),
                                    cycle.begun,
                                    [&](const Visit& visit) { return writer.Add(visit); }));
  return writer.Finish();
}

}  // namespace

struct CyclePlanner::State {
  eventlog::Runtime& runtime;
  Executor& executor;
  const Log& log;
  WalkTools tools;
  Strand strand;
  std::atomic<bool> started = false;
  std::atomic<bool> stopped = false;
  std::atomic<bool> retry_waits = false;  // One retry on its way is enough.
};

CyclePlanner::CyclePlanner(eventlog::Runtime& runtime, Executor& executor, const Log& log,
                           WalkTools tools)
    : state_(new State{.runtime = runtime,
                       .executor = executor,
                       .log = log,
                       .tools = std::move(tools),
                       .strand = Strand(executor)}) {}

CyclePlanner::~CyclePlanner() { Stop(); }

// A task that waits in a strand does not keep alive what owns the strand.
void CyclePlanner::PostRun(const std::shared_ptr<State>& state) {
  state->strand.Post([weak = std::weak_ptr(state)] {
    if (const auto alive = weak.lock()) Run(alive);
  });
}

void CyclePlanner::Wake() {
  if (!state_->started || state_->stopped) return;
  PostRun(state_);
}

void CyclePlanner::Start() {
  state_->started = true;
  // Cycles may have begun while nobody acted.
  Wake();
}

void CyclePlanner::Stop() { state_->stopped = true; }

void CyclePlanner::Run(const std::shared_ptr<State>& state) {
  if (state->stopped) return;
  const auto plan_all = [&]() -> absl::Status {
    RONDO_ASSIGN_OR_RETURN(const std::vector<UnplannedCycle> cycles,
                           UnplannedCycles(state->runtime));
    absl::Status first_error;  // One campaign's trouble does not keep the others waiting.
    for (const UnplannedCycle& cycle : cycles) {
      if (state->stopped) return absl::OkStatus();
      const absl::Status planned = PlanCycle(cycle, state->runtime, state->tools, state->stopped);
      if (!absl::IsAborted(planned)) first_error.Update(planned);
      const std::string outcome(planned.ok() ? "planned" : std::string(planned.message()));
      state->log.Write(
          planned.ok() ? LogLevel::kInfo : LogLevel::kWarning, "cycle_planned",
          {{"campaign", cycle.campaign}, {"cycle", int64_t{cycle.number}}, {"outcome", outcome}});
    }
    return first_error;
  };
  if (plan_all().ok() || state->stopped || state->retry_waits.exchange(true)) return;
  state->executor.PostAt(state->runtime.clock().Now() + kRetryAfter, [state] {
    state->retry_waits = false;
    PostRun(state);
  });
}

}  // namespace rondo::campaign
