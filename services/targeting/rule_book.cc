#include "services/targeting/rule_book.h"

#include <functional>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "services/targeting/vocabulary.h"

namespace rondo::targeting {
namespace {

constexpr std::string_view kAttributeSets = "attributeSets/";
constexpr int kPage = 1000;

std::string ShortName(std::string_view name) {
  return std::string(name.substr(std::min(name.size(), kSegments.size())));
}

}  // namespace

std::vector<catalog::Definition> ListAll(const catalog::Catalog& catalog,
                                         std::string_view collection) {
  std::vector<catalog::Definition> all;
  std::string after;
  do {
    catalog::Page page = catalog.List(collection, after, kPage);
    for (catalog::Definition& definition : page.definitions) all.push_back(std::move(definition));
    after = page.next_after;
  } while (!after.empty());
  return all;
}

RuleBook::RuleBook(const catalog::Catalog& catalog,
                   std::vector<std::pair<std::string, CellType>> signals_seen)
    : signals_seen_(std::move(signals_seen)) {
  std::vector<rondo::customer::v1::AttributeSet> sets;
  for (const catalog::Definition& definition : ListAll(catalog, kAttributeSets)) {
    sets.push_back(definition.attribute_set());
    for (const auto& attribute : sets.back().attributes()) {
      attribute_owners_.emplace(attribute.name(), definition.name());
    }
    for (const auto& event : sets.back().event_types()) {
      event_owners_.emplace(event.name(), definition.name());
    }
  }
  const std::vector<catalog::Definition> segments = ListAll(catalog, kSegments);
  std::vector<std::string> names;
  for (const catalog::Definition& segment : segments) names.push_back(ShortName(segment.name()));
  environment_ = EnvironmentOf(sets, signals_seen_, names);
  for (const catalog::Definition& segment : segments) {
    segments_.emplace(ShortName(segment.name()), Compile(segment.segment().expression()));
  }
}

absl::StatusOr<rules::Program> RuleBook::Compile(std::string_view expression) const {
  if (expression.empty()) {
    return FieldError("expression", "write a rule, such as customer.tier == 'gold'");
  }
  return rules::Compile(expression, environment_, rules::Type::Bool());
}

absl::StatusOr<rules::Program> RuleBook::Segment(std::string_view name) const {
  const auto found = segments_.find(name);
  if (found == segments_.end()) {
    return absl::NotFoundError(
        absl::StrFormat("there is no %s%s; list them with segments.list", kSegments, name));
  }
  if (!found->second.ok()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s%s no longer fits the definitions that it uses: %s", kSegments, name,
                        std::string(found->second.status().message())));
  }
  return found->second;
}

std::vector<std::string> RuleBook::ReferencesOf(const rules::Program& program) const {
  std::set<std::string> names;
  for (const std::string& attribute : program.references().attributes) {
    if (const auto owner = attribute_owners_.find(attribute); owner != attribute_owners_.end()) {
      names.insert(owner->second);
    }
  }
  for (const std::string& event : program.references().event_types) {
    if (const auto owner = event_owners_.find(event); owner != event_owners_.end()) {
      names.insert(owner->second);
    }
  }
  for (const std::string& segment : program.references().segments) {
    names.insert(std::string(kSegments) + segment);
  }
  return {names.begin(), names.end()};
}

absl::Status RuleBook::CheckNoCircle(std::string_view segment,
                                     const rules::Program& program) const {
  std::vector<std::string> path = {std::string(segment)};
  std::set<std::string> seen;
  const std::function<bool(const rules::Program&)> reaches_itself =
      [&](const rules::Program& from) {
        for (const std::string& next : from.references().segments) {
          path.push_back(next);
          if (next == segment) return true;
          const auto stored = segments_.find(next);
          if (seen.insert(next).second && stored != segments_.end() && stored->second.ok() &&
              reaches_itself(*stored->second)) {
            return true;
          }
          path.pop_back();
        }
        return false;
      };
  if (!reaches_itself(program)) return absl::OkStatus();
  return FieldError("expression",
                    "the segment would refer to itself: " + absl::StrJoin(path, " uses ") +
                        "; take in_segment out of one of them");
}

RuleBooks::RuleBooks(catalog::Catalog& catalog) : catalog_(catalog) {
  catalog_.Subscribe([this](const catalog::Definition& definition) {
    const std::string& name = definition.name();
    if (!name.starts_with(kAttributeSets) && !name.starts_with(kSegments)) return;
    const std::lock_guard lock(mutex_);
    ++changes_;
  });
}

std::shared_ptr<const RuleBook> RuleBooks::Current(
    std::vector<std::pair<std::string, CellType>> signals_seen) {
  uint64_t changes = 0;
  {
    const std::lock_guard lock(mutex_);
    if (changes_in_book_ == changes_ && book_->signals_seen() == signals_seen) return book_;
    changes = changes_;
  }
  // Not under the lock: the catalogue may be calling us.
  auto book = std::make_shared<const RuleBook>(catalog_, std::move(signals_seen));
  const std::lock_guard lock(mutex_);
  if (changes >= changes_in_book_) {
    book_ = book;
    changes_in_book_ = changes;
  }
  return book;
}

}  // namespace rondo::targeting
