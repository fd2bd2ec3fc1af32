// The catalogue's own projection: decides in the name's partition, echoes what was accepted into
// all.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/catalog/catalog_state.h"
#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::catalog {
namespace {

using eventlog::ApplyContext;
using storage::KeyBuilder;

enum Table : uint8_t { kAccepted = 1, kCurrent = 2, kVersions = 3, kUsers = 4 };
constexpr size_t kNamesInMessageMax = 10;

absl::StatusOr<std::optional<Definition>> Find(const std::string& key,
                                               const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto stored, context.Get(key));
  if (!stored.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(Definition definition, Decode(*stored));
  return std::optional<Definition>(std::move(definition));
}

// `segments/a, segments/b and 3 more`.
std::string Join(const std::vector<std::string>& names) {
  std::string joined;
  for (size_t i = 0; i < std::min(names.size(), kNamesInMessageMax); ++i) {
    joined += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kNamesInMessageMax) {
    joined += absl::StrFormat(" and %d more", names.size() - kNamesInMessageMax);
  }
  return joined;
}

absl::Status CheckExpected(const std::string& name, int64_t expected,
                           const std::optional<Definition>& newest) {
  if (expected < 0) return absl::OkStatus();
  const bool exists = newest.has_value() && !newest->deleted();
  if (expected == 0) {
    return exists ? absl::AlreadyExistsError(name + " exists: update it, or choose another name")
                  : absl::OkStatus();
  }
  if (!exists) return absl::NotFoundError(name + " does not exist");
  if (newest->version() == expected) return absl::OkStatus();
  return absl::AbortedError(absl::StrFormat("%s is at version %d, not %d: read it again", name,
                                            newest->version(), expected));
}

absl::Status CheckReferences(const Definition& definition, const ApplyContext& context) {
  std::vector<std::string> missing;
  for (const std::string& reference : definition.references()) {
    RONDO_ASSIGN_OR_RETURN(const auto found, Find(CurrentKey(reference), context));
    if (!found.has_value() || found->deleted()) missing.push_back(reference);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      definition.name() + " refers to what does not exist: " + Join(missing) + "; define it first");
}

absl::Status CheckUnused(const std::string& name, const ApplyContext& context) {
  std::vector<std::string> users;
  const auto cursor = context.Scan(UsersRange(name));
  for (; cursor->Valid(); cursor->Next()) {
    std::string user = UserOf(cursor->key());
    if (user != name) users.push_back(std::move(user));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  if (users.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(name + " is used by " + Join(users) +
                                       "; change or remove them first");
}

}  // namespace

std::string AcceptedKey(std::string_view name) {
  return KeyBuilder().Byte(kAccepted).String(name).view();
}
std::string CurrentKey(std::string_view name) {
  return KeyBuilder().Byte(kCurrent).String(name).view();
}
std::string VersionKey(std::string_view name, int64_t version) {
  return KeyBuilder().Byte(kVersions).String(name).U64(static_cast<uint64_t>(version)).view();
}
storage::KeyRange AllVersions() {
  return storage::PrefixRange(KeyBuilder().Byte(kVersions).view());
}
std::string UserKey(std::string_view reference, std::string_view name) {
  return KeyBuilder().Byte(kUsers).String(reference).String(name).view();
}
storage::KeyRange UsersRange(std::string_view reference) {
  return storage::PrefixRange(KeyBuilder().Byte(kUsers).String(reference).view());
}
std::string UserOf(std::string_view key) {
  storage::KeyParser parser(key);
  parser.Byte();
  parser.String();
  return parser.String();
}

absl::StatusOr<Definition> Decode(std::string_view bytes) {
  Definition definition;
  if (!definition.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("a stored definition does not decode");
  }
  return definition;
}

bool SameContent(Definition a, Definition b) {
  for (Definition* each : {&a, &b}) {
    each->clear_version();
    each->clear_author();
    each->clear_activate_time_micros();
  }
  return a.SerializeAsString() == b.SerializeAsString();
}

absl::Status Propose(const eventlog::LogRecord& record, ApplyContext& context) {
  Definition proposed = record.definition_proposed().definition();
  const std::string name = proposed.name();
  if (eventlog::PartitionOfName(name, context.partition_count()) != context.partition()) {
    return absl::InvalidArgumentError(name + " lives in another partition");
  }
  RONDO_ASSIGN_OR_RETURN(const auto newest, Find(AcceptedKey(name), context));
  RONDO_RETURN_IF_ERROR(
      CheckExpected(name, record.definition_proposed().expected_version(), newest));
  if (proposed.deleted()) {
    if (!newest.has_value() || newest->deleted()) {
      return absl::NotFoundError(name + " does not exist");
    }
    RONDO_RETURN_IF_ERROR(CheckUnused(name, context));
  } else {
    RONDO_RETURN_IF_ERROR(CheckReferences(proposed, context));
  }
  if (newest.has_value() && SameContent(*newest, proposed)) return absl::OkStatus();
  proposed.set_version(newest.has_value() ? newest->version() + 1 : 1);
  proposed.set_activate_time_micros(ToMicros(context.partition_time()));
  context.Put(AcceptedKey(name), proposed.SerializeAsString());
  eventlog::LogRecord activated;
  activated.set_source(record.source());
  *activated.mutable_definition_activated()->mutable_definition() = std::move(proposed);
  for (int partition = 0; partition < context.partition_count(); ++partition) {
    context.EmitTo(partition, activated);
  }
  return absl::OkStatus();
}

absl::Status Activate(const Definition& definition, ApplyContext& context) {
  const std::string& name = definition.name();
  RONDO_ASSIGN_OR_RETURN(const auto before, Find(CurrentKey(name), context));
  if (before.has_value()) {
    if (before->version() >= definition.version()) return absl::OkStatus();
    for (const std::string& reference : before->references()) {
      context.Delete(UserKey(reference, name));
    }
  }
  const std::string bytes = definition.SerializeAsString();
  context.Put(CurrentKey(name), bytes);
  context.Put(VersionKey(name, definition.version()), bytes);
  if (definition.deleted()) return absl::OkStatus();
  for (const std::string& reference : definition.references()) {
    context.Put(UserKey(reference, name), "");
  }
  return absl::OkStatus();
}

}  // namespace rondo::catalog
