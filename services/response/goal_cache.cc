#include "services/response/goal_cache.h"

#include "platform/core/status_macros.h"
#include "platform/storage/key.h"
#include "rules/schema/schema.h"
#include "services/response/response_store.h"

namespace rondo::response {

absl::StatusOr<std::shared_ptr<const ReadyGoal>> GoalCache::Get(
    const rondo::campaign::v1::Goal& goal, const std::string& currency, const std::string& declared,
    const ReadCodeList& read_codes) {
  const std::string key = storage::KeyBuilder()
                              .String(goal.event())
                              .String(goal.where())
                              .String(goal.value())
                              .String(currency)
                              .Raw(declared)
                              .Build();
  const std::lock_guard lock(mutex_);
  const auto known = goals_.find(key);
  if (known != goals_.end()) return known->second;
  RONDO_ASSIGN_OR_RETURN(const auto type, Decode<statepb::DeclaredEventType>(declared));
  auto ready = std::make_shared<ReadyGoal>();
  ready->fields = rules::FieldsOf(type.event_type());
  CodeLists code_lists;
  for (const statepb::UsedCodeList& used : type.code_lists()) {
    RONDO_ASSIGN_OR_RETURN(code_lists[used.name()], read_codes(used.name()));
  }
  const GoalDefinition definition{.name = goal.name(),
                                  .event = goal.event(),
                                  .where = goal.where(),
                                  .value = goal.value(),
                                  .currency = currency};
  auto compiled = CompiledGoal::Compile(definition, ready->fields, code_lists);
  if (compiled.ok()) ready->goal = *std::move(compiled);
  if (goals_.size() >= kMaxGoals) goals_.clear();
  goals_.emplace(key, ready);
  return std::shared_ptr<const ReadyGoal>(ready);
}

}  // namespace rondo::response
