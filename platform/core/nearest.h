// What somebody may have meant who wrote a name that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rondo {

// Some milliseconds: for callers that ask once for each wrong value of a large input.
inline constexpr size_t kNearestStepsMax = 1'000'000;

// The candidate nearest to `name` in edit distance, if near enough to be a slip: at most a third of
// its letters, or two, are wrong. Else empty; so for names longer than 64 letters. Borrows from
// `candidates`; the first of several equally near. Also empty if the comparison would take more
// than `steps_max` steps, which are the letters of `name` times those of all candidates.
std::string_view Nearest(std::string_view name, const std::vector<std::string>& candidates,
                         size_t steps_max = kNearestStepsMax);

}  // namespace rondo
