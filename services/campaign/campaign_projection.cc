#include "services/campaign/campaign_projection.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"
#include "services/campaign/campaign_proto.h"
#include "services/campaign/domain/lifecycle.h"
#include "services/campaign/domain/schedule.h"
#include "services/campaign/domain/shares.h"

namespace rondo::campaign {
namespace {

using eventlog::ApplyContext;
using eventlog::LogRecord;

bool IsHome(std::string_view campaign, const ApplyContext& context) {
  return eventlog::PartitionOfName(campaign, context.partition_count()) == context.partition();
}

void EmitToAll(const LogRecord& record, ApplyContext& context) {
  for (int p = 0; p < context.partition_count(); ++p) context.EmitTo(p, record);
}

// Writes the new state and tells every partition. The step must have been checked.
void MoveTo(State to, v1::Campaign& state, ApplyContext& context) {
  LogRecord record;
  auto& transitioned = *record.mutable_campaign_transitioned();
  transitioned.set_campaign(state.name());
  transitioned.set_from(state.state());
  transitioned.set_to(ToProto(to));
  state.set_state(ToProto(to));
  CampaignWriter(context).PutState(state);
  EmitToAll(record, context);
}

absl::StatusOr<v1::Campaign> StateAt(std::string_view campaign, ApplyContext& context) {
  const CampaignWriter store(context);
  RONDO_ASSIGN_OR_RETURN(std::optional<v1::Campaign> state, store.read().State(campaign));
  if (!state.has_value()) {
    return absl::NotFoundError(
        absl::StrFormat("there is no %s; create it first", std::string(campaign)));
  }
  return *std::move(state);
}

// The definition as it counts for a campaign that was launched: without a start of its own it
// starts when it was launched.
v1::Campaign AsLaunched(const catalog::Definition& definition, const v1::Campaign& state) {
  v1::Campaign campaign = definition.campaign();
  campaign.set_name(definition.name());
  campaign.set_version(definition.version());
  if (!campaign.schedule().has_start_time()) {
    *campaign.mutable_schedule()->mutable_start_time() = state.schedule().start_time();
  }
  return campaign;
}

// What people ask for is narrower than what may happen: launching is for approved campaigns,
// resuming for paused ones.
absl::Status CheckVerb(State from, State to) {
  if (to == State::kScheduled && from != State::kApproved) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the campaign is %s: only an approved one can be launched", ToString(from)));
  }
  if (to == State::kRunning && from != State::kPaused) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the campaign is %s: only a paused one can be resumed", ToString(from)));
  }
  return absl::OkStatus();
}

}  // namespace

CampaignProjection::CampaignProjection(int partition_count)
    : definitions_(kDefinitionsTable, {std::string(catalog::kCampaigns)}),
      unplanned_(static_cast<size_t>(partition_count)) {}

void CampaignProjection::SetPlanner(std::function<void(int)> on_unplanned) {
  on_unplanned_ = std::move(on_unplanned);
}

absl::Status CampaignProjection::Apply(const LogRecord& record, ApplyContext& context) {
  switch (record.body_case()) {
    case LogRecord::kDefinitionActivated: {
      RONDO_ASSIGN_OR_RETURN(const bool stored, definitions_.Apply(record, context));
      if (!stored) return absl::OkStatus();
      return OnDefinition(record.definition_activated().definition(), context);
    }
    case LogRecord::kCampaignTransitionProposed:
      return OnProposed(record.campaign_transition_proposed(), context);
    case LogRecord::kCycleStarted:
      return OnStarted(record, context);
    case LogRecord::kContactPlanned:
      return OnContact(record, context);
    case LogRecord::kCyclePlanned:
      // The end of an imported past cycle says nothing of ours.
      if (record.source() == "import") return absl::OkStatus();
      return OnPlanned(record.cycle_planned(), context);
    case LogRecord::kCycleClosed:
      return OnClosed(record.cycle_closed(), context);
    default:
      return absl::OkStatus();
  }
}

absl::Status CampaignProjection::OnDefinition(const catalog::Definition& definition,
                                              ApplyContext& context) {
  if (!IsHome(definition.name(), context) || definition.deleted()) return absl::OkStatus();
  CampaignWriter store(context);
  RONDO_ASSIGN_OR_RETURN(std::optional<v1::Campaign> state, store.read().State(definition.name()));
  if (!state.has_value()) {
    v1::Campaign draft;
    draft.set_name(definition.name());
    draft.set_state(v1::CAMPAIGN_STATE_DRAFT);
    store.PutState(draft);
    return absl::OkStatus();
  }
  if (state->state() == v1::CAMPAIGN_STATE_APPROVED) {
    // What was approved was another content.
    state->clear_version();
    MoveTo(State::kDraft, *state, context);
    return absl::OkStatus();
  }
  return SetNextTimer(*state, context);
}

