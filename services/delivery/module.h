// Builds the delivery service from its parts; the composition root lists it.
#pragma once

#include <memory>

#include "channels/links/token.h"
#include "platform/catalog/catalog.h"
#include "platform/core/executor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/log.h"
#include "platform/rpc/method_table.h"
#include "services/delivery/composer.h"
#include "services/delivery/delivery_projection.h"
#include "services/delivery/delivery_service.h"
#include "services/delivery/dispatcher.h"

namespace rondo::delivery {

struct DeliveryOptions {
  ComposerOptions composer = {};
  DispatcherOptions dispatcher = {};
};

class Module {
 public:
  // All outlive the module. Transports by channel (`email`, `sms`); destroy them after Stop and
  // before the log. The executor needs a thread to spare: one task of delivery's at a time waits
  // for the customer service.
  struct Parts {
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    Caller& caller;
    Executor& executor;
    const Clock& clock;
    const Log& log;
    const LinkTokens& links;
    Transports transports;
    InstanceKey instance_key;
    DeliveryOptions options;
  };
  // Adds its projection to the runtime, which must not have started.
  explicit Module(Parts parts);

  // Binds its handlers.
  void Serve(MethodTable& table) { handlers_.Serve(table); }
  // After the runtime is live: sending may begin. Tracked links begin with `public_url`, which has
  // no final slash.
  absl::Status Start(const std::string& public_url);
  // Claims nothing more and waits for what is being sent. Idempotent.
  void Stop() { dispatcher_.Stop(); }

  const Dispatcher& dispatcher() const { return dispatcher_; }

 private:
  DeliveryProjection projection_;
  Composer composer_;
  Dispatcher dispatcher_;
  DeliveryHandlers handlers_;
};

}  // namespace rondo::delivery
