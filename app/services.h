// The services of this process, built in the order of the loop and wired to one another through
// calls and records only.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "channels/links/token.h"
#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/log.h"
#include "platform/rpc/method_table.h"
#include "platform/storage/rocksdb_store.h"

namespace rondo {

class Services {
 public:
  // What they are built from; all outlive them.
  struct Parts {
    const Config& config;
    const DataFolder& folder;
    const Clock& clock;
    const Log& log;
    Executor& effects;
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    Caller& caller;
    const LinkTokens& links;
    std::shared_ptr<storage::RocksDbMemory> memory;
    MethodTable& methods;
  };

  // Adds every projection to the runtime and every handler to the table. Before Runtime::Start.
  static absl::StatusOr<std::unique_ptr<Services>> Build(const Parts& parts);
  ~Services();

  // Effects may act: the runtime is live, and links may begin with `public_url`.
  absl::Status Start(const std::string& public_url);
  // Effects end. Idempotent.
  void Stop();

 private:
  struct Modules;
  explicit Services(std::unique_ptr<Modules> modules);
  std::unique_ptr<Modules> modules_;
};

}  // namespace rondo
