// The definitions that a service keeps in its own state, so that its Apply reads them in log order.
#include <algorithm>

#include "platform/catalog/catalog_state.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::catalog {
namespace {

std::string TableKey(uint8_t table, std::string_view name) {
  return storage::KeyBuilder().Byte(table).String(name).view();
}

}  // namespace

DefinitionTable::DefinitionTable(uint8_t table, std::vector<std::string> collections)
    : table_(table), collections_(std::move(collections)) {}

absl::StatusOr<bool> DefinitionTable::Apply(const eventlog::LogRecord& record,
                                            eventlog::ApplyContext& context) const {
  if (!record.has_definition_activated()) return false;
  const Definition& definition = record.definition_activated().definition();
  const bool wanted = std::any_of(
      collections_.begin(), collections_.end(),
      [&](const std::string& collection) { return definition.name().starts_with(collection); });
  if (!wanted) return false;
  const std::string key = TableKey(table_, definition.name());
  if (definition.deleted()) {
    context.Delete(key);
  } else {
    context.Put(key, definition.SerializeAsString());
  }
  return true;
}

absl::StatusOr<std::optional<Definition>> DefinitionTable::Get(
    std::string_view name, const eventlog::ApplyContext& context) const {
  RONDO_ASSIGN_OR_RETURN(const auto stored, context.Get(TableKey(table_, name)));
  if (!stored.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(Definition definition, Decode(*stored));
  return std::optional<Definition>(std::move(definition));
}

}  // namespace rondo::catalog
