// What marketers define and read, as calls of the real services.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "rondo/campaign/v1/campaign_service.pb.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/decision/v1/decision_service.pb.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "rondo/insight/v1/insight_service.pb.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "tests/sim/services_deployment.h"

namespace rondo::sim {
namespace {

constexpr char kPolicy[] = "policies/sim";
// Long enough for a cycle to begin, be selected and planned through all faults.
constexpr absl::Duration kPlanningMax = absl::Hours(4);

void SetSpan(google::protobuf::Duration* span, absl::Duration duration) {
  span->set_seconds(absl::ToInt64Seconds(duration));
}

void AddCell(const char* name, double share, const std::string& channel, int64_t cost,
             campaign::v1::Campaign* campaign) {
  auto* cell = campaign->add_cells();
  cell->set_name(name);
  cell->set_share(share);
  cell->mutable_treatment()->set_channel(channel);
  cell->mutable_treatment()->set_template_("templates/" + channel);
  cell->mutable_treatment()->mutable_cost()->set_currency_code("EUR");
  cell->mutable_treatment()->mutable_cost()->set_minor_units(cost);
}

}  // namespace

absl::Status ServicesDeployment::Prepare(const WorldPlan& plan) {
  RONDO_RETURN_IF_ERROR(DefineAttributes());
  targeting::v1::UpdateSegmentRequest segment;
  segment.set_allow_missing(true);
  segment.mutable_segment()->set_name("segments/everybody");
  segment.mutable_segment()->set_expression("true");
  RONDO_RETURN_IF_ERROR(Ask<targeting::v1::Segment>(segment).status());
  RONDO_RETURN_IF_ERROR(DefineTemplates());
  RONDO_RETURN_IF_ERROR(DefineOffers(plan.offers));
  return DefinePolicy(plan.policy);
}

absl::Status ServicesDeployment::DefineAttributes() {
  customer::v1::UpdateAttributeSetRequest set;
  set.set_allow_missing(true);
  set.mutable_attribute_set()->set_name("attributeSets/sim");
  set.mutable_attribute_set()->set_currency("EUR");
  for (const char* name : {"email", "phone", "first_name", "time_zone"}) {
    auto* attribute = set.mutable_attribute_set()->add_attributes();
    attribute->set_name(name);
    attribute->set_type(type::v1::VALUE_TYPE_STRING);
    attribute->set_pii(std::string_view(name) != "time_zone");
  }
  auto* purchase = set.mutable_attribute_set()->add_event_types();
  purchase->set_name("purchase");
  purchase->add_fields()->set_name("amount");
  purchase->mutable_fields(0)->set_type(type::v1::VALUE_TYPE_DOUBLE);
  return Ask<customer::v1::AttributeSet>(set).status();
}

absl::Status ServicesDeployment::DefineTemplates() {
  delivery::v1::UpdateTemplateRequest mail;
  mail.set_allow_missing(true);
  mail.mutable_template_()->set_name("templates/email");
  mail.mutable_template_()->set_channel("email");
  mail.mutable_template_()->set_from("Sim <news@shop.example>");
  mail.mutable_template_()->set_subject("For {{ customer.first_name }}");
  mail.mutable_template_()->set_text("Hello {{ customer.first_name }}: https://shop.example/");
  mail.mutable_template_()->set_html(
      "<html><body><a href=\"https://shop.example/\">Hello</a></body></html>");
  RONDO_RETURN_IF_ERROR(Ask<delivery::v1::Template>(mail).status());
  delivery::v1::UpdateTemplateRequest text;
  text.set_allow_missing(true);
  text.mutable_template_()->set_name("templates/sms");
  text.mutable_template_()->set_channel("sms");
  text.mutable_template_()->set_text("For you: https://shop.example/");
  return Ask<delivery::v1::Template>(text).status();
}

absl::Status ServicesDeployment::DefineOffers(const std::vector<OfferPlan>& plan) {
  int64_t value = 100;
  for (const OfferPlan& offer : plan) {
    decision::v1::UpdateOfferRequest request;
    request.set_allow_missing(true);
    auto* defined = request.mutable_offer();
    defined->set_name(offer.name);
    defined->add_placements(kPlacement);
    defined->mutable_value()->set_currency_code("EUR");
    defined->mutable_value()->set_minor_units(value *= 2);
    if (!offer.only_in_zone.empty() && !options_.offer_to_all) {
      defined->set_eligibility(absl::StrFormat("customer.time_zone == '%s'", offer.only_in_zone));
    }
    if (offer.end != absl::InfiniteFuture() && !options_.offer_to_all) {
      SetTime(defined->mutable_end_time(), offer.end);
    }
    RONDO_RETURN_IF_ERROR(Ask<decision::v1::Offer>(request).status());
  }
  return absl::OkStatus();
}

absl::Status ServicesDeployment::DefinePolicy(const PolicyPlan& plan) {
  campaign::v1::UpdatePolicyRequest request;
  request.set_allow_missing(true);
  auto* policy = request.mutable_policy();
  policy->set_name(kPolicy);
  policy->set_require_consent(true);
  for (const CapPlan& cap : plan.caps) {
    if (options_.forget_caps) break;
    auto* defined = policy->add_caps();
    defined->set_channel(cap.channel);
    defined->set_max_contacts(cap.limit);
    SetSpan(defined->mutable_window(), cap.window);
  }
  policy->set_cap_action(plan.capped_wait ? campaign::v1::CAP_ACTION_DEFER
                                          : campaign::v1::CAP_ACTION_DROP);
  if (plan.quiet_start_minute != plan.quiet_end_minute && !options_.forget_quiet) {
    policy->mutable_quiet_hours()->set_start_minute(plan.quiet_start_minute);
    policy->mutable_quiet_hours()->set_end_minute(plan.quiet_end_minute);
  }
  policy->set_default_time_zone(plan.default_time_zone);
  SetSpan(policy->mutable_defer_at_most(), plan.wait_at_most);
  return Ask<campaign::v1::Policy>(request).status();
}

absl::Status ServicesDeployment::Launch(const CampaignPlan& plan) {
  campaign::v1::UpdateCampaignRequest request;
  request.set_allow_missing(true);
  auto* campaign = request.mutable_campaign();
  campaign->set_name(plan.name);
  campaign->set_business_unit(kBusinessUnit);
  campaign->set_currency("EUR");
  campaign->mutable_audience()->add_include("segments/everybody");
  auto* control = campaign->add_cells();
  control->set_name("control");
  control->set_share(plan.control_share);
  control->set_control(true);
  const double treated = 1.0 - plan.control_share;
  const int64_t cost = options_.forget_cost ? 1 : kContactCost;
  AddCell("mail", treated * (1.0 - plan.sms_share), "email", cost, campaign);
  if (plan.sms_share > 0.0) AddCell("text", treated * plan.sms_share, "sms", cost, campaign);
  campaign->set_holdout(options_.forget_holdout ? 0.0 : plan.holdout);
  auto* goal = campaign->add_goals();
  goal->set_name("bought");
  goal->set_event("purchase");
  SetSpan(goal->mutable_within(), plan.window);
  goal->set_value(options_.inflate_value ? "e.amount * 2.0" : "e.amount");
  campaign->set_policy(kPolicy);
  if (plan.at_least_once) campaign->set_in_doubt(campaign::v1::IN_DOUBT_RULE_AT_LEAST_ONCE);
  SetTime(campaign->mutable_schedule()->mutable_start_time(), plan.first_due);
  campaign->mutable_schedule()->set_time_zone(plan.local_times ? "customer" : "UTC");
  SetSpan(campaign->mutable_schedule()->mutable_every(), plan.every);
  campaign->mutable_schedule()->set_cycles(plan.cycles);
  RONDO_RETURN_IF_ERROR(Ask<campaign::v1::Campaign>(request).status());

  campaign::v1::ApproveCampaignRequest approve;
  approve.set_name(plan.name);
  approve.set_request_id("approve " + plan.name);
  RONDO_RETURN_IF_ERROR(Ask<campaign::v1::Campaign>(approve).status());
  campaign::v1::LaunchCampaignRequest launch;
  launch.set_name(plan.name);
  launch.set_request_id("launch " + plan.name);
  return Ask<campaign::v1::Campaign>(launch).status();
}

absl::Status ServicesDeployment::Pause(const std::string& campaign) {
  if (options_.forget_pauses) return absl::OkStatus();
  campaign::v1::PauseCampaignRequest request;
  request.set_name(campaign);
  return Ask<campaign::v1::Campaign>(request).status();
}

absl::Status ServicesDeployment::Resume(const std::string& campaign) {
  if (options_.forget_pauses) return absl::OkStatus();
  campaign::v1::ResumeCampaignRequest request;
  request.set_name(campaign);
  return Ask<campaign::v1::Campaign>(request).status();
}

absl::Status ServicesDeployment::AwaitPlanned(const CampaignPlan& plan, int cycle) {
  const auto planned = [&]() -> absl::StatusOr<bool> {
    campaign::v1::ListCyclesRequest request;
    request.set_parent(plan.name);
    RONDO_ASSIGN_OR_RETURN(const auto cycles, Ask<campaign::v1::ListCyclesResponse>(request));
    for (const auto& each : cycles.cycles()) {
      if (each.number() == cycle && each.has_planned_time()) return true;
    }
    return false;
  };
  // Asked once a minute: the call itself waits for records to be applied.
  const absl::Time latest = plan.DueOf(cycle) + kPlanningMax;
  absl::Time next = std::max(machine_.clock().Now(), plan.DueOf(cycle));
  while (true) {
    machine_.executor().Await([] { return false; }, next);
    if (machine_.crashed()) return absl::UnavailableError("the process died");
    RONDO_ASSIGN_OR_RETURN(const bool done, planned());
    if (done) return absl::OkStatus();
    next = machine_.clock().Now() + absl::Minutes(1);
    if (next > latest) break;
  }
  return absl::InternalError("the cycle is not planned hours after it was due");
}

absl::StatusOr<Figures> ServicesDeployment::Report(const CampaignPlan& plan) {
  Figures figures;
  for (int cycle = 1; cycle <= plan.cycles; ++cycle) {
    insight::v1::GetCampaignReportRequest request;
    request.set_name(plan.name);
    request.set_cycle(cycle);
    const auto report = Ask<insight::v1::CampaignReport>(request);
    if (absl::IsNotFound(report.status())) continue;  // Not begun.
    RONDO_RETURN_IF_ERROR(report.status());
    const auto set = [&](const char* metric, int64_t count) {
      figures[absl::StrFormat("%d/%s", cycle, metric)] = count;
    };
    set("sent", report->funnel().sent());
    set("in_doubt", report->funnel().in_doubt());
    set("bounced", report->funnel().bounced());
    set("opened", report->funnel().opened());
    set("opened_machine", report->funnel().opened_machine());
    set("clicked", report->funnel().clicked());
    set("unsubscribed", report->funnel().unsubscribed());
    set("complained", report->funnel().complained());
    for (const auto& arm : report->arms()) {
      set(("planned/" + arm.arm()).c_str(), arm.n());
      for (const auto& mean : arm.means()) {
        const double sum = mean.mean() * static_cast<double>(arm.n());
        if (mean.metric() == "bought") {
          set(("converted/" + arm.arm()).c_str(), std::llround(sum));
        } else if (mean.metric() == "bought.value") {
          set(("revenue/" + arm.arm()).c_str(), std::llround(sum * 100.0));
        }
      }
    }
    set("cost", report->cost_minor_units());
  }
  return figures;
}

}  // namespace rondo::sim
