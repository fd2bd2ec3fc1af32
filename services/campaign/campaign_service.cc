#include "services/campaign/campaign_service.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "absl/strings/str_format.h"
#include "platform/catalog/definition_update.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "services/campaign/campaign_projection.h"
#include "services/campaign/campaign_proto.h"
#include "services/campaign/campaign_store.h"
#include "services/campaign/definition_check.h"
#include "services/campaign/goal_rules.h"

namespace rondo::campaign {
namespace {

constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1000;

// Without a currency of its own a campaign has that of its first cost, else that of the attribute
// set that defines its first goal's events.
void FillCurrency(v1::Campaign& campaign, const catalog::Catalog& catalog) {
  if (!campaign.currency().empty()) return;
  for (const v1::Cell& cell : campaign.cells()) {
    if (!cell.treatment().cost().currency_code().empty()) {
      campaign.set_currency(cell.treatment().cost().currency_code());
      return;
    }
  }
  if (campaign.goals().empty()) return;
  const std::string owner = OwnerOfEvent(catalog, campaign.goals(0).event());
  if (owner.empty()) return;
  const absl::StatusOr<catalog::Definition> set = catalog.Get(owner);
  if (set.ok()) campaign.set_currency(set->attribute_set().currency());
}

// What is given out, never stored.
void ClearOutputs(v1::Campaign& campaign) {
  campaign.clear_etag();
  campaign.clear_version();
  campaign.clear_state();
  campaign.clear_current_cycle();
  campaign.clear_approved_version();
}

}  // namespace

CampaignHandlers::CampaignHandlers(catalog::Catalog& catalog, eventlog::Runtime& runtime,
                                   WalkTools tools, const PageTokens& page_tokens)
    : catalog_(catalog), runtime_(runtime), tools_(std::move(tools)), page_tokens_(page_tokens) {}

void CampaignHandlers::Serve(MethodTable& table) {
  table.Serve("rondo.campaign.v1.CampaignService", *this, &CampaignHandlers::CreateCampaign,
              &CampaignHandlers::GetCampaign, &CampaignHandlers::ListCampaigns,
              &CampaignHandlers::UpdateCampaign, &CampaignHandlers::ApproveCampaign,
              &CampaignHandlers::LaunchCampaign, &CampaignHandlers::PauseCampaign,
              &CampaignHandlers::ResumeCampaign, &CampaignHandlers::StopCampaign,
              &CampaignHandlers::DryRunCampaign, &CampaignHandlers::ListCycles,
              &CampaignHandlers::CreatePolicy, &CampaignHandlers::GetPolicy,
              &CampaignHandlers::ListPolicies, &CampaignHandlers::UpdatePolicy);
}

absl::StatusOr<v1::Campaign> CampaignHandlers::ToCampaign(
    const catalog::Definition& definition) const {
  v1::Campaign campaign = definition.campaign();
  campaign.set_name(definition.name());
  campaign.set_version(definition.version());
  campaign.set_etag(catalog::EtagOf(definition.version()));
  const int home = eventlog::PartitionOfName(definition.name(), runtime_.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto reader, runtime_.ReadState(CampaignProjection::kName, home));
  RONDO_ASSIGN_OR_RETURN(const auto state, CampaignReader(*reader).State(definition.name()));
  campaign.set_state(state.has_value() ? state->state() : v1::CAMPAIGN_STATE_DRAFT);
  campaign.set_current_cycle(state.has_value() ? state->current_cycle() : 0);
  campaign.set_approved_version(state.has_value() ? state->version() : 0);
  return campaign;
}

// Figures of all cycles are added up.
absl::Status CampaignHandlers::CheckCurrencyStays(const v1::Campaign& campaign) const {
  const int home = eventlog::PartitionOfName(campaign.name(), runtime_.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto reader, runtime_.ReadState(CampaignProjection::kName, home));
  RONDO_ASSIGN_OR_RETURN(const auto cycles, CampaignReader(*reader).Cycles(campaign.name(), 0, 1));
  if (cycles.empty() || cycles[0].campaign().currency() == campaign.currency()) {
    return absl::OkStatus();
  }
  return FieldError("currency",
                    absl::StrFormat("cycles were begun in %s, and figures of all cycles are added "
                                    "up: define another campaign for another currency",
                                    cycles[0].campaign().currency()));
}

absl::StatusOr<v1::Campaign> CampaignHandlers::PutCampaign(const CallInfo& call,
                                                           v1::Campaign campaign, Write write) {
  FillCurrency(campaign, catalog_);
  RONDO_RETURN_IF_ERROR(CheckCampaign(campaign, catalog_));
  RONDO_RETURN_IF_ERROR(CheckCurrencyStays(campaign));
  ClearOutputs(campaign);
  catalog::Definition definition;
  definition.set_name(campaign.name());
  for (std::string& name : ReferencesOf(campaign, catalog_)) {
    definition.add_references(std::move(name));
  }
  *definition.mutable_campaign() = std::move(campaign);
  if (write.validate_only) return ToCampaign(definition);
  RONDO_ASSIGN_OR_RETURN(
      definition, catalog_.Put(std::move(definition), {.expected_version = write.expected_version,
                                                       .request_id = call.request_id,
                                                       .author = call.principal.name}));
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(CampaignProjection::kName));
  return ToCampaign(definition);
}

