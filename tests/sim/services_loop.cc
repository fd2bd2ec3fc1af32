#include "tests/sim/services_loop.h"

#include <cmath>
#include <sstream>

#include "absl/strings/str_format.h"
#include "channels/links/token.h"
#include "platform/catalog/catalog.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/log.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "rondo/campaign/v1/campaign_service.pb.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "rondo/insight/v1/insight_service.pb.h"
#include "rondo/response/v1/response_service.pb.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "services/campaign/module.h"
#include "services/customer/module.h"
#include "services/delivery/module.h"
#include "services/insight/module.h"
#include "services/response/module.h"
#include "services/targeting/module.h"

namespace rondo::sim {
namespace {

constexpr InstanceKey kInstanceKey = {7, 7, 7};
constexpr char kBusinessUnit[] = "sim";
constexpr char kPolicy[] = "policies/sim";
// Long enough for a cycle to begin, be selected and planned through all faults.
constexpr absl::Duration kPlanningMax = absl::Hours(4);
// When the people's data became true: long before the world begins.
constexpr int64_t kKnownSinceSeconds = 1'799'000'000;

// Delivery's door to the simulated sink.
class EmailToWorld final : public delivery::Transport {
 public:
  EmailToWorld(sim::Transport& world, bool resend_unknown)
      : world_(world), resend_unknown_(resend_unknown) {}

  absl::Status Send(const delivery::Outbound& message, Done done) override {
    const Message mail{message.customer.value(), message.contact.cycle(), message.message_id};
    if (!resend_unknown_) {
      world_.Send(mail, std::move(done));
      return absl::OkStatus();
    }
    world_.Send(mail, [this, mail, done = std::move(done)](const SendOutcome& outcome) {
      if (outcome.status != SendStatus::kUnknown) return done(outcome);
      world_.Send(mail, done);
    });
    return absl::OkStatus();
  }

 private:
  sim::Transport& world_;
  const bool resend_unknown_;
};

// Chance for keys and nonces, from the machine's seed and the process's number.
customer::RandomBytes SeededBytes(uint64_t seed) {
  return [rng = std::make_shared<Rng>(seed)](unsigned char* out, size_t size) {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(rng->Next());
  };
}

LinkTokens Tokens() {
  absl::StatusOr<LinkTokens> tokens = LinkTokens::Create({DeriveLinkKey(kInstanceKey, 1)});
  RONDO_CHECK(tokens.ok());
  return *std::move(tokens);
}

void SetField(type::v1::Field* field, const std::string& name, const std::string& text) {
  field->set_name(name);
  field->mutable_value()->set_string_value(text);
}

void SetTime(google::protobuf::Timestamp* stamp, absl::Time time) {
  const int64_t micros = ToMicros(time);
  stamp->set_seconds(micros / 1'000'000);
  stamp->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1'000);
}

void SetSpan(google::protobuf::Duration* span, absl::Duration duration) {
  span->set_seconds(absl::ToInt64Seconds(duration));
}

class ServicesDeployment final : public Deployment {
 public:
  ServicesDeployment(const ServicesLoopOptions& options, Machine& machine, Transport& transport)
      : options_(options),
        machine_(machine),
        log_(machine.clock(), log_text_),
        links_(Tokens()),
        email_(transport, options.resend_unknown),
        page_tokens_(kInstanceKey),
        caller_(methods_),
        runtime_({.owner = absl::StrFormat("process %d", machine.process()),
                  .await_timeout = absl::Seconds(5)},
                 machine.log(), machine.executor(), machine.clock(), machine.StoreOpener(),
                 machine.StoreRemover()) {
    runtime_.Add(catalog_);
    catalog_.Attach(runtime_);
    modules_ = std::make_unique<Modules>(*this);
  }

  ~ServicesDeployment() override {
    // Nothing applies any more; then what applied can go.
    runtime_.Stop();
    modules_.reset();
  }

