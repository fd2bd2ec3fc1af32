#include "app/services.h"

#include <sodium/randombytes.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_format.h"
#include "app/log_handlers.h"
#include "platform/core/status_macros.h"
#include "platform/http/http_client.h"
#include "platform/http/url.h"
#include "platform/rpc/page_token.h"
#include "services/campaign/module.h"
#include "services/customer/module.h"
#include "services/decision/module.h"
#include "services/delivery/module.h"
#include "services/insight/module.h"
#include "services/response/module.h"
#include "services/targeting/module.h"

namespace rondo {
namespace {

uint64_t RandomSeed() {
  uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  return seed;
}

// The ways out of the house. Destroyed after delivery has stopped and before the log.
struct Senders {
  std::unique_ptr<delivery::SmtpTransport> email;
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<delivery::SmsTransport> sms;
  // Its requests block, and would keep all other effects waiting: they have threads of their own,
  // which end before what they use.
  std::unique_ptr<ThreadPoolExecutor> sms_sessions;

  delivery::Transports ByChannel() const {
    delivery::Transports transports = {{"email", email.get()}};
    if (sms != nullptr) transports["sms"] = sms.get();
    return transports;
  }
};

// The first line of the file that the key `name` of the configuration names.
absl::StatusOr<std::string> ReadPassword(const std::string& name, const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::string password;
  if (!std::getline(file, password)) {
    return absl::InvalidArgumentError(name + ": " + path + " cannot be read");
  }
  if (password.ends_with('\r')) password.pop_back();
  return password;
}

absl::StatusOr<std::string> SmtpPassword(const Config& config) {
  if (config.smtp_password_env.empty()) {
    return ReadPassword("smtp.password_file", config.smtp_password_file);
  }
  const char* const password = std::getenv(config.smtp_password_env.c_str());
  if (password != nullptr) return std::string(password);
  return absl::InvalidArgumentError("smtp.password_env: there is no environment variable " +
                                    config.smtp_password_env);
}

absl::StatusOr<SmtpOptions> SmtpOptionsOf(const Config& config) {
  SmtpOptions smtp;
  smtp.host = config.smtp_host;
  smtp.port = config.smtp_port;
  smtp.sessions_max = config.smtp_sessions;
  smtp.tls = config.smtp_tls == "starttls"   ? SmtpOptions::Tls::kStartTls
             : config.smtp_tls == "implicit" ? SmtpOptions::Tls::kImplicit
                                             : SmtpOptions::Tls::kNone;
  smtp.ca_file = config.smtp_ca_file;
  if (!smtp.ca_file.empty() && !std::ifstream(smtp.ca_file)) {
    return absl::InvalidArgumentError("smtp.ca_file: " + smtp.ca_file + " cannot be read");
  }
  smtp.verify_certificate = config.smtp_verify == "true";
  smtp.user = config.smtp_user;
  RONDO_ASSIGN_OR_RETURN(smtp.password, SmtpPassword(config));
  return smtp;
}

absl::StatusOr<Senders> MakeSenders(const Config& config, const Clock& clock) {
  Senders senders;
  RONDO_ASSIGN_OR_RETURN(const SmtpOptions smtp, SmtpOptionsOf(config));
  RONDO_ASSIGN_OR_RETURN(senders.email,
                         delivery::SmtpTransport::Create(smtp, config.smtp_return_path));
  if (config.sms_url.empty()) return senders;
  SmsGatewayOptions sms;
  sms.url = config.sms_url;
  sms.user = config.sms_username;
  RONDO_ASSIGN_OR_RETURN(sms.password, ReadPassword("sms.password_file", config.sms_password_file));
  HttpClientOptions http;
  // The operator named this address, so it may be one of this machine or network.
  RONDO_ASSIGN_OR_RETURN(const Url url, ParseUrl(config.sms_url));
  http.allowed_private_addresses = {absl::StrFormat("%s:%d", url.host, url.port)};
  senders.http = std::make_unique<HttpClient>(http);
  senders.sms_sessions = std::make_unique<ThreadPoolExecutor>(config.sms_sessions, clock);
  senders.sms = std::make_unique<delivery::SmsTransport>(sms, *senders.http, *senders.sms_sessions);
  return senders;
}

delivery::DeliveryOptions DeliveryOptionsOf(const Config& config) {
  delivery::DeliveryOptions options;
  options.composer.email_attribute = config.email_attribute;
  options.composer.phone_attribute = config.phone_attribute;
  // The transport has checked the address.
  const std::string& return_path = config.smtp_return_path;
  options.composer.message_domain = return_path.substr(return_path.rfind('@') + 1);
  // One message being sent and one behind it for each session: what a crash can leave in doubt.
  options.dispatcher.in_flight_max = 2 * static_cast<size_t>(config.smtp_sessions);
  options.dispatcher.in_flight_max_by_channel["sms"] = 2 * static_cast<size_t>(config.sms_sessions);
  return options;
}

}  // namespace

struct Services::Modules {
  Modules(const Parts& parts, std::unique_ptr<storage::Store> key_store, Senders made)
      : page_tokens(parts.folder.instance_key()),
        senders(std::move(made)),
        customer({.runtime = parts.runtime,
                  .catalog = parts.catalog,
                  .clock = parts.clock,
                  .instance_key = parts.folder.instance_key(),
                  .key_store = std::move(key_store)}),
        targeting({.runtime = parts.runtime,
                   .catalog = parts.catalog,
                   .executor = parts.effects,
                   .clock = parts.clock,
                   .page_tokens = page_tokens}),
        campaign({.runtime = parts.runtime,
                  .catalog = parts.catalog,
                  .executor = parts.effects,
                  .log = parts.log,
                  .targeting = parts.caller,
                  .page_tokens = page_tokens,
                  .instance_key = parts.folder.instance_key(),
                  .time_zone_attribute = parts.config.time_zone_attribute}),
        delivery({.runtime = parts.runtime,
                  .catalog = parts.catalog,
                  .caller = parts.caller,
                  .executor = parts.effects,
                  .clock = parts.clock,
                  .log = parts.log,
                  .links = parts.links,
                  .transports = senders.ByChannel(),
                  .instance_key = parts.folder.instance_key(),
                  .options = DeliveryOptionsOf(parts.config)}),
        response(parts.runtime, parts.caller, parts.clock, page_tokens, parts.methods),
        insight(
            {.runtime = parts.runtime, .executor = parts.effects, .log = parts.log, .options = {}}),
        decision({.runtime = parts.runtime,
                  .catalog = parts.catalog,
                  .caller = parts.caller,
                  .clock = parts.clock,
                  .page_tokens = page_tokens,
                  .seed = RandomSeed(),
                  .options = {}}),
        log_handlers(parts.runtime) {
    customer.Serve(parts.methods);
    targeting.Serve(parts.methods);
    campaign.Serve(parts.methods);
    delivery.Serve(parts.methods);
    decision.Serve(parts.methods);
    log_handlers.Serve(parts.methods);
    insight.Serve(parts.methods);
  }

