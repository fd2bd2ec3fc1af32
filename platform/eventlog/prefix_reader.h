// Stores as seen through one key prefix: each service and partition has its own. Internal to the
// runtime.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/storage/store.h"

namespace rondo::eventlog {

// A view of a service's own keys in one partition. `base` must outlive it.
class PrefixReader : public storage::Reader {
 public:
  PrefixReader(const storage::Reader& base, std::string prefix)
      : base_(base), prefix_(std::move(prefix)) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<storage::Cursor> Scan(const storage::KeyRange& range) const override;

 private:
  const storage::Reader& base_;
  std::string prefix_;
};

// `range` of what stands below `prefix`.
storage::KeyRange Prefixed(const std::string& prefix, const storage::KeyRange& range);

// Shows the keys of `base` without their first `prefix_bytes`, and tells `error` (if any) why a
// walk ended early. `error` must outlive it.
std::unique_ptr<storage::Cursor> WithoutPrefix(std::unique_ptr<storage::Cursor> base,
                                               size_t prefix_bytes, absl::Status* error);

}  // namespace rondo::eventlog
