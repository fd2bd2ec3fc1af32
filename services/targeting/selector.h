// Who is in a rule, a segment or an audience, over all partitions as of now.
#pragma once

#include <bit>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/executor.h"
#include "rondo/targeting/v1/segment.pb.h"
#include "rules/columns.h"
#include "rules/program.h"
#include "services/targeting/domain/customer_table.h"
#include "services/targeting/rule_book.h"

namespace rondo::targeting {

// Those selected in one partition; `view` is what they were selected from.
struct PartitionSelection {
  std::shared_ptr<const CustomerView> view;
  rules::Selection selection;
};

// Over all partitions.
struct SelectionResult {
  std::vector<PartitionSelection> partitions;
  int64_t selected = 0;
  int64_t total = 0;   // Customers.
  int64_t errors = 0;  // Customers for whom a rule ended in an error: not selected.
};

// Selects from `views` (one a partition) with the rules of one book as of one instant, from all
// partitions together: ranks compare all customers. Each stored segment is evaluated at most once.
// Not thread-safe.
class Selector {
 public:
  // Threads of the executor help, as far as they are free; it must outlive this object.
  Selector(std::shared_ptr<const RuleBook> book,
           std::vector<std::shared_ptr<const CustomerView>> views, absl::Time now,
           Executor& executor);

  absl::StatusOr<SelectionResult> Rule(const rules::Program& program);
  // `name` without `segments/`.
  absl::StatusOr<SelectionResult> Segment(std::string_view name);
  // The union of what is included (everybody if empty) without what is excluded. Customers for whom
  // a rule ends in an error are not in its segment; they are counted. INVALID_ARGUMENT, naming the
  // field, for names that are no segments.
  absl::StatusOr<SelectionResult> Audience(const rondo::targeting::v1::Audience& audience);

 private:
  using Selections = std::vector<rules::Selection>;  // By partition.

  absl::StatusOr<Selections> Select(const rules::Program& program);
  absl::StatusOr<const Selections*> Members(const std::string& name);
  // Adds the members of segments to `chosen`, or takes them out.
  absl::Status Include(const google::protobuf::RepeatedPtrField<std::string>& names,
                       Selections& chosen);
  absl::Status Exclude(const google::protobuf::RepeatedPtrField<std::string>& names,
                       Selections& chosen);
  SelectionResult ResultOf(Selections selections) const;

  std::shared_ptr<const RuleBook> book_;
  std::vector<std::shared_ptr<const CustomerView>> views_;
  absl::Time now_;
  Executor& executor_;
  std::map<std::string, Selections, std::less<>> segments_;
};

// Calls `visit(ordinal)` for each selected one, in order.
template <typename Visit>
void ForEachSelected(const rules::Selection& selection, const Visit& visit) {
  for (size_t word = 0; word < selection.words.size(); ++word) {
    for (uint64_t bits = selection.words[word]; bits != 0; bits &= bits - 1) {
      visit(word * 64 + static_cast<size_t>(std::countr_zero(bits)));
    }
  }
}

}  // namespace rondo::targeting
