#include "services/campaign/target_walk.h"

#include <map>

#include "platform/catalog/resource_name.h"
#include "platform/core/status_macros.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "services/campaign/campaign_proto.h"
#include "services/campaign/domain/assignment.h"

namespace rondo::campaign {
namespace {

namespace targeting = ::rondo::targeting::v1;

// Time zones by name, loaded once a walk.
class Zones {
 public:
  // The zone that `name` means; null pointer if it is empty or unknown.
  const absl::TimeZone* Find(std::string_view name) {
    if (name.empty()) return nullptr;
    auto known = zones_.find(name);
    if (known == zones_.end()) {
      const absl::StatusOr<absl::TimeZone> zone = LoadZone(name);
      known = zones_.emplace(name, zone.ok() ? std::optional(*zone) : std::nullopt).first;
    }
    return known->second.has_value() ? &*known->second : nullptr;
  }

 private:
  std::map<std::string, std::optional<absl::TimeZone>, std::less<>> zones_;
};

bool IsDefined(const catalog::Catalog& catalog, const std::string& attribute) {
  std::string after;
  do {
    const catalog::Page page = catalog.List(catalog::kAttributeSets, after, 1000);
    for (const catalog::Definition& definition : page.definitions) {
      for (const auto& defined : definition.attribute_set().attributes()) {
        if (defined.name() == attribute && !defined.pii()) return true;
      }
    }
    after = page.next_after;
  } while (!after.empty());
  return false;
}

bool IsByAttribute(const v1::Campaign& campaign, int cycle) {
  return campaign.assignment() == v1::ASSIGNMENT_ATTRIBUTE &&
         (campaign.hash_from_cycle() == 0 || cycle < campaign.hash_from_cycle());
}

// Where customers whose zone is not known are taken to live; empty if the policy does not say.
std::string DefaultZone(const catalog::Catalog& catalog, const std::string& policy) {
  if (policy.empty()) return "";
  const absl::StatusOr<catalog::Definition> definition = catalog.Get(policy);
  return definition.ok() ? definition->policy().default_time_zone() : "";
}

// Decides what becomes of each target.
class Decider {
 public:
  Decider(const WalkTools& tools, const v1::Campaign& campaign, const v1::Cycle& cycle,
          Schedule schedule, absl::Time not_before)
      : tools_(tools),
        campaign_(campaign),
        slot_(SlotOf(cycle)),
        schedule_(schedule),
        not_before_(not_before),
        by_attribute_(IsByAttribute(campaign, cycle.number())),
        default_zone_(DefaultZone(tools.catalog, campaign.policy())),
        shares_(SharesInOrder(campaign, cycle)),
        split_(tools.instance_key, campaign.name(), cycle.number(), shares_) {
    for (int i = 0; i < campaign.cells_size(); ++i) cells_by_name_[campaign.cells(i).name()] = i;
  }

  // nullopt for a customer in no cell.
  std::optional<Visit> Decide(const targeting::Target& target) {
    Visit visit;
    visit.customer = CustomerId(target.customer());
    visit.held_out = IsHeldOut(tools_.instance_key, campaign_.business_unit(), campaign_.holdout(),
                               visit.customer);
    if (visit.held_out) return visit;
    if (by_attribute_) {
      const auto cell = cells_by_name_.find(target.attribute());
      if (cell == cells_by_name_.end()) return std::nullopt;
      visit.cell = cell->second;
    } else {
      visit.cell = static_cast<int>(split_.CellOf(visit.customer));
    }
    visit.probability = shares_[static_cast<size_t>(visit.cell)];
    const absl::TimeZone* zone = zones_.Find(target.time_zone());
    if (zone != nullptr) visit.time_zone = target.time_zone();
    visit.segments = target.segments();
    visit.due = ContactDue(schedule_, slot_, zone != nullptr ? zone : zones_.Find(default_zone_),
                           not_before_);
    return visit;
  }

 private:
  static std::vector<double> SharesInOrder(const v1::Campaign& campaign, const v1::Cycle& cycle) {
    return ChooseShares(SharesOf(campaign), SharesOf(cycle.shares())).shares;
  }

  const WalkTools& tools_;
  const v1::Campaign& campaign_;
  const int slot_;
  const Schedule schedule_;
  const absl::Time not_before_;
  const bool by_attribute_;
  const std::string default_zone_;
  const std::vector<double> shares_;
  const CellSplit split_;
  std::map<std::string, int> cells_by_name_;
  Zones zones_;
};

}  // namespace

absl::Status WalkTargets(const WalkTools& tools, const CallInfo& call, const v1::Campaign& campaign,
                         const v1::Cycle& cycle, absl::Time not_before,
                         const std::function<absl::Status(const Visit&)>& visit) {
  RONDO_ASSIGN_OR_RETURN(const Schedule schedule, ScheduleOf(campaign.schedule()));
  Decider decider(tools, campaign, cycle, schedule, not_before);

  targeting::SelectTargetsRequest request;
  *request.mutable_audience() = campaign.audience();
  if (IsByAttribute(campaign, cycle.number())) {
    request.set_with_attribute(campaign.assignment_attribute());
  }
  if (IsDefined(tools.catalog, tools.time_zone_attribute)) {
    request.set_time_zone_attribute(tools.time_zone_attribute);
  }
  *request.mutable_membership_of() = cycle.segments();
  RONDO_ASSIGN_OR_RETURN(
      const Stream<targeting::SelectTargetsResponse> targets,
      CallStream<targeting::SelectTargetsResponse>(tools.targeting, call, request));
  bool is_last = false;
  while (!is_last) {
    RONDO_ASSIGN_OR_RETURN(const std::optional<targeting::SelectTargetsResponse> chunk, targets());
    if (!chunk.has_value()) {
      return absl::UnavailableError("the selection ended before its last chunk; try again");
    }
    for (const targeting::Target& target : chunk->targets()) {
      const std::optional<Visit> decided = decider.Decide(target);
      if (decided.has_value()) RONDO_RETURN_IF_ERROR(visit(*decided));
    }
    is_last = chunk->last();
  }
  return absl::OkStatus();
}

}  // namespace rondo::campaign
