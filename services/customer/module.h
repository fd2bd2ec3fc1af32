// Builds the customer service from its parts.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/core/hash.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/method_table.h"
#include "platform/storage/store.h"
#include "services/customer/customer_projection.h"
#include "services/customer/customer_service.h"
#include "services/customer/schema.h"
#include "services/customer/sealing.h"

namespace rondo::customer {

class Module {
 public:
  struct Parts {
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    const Clock& clock;
    InstanceKey instance_key;
    // The data keys' own store: no projection, with short backups (DIR/keys).
    std::unique_ptr<storage::Store> key_store;
    RandomBytes random = SystemRandomBytes();
  };
  // Adds its projection to the runtime and listens to the catalogue: before either starts.
  explicit Module(Parts parts);
  void Serve(MethodTable& table);
  // After the runtime is live.
  absl::Status Start();
  // It has no effects of its own that would go on.
  void Stop() {}

 private:
  CustomerProjection projection_;
  SchemaView schema_;
  KeyStore keys_;
  CustomerHandlers handlers_;
};

}  // namespace rondo::customer
