// What somebody may have meant who wrote a name that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rondo {

// The candidate nearest to `name` in edit distance, if near enough to be a slip: at most a third of
// its letters, or two, are wrong. Else empty; so for names longer than 64 letters. Borrows from
// `candidates`; the first of several equally near.
std::string_view Nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace rondo