  absl::Status Start() override {
    RONDO_RETURN_IF_ERROR(runtime_.Start());
    RONDO_RETURN_IF_ERROR(runtime_.AwaitLive(machine_.clock().Now() + absl::Seconds(5)));
    RONDO_RETURN_IF_ERROR(modules_->customer.Start());
    RONDO_RETURN_IF_ERROR(modules_->insight.Start());
    RONDO_RETURN_IF_ERROR(modules_->delivery.Start("https://go.example"));
    modules_->campaign.Start();
    return absl::OkStatus();
  }

  eventlog::Runtime& runtime() override { return runtime_; }
  std::vector<std::string> services() const override {
    return {"catalog", "customer", "campaign", "delivery", "response", "insight"};
  }

  absl::Status Prepare() override;
  absl::StatusOr<uint64_t> AddPerson(const kit::Person& person) override;
  absl::Status ChangeAddress(uint64_t customer, const kit::Person& person,
                             const std::string& message_id) override;
  absl::Status Track(uint64_t customer, const Happening& happening) override;
  absl::Status Launch(const CampaignPlan& plan) override;
  absl::Status AwaitPlanned(const CampaignPlan& plan, int cycle) override;
  absl::StatusOr<Figures> Report(const CampaignPlan& plan) override;

 private:
  struct Modules {
    explicit Modules(ServicesDeployment& d)
        : customer({.runtime = d.runtime_,
                    .catalog = d.catalog_,
                    .clock = d.machine_.clock(),
                    .instance_key = kInstanceKey,
                    .key_store = d.machine_.OpenStore("keys"),
                    .random = SeededBytes(static_cast<uint64_t>(d.machine_.process()))}),
          targeting({.runtime = d.runtime_,
                     .catalog = d.catalog_,
                     .clock = d.machine_.clock(),
                     .page_tokens = d.page_tokens_}),
          campaign({.runtime = d.runtime_,
                    .catalog = d.catalog_,
                    .executor = d.machine_.executor(),
                    .log = d.log_,
                    .targeting = d.caller_,
                    .page_tokens = d.page_tokens_,
                    .instance_key = kInstanceKey}),
          delivery({.runtime = d.runtime_,
                    .catalog = d.catalog_,
                    .caller = d.caller_,
                    .executor = d.machine_.executor(),
                    .clock = d.machine_.clock(),
                    .log = d.log_,
                    .links = d.links_,
                    .transports = {{"email", &d.email_}},
                    .instance_key = kInstanceKey,
                    .options = {.composer = {}, .dispatcher = {.in_flight_max = 8}}}),
          response(d.runtime_, d.caller_, d.machine_.clock(), d.page_tokens_, d.methods_),
          insight({.runtime = d.runtime_,
                   .executor = d.machine_.executor(),
                   .log = d.log_,
                   .options = {}}) {
      customer.Serve(d.methods_);
      targeting.Serve(d.methods_);
      campaign.Serve(d.methods_);
      delivery.Serve(d.methods_);
      insight.Serve(d.methods_);
    }

    customer::Module customer;
    targeting::Module targeting;
    campaign::Module campaign;
    delivery::Module delivery;
    response::Module response;
    insight::Module insight;
  };

  template <typename Response, typename Request>
  absl::StatusOr<Response> Ask(const Request& request) {
    CallInfo call;
    call.request_id = RequestIdOf(request);
    return Call<Response>(caller_, call, request);
  }

  absl::Status ImportRow(const kit::Person& person, const std::string& email, absl::Time known,
                         bool with_consent);

