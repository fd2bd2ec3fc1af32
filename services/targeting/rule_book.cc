#include "services/targeting/rule_book.h"

#include <functional>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "services/targeting/vocabulary.h"

namespace rondo::targeting {
namespace {

std::string ShortName(std::string_view name) {
  return std::string(name.substr(std::min(name.size(), catalog::kSegments.size())));
}

}  // namespace

RuleBook::RuleBook(const catalog::Catalog& catalog,
                   std::vector<std::pair<std::string, CellType>> signals_seen)
    : signals_seen_(std::move(signals_seen)),
      schema_(catalog.ListAll(catalog::kAttributeSets), catalog.ListAll(catalog::kCodeLists)) {
  const std::vector<catalog::Definition> segments = catalog.ListAll(catalog::kSegments);
  std::vector<std::string> names;
  for (const catalog::Definition& segment : segments) names.push_back(ShortName(segment.name()));
  environment_ = EnvironmentOf(schema_, signals_seen_, names);
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
    return absl::NotFoundError(absl::StrFormat("there is no %s%s; list them with segments.list",
                                               catalog::kSegments, name));
  }
  if (!found->second.ok()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s%s no longer fits the definitions that it uses: %s", catalog::kSegments,
                        name, std::string(found->second.status().message())));
  }
  return found->second;
}

std::vector<std::string> RuleBook::ReferencesOf(const rules::Program& program) const {
  std::vector<std::string> names = schema_.OwnersOf(program.references());
  for (const std::string& segment : program.references().segments) {
    names.push_back(std::string(catalog::kSegments) + segment);
  }
  return names;
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

RuleBooks::RuleBooks(catalog::Catalog& catalog)
    : catalog_(catalog),
      book_(catalog, {std::string(catalog::kAttributeSets), std::string(catalog::kCodeLists),
                      std::string(catalog::kSegments)}) {}

std::shared_ptr<const RuleBook> RuleBooks::Current(
    std::vector<std::pair<std::string, CellType>> signals_seen) {
  return book_.Current(
      [&](const RuleBook& book) { return book.signals_seen() == signals_seen; },
      [&] { return std::make_shared<const RuleBook>(catalog_, std::move(signals_seen)); });
}

}  // namespace rondo::targeting
