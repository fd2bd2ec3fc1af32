#include "services/targeting/selector.h"

#include <functional>
#include <thread>

#include "absl/strings/str_format.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/parallel.h"
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
                   std::vector<std::shared_ptr<const CustomerView>> views, absl::Time now,
                   Executor& executor)
    : book_(std::move(book)), views_(std::move(views)), now_(now), executor_(executor) {}

absl::StatusOr<Selector::Selections> Selector::Select(const rules::Program& program) {
  std::vector<RuleColumns> tables;
  tables.reserve(views_.size());
  for (const auto& view : views_) tables.emplace_back(*view, book_->environment());
  for (const std::string& name : program.references().segments) {
    RONDO_ASSIGN_OR_RETURN(const Selections* members, Members(name));
    const int index = book_->environment().FindSegment(name)->index;
    for (size_t i = 0; i < tables.size() && i < members->size(); ++i) {
      tables[i].BindSegment(index, &(*members)[i]);
    }
  }
  std::vector<const rules::Columns*> columns;
  for (const RuleColumns& table : tables) columns.push_back(&table);
  const int helpers = static_cast<int>(std::thread::hardware_concurrency()) - 1;
  return program.Select(columns, now_, [&](size_t count, const std::function<void(size_t)>& work) {
    ParallelFor(executor_, helpers, count, work);
  });
}

absl::StatusOr<const Selector::Selections*> Selector::Members(const std::string& name) {
  if (const auto known = segments_.find(name); known != segments_.end()) return &known->second;
  RONDO_ASSIGN_OR_RETURN(const rules::Program program, book_->Segment(name));
  // A circle cannot be stored, but two updates at once could close one: then the inner evaluation
  // finds nobody instead of never ending.
  segments_.emplace(name, Selections());
  RONDO_ASSIGN_OR_RETURN(Selections members, Select(program));
  Selections& kept = segments_.find(name)->second;
  kept = std::move(members);
  return &kept;
}

absl::Status Selector::Include(const google::protobuf::RepeatedPtrField<std::string>& names,
                               Selections& chosen) {
  for (int i = 0; i < names.size(); ++i) {
    RONDO_ASSIGN_OR_RETURN(const std::string name,
                           SegmentOf(names[i], absl::StrFormat("audience.include[%d]", i)));
    RONDO_ASSIGN_OR_RETURN(const Selections* members, Members(name));
    for (size_t p = 0; p < chosen.size(); ++p) {
      const rules::Selection& from = (*members)[p];
      const size_t words = std::min(chosen[p].words.size(), from.words.size());
      for (size_t w = 0; w < words; ++w) chosen[p].words[w] |= from.words[w];
      chosen[p].errors += from.errors;
    }
  }
  return absl::OkStatus();
}

absl::Status Selector::Exclude(const google::protobuf::RepeatedPtrField<std::string>& names,
                               Selections& chosen) {
  for (int i = 0; i < names.size(); ++i) {
    RONDO_ASSIGN_OR_RETURN(const std::string name,
                           SegmentOf(names[i], absl::StrFormat("audience.exclude[%d]", i)));
    RONDO_ASSIGN_OR_RETURN(const Selections* members, Members(name));
    for (size_t p = 0; p < chosen.size(); ++p) {
      const rules::Selection& from = (*members)[p];
      const size_t words = std::min(chosen[p].words.size(), from.words.size());
      for (size_t w = 0; w < words; ++w) chosen[p].words[w] &= ~from.words[w];
      if (from.errors > 0) {
        // Whom it fails for might have to be left out: nobody is addressed on a guess.
        return absl::FailedPreconditionError(
            absl::StrFormat("audience.exclude[%d]: %s fails for %d customers: %s", i, names[i],
                            from.errors, from.first_error));
      }
    }
  }
  return absl::OkStatus();
}

SelectionResult Selector::ResultOf(Selections selections) const {
  SelectionResult result;
  for (size_t i = 0; i < views_.size(); ++i) {
    result.selected += static_cast<int64_t>(selections[i].selected);
    result.errors += static_cast<int64_t>(selections[i].errors);
    result.total += static_cast<int64_t>(views_[i]->alive_count());
    result.partitions.push_back({views_[i], std::move(selections[i])});
  }
  return result;
}

absl::StatusOr<SelectionResult> Selector::Rule(const rules::Program& program) {
  RONDO_ASSIGN_OR_RETURN(Selections selections, Select(program));
  return ResultOf(std::move(selections));
}

absl::StatusOr<SelectionResult> Selector::Segment(std::string_view name) {
  RONDO_ASSIGN_OR_RETURN(const Selections* members, Members(std::string(name)));
  return ResultOf(*members);
}

absl::StatusOr<SelectionResult> Selector::Audience(const rondo::targeting::v1::Audience& audience) {
  Selections chosen(views_.size());
  for (size_t i = 0; i < views_.size(); ++i) {
    if (audience.include().empty()) chosen[i] = Everybody(*views_[i]);
    chosen[i].words.resize((views_[i]->size() + 63) / 64);
  }
  RONDO_RETURN_IF_ERROR(Include(audience.include(), chosen));
  RONDO_RETURN_IF_ERROR(Exclude(audience.exclude(), chosen));
  for (rules::Selection& selection : chosen) CountSelected(selection);
  return ResultOf(std::move(chosen));
}

}  // namespace rondo::targeting
