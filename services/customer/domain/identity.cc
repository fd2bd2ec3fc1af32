#include "services/customer/domain/identity.h"

#include <algorithm>
#include <string>

#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::customer {
namespace {

constexpr size_t kMaxNameLength = 63;
constexpr size_t kMaxKeyBytes = 255;
constexpr uint64_t kHashMask = (uint64_t{1} << (64 - kSlotBits)) - 1;

}  // namespace

uint64_t HashOfKey(const InstanceKey& instance_key, std::string_view name_space,
                   std::string_view value) {
  std::string text;
  text.reserve(name_space.size() + 1 + value.size());
  text.append(name_space).append(1, ':').append(value);
  return SipHash(instance_key, text);
}

absl::StatusOr<CustomerId> FirstFreeId(
    uint64_t key_hash, const std::function<absl::StatusOr<bool>(CustomerId)>& taken) {
  const uint64_t slot = key_hash & ~kHashMask;
  for (int probe = 0; probe < kMaxProbes; ++probe) {
    const CustomerId id(slot | ((key_hash + static_cast<uint64_t>(probe)) & kHashMask));
    if (!id.is_set()) continue;
    RONDO_ASSIGN_OR_RETURN(const bool is_taken, taken(id));
    if (!is_taken) return id;
  }
  return absl::ResourceExhaustedError("no free id in the slot of this key");
}

bool IsPersonalNamespace(std::string_view name_space) {
  return name_space == "email" || name_space == "phone";
}

absl::Status ValidateKey(std::string_view field, std::string_view name_space,
                         std::string_view value) {
  const std::string path(field);
  if (!IsSnakeName(name_space)) {
    return FieldError(path + ".namespace", "expected lower_snake_case, at most 63 characters");
  }
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (value.empty() || value.size() > kMaxKeyBytes || has_control) {
    return FieldError(path + ".value", "expected 1 to 255 bytes without control characters");
  }
  return absl::OkStatus();
}

bool IsSnakeName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace rondo::customer