absl::Status CampaignProjection::Approve(int64_t version, v1::Campaign& state,
                                         ApplyContext& context) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<catalog::Definition> definition,
                         definitions_.Get(state.name(), context));
  if (!definition.has_value()) return absl::NotFoundError("the campaign was deleted");
  if (version != 0 && version != definition->version()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("version %d was read, but %d is current: read it again, then approve",
                        version, definition->version()));
  }
  if (state.version() == definition->version()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("version %d is approved already", definition->version()));
  }
  state.set_version(definition->version());
  return absl::OkStatus();
}

absl::Status CampaignProjection::GoOn(v1::Campaign state, ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const State stands, StateOf(state.state()));
  RONDO_ASSIGN_OR_RETURN(const std::optional<catalog::Definition> definition,
                         definitions_.Get(state.name(), context));
  RONDO_ASSIGN_OR_RETURN(const std::optional<log::v1::CycleClosed> last,
                         CampaignWriter(context).read().LastClosing(state.name()));
  // A change that nobody has approved ends nothing.
  const bool is_done = definition.has_value() && definition->version() == state.version() &&
                       last.has_value() && last->cycle() >= state.current_cycle() &&
                       state.current_cycle() >= CycleCount(definition->campaign());
  if (is_done && CheckTransition(stands, State::kCompleted).ok()) {
    MoveTo(State::kCompleted, state, context);
    return absl::OkStatus();
  }
  return StartDueCycle(std::move(state), context);
}

absl::Status CampaignProjection::OnProposed(const log::v1::CampaignTransitionProposed& proposed,
                                            ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(v1::Campaign state, StateAt(proposed.campaign(), context));
  RONDO_ASSIGN_OR_RETURN(const State from, StateOf(state.state()));
  RONDO_ASSIGN_OR_RETURN(State to, StateOf(proposed.to()));
  RONDO_RETURN_IF_ERROR(CheckVerb(from, to));
  const bool is_launched =
      from == State::kScheduled || from == State::kRunning || from == State::kPaused;
  if (to == State::kApproved && is_launched) {
    // A change of a campaign that was launched: it stands where it stood, and goes on.
    RONDO_RETURN_IF_ERROR(Approve(proposed.version(), state, context));
    CampaignWriter(context).PutState(state);
    return GoOn(std::move(state), context);
  }
  if (to == State::kRunning && state.current_cycle() == 0) to = State::kScheduled;
  RONDO_RETURN_IF_ERROR(CheckTransition(from, to));
  if (to == State::kApproved) {
    RONDO_RETURN_IF_ERROR(Approve(proposed.version(), state, context));
  }
  if (from == State::kApproved && to == State::kScheduled) {
    *state.mutable_schedule()->mutable_start_time() = ToTimestamp(context.partition_time());
  }
  CampaignWriter store(context);
  if (to == State::kStopped) {
    store.SetDueCycle(state.name(), 0);
    store.ClearUnplanned(state.name(), state.current_cycle());
  }
  MoveTo(to, state, context);
  if (to == State::kScheduled || to == State::kRunning) {
    RONDO_RETURN_IF_ERROR(SetNextTimer(state, context));
    return StartDueCycle(std::move(state), context);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<absl::Time>> CampaignProjection::NextPlanDue(
    const catalog::Definition& definition, const v1::Campaign& state, ApplyContext& context) {
  if (state.current_cycle() >= CycleCount(definition.campaign())) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(const Schedule schedule,
                         ScheduleOf(AsLaunched(definition, state).schedule()));
  if (state.current_cycle() == 0) return PlanDue(schedule, NextSlot(schedule, nullptr));
  RONDO_ASSIGN_OR_RETURN(const std::optional<log::v1::CycleStarted> last,
                         CampaignWriter(context).read().Cycle(state.name(), state.current_cycle()));
  if (!last.has_value()) return std::nullopt;  // On its way; OnStarted sets the timer then.
  return PlanDue(schedule, NextSlot(schedule, &last->cycle()));
}

absl::Status CampaignProjection::SetNextTimer(const v1::Campaign& state, ApplyContext& context) {
  if (state.state() != v1::CAMPAIGN_STATE_SCHEDULED &&
      state.state() != v1::CAMPAIGN_STATE_RUNNING) {
    return absl::OkStatus();
  }
  RONDO_ASSIGN_OR_RETURN(const std::optional<catalog::Definition> definition,
                         definitions_.Get(state.name(), context));
  if (!definition.has_value()) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const std::optional<absl::Time> due,
                         NextPlanDue(*definition, state, context));
  if (!due.has_value()) return absl::OkStatus();
  const auto next = static_cast<uint32_t>(state.current_cycle() + 1);
  context.SetTimer(*due, state.name(), storage::KeyBuilder().U32(next).view());
  return absl::OkStatus();
}

absl::Status CampaignProjection::OnTimer(absl::Time due, std::string_view key,
                                         std::string_view payload, ApplyContext& context) {
  CampaignWriter store(context);
  RONDO_ASSIGN_OR_RETURN(const std::optional<v1::Campaign> state, store.read().State(key));
  const int number = static_cast<int>(storage::KeyParser(payload).U32());
  if (!state.has_value() || number != state->current_cycle() + 1) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const State stands, StateOf(state->state()));
  if (IsOver(stands)) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const std::optional<catalog::Definition> definition,
                         definitions_.Get(key, context));
  if (!definition.has_value()) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const std::optional<absl::Time> plan_due,
                         NextPlanDue(*definition, *state, context));
  // The schedule may have been changed since: then the timer of its new time counts.
  if (!plan_due.has_value() || *plan_due > due) return absl::OkStatus();
  store.SetDueCycle(key, number);
  return StartDueCycle(*state, context);
}