  const ServicesLoopOptions options_;
  Machine& machine_;
  std::ostringstream log_text_;
  Log log_;
  LinkTokens links_;
  EmailToWorld email_;
  PageTokens page_tokens_;
  MethodTable methods_;
  LocalCaller caller_;
  catalog::Catalog catalog_;
  eventlog::Runtime runtime_;
  std::unique_ptr<Modules> modules_;
};

absl::Status ServicesDeployment::Prepare() {
  customer::v1::UpdateAttributeSetRequest set;
  set.set_allow_missing(true);
  set.mutable_attribute_set()->set_name("attributeSets/sim");
  set.mutable_attribute_set()->set_currency("EUR");
  for (const char* name : {"email", "first_name", "time_zone"}) {
    auto* attribute = set.mutable_attribute_set()->add_attributes();
    attribute->set_name(name);
    attribute->set_type(type::v1::VALUE_TYPE_STRING);
    attribute->set_pii(std::string_view(name) != "time_zone");
  }
  auto* purchase = set.mutable_attribute_set()->add_event_types();
  purchase->set_name("purchase");
  purchase->add_fields()->set_name("amount");
  purchase->mutable_fields(0)->set_type(type::v1::VALUE_TYPE_DOUBLE);
  RONDO_RETURN_IF_ERROR(Ask<customer::v1::AttributeSet>(set).status());

  targeting::v1::UpdateSegmentRequest segment;
  segment.set_allow_missing(true);
  segment.mutable_segment()->set_name("segments/everybody");
  segment.mutable_segment()->set_expression("true");
  RONDO_RETURN_IF_ERROR(Ask<targeting::v1::Segment>(segment).status());

  delivery::v1::UpdateTemplateRequest letter;
  letter.set_allow_missing(true);
  letter.mutable_template_()->set_name("templates/sim");
  letter.mutable_template_()->set_channel("email");
  letter.mutable_template_()->set_from("Sim <news@shop.example>");
  letter.mutable_template_()->set_subject("For {{ customer.first_name }}");
  letter.mutable_template_()->set_text("Hello {{ customer.first_name }}: https://shop.example/");
  RONDO_RETURN_IF_ERROR(Ask<delivery::v1::Template>(letter).status());

  campaign::v1::UpdatePolicyRequest policy;
  policy.set_allow_missing(true);
  policy.mutable_policy()->set_name(kPolicy);
  policy.mutable_policy()->set_require_consent(true);
  return Ask<campaign::v1::Policy>(policy).status();
}

absl::Status ServicesDeployment::ImportRow(const kit::Person& person, const std::string& email,
                                           absl::Time known, bool with_consent) {
  customer::v1::ImportCustomersRequest request;
  request.set_import_id("sim");
  request.set_synced(true);
  auto* row = request.add_rows();
  row->set_row(person.number + 1);
  auto* key = row->add_keys();
  key->set_namespace_("crm");
  key->set_value(std::to_string(person.number));
  SetField(row->add_attributes(), "email", email);
  SetField(row->add_attributes(), "first_name", person.given_name);
  SetField(row->add_attributes(), "time_zone", person.time_zone);
  SetTime(row->mutable_effective_time(), known);
  if (with_consent) {
    auto* consent = row->add_consents();
    consent->set_channel("email");
    consent->set_purpose("marketing");
    consent->set_business_unit(kBusinessUnit);
    consent->set_granted(person.consents || options_.invent_consent);
    SetTime(consent->mutable_effective_time(), known);
  }
  RONDO_ASSIGN_OR_RETURN(const auto imported, Ask<customer::v1::ImportCustomersResponse>(request));
  if (imported.rejected_size() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(imported.rejected(0).field() + ": " +
                                    imported.rejected(0).reason());
}

absl::StatusOr<uint64_t> ServicesDeployment::AddPerson(const kit::Person& person) {
  RONDO_RETURN_IF_ERROR(
      ImportRow(person, person.email, absl::FromUnixSeconds(kKnownSinceSeconds), true));
  customer::v1::LookupCustomerRequest request;
  request.mutable_key()->set_namespace_("crm");
  request.mutable_key()->set_value(std::to_string(person.number));
  RONDO_ASSIGN_OR_RETURN(const auto found, Ask<customer::v1::Customer>(request));
  RONDO_ASSIGN_OR_RETURN(const CustomerId id, ParseCustomerName(found.name()));
  return id.value();
}

absl::Status ServicesDeployment::ChangeAddress(uint64_t, const kit::Person& person,
                                               const std::string& message_id) {
  return ImportRow(person, message_id + person.email, machine_.clock().Now(), false);
}

absl::Status ServicesDeployment::Track(uint64_t customer, const Happening& happening) {
  if (options_.swallow_events && Fnv1a(happening.message_id) % 8 == 0) return absl::OkStatus();
  response::v1::IngestEventsRequest request;
  request.set_synced(true);
  auto* given = request.add_events();
  given->set_customer(ToResourceName(CustomerId(customer)));
  auto* event = given->mutable_event();
  event->set_type(std::string(kit::DeedName(happening.deed)));
  event->set_message_id(happening.message_id);
  event->set_machine(happening.deed == kit::Deed::kMachineOpen);
  event->set_source(happening.cycle == 0 ? "shop" : "tracking");
  SetTime(event->mutable_event_time(), happening.time);
  if (happening.deed == kit::Deed::kBuy) {
    event->add_fields()->set_name("amount");
    event->mutable_fields(0)->mutable_value()->set_double_value(
        static_cast<double>(happening.amount_minor_units) / 100.0);
  }
  if (happening.cycle != 0) {
    event->mutable_contact()->set_campaign("campaigns/sim");
    event->mutable_contact()->set_cycle(happening.cycle);
  }
  RONDO_ASSIGN_OR_RETURN(const auto answer, Ask<response::v1::IngestEventsResponse>(request));
  if (answer.rejected_size() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(answer.rejected(0).field() + ": " +
                                    answer.rejected(0).reason());
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
  auto* mail = campaign->add_cells();
  mail->set_name("mail");
  mail->set_share(1.0 - plan.control_share);
  mail->mutable_treatment()->set_channel("email");
  mail->mutable_treatment()->set_template_("templates/sim");
  mail->mutable_treatment()->mutable_cost()->set_currency_code("EUR");
  mail->mutable_treatment()->mutable_cost()->set_minor_units(2);
  campaign->set_holdout(options_.forget_holdout ? 0.0 : plan.holdout);
  auto* goal = campaign->add_goals();
  goal->set_name("bought");
  goal->set_event("purchase");
  SetSpan(goal->mutable_within(), plan.window);
  goal->set_value("e.amount");
  campaign->set_policy(kPolicy);
  SetTime(campaign->mutable_schedule()->mutable_start_time(), plan.first_due);
  campaign->mutable_schedule()->set_time_zone("UTC");
  SetSpan(campaign->mutable_schedule()->mutable_every(), plan.every);
  campaign->mutable_schedule()->set_cycles(plan.cycles);
  RONDO_RETURN_IF_ERROR(Ask<campaign::v1::Campaign>(request).status());

  campaign::v1::ApproveCampaignRequest approve;
  approve.set_name(plan.name);
  approve.set_request_id("approve");
  RONDO_RETURN_IF_ERROR(Ask<campaign::v1::Campaign>(approve).status());
  campaign::v1::LaunchCampaignRequest launch;
  launch.set_name(plan.name);
  launch.set_request_id("launch");
  return Ask<campaign::v1::Campaign>(launch).status();
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
  while (next < latest) {
    machine_.executor().Await([] { return false; }, next);
    if (machine_.crashed()) return absl::UnavailableError("the process died");
    RONDO_ASSIGN_OR_RETURN(const bool done, planned());
    if (done) return absl::OkStatus();
    next = machine_.clock().Now() + absl::Minutes(1);
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
    set("opened", report->funnel().opened());
    set("opened_machine", report->funnel().opened_machine());
    set("clicked", report->funnel().clicked());
    set("unsubscribed", report->funnel().unsubscribed());
    set("complained", report->funnel().complained());
    for (const auto& arm : report->arms()) {
      set(("planned/" + arm.arm()).c_str(), arm.n());
      for (const auto& mean : arm.means()) {
        if (mean.metric() != "bought") continue;
        set(("converted/" + arm.arm()).c_str(),
            std::llround(mean.mean() * static_cast<double>(arm.n())));
      }
    }
  }
  return figures;
}

}  // namespace

DeploymentFactory ServicesLoop(const ServicesLoopOptions& options) {
  return [options](Machine& machine, Transport& transport) {
    return std::make_unique<ServicesDeployment>(options, machine, transport);
  };
}

SimulateSummary SimulateServices(const SimulateOptions& options, std::ostream& out) {
  return Simulate(
      options, [](const CampaignPlan&) { return ServicesLoop(); },
      [](uint64_t seed) { return absl::StrFormat("rondo simulate --seed %d", seed); }, out);
}

}  // namespace rondo::sim