  PageTokens page_tokens;
  Senders senders;
  customer::Module customer;
  targeting::Module targeting;
  campaign::Module campaign;
  delivery::Module delivery;
  response::Module response;
  insight::Module insight;
  decision::Module decision;
  LogHandlers log_handlers;
};

absl::StatusOr<std::unique_ptr<Services>> Services::Build(const Parts& parts) {
  storage::RocksDbOptions keys;
  keys.folder = parts.folder.keys();
  keys.memory = parts.memory;
  RONDO_ASSIGN_OR_RETURN(std::unique_ptr<storage::Store> key_store,
                         storage::OpenRocksDbStore(keys));
  RONDO_ASSIGN_OR_RETURN(Senders senders, MakeSenders(parts.config, parts.clock));
  return std::unique_ptr<Services>(
      new Services(std::make_unique<Modules>(parts, std::move(key_store), std::move(senders))));
}

Services::Services(std::unique_ptr<Modules> modules) : modules_(std::move(modules)) {}
Services::~Services() { Stop(); }

absl::Status Services::Start(const std::string& public_url) {
  RONDO_RETURN_IF_ERROR(modules_->customer.Start());
  RONDO_RETURN_IF_ERROR(modules_->insight.Start());
  RONDO_RETURN_IF_ERROR(modules_->delivery.Start(public_url));
  modules_->campaign.Start();
  return absl::OkStatus();
}

void Services::Stop() {
  modules_->campaign.Stop();
  modules_->delivery.Stop();
  modules_->insight.Stop();
  modules_->customer.Stop();
}

}  // namespace rondo
