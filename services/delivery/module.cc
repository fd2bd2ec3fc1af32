#include "services/delivery/module.h"

namespace rondo::delivery {

Module::Module(Parts parts)
    : composer_(parts.options.composer, parts.instance_key, parts.catalog, parts.caller,
                parts.links, parts.clock),
      dispatcher_(parts.options.dispatcher, parts.runtime, parts.executor, composer_,
                  std::move(parts.transports), parts.log),
      handlers_(parts.runtime, parts.catalog, composer_, dispatcher_, parts.instance_key) {
  projection_.OnCommitted([this](int partition, int64_t next_offset) {
    dispatcher_.Committed(partition, next_offset);
  });
  parts.runtime.Add(projection_);
}

absl::Status Module::Start(const std::string& public_url) {
  composer_.SetPublicUrl(public_url);
  dispatcher_.Start();
  return absl::OkStatus();
}

}  // namespace rondo::delivery
