#include "app/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <vector>

#include "absl/strings/str_format.h"

namespace rondo {
namespace {

// Of 4 bytes each.
constexpr size_t kCellsMax = 2'001 * 2'001;

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Takes the lines away with which both begin, and those with which both end.
void DropCommonEnds(std::vector<std::string>& a, std::vector<std::string>& b) {
  const auto [head, head_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  a.erase(a.begin(), head);
  b.erase(b.begin(), head_b);
  const auto [tail, tail_b] = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  a.erase(tail.base(), a.end());
  b.erase(tail_b.base(), b.end());
}

}  // namespace

std::string LineDiff(const std::string& before, const std::string& after) {
  std::vector<std::string> a = LinesOf(before);
  std::vector<std::string> b = LinesOf(after);
  DropCommonEnds(a, b);
  const size_t width = b.size() + 1;
  if ((a.size() + 1) * width > kCellsMax && !a.empty() && !b.empty()) {
    return absl::StrFormat("    %d lines changed, now %d\n", a.size(), b.size());
  }
  // Lengths of the longest common subsequences of a's lines from i on and b's from j on.
  std::vector<uint32_t> common((a.size() + 1) * width);
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i * width + j] =
          a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                       : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  std::string text;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      ++i, ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      text += "    - " + a[i++] + "\n";
    } else {
      text += "    + " + b[j++] + "\n";
    }
  }
  return text;
}

}  // namespace rondo
