#include "app/services.h"

#include "platform/core/status_macros.h"
#include "platform/rpc/page_token.h"
#include "services/customer/module.h"
#include "services/insight/module.h"
#include "services/targeting/module.h"

namespace rondo {

struct Services::Modules {
  Modules(const Parts& parts, std::unique_ptr<storage::Store> key_store)
      : page_tokens(parts.folder.instance_key()),
        customer({.runtime = parts.runtime,
                  .catalog = parts.catalog,
                  .clock = parts.clock,
                  .instance_key = parts.folder.instance_key(),
                  .key_store = std::move(key_store)}),
        targeting(parts.runtime, parts.catalog, parts.clock, page_tokens, parts.methods),
        insight({.runtime = parts.runtime,
                 .executor = parts.effects,
                 .log = parts.log,
                 .options = {}}) {
    customer.Serve(parts.methods);
    insight.Serve(parts.methods);
  }

  PageTokens page_tokens;
  customer::Module customer;
  targeting::Module targeting;
  insight::Module insight;
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
  return modules_->insight.Start();
}

void Services::Stop() {
  modules_->insight.Stop();
  modules_->customer.Stop();
}

}  // namespace rondo
