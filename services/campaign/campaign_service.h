// The handlers of rondo.campaign.v1: campaigns, their life and cycles, dry runs and contact
// policies.
#pragma once

#include <optional>
#include <string>

#include "platform/catalog/catalog.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "rondo/campaign/v1/campaign_service.pb.h"
#include "services/campaign/domain/lifecycle.h"
#include "services/campaign/target_walk.h"

namespace rondo::campaign {

inline constexpr int kDryRunSampleDefault = 10;
inline constexpr int kDryRunSampleMax = 100;

// Thread-safe. All arguments must outlive it.
class CampaignHandlers {
 public:
  CampaignHandlers(catalog::Catalog& catalog, eventlog::Runtime& runtime, WalkTools tools,
                   const PageTokens& page_tokens);

  void Serve(MethodTable& table);

  absl::StatusOr<v1::Campaign> CreateCampaign(const CallInfo& call,
                                              const v1::CreateCampaignRequest& request);
  absl::StatusOr<v1::Campaign> GetCampaign(const CallInfo& call,
                                           const v1::GetCampaignRequest& request);
  absl::StatusOr<v1::ListCampaignsResponse> ListCampaigns(const CallInfo& call,
                                                          const v1::ListCampaignsRequest& request);
  absl::StatusOr<v1::Campaign> UpdateCampaign(const CallInfo& call,
                                              const v1::UpdateCampaignRequest& request);
  absl::StatusOr<v1::Campaign> ApproveCampaign(const CallInfo& call,
                                               const v1::ApproveCampaignRequest& request);
  absl::StatusOr<v1::Campaign> LaunchCampaign(const CallInfo& call,
                                              const v1::LaunchCampaignRequest& request);
  absl::StatusOr<v1::Campaign> PauseCampaign(const CallInfo& call,
                                             const v1::PauseCampaignRequest& request);
  absl::StatusOr<v1::Campaign> ResumeCampaign(const CallInfo& call,
                                              const v1::ResumeCampaignRequest& request);
  absl::StatusOr<v1::Campaign> StopCampaign(const CallInfo& call,
                                            const v1::StopCampaignRequest& request);
  absl::StatusOr<v1::DryRunCampaignResponse> DryRunCampaign(
      const CallInfo& call, const v1::DryRunCampaignRequest& request);
  absl::StatusOr<v1::ListCyclesResponse> ListCycles(const CallInfo& call,
                                                    const v1::ListCyclesRequest& request);

  absl::StatusOr<v1::Policy> CreatePolicy(const CallInfo& call,
                                          const v1::CreatePolicyRequest& request);
  absl::StatusOr<v1::Policy> GetPolicy(const CallInfo& call, const v1::GetPolicyRequest& request);
  absl::StatusOr<v1::ListPoliciesResponse> ListPolicies(const CallInfo& call,
                                                        const v1::ListPoliciesRequest& request);
  absl::StatusOr<v1::Policy> UpdatePolicy(const CallInfo& call,
                                          const v1::UpdatePolicyRequest& request);

 private:
  struct Write {
    bool validate_only = false;
    int64_t expected_version = 0;
  };
  absl::Status CheckCurrencyStays(const v1::Campaign& campaign) const;
  absl::StatusOr<v1::Campaign> PutCampaign(const CallInfo& call, v1::Campaign campaign,
                                           Write write);
  absl::StatusOr<v1::Policy> PutPolicy(const CallInfo& call, v1::Policy policy, Write write);
  // The definition with where the campaign stands.
  absl::StatusOr<v1::Campaign> ToCampaign(const catalog::Definition& definition) const;
  // Proposes the step, waits for the verdict, and returns the campaign as it then is.
  absl::StatusOr<v1::Campaign> Transition(const CallInfo& call, const std::string& name, State to,
                                          int64_t version);
  // The cycle that would be next, with the shares that it would have.
  absl::StatusOr<v1::Cycle> NextCycle(const v1::Campaign& campaign) const;
  // Contacts planned so far, for a cycle whose planning goes on.
  absl::Status AddProgress(const std::string& campaign, v1::Cycle& cycle) const;

  catalog::Catalog& catalog_;
  eventlog::Runtime& runtime_;
  const WalkTools tools_;
  const PageTokens& page_tokens_;
};

}  // namespace rondo::campaign
