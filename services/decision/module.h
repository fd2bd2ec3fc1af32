// Builds the decision service from its parts; the composition root lists it.
#pragma once

#include "absl/status/status.h"
#include "platform/rpc/method_table.h"
#include "services/decision/decision_projection.h"
#include "services/decision/decision_service.h"
#include "services/decision/offer_book.h"

namespace rondo::decision {

class Module {
 public:
  // All outlive the module.
  struct Parts {
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    Caller& caller;
    const Clock& clock;
    const PageTokens& page_tokens;
    uint64_t seed;  // Of exploration; drawn anew for each process.
    DecisionOptions options;
  };
  // Adds its projection to the runtime, which must not have started.
  explicit Module(Parts parts);

  // Binds its handlers.
  void Serve(MethodTable& table);

 private:
  DecisionProjection projection_;
  OfferBooks books_;
  DecisionHandlers handlers_;
};

}  // namespace rondo::decision
