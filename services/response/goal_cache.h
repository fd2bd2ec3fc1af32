// Compiled goals, kept while they are used: compiling one costs more than evaluating it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "rondo/campaign/v1/campaign.pb.h"
#include "rondo/customer/v1/customer.pb.h"
#include "services/response/domain/goal.h"

namespace rondo::response {

// A goal with the fields that it reads.
struct ReadyGoal {
  std::vector<rules::Field> fields;
  // nullopt if it does not compile against its event's declared fields: nothing meets it.
  std::optional<CompiledGoal> goal;
};

// The codes of a code list, `codeLists/{code_list}`.
using ReadCodeList = std::function<absl::StatusOr<std::vector<rules::Code>>(const std::string&)>;

// Thread-safe. What it gives depends on its arguments alone.
class GoalCache {
 public:
  // `declared` is the event type's DeclaredEventType as stored; empty if it has none. `read_codes`
  // is asked for the code lists that it names, at the versions that it names.
  absl::StatusOr<std::shared_ptr<const ReadyGoal>> Get(const rondo::campaign::v1::Goal& goal,
                                                       const std::string& currency,
                                                       const std::string& declared,
                                                       const ReadCodeList& read_codes);

 private:
  static constexpr size_t kMaxGoals = 10'000;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const ReadyGoal>> goals_;
};

}  // namespace rondo::response