absl::Status CampaignProjection::StartDueCycle(v1::Campaign state, ApplyContext& context) {
  CampaignWriter store(context);
  const std::string name = state.name();
  RONDO_ASSIGN_OR_RETURN(const int number, store.read().DueCycle(name));
  const bool may_run =
      state.state() == v1::CAMPAIGN_STATE_SCHEDULED || state.state() == v1::CAMPAIGN_STATE_RUNNING;
  if (number == 0 || number != state.current_cycle() + 1 || !may_run) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const std::optional<catalog::Definition> definition,
                         definitions_.Get(name, context));
  // What nobody has approved begins nothing: the cycle waits.
  if (!definition.has_value() || definition->version() != state.version()) return absl::OkStatus();
  // It became due by a schedule that was changed since: then its new time counts, if it has one.
  RONDO_ASSIGN_OR_RETURN(const std::optional<absl::Time> plan_due,
                         NextPlanDue(*definition, state, context));
  if (!plan_due.has_value()) return absl::OkStatus();
  if (*plan_due > context.partition_time()) {
    store.SetDueCycle(name, 0);
    return SetNextTimer(state, context);
  }
  v1::Campaign campaign = AsLaunched(*definition, state);
  RONDO_ASSIGN_OR_RETURN(const std::optional<log::v1::CycleClosed> last,
                         store.read().LastClosing(name));
  std::optional<log::v1::CycleStarted> previous;
  if (number > 1) {
    RONDO_ASSIGN_OR_RETURN(previous, store.read().Cycle(name, number - 1));
    const bool is_planned = previous.has_value() && previous->cycle().has_planned_time();
    const bool is_closed = last.has_value() && last->cycle() >= number - 1;
    if (!is_planned || (Learns(campaign) && !is_closed)) return absl::OkStatus();
  }
  RONDO_ASSIGN_OR_RETURN(const Schedule schedule, ScheduleOf(campaign.schedule()));

  LogRecord record;
  log::v1::CycleStarted& started = *record.mutable_cycle_started();
  v1::Cycle& cycle = *started.mutable_cycle();
  cycle.set_name(absl::StrFormat("%s/cycles/%d", name, number));
  cycle.set_number(number);
  cycle.set_campaign_version(definition->version());
  cycle.set_slot(NextSlot(schedule, previous.has_value() ? &previous->cycle() : nullptr));
  *cycle.mutable_begin_time() = ToTimestamp(context.partition_time());
  *cycle.mutable_due_time() =
      ToTimestamp(std::max(CycleDue(schedule, cycle.slot()), context.partition_time()));
  FreezeShares(campaign, last.has_value() ? &*last : nullptr, cycle);
  FreezeSegments(campaign, cycle);
  *started.mutable_campaign() = std::move(campaign);

  store.SetDueCycle(name, 0);
  state.set_current_cycle(number);
  store.PutState(state);
  if (state.state() == v1::CAMPAIGN_STATE_SCHEDULED) MoveTo(State::kRunning, state, context);
  EmitToAll(record, context);
  return absl::OkStatus();
}

absl::Status CampaignProjection::OnStarted(const LogRecord& record, ApplyContext& context) {
  const log::v1::CycleStarted& started = record.cycle_started();
  const std::string& name = started.campaign().name();
  // A cycle that this projection did not emit is a past one, imported: nothing of it is planned.
  if (!IsHome(name, context) || record.emitter().empty()) return absl::OkStatus();
  CampaignWriter store(context);
  store.PutCycle(started);
  RONDO_ASSIGN_OR_RETURN(const v1::Campaign state, StateAt(name, context));
  if (state.state() == v1::CAMPAIGN_STATE_STOPPED) return absl::OkStatus();
  store.MarkUnplanned({name, started.cycle().number(), FromMicros(record.event_time_micros())});
  unplanned_[static_cast<size_t>(context.partition())] = 1;
  return SetNextTimer(state, context);
}

