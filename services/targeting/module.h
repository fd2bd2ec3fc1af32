// The targeting service's parts, built and wired: what app/ puts into a process.
#pragma once

#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "services/targeting/rule_book.h"
#include "services/targeting/targeting_projection.h"
#include "services/targeting/targeting_service.h"

namespace rondo::targeting {

// Make it after the catalogue was attached and before Runtime::Start; all arguments must outlive
// it.
class Module {
 public:
  Module(eventlog::Runtime& runtime, catalog::Catalog& catalog, const Clock& clock,
         const PageTokens& page_tokens, MethodTable& table)
      : projection_(runtime.partition_count()),
        books_(catalog),
        handlers_(catalog, runtime, projection_, books_, clock, page_tokens) {
    runtime.Add(projection_);
    handlers_.Serve(table);
  }

  TargetingProjection& projection() { return projection_; }
  TargetingHandlers& handlers() { return handlers_; }

 private:
  TargetingProjection projection_;
  RuleBooks books_;
  TargetingHandlers handlers_;
};

}  // namespace rondo::targeting
