#include "platform/core/zone.h"

#include <algorithm>

namespace rondo {
namespace {

constexpr size_t kNameBytesMax = 64;

bool Fits(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '/' || c == '+' || c == '-';
}

}  // namespace

std::optional<absl::TimeZone> FindZone(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '/') return std::nullopt;
  if (!std::all_of(name.begin(), name.end(), Fits)) return std::nullopt;
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) return std::nullopt;
  return zone;
}

}  // namespace rondo