absl::Status CampaignProjection::OnContact(const LogRecord& record, ApplyContext& context) {
  const log::v1::ContactPlanned& contact = record.contact_planned();
  if (contact.imported()) return absl::OkStatus();
  const std::string& name = contact.contact().campaign();
  const int number = contact.contact().cycle();
  const CustomerId customer(record.party());
  CampaignWriter store(context);
  RONDO_ASSIGN_OR_RETURN(const CustomerId last, store.read().LastPlanned(name, number));
  // The planner goes through each partition in the order of ids.
  if (customer <= last) return absl::AlreadyExistsError("the customer is planned for this cycle");
  RONDO_ASSIGN_OR_RETURN(std::optional<log::v1::CyclePlanned> progress,
                         store.read().Progress(name, number));
  if (!progress.has_value()) {
    progress.emplace();
    progress->set_campaign(name);
    progress->set_cycle(number);
  }
  progress->set_targeted(progress->targeted() + 1);
  auto& cells = *progress->mutable_cells();
  auto cell = std::find_if(cells.begin(), cells.end(), [&](const v1::CellCount& count) {
    return count.cell() == contact.cell();
  });
  if (cell == cells.end()) {
    progress->add_cells()->set_cell(contact.cell());
    cell = cells.end() - 1;
  }
  cell->set_count(cell->count() + 1);
  store.PutProgress(*progress, customer);
  return absl::OkStatus();
}

absl::Status CampaignProjection::OnPlanned(const log::v1::CyclePlanned& planned,
                                           ApplyContext& context) {
  if (!IsHome(planned.campaign(), context)) return absl::OkStatus();
  CampaignWriter store(context);
  RONDO_ASSIGN_OR_RETURN(std::optional<log::v1::CycleStarted> cycle,
                         store.read().Cycle(planned.campaign(), planned.cycle()));
  if (!cycle.has_value() || cycle->cycle().has_planned_time()) {
    return absl::AlreadyExistsError("the cycle is planned already, or never began");
  }
  cycle->mutable_cycle()->set_targeted(planned.targeted());
  cycle->mutable_cycle()->set_held_out(planned.held_out());
  *cycle->mutable_cycle()->mutable_planned() = planned.cells();
  *cycle->mutable_cycle()->mutable_planned_time() = ToTimestamp(context.partition_time());
  store.PutCycle(*cycle);
  store.ClearUnplanned(planned.campaign(), planned.cycle());
  LogRecord record;
  *record.mutable_cycle_planned() = planned;
  for (int p = 0; p < context.partition_count(); ++p) {
    if (p != context.partition()) context.EmitTo(p, record);
  }
  RONDO_ASSIGN_OR_RETURN(v1::Campaign state, StateAt(planned.campaign(), context));
  return StartDueCycle(std::move(state), context);
}

absl::Status CampaignProjection::OnClosed(const log::v1::CycleClosed& closed,
                                          ApplyContext& context) {
  if (!IsHome(closed.campaign(), context)) return absl::OkStatus();
  CampaignWriter store(context);
  RONDO_ASSIGN_OR_RETURN(std::optional<v1::Campaign> state, store.read().State(closed.campaign()));
  RONDO_ASSIGN_OR_RETURN(std::optional<log::v1::CycleStarted> cycle,
                         store.read().Cycle(closed.campaign(), closed.cycle()));
  // The cycles of imported campaigns close too, and are none of ours.
  if (!state.has_value() || !cycle.has_value()) return absl::OkStatus();
  if (cycle->cycle().has_closed_time()) return absl::AlreadyExistsError("the cycle is closed");
  *cycle->mutable_cycle()->mutable_closed_time() = ToTimestamp(context.partition_time());
  store.PutCycle(*cycle);
  RONDO_ASSIGN_OR_RETURN(const std::optional<log::v1::CycleClosed> last,
                         store.read().LastClosing(closed.campaign()));
  if (!last.has_value() || last->cycle() < closed.cycle()) store.PutClosing(closed);

  return GoOn(*std::move(state), context);
}

void CampaignProjection::Committed(int partition, int64_t next_offset, bool live) {
  static_cast<void>(next_offset);
  char& unplanned = unplanned_.at(static_cast<size_t>(partition));
  if (!live || unplanned == 0) return;
  unplanned = 0;
  if (on_unplanned_) on_unplanned_(partition);
}

absl::Status CampaignProjection::Loaded(int partition, int64_t next_offset,
                                        const storage::Reader& state) {
  static_cast<void>(next_offset), static_cast<void>(state);
  // Whatever a former process left unplanned is looked for once, when the partition goes live.
  unplanned_.at(static_cast<size_t>(partition)) = 1;
  return absl::OkStatus();
}

}  // namespace rondo::campaign
