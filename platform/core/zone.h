// Time zones by name, from outside.
#pragma once

#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace rondo {

// The zone of an IANA name (`Asia/Seoul`, `UTC`); nullopt if there is none. The library's loader
// opens files by what it is given, absolute paths too: nothing but the form of a zone's name
// reaches it.
std::optional<absl::TimeZone> FindZone(std::string_view name);

}  // namespace rondo
