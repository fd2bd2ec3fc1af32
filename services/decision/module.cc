#include "services/decision/module.h"

namespace rondo::decision {

Module::Module(Parts parts)
    : projection_(parts.runtime.partition_count()),
      books_(parts.catalog),
      handlers_({.runtime = parts.runtime,
                 .catalog = parts.catalog,
                 .caller = parts.caller,
                 .clock = parts.clock,
                 .page_tokens = parts.page_tokens,
                 .projection = projection_,
                 .books = books_,
                 .seed = parts.seed,
                 .options = parts.options}) {
  parts.runtime.Add(projection_);
}

void Module::Serve(MethodTable& table) {
  table.Serve("rondo.decision.v1.DecisionService", handlers_, &DecisionHandlers::Decide,
              &DecisionHandlers::RecordPropositionResponse, &DecisionHandlers::CreateOffer,
              &DecisionHandlers::GetOffer, &DecisionHandlers::ListOffers,
              &DecisionHandlers::UpdateOffer);
}

}  // namespace rondo::decision
