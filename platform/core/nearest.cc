#include "platform/core/nearest.h"

#include <algorithm>

namespace rondo {
namespace {

constexpr size_t kLongestNameCompared = 64;

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view name, const std::vector<std::string>& candidates,
                         size_t steps_max) {
  if (name.empty() || name.size() > kLongestNameCompared) return {};
  size_t steps = 0;
  for (const std::string& candidate : candidates) steps += name.size() * candidate.size();
  if (steps > steps_max) return {};
  std::string_view best;
  // A third of the letters may be wrong, two at least (swapped letters count twice).
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestNameCompared) continue;
    const size_t distance = EditDistance(name, candidate);
    if (distance < best_distance && distance < std::max(name.size(), candidate.size())) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace rondo
