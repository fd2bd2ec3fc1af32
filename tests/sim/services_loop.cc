#include "tests/sim/services_loop.h"

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "tests/sim/services_deployment.h"

namespace rondo::sim {
namespace {

// Chance for keys and nonces, from the machine's seed and the process's number.
customer::RandomBytes SeededBytes(uint64_t seed) {
  return [rng = std::make_shared<Rng>(seed)](unsigned char* out, size_t size) {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(rng->Next());
  };
}

LinkTokens Tokens(const InstanceKey& key) {
  absl::StatusOr<LinkTokens> tokens = LinkTokens::Create({DeriveLinkKey(key, 1)});
  RONDO_CHECK(tokens.ok());
  return *std::move(tokens);
}

// The first address in `text` that begins as tracked links of `kind` do; empty if there is none.
std::string FindLink(const std::string& text, const std::string& kind) {
  const size_t begin = text.find(kPublicUrl + kind);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_first_of(" \n\"<>", begin) - begin);
}

}  // namespace

absl::Status ChannelToWorld::Send(const delivery::Outbound& outbound, Done done) {
  const Message message{
      .contact = {outbound.customer.value(), outbound.contact.campaign(), outbound.contact.cycle()},
      .message_id = outbound.message_id,
      .channel = channel_,
      .recipient = outbound.recipient,
      .open_url = FindLink(outbound.html, "/t/o/"),
      .click_url = FindLink(outbound.text, "/t/c/"),
      .unsubscribe_url = outbound.unsubscribe_url,
      .receipt_url = outbound.receipt_url};
  if (!resend_unknown_) {
    world_.Send(message, std::move(done));
    return absl::OkStatus();
  }
  world_.Send(message, [this, message, done = std::move(done)](const SendOutcome& outcome) {
    if (outcome.status != SendStatus::kUnknown) return done(outcome);
    world_.Send(message, done);
  });
  return absl::OkStatus();
}

struct ServicesDeployment::Modules {
  explicit Modules(ServicesDeployment& d)
      : customer({.runtime = d.runtime_,
                  .catalog = d.catalog_,
                  .clock = d.machine_.clock(),
                  .instance_key = d.machine_.instance_key(),
                  .key_store = d.machine_.OpenStore("keys"),
                  .random = SeededBytes(static_cast<uint64_t>(d.machine_.process()))}),
        targeting({.runtime = d.runtime_,
                   .catalog = d.catalog_,
                   .executor = d.machine_.executor(),
                   .clock = d.machine_.clock(),
                   .page_tokens = d.page_tokens_}),
        campaign({.runtime = d.runtime_,
                  .catalog = d.catalog_,
                  .executor = d.machine_.executor(),
                  .log = d.log_,
                  .targeting = d.caller_,
                  .page_tokens = d.page_tokens_,
                  .instance_key = d.machine_.instance_key()}),
        delivery({.runtime = d.runtime_,
                  .catalog = d.catalog_,
                  .caller = d.caller_,
                  .executor = d.machine_.executor(),
                  .clock = d.machine_.clock(),
                  .log = d.log_,
                  .links = d.links_,
                  .transports = {{"email", &d.email_}, {"sms", &d.sms_}},
                  .instance_key = d.machine_.instance_key(),
                  .options = {.composer = {}, .dispatcher = {.in_flight_max = 8}}}),
        response(d.runtime_, d.caller_, d.machine_.clock(), d.page_tokens_, d.methods_),
        insight({.runtime = d.runtime_,
                 .executor = d.machine_.executor(),
                 .log = d.log_,
                 .options = {}}),
        decision({.runtime = d.runtime_,
                  .catalog = d.catalog_,
                  .caller = d.caller_,
                  .clock = d.machine_.clock(),
                  .page_tokens = d.page_tokens_,
                  .seed = static_cast<uint64_t>(d.machine_.process()),
                  .options = {}}) {
    customer.Serve(d.methods_);
    targeting.Serve(d.methods_);
    campaign.Serve(d.methods_);
    delivery.Serve(d.methods_);
    insight.Serve(d.methods_);
    decision.Serve(d.methods_);
  }

  customer::Module customer;
  targeting::Module targeting;
  campaign::Module campaign;
  delivery::Module delivery;
  response::Module response;
  insight::Module insight;
  decision::Module decision;
};

ServicesDeployment::ServicesDeployment(const ServicesLoopOptions& options, Machine& machine,
                                       Transport& transport)
    : options_(options),
      machine_(machine),
      log_(machine.clock(), log_text_),
      links_(Tokens(machine.instance_key())),
      email_("email", transport, options.resend_unknown),
      sms_("sms", transport, options.resend_unknown),
      page_tokens_(machine.instance_key()),
      caller_(methods_),
      metrics_(registry_),
      runtime_({.owner = absl::StrFormat("process %d", machine.process()),
                .await_timeout = absl::Seconds(5)},
               machine.log(), machine.executor(), machine.clock(), machine.StoreOpener(),
               machine.StoreRemover()),
      trace_ids_(static_cast<uint64_t>(machine.process())),
      tracking_(links_, caller_, machine.clock(),
                {machine.executor(), machine.clock(), metrics_, log_}, absl::Seconds(30),
                [this] { return absl::StrFormat("%016x", trace_ids_.Next()); }) {
  runtime_.Add(catalog_);
  catalog_.Attach(runtime_);
  modules_ = std::make_unique<Modules>(*this);
}

ServicesDeployment::~ServicesDeployment() {
  // Nothing applies any more; then what applied can go.
  runtime_.Stop();
  modules_.reset();
}

absl::Status ServicesDeployment::Start() {
  RONDO_RETURN_IF_ERROR(runtime_.Start());
  RONDO_RETURN_IF_ERROR(runtime_.AwaitLive(machine_.clock().Now() + absl::Seconds(5)));
  RONDO_RETURN_IF_ERROR(modules_->customer.Start());
  RONDO_RETURN_IF_ERROR(modules_->insight.Start());
  RONDO_RETURN_IF_ERROR(modules_->delivery.Start(kPublicUrl));
  modules_->campaign.Start();
  return absl::OkStatus();
}

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