absl::StatusOr<v1::Campaign> CampaignHandlers::CreateCampaign(
    const CallInfo& call, const v1::CreateCampaignRequest& request) {
  return PutCampaign(call, request.campaign(),
                     {.validate_only = request.validate_only(), .expected_version = 0});
}

absl::StatusOr<v1::Campaign> CampaignHandlers::UpdateCampaign(
    const CallInfo& call, const v1::UpdateCampaignRequest& request) {
  RONDO_ASSIGN_OR_RETURN(
      auto update, catalog::ReadUpdate(catalog_, request.campaign(), request,
                                       [](const auto& current) { return current.campaign(); }));
  return PutCampaign(
      call, std::move(update.resource),
      {.validate_only = request.validate_only(), .expected_version = update.expected_version});
}

absl::StatusOr<v1::Campaign> CampaignHandlers::GetCampaign(const CallInfo& call,
                                                           const v1::GetCampaignRequest& request) {
  static_cast<void>(call);
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kCampaigns, "name"));
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition,
                         catalog_.Get(request.name(), request.version()));
  return ToCampaign(definition);
}

absl::StatusOr<v1::ListCampaignsResponse> CampaignHandlers::ListCampaigns(
    const CallInfo& call, const v1::ListCampaignsRequest& request) {
  static_cast<void>(call);
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kPageSizeDefault, kPageSizeMax));
  RONDO_ASSIGN_OR_RETURN(const std::string after, page_tokens_.Decode(request));
  const catalog::Page page = catalog_.List(catalog::kCampaigns, after, page_size);
  v1::ListCampaignsResponse response;
  for (const catalog::Definition& definition : page.definitions) {
    RONDO_ASSIGN_OR_RETURN(*response.add_campaigns(), ToCampaign(definition));
  }
  response.set_next_page_token(page_tokens_.Encode(request, page.next_after));
  return response;
}

absl::StatusOr<v1::Campaign> CampaignHandlers::Transition(const CallInfo& call,
                                                          const std::string& name, State to,
                                                          int64_t version) {
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(name, catalog::kCampaigns, "name"));
  RONDO_RETURN_IF_ERROR(catalog_.Get(name).status());
  eventlog::LogRecord record;
  record.set_source("api");
  record.set_request_id(call.request_id);
  auto& proposed = *record.mutable_campaign_transition_proposed();
  proposed.set_campaign(name);
  proposed.set_to(ToProto(to));
  proposed.set_version(version);
  proposed.set_author(call.principal.name);
  const int home = eventlog::PartitionOfName(name, runtime_.partition_count());
  RONDO_RETURN_IF_ERROR(
      runtime_
          .Submit(CampaignProjection::kName, home, std::move(record), eventlog::Durability::kSynced)
          .status());
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition, catalog_.Get(name));
  return ToCampaign(definition);
}

absl::StatusOr<v1::Campaign> CampaignHandlers::ApproveCampaign(
    const CallInfo& call, const v1::ApproveCampaignRequest& request) {
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kCampaigns, "name"));
  RONDO_ASSIGN_OR_RETURN(const int64_t version, catalog::VersionOf(request.etag()));
  // What it uses may have changed since it was written.
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition, catalog_.Get(request.name()));
  v1::Campaign campaign = definition.campaign();
  campaign.set_name(definition.name());
  RONDO_RETURN_IF_ERROR(CheckCampaign(campaign, catalog_));
  return Transition(call, request.name(), State::kApproved, std::max<int64_t>(version, 0));
}

absl::StatusOr<v1::Campaign> CampaignHandlers::LaunchCampaign(
    const CallInfo& call, const v1::LaunchCampaignRequest& request) {
  return Transition(call, request.name(), State::kScheduled, 0);
}

