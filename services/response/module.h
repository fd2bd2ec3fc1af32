// The response service's parts, built and wired: what app/ puts into a process.
#pragma once

#include "platform/core/clock.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "services/response/response_projection.h"
#include "services/response/response_service.h"

namespace rondo::response {

// Make it before Runtime::Start; all arguments must outlive it.
class Module {
 public:
  Module(eventlog::Runtime& runtime, Caller& caller, const Clock& clock,
         const PageTokens& page_tokens, MethodTable& table)
      : handlers_(runtime, caller, clock, page_tokens) {
    runtime.Add(projection_);
    table.Serve("rondo.response.v1.ResponseService", handlers_, &ResponseHandlers::IngestEvents,
                &ResponseHandlers::ListTimeline);
  }

 private:
  ResponseProjection projection_;
  ResponseHandlers handlers_;
};

}  // namespace rondo::response
