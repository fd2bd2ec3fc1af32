// Builds the campaign service from its parts; the composition root lists it.
#pragma once

#include <string>

#include "platform/catalog/catalog.h"
#include "platform/core/executor.h"
#include "platform/core/hash.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/log.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "services/campaign/campaign_projection.h"
#include "services/campaign/campaign_service.h"
#include "services/campaign/cycle_planner.h"

namespace rondo::campaign {

class Module {
 public:
  // All outlive the module; the catalogue is attached to the runtime.
  struct Parts {
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    Executor& executor;
    const Log& log;
    Caller& targeting;  // Serves rondo.targeting.v1.
    const PageTokens& page_tokens;
    InstanceKey instance_key;
    std::string time_zone_attribute = "time_zone";
  };
  // Adds its projection to the runtime, which must not have started.
  explicit Module(const Parts& parts)
      : projection_(parts.runtime.partition_count()),
        tools_{parts.targeting, parts.catalog, parts.instance_key, parts.time_zone_attribute},
        handlers_(parts.catalog, parts.runtime, tools_, parts.page_tokens),
        planner_(parts.runtime, parts.executor, parts.log, tools_) {
    projection_.SetPlanner([this](int) { planner_.Wake(); });
    parts.runtime.Add(projection_);
  }

  // Binds its handlers.
  void Serve(MethodTable& table) { handlers_.Serve(table); }
  // After the runtime is live: cycles may be planned.
  void Start() { planner_.Start(); }
  void Stop() { planner_.Stop(); }

  CampaignHandlers& handlers() { return handlers_; }

 private:
  CampaignProjection projection_;
  WalkTools tools_;
  CampaignHandlers handlers_;
  CyclePlanner planner_;
};

}  // namespace rondo::campaign
