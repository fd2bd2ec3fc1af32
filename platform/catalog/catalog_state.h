// Keys of the catalogue's state. Strings are terminated (platform/storage/key.h).
//
//   0x01 name            -> the newest accepted version; where the name lives alone
//   0x02 name            -> the current version, deleted or not; in every partition, as those below
//   0x03 name version:u64 -> each version
//   0x04 reference name  -> nothing: `name` refers to `reference`
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "platform/catalog/catalog.h"

namespace rondo::catalog {

std::string AcceptedKey(std::string_view name);
std::string CurrentKey(std::string_view name);
std::string VersionKey(std::string_view name, int64_t version);
// All versions of all names.
storage::KeyRange AllVersions();
std::string UserKey(std::string_view reference, std::string_view name);
storage::KeyRange UsersRange(std::string_view reference);
// The name of a key that UserKey made.
std::string UserOf(std::string_view key);

// DATA_LOSS for bytes that are no definition.
absl::StatusOr<Definition> Decode(std::string_view bytes);

// Whether two versions say the same: all but version, author and time.
bool SameContent(Definition a, Definition b);

// The verdict on a proposal, and what it activates if anything, in the partition of its name.
absl::Status Propose(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
// Makes `definition` current in this partition. A repeat has no effect.
absl::Status Activate(const Definition& definition, eventlog::ApplyContext& context);

}  // namespace rondo::catalog
