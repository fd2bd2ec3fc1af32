// What changed between two texts, line by line, for people.
#pragma once

#include <string>

namespace rondo {

// The lines of `before` that `after` lacks, marked `-`, and those that it has instead, marked `+`,
// in their order and indented; lines of a longest common subsequence are left out. Where working
// that out would take a table of more than 2,000 by 2,000 lines, one line that says how many
// changed. Empty for equal texts.
std::string LineDiff(const std::string& before, const std::string& after);

}  // namespace rondo