absl::StatusOr<v1::Campaign> CampaignHandlers::PauseCampaign(
    const CallInfo& call, const v1::PauseCampaignRequest& request) {
  return Transition(call, request.name(), State::kPaused, 0);
}

absl::StatusOr<v1::Campaign> CampaignHandlers::ResumeCampaign(
    const CallInfo& call, const v1::ResumeCampaignRequest& request) {
  return Transition(call, request.name(), State::kRunning, 0);
}

absl::StatusOr<v1::Campaign> CampaignHandlers::StopCampaign(
    const CallInfo& call, const v1::StopCampaignRequest& request) {
  return Transition(call, request.name(), State::kStopped, 0);
}

absl::StatusOr<v1::Cycle> CampaignHandlers::NextCycle(const v1::Campaign& campaign) const {
  v1::Cycle cycle;
  cycle.set_number(campaign.current_cycle() + 1);
  const int home = eventlog::PartitionOfName(campaign.name(), runtime_.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto reader, runtime_.ReadState(CampaignProjection::kName, home));
  RONDO_ASSIGN_OR_RETURN(const auto last, CampaignReader(*reader).LastClosing(campaign.name()));
  FreezeShares(campaign, last.has_value() ? &*last : nullptr, cycle);
  return cycle;
}

absl::StatusOr<v1::DryRunCampaignResponse> CampaignHandlers::DryRunCampaign(
    const CallInfo& call, const v1::DryRunCampaignRequest& request) {
  if (request.sample_size() < 0 || request.sample_size() > kDryRunSampleMax) {
    return FieldError("sample_size", absl::StrFormat("expected 0 to %d", kDryRunSampleMax));
  }
  const int sample_size = request.sample_size() == 0 ? kDryRunSampleDefault : request.sample_size();
  v1::GetCampaignRequest get;
  get.set_name(request.name());
  RONDO_ASSIGN_OR_RETURN(v1::Campaign campaign, GetCampaign(call, get));
  if (!campaign.schedule().has_start_time()) {
    *campaign.mutable_schedule()->mutable_start_time() = ToTimestamp(runtime_.clock().Now());
  }
  RONDO_ASSIGN_OR_RETURN(const v1::Cycle cycle, NextCycle(campaign));

  v1::DryRunCampaignResponse response;
  for (const v1::Cell& cell : campaign.cells()) {
    v1::DryRunCell& row = *response.add_cells();
    row.set_cell(cell.name());
    row.set_channel(cell.treatment().channel());
    if (cell.treatment().has_cost()) {
      row.mutable_cost()->set_currency_code(cell.treatment().cost().currency_code());
    }
  }
  RONDO_RETURN_IF_ERROR(
      WalkTargets(tools_, call, campaign, cycle, runtime_.clock().Now(), [&](const Visit& visit) {
        response.set_audience(response.audience() + 1);
        if (visit.held_out) {
          response.set_held_out(response.held_out() + 1);
          return absl::OkStatus();
        }
        v1::DryRunCell& row = *response.mutable_cells(visit.cell);
        const v1::Cell& cell = campaign.cells(visit.cell);
        row.set_count(row.count() + 1);
        if (row.has_cost()) {
          row.mutable_cost()->set_minor_units(row.cost().minor_units() +
                                              cell.treatment().cost().minor_units());
        }
        if (row.sample_size() < sample_size) row.add_sample(ToResourceName(visit.customer));
        return absl::OkStatus();
      }));
  return response;
}

