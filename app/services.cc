#include "app/services.h"

#include <sodium/randombytes.h>

#include "app/log_handlers.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/page_token.h"
#include "services/campaign/module.h"
#include "services/customer/module.h"
#include "services/decision/module.h"
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

}  // namespace

struct Services::Modules {
  Modules(const Parts& parts, std::unique_ptr<storage::Store> key_store)
      : page_tokens(parts.folder.instance_key()),
        customer({.runtime = parts.runtime,
                  .catalog = parts.catalog,
                  .clock = parts.clock,
                  .instance_key = parts.folder.instance_key(),
                  .key_store = std::move(key_store)}),
        targeting({.runtime = parts.runtime,
                   .catalog = parts.catalog,
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
    decision.Serve(parts.methods);
    log_handlers.Serve(parts.methods);
    insight.Serve(parts.methods);
  }

  PageTokens page_tokens;
  customer::Module customer;
  targeting::Module targeting;
  campaign::Module campaign;
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
  return std::unique_ptr<Services>(
      new Services(std::make_unique<Modules>(parts, std::move(key_store))));
}

Services::Services(std::unique_ptr<Modules> modules) : modules_(std::move(modules)) {}
Services::~Services() { Stop(); }

absl::Status Services::Start(const std::string&) {
  RONDO_RETURN_IF_ERROR(modules_->customer.Start());
  RONDO_RETURN_IF_ERROR(modules_->insight.Start());
  modules_->campaign.Start();
  return absl::OkStatus();
}

void Services::Stop() {
  modules_->campaign.Stop();
  modules_->insight.Stop();
  modules_->customer.Stop();
}

}  // namespace rondo
