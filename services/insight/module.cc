#include "services/insight/module.h"

namespace rondo::insight {

Module::Module(Parts parts)
    : projection_(parts.options),
      handlers_(parts.runtime),
      closer_(parts.runtime, parts.executor, parts.log, parts.options.close_grace) {
  projection_.OnDue([this] {
    if (started_) closer_.Wake();
  });
  parts.runtime.Add(projection_);
}

void Module::Serve(MethodTable& table) {
  table.Serve("rondo.insight.v1.InsightService", handlers_, &InsightHandlers::GetCampaignReport,
              &InsightHandlers::RefreshSignals);
}

absl::Status Module::Start() {
  started_ = true;
  // Cycles may have become due while nobody acted.
  closer_.Wake();
  return absl::OkStatus();
}

void Module::Stop() {
  started_ = false;
  closer_.Stop();
}

}  // namespace rondo::insight