absl::Status CampaignHandlers::AddProgress(const std::string& campaign, v1::Cycle& cycle) const {
  std::map<std::string, int64_t> counts;
  for (int p = 0; p < runtime_.partition_count(); ++p) {
    RONDO_ASSIGN_OR_RETURN(const auto reader, runtime_.ReadState(CampaignProjection::kName, p));
    RONDO_ASSIGN_OR_RETURN(const auto progress,
                           CampaignReader(*reader).Progress(campaign, cycle.number()));
    if (!progress.has_value()) continue;
    cycle.set_targeted(cycle.targeted() + progress->targeted());
    for (const v1::CellCount& cell : progress->cells()) counts[cell.cell()] += cell.count();
  }
  for (const v1::CellShare& share : cycle.shares()) {
    v1::CellCount& count = *cycle.add_planned();
    count.set_cell(share.cell());
    count.set_count(counts[share.cell()]);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListCyclesResponse> CampaignHandlers::ListCycles(
    const CallInfo& call, const v1::ListCyclesRequest& request) {
  static_cast<void>(call);
  RONDO_RETURN_IF_ERROR(
      catalog::CheckResourceName(request.parent(), catalog::kCampaigns, "parent"));
  RONDO_RETURN_IF_ERROR(catalog_.Get(request.parent()).status());
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kPageSizeDefault, kPageSizeMax));
  RONDO_ASSIGN_OR_RETURN(const std::string cursor, page_tokens_.Decode(request));
  int after = 0;
  std::from_chars(cursor.data(), cursor.data() + cursor.size(), after);
  const int home = eventlog::PartitionOfName(request.parent(), runtime_.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto reader, runtime_.ReadState(CampaignProjection::kName, home));
  const size_t limit = static_cast<size_t>(page_size);
  RONDO_ASSIGN_OR_RETURN(auto cycles,
                         CampaignReader(*reader).Cycles(request.parent(), after, limit + 1));
  const bool has_more = cycles.size() > limit;
  if (has_more) cycles.pop_back();
  v1::ListCyclesResponse response;
  for (const log::v1::CycleStarted& started : cycles) {
    v1::Cycle& cycle = *response.add_cycles();
    cycle = started.cycle();
    if (!cycle.has_planned_time()) {
      RONDO_RETURN_IF_ERROR(AddProgress(request.parent(), cycle));
    }
  }
  const std::string next =
      has_more ? std::to_string(cycles.back().cycle().number()) : std::string();
  response.set_next_page_token(page_tokens_.Encode(request, next));
  return response;
}

namespace {

v1::Policy ToPolicy(const catalog::Definition& definition) {
  v1::Policy policy = definition.policy();
  policy.set_name(definition.name());
  policy.set_version(definition.version());
  policy.set_etag(catalog::EtagOf(definition.version()));
  return policy;
}

}  // namespace

absl::StatusOr<v1::Policy> CampaignHandlers::PutPolicy(const CallInfo& call, v1::Policy policy,
                                                       Write write) {
  RONDO_RETURN_IF_ERROR(CheckPolicy(policy));
  catalog::Definition definition;
  definition.set_name(policy.name());
  policy.clear_etag();
  policy.clear_version();
  *definition.mutable_policy() = std::move(policy);
  if (write.validate_only) return ToPolicy(definition);
  RONDO_ASSIGN_OR_RETURN(
      definition, catalog_.Put(std::move(definition), {.expected_version = write.expected_version,
                                                       .request_id = call.request_id,
                                                       .author = call.principal.name}));
  return ToPolicy(definition);
}

absl::StatusOr<v1::Policy> CampaignHandlers::CreatePolicy(const CallInfo& call,
                                                          const v1::CreatePolicyRequest& request) {
  return PutPolicy(call, request.policy(),
                   {.validate_only = request.validate_only(), .expected_version = 0});
}

absl::StatusOr<v1::Policy> CampaignHandlers::UpdatePolicy(const CallInfo& call,
                                                          const v1::UpdatePolicyRequest& request) {
  RONDO_ASSIGN_OR_RETURN(auto update,
                         catalog::ReadUpdate(catalog_, request.policy(), request,
                                             [](const auto& current) { return current.policy(); }));
  return PutPolicy(
      call, std::move(update.resource),
      {.validate_only = request.validate_only(), .expected_version = update.expected_version});
}

absl::StatusOr<v1::Policy> CampaignHandlers::GetPolicy(const CallInfo& call,
                                                       const v1::GetPolicyRequest& request) {
  static_cast<void>(call);
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kPolicies, "name"));
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition,
                         catalog_.Get(request.name(), request.version()));
  return ToPolicy(definition);
}

absl::StatusOr<v1::ListPoliciesResponse> CampaignHandlers::ListPolicies(
    const CallInfo& call, const v1::ListPoliciesRequest& request) {
  static_cast<void>(call);
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kPageSizeDefault, kPageSizeMax));
  RONDO_ASSIGN_OR_RETURN(const std::string after, page_tokens_.Decode(request));
  const catalog::Page page = catalog_.List(catalog::kPolicies, after, page_size);
  v1::ListPoliciesResponse response;
  for (const catalog::Definition& definition : page.definitions) {
    *response.add_policies() = ToPolicy(definition);
  }
  response.set_next_page_token(page_tokens_.Encode(request, page.next_after));
  return response;
}

}  // namespace rondo::campaign
