#include "platform/eventlog/projection.h"

namespace rondo::eventlog {

absl::Status Projection::OnTimer(absl::Time, std::string_view, std::string_view, ApplyContext&) {
  return absl::OkStatus();
}

}  // namespace rondo::eventlog
