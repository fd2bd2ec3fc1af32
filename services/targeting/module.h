// The targeting service's parts, built and wired: what app/ puts into a process.
#pragma once

#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "services/targeting/rule_book.h"
#include "services/targeting/targeting_projection.h"
#include "services/targeting/targeting_service.h"

namespace rondo::targeting {

class Module {
 public:
  // All outlive the module; the catalogue is attached to the runtime.
  struct Parts {
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    Executor& executor;  // Its threads help with selections.
    const Clock& clock;
    const PageTokens& page_tokens;
  };
  // Adds its projection to the runtime, which must not have started.
  explicit Module(const Parts& parts)
      : projection_(parts.runtime.partition_count()),
        books_(parts.catalog),
        handlers_(parts.catalog, parts.runtime, projection_, books_, parts.executor, parts.clock,
                  parts.page_tokens) {
    parts.runtime.Add(projection_);
  }

  // Binds its handlers.
  void Serve(MethodTable& table) { handlers_.Serve(table); }

  TargetingProjection& projection() { return projection_; }
  TargetingHandlers& handlers() { return handlers_; }

 private:
  TargetingProjection projection_;
  RuleBooks books_;
  TargetingHandlers handlers_;
};

}  // namespace rondo::targeting
