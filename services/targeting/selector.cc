#include "services/targeting/selector.h"

#include "absl/strings/str_format.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "services/targeting/domain/rule_columns.h"

namespace rondo::targeting {
namespace {

rules::Selection Everybody(const CustomerView& view) {
  rules::Selection all;
  all.words.resize((view.size() + 63) / 64);
  constexpr size_t kBlockWords = rules::kBlockRows / 64;
  for (size_t word = 0; word < all.words.size(); ++word) {
    const uint64_t* alive = view.AliveWords(word / kBlockWords);
    if (alive != nullptr) all.words[word] = alive[word % kBlockWords];
  }
  all.selected = view.alive_count();
  return all;
}

void CountSelected(rules::Selection& selection) {
  selection.selected = 0;
  for (const uint64_t word : selection.words) {
    selection.selected += static_cast<size_t>(std::popcount(word));
  }
}

absl::StatusOr<std::string> SegmentOf(std::string_view name, std::string_view field) {
  if (!name.starts_with(catalog::kSegments) || name.size() == catalog::kSegments.size()) {
    return FieldError(field, "expected segments/ and a name");
  }
  return std::string(name.substr(catalog::kSegments.size()));
}

}  // namespace

Selector::Selector(std::shared_ptr<const RuleBook> book,
                   std::vector<std::shared_ptr<const CustomerView>> views, absl::Time now)
    : book_(std::move(book)), now_(now) {
  for (auto& view : views) partitions_.push_back({std::move(view), {}});
}

absl::StatusOr<rules::Selection> Selector::Select(Partition& partition,
                                                  const rules::Program& program) {
  RuleColumns columns(*partition.view, book_->environment());
  for (const std::string& name : program.references().segments) {
    RONDO_ASSIGN_OR_RETURN(const rules::Selection* members, Members(partition, name));
    columns.BindSegment(book_->environment().FindSegment(name)->index, members);
  }
  return program.Select(columns, now_);
}

absl::StatusOr<const rules::Selection*> Selector::Members(Partition& partition,
                                                          const std::string& name) {
  if (const auto known = partition.segments.find(name); known != partition.segments.end()) {
    return &known->second;
  }
  RONDO_ASSIGN_OR_RETURN(const rules::Program program, book_->Segment(name));
  // A circle cannot be stored, but two updates at once could close one: then the inner evaluation
  // finds nobody instead of never ending.
  partition.segments.emplace(name, rules::Selection());
  RONDO_ASSIGN_OR_RETURN(rules::Selection members, Select(partition, program));
  rules::Selection& kept = partition.segments.find(name)->second;
  kept = std::move(members);
  return &kept;
}

absl::StatusOr<rules::Selection> Selector::SelectAudience(
    Partition& partition, const rondo::targeting::v1::Audience& audience) {
  rules::Selection chosen;
  if (audience.include().empty()) chosen = Everybody(*partition.view);
  chosen.words.resize((partition.view->size() + 63) / 64);
  for (int i = 0; i < audience.include_size(); ++i) {
    RONDO_ASSIGN_OR_RETURN(
        const std::string name,
        SegmentOf(audience.include(i), absl::StrFormat("audience.include[%d]", i)));
    RONDO_ASSIGN_OR_RETURN(const rules::Selection* members, Members(partition, name));
    const size_t words = std::min(chosen.words.size(), members->words.size());
    for (size_t w = 0; w < words; ++w) chosen.words[w] |= members->words[w];
    chosen.errors += members->errors;
  }
  for (int i = 0; i < audience.exclude_size(); ++i) {
    RONDO_ASSIGN_OR_RETURN(
        const std::string name,
        SegmentOf(audience.exclude(i), absl::StrFormat("audience.exclude[%d]", i)));
    RONDO_ASSIGN_OR_RETURN(const rules::Selection* members, Members(partition, name));
    const size_t words = std::min(chosen.words.size(), members->words.size());
    for (size_t w = 0; w < words; ++w) chosen.words[w] &= ~members->words[w];
    if (members->errors > 0) {
      // Whom it fails for might have to be left out: nobody is addressed on a guess.
      return absl::FailedPreconditionError(
          absl::StrFormat("audience.exclude[%d]: %s fails for %d customers: %s", i,
                          audience.exclude(i), members->errors, members->first_error));
    }
  }
  CountSelected(chosen);
  return chosen;
}

template <typename Choose>
absl::StatusOr<SelectionResult> Selector::OverPartitions(const Choose& choose) {
  SelectionResult result;
  for (Partition& partition : partitions_) {
    RONDO_ASSIGN_OR_RETURN(rules::Selection selection, choose(partition));
    result.selected += static_cast<int64_t>(selection.selected);
    result.errors += static_cast<int64_t>(selection.errors);
    result.total += static_cast<int64_t>(partition.view->alive_count());
    result.partitions.push_back({partition.view, std::move(selection)});
  }
  return result;
}

absl::StatusOr<SelectionResult> Selector::Rule(const rules::Program& program) {
  return OverPartitions([&](Partition& partition) { return Select(partition, program); });
}

absl::StatusOr<SelectionResult> Selector::Segment(std::string_view name) {
  return OverPartitions([&](Partition& partition) -> absl::StatusOr<rules::Selection> {
    RONDO_ASSIGN_OR_RETURN(const rules::Selection* members, Members(partition, std::string(name)));
    return *members;
  });
}

absl::StatusOr<SelectionResult> Selector::Audience(const rondo::targeting::v1::Audience& audience) {
  return OverPartitions([&](Partition& partition) { return SelectAudience(partition, audience); });
}

}  // namespace rondo::targeting
