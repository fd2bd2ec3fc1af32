// Definitions of every kind behind one interface: each kind's own RPCs of its own service.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/rpc/caller.h"
#include "rondo/log/v1/definitions.pb.h"

namespace rondo {

// `codeLists/`, `attributeSets/`, `segments/`, … in an order in which nothing refers to what comes
// later, but segments to segments.
const std::vector<std::string_view>& Collections();

class DefinitionClient {
 public:
  DefinitionClient(Caller& caller, CallInfo call) : caller_(caller), call_(std::move(call)) {}

  // The current version, or `version` if not 0. NOT_FOUND if there is none.
  absl::StatusOr<log::v1::Definition> Get(std::string_view name, int64_t version = 0);
  // All current definitions of a collection, by name.
  absl::StatusOr<std::vector<log::v1::Definition>> List(std::string_view collection);

  enum class Mode { kWrite, kValidateOnly };
  // Creates the definition or makes a new version of it; returns it as it then is. ABORTED if
  // `etag` is not empty and not the current one.
  absl::StatusOr<log::v1::Definition> Put(const log::v1::Definition& definition,
                                          const std::string& etag, Mode mode);

 private:
  Caller& caller_;
  CallInfo call_;
};

// The content alone, for comparing: without etag, version and what the server computes.
log::v1::Definition WithoutOutput(const log::v1::Definition& definition);

// The definition's etag; empty if it has none.
std::string EtagOfDefinition(const log::v1::Definition& definition);

}  // namespace rondo
